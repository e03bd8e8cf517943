package dev.slipway.runtime.spi;

/// The runtime could not do what it was asked for. Worth repeating, unless it says that it never
/// will.
public final class RuntimeFailedException extends RuntimeException {
  private static final String NO_ROOM = "OutOfResources";

  private final boolean permanent;
  private final String reason;

  private RuntimeFailedException(
      String message, boolean permanent, String reason, Throwable cause) {
    super(message, cause);
    this.permanent = permanent;
    this.reason = reason;
  }

  public RuntimeFailedException(String message, Throwable cause) {
    this(message, false, "", cause);
  }

  public RuntimeFailedException(String message) {
    this(message, false, "", new IllegalStateException(message));
  }

  /// What this runtime cannot do however often it is asked.
  public static RuntimeFailedException unsupported(String message) {
    return new RuntimeFailedException(
        message, true, "", new UnsupportedOperationException(message));
  }

  public static RuntimeFailedException because(String reason, String message, Throwable cause) {
    return new RuntimeFailedException(message, false, reason, cause);
  }

  /// What this node has no room for, though the pod was sent here: another may have.
  public static RuntimeFailedException noRoom(String message) {
    return new RuntimeFailedException(message, false, NO_ROOM, new IllegalStateException(message));
  }

  public boolean isNoRoom() {
    return reason.equals(NO_ROOM);
  }

  /// What went wrong, as `kubectl` names it (`CreateContainerError`); empty where the caller knows
  /// better.
  public String reason() {
    return reason;
  }

  public boolean permanent() {
    return permanent;
  }
}
