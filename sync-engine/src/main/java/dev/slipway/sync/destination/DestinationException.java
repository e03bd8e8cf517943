package dev.slipway.sync.destination;

/// A destination that cannot be used now. The message says which, why, and what would help.
public final class DestinationException extends RuntimeException {
  public DestinationException(String message) {
    super(message);
  }

  public DestinationException(String message, Throwable cause) {
    super(message, cause);
  }
}
