package dev.slipway.model.time;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// Schedules on a timeline: for simulations and tests.
public final class TimelineSchedules implements Schedules {
  private final Timeline timeline;
  private final Chance chance;

  public TimelineSchedules(Timeline timeline, Chance chance) {
    this.timeline = timeline;
    this.chance = chance;
  }

  @Override
  public Scheduled every(String name, Duration period, Runnable task) {
    var again = new Again(period, task);
    again.next(chance.jitter(Duration.ofNanos(1), (double) period.toNanos()));
    return again;
  }

  private final class Again implements Scheduled {
    private final Duration period;
    private final Runnable task;
    private @Nullable Scheduled timer;
    private boolean cancelled;

    Again(Duration period, Runnable task) {
      this.period = period;
      this.task = task;
    }

    synchronized void next(Duration delay) {
      if (!cancelled) {
        timer = timeline.schedule(delay, this::run);
      }
    }

    private void run() {
      try {
        task.run();
      } finally {
        next(period);
      }
    }

    @Override
    public synchronized void cancel() {
      cancelled = true;
      if (timer != null) {
        timer.cancel();
      }
    }
  }
}
