package dev.slipway.sync.application;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// How often an application may be healed: twenty times in a row at once, and then every three
/// seconds. Two writers that undo each other's changes then do no harm.
final class HealingPace {
  private static final Duration EACH = Duration.ofSeconds(3);
  private static final Duration IN_A_ROW = EACH.multipliedBy(20);

  /// By application, when all of its healing is paid for.
  private final Map<String, Instant> paid = new ConcurrentHashMap<>();

  /// @return zero when it may be healed now, which then counts; otherwise how long to wait
  Duration take(String application, Instant now) {
    Instant before = paid.getOrDefault(application, now);
    Instant after = (before.isBefore(now) ? now : before).plus(EACH);
    Instant allowed = now.plus(IN_A_ROW);
    if (after.isAfter(allowed)) {
      return Duration.between(allowed, after);
    }
    paid.put(application, after);
    return Duration.ZERO;
  }

  /// What was paid long ago is not remembered.
  void forget(Instant now) {
    paid.values().removeIf(until -> until.isBefore(now));
  }
}
