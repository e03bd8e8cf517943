package dev.slipway.controlplane.jobs;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Makes the jobs of cron jobs when they are due.
public final class CronJobLoop implements AutoCloseable {
  private static final GroupKind CRON_JOB = new GroupKind("batch", "CronJob");
  private static final GroupKind JOB = new GroupKind("batch", "Job");

  private final Cluster cluster;
  private final EventRecorder events;
  private final Timeline timeline;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers = new ArrayList<>();

  private CronJobLoop(Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("cronjob-controller"));
    this.events = events.speakingAs("cronjob-controller");
    this.timeline = timeline;
    this.loop = new ControlLoop<>("cronjobs", 2, this::reconcile, timeline, chance);
  }

  public static CronJobLoop start(
      Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    var loop = new CronJobLoop(cluster, events, timeline, chance);
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(CRON_JOB),
            timeline,
            Follower.Listener.ofLiving(loop.loop::add)));
    loop.followers.add(
        Follower.start(
            cluster, ObjectQuery.all(JOB), timeline, (before, after) -> loop.moved(before, after)));
    return loop;
  }

  private void moved(@Nullable KubeObject before, @Nullable KubeObject after) {
    KubeObject any = after != null ? after : before;
    if (any != null) {
      any.controller()
          .filter(owner -> owner.kind().equals(CRON_JOB.kind()))
          .ifPresent(
              owner ->
                  loop.add(
                      new ObjectKey(
                          CRON_JOB.group(), CRON_JOB.kind(), any.namespace(), owner.name())));
    }
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key).filter(known -> !known.isTerminating());
    if (found.isEmpty()) {
      return Outcome.SETTLED;
    }
    KubeObject cronJob = found.get();
    List<KubeObject> jobs =
        cluster.list(ObjectQuery.in(JOB, key.namespace()).ownedBy(cronJob.uid())).items();
    var plan = CronJobPlanner.plan(cronJob, jobs, timeline.instant());
    plan.replace().forEach(job -> remove(cronJob, job));
    ObjectNode status = plan.status();
    if (plan.start().isPresent()) {
      Instant due = plan.start().get();
      KubeObject job = start(cronJob, due);
      status.put("lastScheduleTime", Conditions.time(due));
      ArrayNode active =
          status.path("active") instanceof ArrayNode known ? known : status.putArray("active");
      active.add(CronJobPlanner.reference(job));
    }
    if (!status.equals(cronJob.status() instanceof ObjectNode known ? known : Json.object())) {
      cluster.replaceStatus(cronJob.withStatus(status));
      plan.remarks().forEach(remark -> tell(cronJob, remark));
    } else {
      plan.remarks().stream()
          .filter(CronJobPlanner.Remark::warns)
          .forEach(remark -> tell(cronJob, remark));
    }
    plan.forget().forEach(job -> remove(cronJob, job));
    return plan.recheckAfter()
        .map(delay -> Outcome.recheckAfter(delay, "the next scheduled time"))
        .orElse(Outcome.SETTLED);
  }

  private void tell(KubeObject cronJob, CronJobPlanner.Remark remark) {
    if (remark.warns()) {
      events.warning(cronJob, remark.reason(), remark.message());
    } else {
      events.normal(cronJob, remark.reason(), remark.message());
    }
  }

  private KubeObject start(KubeObject cronJob, Instant due) {
    KubeObject wanted = CronJobPlanner.job(cronJob, due);
    try {
      KubeObject made = cluster.create(wanted);
      events.normal(cronJob, "SuccessfulCreate", "Created job " + made.name());
      return made;
    } catch (ClusterException e) {
      Optional<KubeObject> known =
          e.reason() == Reason.ALREADY_EXISTS
              ? cluster
                  .get(wanted.key())
                  .filter(
                      job ->
                          job.controller()
                              .filter(owner -> owner.uid().equals(cronJob.uid()))
                              .isPresent())
              : Optional.empty();
      if (known.isPresent()) {
        return known.get();
      }
      events.warning(cronJob, "FailedCreate", "Error creating job: " + e.getMessage());
      throw e;
    }
  }

  private void remove(KubeObject cronJob, KubeObject job) {
    if (cluster.deleteIfThere(job.key(), DeleteOptions.ofUid(job.uid()))) {
      events.normal(cronJob, "SuccessfulDelete", "Deleted job " + job.name());
    }
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
