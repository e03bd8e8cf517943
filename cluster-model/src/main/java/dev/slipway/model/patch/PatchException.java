package dev.slipway.model.patch;

/// A patch that cannot be read, or that does not fit what it is to change.
public final class PatchException extends RuntimeException {
  private final boolean misfit;

  private PatchException(String message, boolean misfit) {
    super(message);
    this.misfit = misfit;
  }

  static PatchException unreadable(String message) {
    return new PatchException(message, false);
  }

  static PatchException misfit(String message) {
    return new PatchException(message, true);
  }

  /// Whether the patch is well formed and only the object is not as it expects.
  public boolean isMisfit() {
    return misfit;
  }
}
