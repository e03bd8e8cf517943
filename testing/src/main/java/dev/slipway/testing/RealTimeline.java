package dev.slipway.testing;

import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/// Real time, for tests against real parts: a task is a virtual thread.
public final class RealTimeline implements Timeline, AutoCloseable {
  private final Clock clock = Clock.systemUTC();
  private final ExecutorService tasks = Executors.newVirtualThreadPerTaskExecutor();
  private final ScheduledExecutorService timers =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("test-timers").daemon(true).factory());

  @Override
  public Instant instant() {
    return clock.instant();
  }

  @Override
  public long nanos() {
    return System.nanoTime();
  }

  @Override
  public void execute(Runnable task) {
    if (!tasks.isShutdown()) {
      tasks.execute(task);
    }
  }

  @Override
  public Scheduled schedule(Duration delay, Runnable task) {
    var future =
        timers.schedule(() -> execute(task), Math.max(0, delay.toNanos()), TimeUnit.NANOSECONDS);
    return () -> future.cancel(false);
  }

  @Override
  public void close() {
    timers.shutdownNow();
    tasks.shutdownNow();
  }
}
