package dev.slipway.model.time;

import java.time.Duration;
import java.time.InstantSource;

/// Time, and work that is done in it. Production runs tasks on virtual threads by the system's
/// clock; a simulation runs them one by one on virtual time.
public interface Timeline extends InstantSource {
  /// Nanoseconds of a clock that never goes back: for durations. [#instant()] is for people and for
  /// what is stored.
  long nanos();

  /// Runs the task soon, on another thread or later on this one; never within this call.
  void execute(Runnable task);

  /// Runs the task once after the delay, unless cancelled.
  Scheduled schedule(Duration delay, Runnable task);
}
