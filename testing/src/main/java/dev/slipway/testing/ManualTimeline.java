package dev.slipway.testing;

import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;

/// Virtual time on the thread that calls. Nothing runs until the test says so; then tasks run one
/// by one, in the order in which they came or, when asked, in an order of chance, and timers in the
/// order of their time. What a task throws reaches the test.
public final class ManualTimeline implements Timeline {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private static final int MAX_TASKS = 5_000_000;

  private static final int SLOW_ONE_IN = 16;
  private static final int SLOW_MILLIS = 40;

  private final ArrayList<Runnable> tasks = new ArrayList<>();
  private final PriorityQueue<Timer> timers =
      new PriorityQueue<>(Comparator.comparingLong(Timer::due).thenComparingLong(Timer::order));
  private final Optional<SeededChance> chance;
  private long now;
  private long order;

  public ManualTimeline() {
    this(Optional.empty());
  }

  private ManualTimeline(Optional<SeededChance> chance) {
    this.chance = chance;
  }

  /// Tasks that could run at one time do so in any order, as threads do, and now and then one is
  /// late.
  public static ManualTimeline unordered(SeededChance chance) {
    return new ManualTimeline(Optional.of(chance));
  }

  private record Timer(long due, long order, Runnable task) {}

  @Override
  public Instant instant() {
    return START.plusNanos(now);
  }

  @Override
  public long nanos() {
    return now;
  }

  @Override
  public void execute(Runnable task) {
    if (chance.isPresent() && chance.get().oneIn(SLOW_ONE_IN)) {
      schedule(Duration.ofMillis(chance.get().below(SLOW_MILLIS)), task);
    } else {
      tasks.add(task);
    }
  }

  @Override
  public Scheduled schedule(Duration delay, Runnable task) {
    var timer = new Timer(now + Math.max(0, delay.toNanos()), order++, task);
    timers.add(timer);
    return () -> timers.remove(timer);
  }

  /// Runs the next task that is due now.
  ///
  /// @return false when there is none
  public boolean runOne() {
    Timer timer = timers.peek();
    if (timer != null && timer.due() <= now) {
      timers.poll();
      tasks.add(timer.task());
    }
    if (tasks.isEmpty()) {
      return false;
    }
    next().run();
    return true;
  }

  private Runnable next() {
    if (chance.isEmpty()) {
      return tasks.removeFirst();
    }
    Collections.swap(tasks, chance.get().below(tasks.size()), tasks.size() - 1);
    return tasks.removeLast();
  }

  /// Runs everything that is due now, and what comes of it. Time stands still.
  public void runUntilIdle() {
    for (int i = 0; i < MAX_TASKS; i++) {
      if (!runOne()) {
        return;
      }
    }
    throw new IllegalStateException("still busy after " + MAX_TASKS + " tasks at one instant");
  }

  /// Moves time on, running on the way what falls due.
  public void advance(Duration time) {
    long end = now + time.toNanos();
    runUntilIdle();
    while (true) {
      Timer timer = timers.peek();
      if (timer == null || timer.due() > end) {
        break;
      }
      now = Math.max(now, timer.due());
      runUntilIdle();
    }
    now = end;
  }

  /// Moves time on until the condition holds, at most for the limit.
  ///
  /// @return whether it held
  public boolean runUntil(BooleanSupplier condition, Duration limit) {
    long end = now + limit.toNanos();
    while (!condition.getAsBoolean()) {
      if (runOne()) {
        continue;
      }
      Timer timer = timers.peek();
      if (timer == null || timer.due() > end) {
        now = end;
        return condition.getAsBoolean();
      }
      now = timer.due();
    }
    return true;
  }

  /// Forgets all tasks and timers, as the death of a process does.
  public void dropEverything() {
    tasks.clear();
    timers.clear();
  }

  /// Tasks and timers that still wait.
  public int pending() {
    return tasks.size() + timers.size();
  }
}
