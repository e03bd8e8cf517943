package dev.slipway.runtime.spi;

/// The runtime could not do what it was asked for. Worth repeating, unless it says that it never
/// will.
public final class RuntimeFailedException extends RuntimeException {
  private final boolean permanent;

  private RuntimeFailedException(String message, boolean permanent, Throwable cause) {
    super(message, cause);
    this.permanent = permanent;
  }

  public RuntimeFailedException(String message, Throwable cause) {
    this(message, false, cause);
  }

  public RuntimeFailedException(String message) {
    this(message, false, new IllegalStateException(message));
  }

  /// What this runtime cannot do however often it is asked.
  public static RuntimeFailedException unsupported(String message) {
    return new RuntimeFailedException(message, true, new UnsupportedOperationException(message));
  }

  public boolean permanent() {
    return permanent;
  }
}
