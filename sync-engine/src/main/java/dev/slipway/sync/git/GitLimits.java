package dev.slipway.sync.git;

import java.time.Duration;

/// What a repository may cost.
///
/// @param silence how long a server may say nothing
/// @param total how long one question or one fetch may take, however lively it is
/// @param bytes that one answer may have
public record GitLimits(Duration silence, Duration total, long bytes) {
  public static final GitLimits DEFAULT =
      new GitLimits(Duration.ofSeconds(20), Duration.ofMinutes(5), 2L << 30);
}
