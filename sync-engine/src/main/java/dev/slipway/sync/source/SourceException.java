package dev.slipway.sync.source;

/// A repository did not answer, or does not have what was asked for; the message says which and
/// why, and holds no credential.
public final class SourceException extends RuntimeException {
  public SourceException(String message) {
    super(message);
  }

  public SourceException(String message, Throwable cause) {
    super(message, cause);
  }
}
