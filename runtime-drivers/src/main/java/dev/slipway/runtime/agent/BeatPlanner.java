package dev.slipway.runtime.agent;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/// Whether a heartbeat writes the Node object, or leaves the sign of life to the lease alone: at
/// ten thousand nodes that is a thousand writes a second for nothing.
final class BeatPlanner {
  /// At the latest after so long a Node is written though nothing of it has changed.
  static final Duration LONGEST = Duration.ofMinutes(5);

  /// @param changed something of the node is not as its object says
  /// @param leased the lease of this node tells that it is alive
  /// @param writtenAt when this program wrote it last
  record Beat(boolean changed, boolean leased, Optional<Instant> writtenAt) {}

  private BeatPlanner() {}

  static boolean writesNode(Beat beat, Instant now) {
    return beat.changed()
        || !beat.leased()
        || beat.writtenAt().filter(at -> now.isBefore(at.plus(LONGEST))).isEmpty();
  }
}
