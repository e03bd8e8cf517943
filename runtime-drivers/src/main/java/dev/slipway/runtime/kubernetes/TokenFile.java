package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.time.Timeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// A token in a file that somebody renews, as a pod's service account has.
final class TokenFile implements Endpoint.Bearer {
  private static final Duration AGAIN = Duration.ofMinutes(1);

  private final Path file;
  private final Timeline timeline;
  private String token = "";
  private long read;

  TokenFile(Path file, Timeline timeline) {
    this.file = file;
    this.timeline = timeline;
  }

  @Override
  public synchronized Optional<String> token() {
    if (token.isEmpty() || timeline.nanos() - read > AGAIN.toNanos()) {
      try {
        token = Files.readString(file).strip();
        read = timeline.nanos();
      } catch (IOException e) {
        throw new ClusterException(Reason.UNAVAILABLE, "the token cannot be read: " + file, e);
      }
    }
    return Optional.of(token);
  }
}
