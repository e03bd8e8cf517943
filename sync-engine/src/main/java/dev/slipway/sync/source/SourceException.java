package dev.slipway.sync.source;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A repository did not answer, or does not have what was asked for; the message says which and
/// why, and holds no credential.
public final class SourceException extends RuntimeException {
  private final @Nullable Duration retryAfter;

  public SourceException(String message) {
    super(message);
    this.retryAfter = null;
  }

  public SourceException(String message, Throwable cause) {
    this(message, cause, null);
  }

  /// @param retryAfter how long the server wants to be left alone
  public SourceException(String message, @Nullable Throwable cause, @Nullable Duration retryAfter) {
    super(message, cause);
    this.retryAfter = retryAfter;
  }

  /// How long the server wants to be left alone; empty when it did not say.
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
