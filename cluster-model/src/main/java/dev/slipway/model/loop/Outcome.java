package dev.slipway.model.loop;

import java.time.Duration;

/// What came of looking at one key.
public sealed interface Outcome {
  Outcome SETTLED = new Settled();

  /// Nothing to do until something changes.
  record Settled() implements Outcome {}

  /// Look again after the delay, even if nothing changes; the reason is in the words that a status
  /// shows.
  record RecheckAfter(Duration delay, String reason) implements Outcome {}

  /// Somebody else must act first; a change to the key's objects looks again.
  record Blocked(String reason) implements Outcome {}

  static Outcome recheckAfter(Duration delay, String reason) {
    return new RecheckAfter(delay, reason);
  }
}
