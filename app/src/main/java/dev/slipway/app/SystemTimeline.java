package dev.slipway.app;

import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Real time: one thread keeps the timers, every task runs on a virtual thread of its own.
final class SystemTimeline implements Timeline, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SystemTimeline.class);

  private final InstantSource wall;
  private final LongSupplier monotonic;
  private final ScheduledThreadPoolExecutor timers;
  private final ExecutorService tasks;

  SystemTimeline(InstantSource wall, LongSupplier monotonic) {
    this.wall = wall;
    this.monotonic = monotonic;
    timers =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().name("timers").daemon(true).factory());
    timers.setRemoveOnCancelPolicy(true);
    tasks = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("task-", 0).factory());
  }

  @Override
  public Instant instant() {
    return wall.instant();
  }

  @Override
  public long nanos() {
    return monotonic.getAsLong();
  }

  @Override
  public void execute(Runnable task) {
    try {
      tasks.execute(() -> guarded(task));
    } catch (RejectedExecutionException e) {
      log.debug("task refused: closing");
    }
  }

  @Override
  public Scheduled schedule(Duration delay, Runnable task) {
    try {
      // Lengths beyond what counts in nanoseconds are as long as can be.
      long nanos = Math.max(0, TimeUnit.NANOSECONDS.convert(delay));
      var future = timers.schedule(() -> execute(task), nanos, TimeUnit.NANOSECONDS);
      return () -> future.cancel(false);
    } catch (RejectedExecutionException e) {
      return () -> {};
    }
  }

  /// A task that throws is a bug of ours: it is told once, and nothing else stops.
  private static void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      log.error("task failed", e);
    }
  }

  @Override
  public void close() {
    timers.shutdownNow();
    tasks.shutdownNow();
  }
}
