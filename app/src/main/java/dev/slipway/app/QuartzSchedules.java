package dev.slipway.app;

import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Schedules;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.Date;
import java.util.Map;
import java.util.Properties;
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

  private final Scheduler scheduler;
  private final Timeline timeline;
  private final Chance chance;
  private final AtomicLong names = new AtomicLong();
  private final Map<String, Runnable> ticks = new ConcurrentHashMap<>();

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
      scheduler.getContext().put(TICK, schedules.ticks);
      scheduler.start();
      return schedules;
    } catch (SchedulerException e) {
      throw new IllegalStateException("the scheduler does not start: " + e.getMessage(), e);
    }
  }

  @Override
  public Scheduled every(String name, Duration period, Runnable task) {
    String id = name + "-" + names.incrementAndGet();
    var running = new AtomicBoolean();
    ticks.put(
        id,
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
        });
    Duration first = chance.jitter(Duration.ofNanos(1), (double) period.toNanos());
    try {
      scheduler.scheduleJob(
          JobBuilder.newJob(Tick.class)
              .withIdentity(id)
              .usingJobData(new JobDataMap(Map.of(TICK, id)))
              .build(),
          TriggerBuilder.newTrigger()
              .withIdentity(id)
              .startAt(Date.from(timeline.instant().plus(first)))
              .withSchedule(
                  SimpleScheduleBuilder.simpleSchedule()
                      .withIntervalInMilliseconds(Math.max(1, period.toMillis()))
                      .repeatForever()
                      .withMisfireHandlingInstructionNextWithRemainingCount())
              .build());
    } catch (SchedulerException e) {
      ticks.remove(id);
      throw new IllegalStateException("cannot schedule " + name + ": " + e.getMessage(), e);
    }
    return () -> {
      ticks.remove(id);
      try {
        scheduler.deleteJob(new JobKey(id));
      } catch (SchedulerException e) {
        log.debug("schedule was gone already name={} cause={}", name, e.getMessage());
      }
    };
  }

  /// What Quartz makes anew for each time; it must have a public constructor without parameters.
  public static final class Tick implements Job {
    @Override
    public void execute(JobExecutionContext context) {
      try {
        if (context.getScheduler().getContext().get(TICK) instanceof Map<?, ?> ticks
            && ticks.get(context.getMergedJobDataMap().getString(TICK)) instanceof Runnable tick) {
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
