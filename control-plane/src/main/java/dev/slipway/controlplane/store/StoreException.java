package dev.slipway.controlplane.store;

/// The data directory or what is in it cannot be used; the message says what to do about it.
public final class StoreException extends RuntimeException {
  public StoreException(String message) {
    super(message);
  }

  public StoreException(String message, Throwable cause) {
    super(message, cause);
  }
}
