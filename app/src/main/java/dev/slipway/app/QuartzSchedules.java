package dev.slipway.app;

import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Schedules;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.quartz.Job;
import org.quartz.JobBuilder;
import org.quartz.JobDataMap;
import org.quartz.JobExecutionContext;
import org.quartz.JobKey;
import org.quartz.Scheduler;
import org.quartz.SchedulerException;
import org.quartz.SimpleScheduleBuilder;
import org.quartz.TriggerBuilder;
import org.quartz.impl.StdSchedulerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Schedules kept by Quartz, in memory: what comes again after a restart is scheduled again by
/// whoever wants it. Quartz' own thread only says that it is time; the work runs on the timeline.
final class QuartzSchedules implements Schedules, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(QuartzSchedules.class);
  private static final String TICK = "tick";

  /// A trigger costs as much as what it starts: a thousand tasks of one period share these.
  private static final int TRIGGERS = 20;

  private final Scheduler scheduler;
  private final Timeline timeline;
  private final Chance chance;
  private final AtomicLong names = new AtomicLong();
  private final Map<String, Runnable> triggers = new ConcurrentHashMap<>();
  private final Map<Duration, List<Turns>> byPeriod = new HashMap<>();

  private QuartzSchedules(Scheduler scheduler, Timeline timeline, Chance chance) {
    this.scheduler = scheduler;
    this.timeline = timeline;
    this.chance = chance;
  }

  static QuartzSchedules start(Timeline timeline, Chance chance) {
    var properties = new Properties();
    // Two daemons in one process (in tests) must not find each other's scheduler by its name.
    properties.put("org.quartz.scheduler.instanceName", "slipway-" + chance.suffix(8));
    properties.put("org.quartz.scheduler.makeSchedulerThreadDaemon", "true");
    properties.put("org.quartz.scheduler.skipUpdateCheck", "true");
    properties.put("org.quartz.scheduler.batchTriggerAcquisitionMaxCount", "64");
    properties.put("org.quartz.threadPool.class", "org.quartz.simpl.SimpleThreadPool");
    properties.put("org.quartz.threadPool.threadCount", "1");
    properties.put("org.quartz.threadPool.makeThreadsDaemons", "true");
    properties.put("org.quartz.jobStore.class", "org.quartz.simpl.RAMJobStore");
    try {
      Scheduler scheduler = new StdSchedulerFactory(properties).getScheduler();
      var schedules = new QuartzSchedules(scheduler, timeline, chance);
      scheduler.getContext().put(TICK, schedules.triggers);
      scheduler.start();
      return schedules;
    } catch (SchedulerException e) {
      throw new IllegalStateException("the scheduler does not start: " + e.getMessage(), e);
    }
  }

  @Override
  public Scheduled every(String name, Duration period, Runnable task) {
    var running = new AtomicBoolean();
    Runnable tick =
        () -> {
          if (running.compareAndSet(false, true)) {
            timeline.execute(
                () -> {
                  try {
                    task.run();
                  } finally {
                    running.set(false);
                  }
                });
          }
        };
    Turns joined = join(period, tick);
    return () -> leave(joined, tick);
  }

  /// One of those of the period, by chance: so what comes at the same pace does not come at once.
  private synchronized Turns join(Duration period, Runnable tick) {
    List<Turns> all = byPeriod.computeIfAbsent(period, _ -> new ArrayList<>());
    Turns turns;
    if (all.size() < TRIGGERS) {
      turns = begin(period);
      all.add(turns);
    } else {
      turns = all.get((int) Math.floorMod(chance.nextLong(), (long) TRIGGERS));
    }
    turns.tasks.add(tick);
    return turns;
  }

  private synchronized void leave(Turns turns, Runnable tick) {
    if (!turns.tasks.remove(tick) || !turns.tasks.isEmpty()) {
      return;
    }
    List<Turns> all = byPeriod.getOrDefault(turns.period, List.of());
    all.remove(turns);
    if (all.isEmpty()) {
      byPeriod.remove(turns.period);
    }
    triggers.remove(turns.id);
    try {
      scheduler.deleteJob(new JobKey(turns.id));
    } catch (SchedulerException e) {
      log.debug("trigger was gone already id={} cause={}", turns.id, e.getMessage());
    }
  }

  private Turns begin(Duration period) {
    var turns = new Turns(period + "-" + names.incrementAndGet(), period);
    triggers.put(turns.id, turns);
    Duration first = chance.jitter(Duration.ofNanos(1), (double) period.toNanos());
    try {
      scheduler.scheduleJob(
          JobBuilder.newJob(Tick.class)
              .withIdentity(turns.id)
              .usingJobData(new JobDataMap(Map.of(TICK, turns.id)))
              .build(),
          TriggerBuilder.newTrigger()
              .withIdentity(turns.id)
              .startAt(Date.from(timeline.instant().plus(first)))
              .withSchedule(
                  SimpleScheduleBuilder.simpleSchedule()
                      .withIntervalInMilliseconds(Math.max(1, period.toMillis()))
                      .repeatForever()
                      .withMisfireHandlingInstructionNextWithRemainingCount())
              .build());
      return turns;
    } catch (SchedulerException e) {
      triggers.remove(turns.id);
      throw new IllegalStateException(
          "cannot schedule anything each %s: %s".formatted(period, e.getMessage()), e);
    }
  }

  /// What one trigger starts.
  private static final class Turns implements Runnable {
    final String id;
    final Duration period;
    final Set<Runnable> tasks = ConcurrentHashMap.newKeySet();

    Turns(String id, Duration period) {
      this.id = id;
      this.period = period;
    }

    @Override
    public void run() {
      tasks.forEach(Runnable::run);
    }
  }

  /// What Quartz makes anew for each time; it must have a public constructor without parameters.
  public static final class Tick implements Job {
    @Override
    public void execute(JobExecutionContext context) {
      try {
        if (context.getScheduler().getContext().get(TICK) instanceof Map<?, ?> triggers
            && triggers.get(context.getMergedJobDataMap().getString(TICK))
                instanceof Runnable tick) {
          tick.run();
        }
      } catch (SchedulerException e) {
        log.debug("the scheduler is closing cause={}", e.getMessage());
      }
    }
  }

  @Override
  public void close() {
    try {
      scheduler.shutdown(false);
    } catch (SchedulerException e) {
      log.warn("the scheduler did not stop cause={}", e.getMessage());
    }
  }
}
