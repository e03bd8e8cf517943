package dev.slipway.model.time;

import java.time.Duration;

/// Work that comes again and again. Production has a scheduler that keeps the times, a simulation
/// runs them on virtual time ([TimelineSchedules]).
///
/// What comes must be cheap to miss: a time that passes while the task still runs, or while nobody
/// was there, is left out and not made up for.
public interface Schedules {
  /// Runs the task once in each period, never twice at once. The first time is at a random point
  /// within the period, so that many tasks of one period do not come together.
  ///
  /// @param name for people; not unique
  Scheduled every(String name, Duration period, Runnable task);
}
