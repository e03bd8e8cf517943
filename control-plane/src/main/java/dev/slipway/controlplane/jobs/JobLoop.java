package dev.slipway.controlplane.jobs;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
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
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/// Runs the pods of jobs.
public final class JobLoop implements AutoCloseable {
  private static final GroupKind JOB = new GroupKind("batch", "Job");
  private static final GroupKind POD = GroupKind.core("Pod");

  /// What `spec.managedBy` says of a job that is ours, when it says anything.
  private static final String ME = "kubernetes.io/job-controller";

  private final Cluster cluster;
  private final EventRecorder events;
  private final Timeline timeline;
  private final Chance chance;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers = new ArrayList<>();

  private JobLoop(Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("job-controller"));
    this.events = events.speakingAs("job-controller");
    this.timeline = timeline;
    this.chance = chance;
    this.loop = new ControlLoop<>("jobs", 2, this::reconcile, timeline, chance);
  }

  public static JobLoop start(
      Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    var loop = new JobLoop(cluster, events, timeline, chance);
    loop.followers.add(
        Follower.start(
            cluster, ObjectQuery.all(JOB), timeline, Follower.Listener.ofLiving(loop.loop::add)));
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(POD),
            timeline,
            Follower.Listener.ofAll(
                pod ->
                    pod.controller()
                        .filter(owner -> owner.kind().equals("Job"))
                        .ifPresent(
                            owner ->
                                loop.loop.add(
                                    new ObjectKey(
                                        "batch", "Job", pod.namespace(), owner.name()))))));
    return loop;
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key).filter(job -> !job.isTerminating());
    if (found.isEmpty()) {
      return Outcome.SETTLED;
    }
    KubeObject job = found.get();
    Instant now = timeline.instant();
    if (JobPlanner.isFinished(job)) {
      return afterwards(job, now);
    }
    if (!Json.string(job.spec(), "managedBy", ME).equals(ME)) {
      return Outcome.SETTLED;
    }
    List<KubeObject> pods =
        cluster.list(ObjectQuery.in(POD, key.namespace()).ownedBy(job.uid())).items();
    var plan = JobPlanner.plan(job, pods, now);
    plan.remove().forEach(pod -> remove(job, pod));
    plan.create().forEach(place -> create(job, place));
    writeStatus(job, plan, now);
    return plan.recheckAfter()
        .map(delay -> Outcome.recheckAfter(delay, "a deadline or a back-off"))
        .orElse(Outcome.SETTLED);
  }

  private Outcome afterwards(KubeObject job, Instant now) {
    if (!job.spec().path("ttlSecondsAfterFinished").isIntegralNumber()) {
      return Outcome.SETTLED;
    }
    long ttl = Json.number(job.spec(), "ttlSecondsAfterFinished", 0);
    Instant ended =
        Conditions.find(job.status(), "Complete")
            .or(() -> Conditions.find(job.status(), "Failed"))
            .flatMap(condition -> KubeObject.instant(condition, "lastTransitionTime"))
            .orElse(now);
    Duration left = Duration.between(now, ended.plusSeconds(ttl));
    if (left.isPositive()) {
      return Outcome.recheckAfter(left, "kept for a while after its end");
    }
    cluster.delete(job.key(), DeleteOptions.ofUid(job.uid()));
    return Outcome.SETTLED;
  }

  private void create(KubeObject job, JobPlanner.Place place) {
    try {
      KubeObject pod = cluster.create(JobPods.make(job, place, chance.suffix(5)));
      events.normal(job, "SuccessfulCreate", "Created pod: " + pod.name());
    } catch (ClusterException e) {
      events.warning(job, "FailedCreate", "Error creating pod: " + e.getMessage());
      throw e;
    }
  }

  private void remove(KubeObject job, KubeObject pod) {
    if (cluster.deleteIfThere(pod.key(), DeleteOptions.ofUid(pod.uid()))) {
      events.normal(job, "SuccessfulDelete", "Deleted pod: " + pod.name());
    }
  }

  /// As Kubernetes leaves out what counts nothing.
  private static void count(ObjectNode status, String field, int value) {
    if (value > 0) {
      status.put(field, value);
    } else {
      status.remove(field);
    }
  }

  private void writeStatus(KubeObject job, JobPlanner.Plan plan, Instant now) {
    ObjectNode status = job.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    boolean suspended = Json.bool(job.spec(), "suspend", false);
    if (!status.has("startTime") && !suspended) {
      status.put("startTime", Conditions.time(now));
    }
    // Written by earlier versions; a Job has none.
    status.remove("observedGeneration");
    JobPlanner.Counts counts = plan.counts();
    count(status, "active", counts.active());
    count(status, "succeeded", counts.succeeded());
    count(status, "failed", counts.failed());
    status.put("ready", counts.ready()).put("terminating", counts.terminating());
    Json.child(status, "uncountedTerminatedPods");
    counts
        .completed()
        .filter(indexes -> !indexes.isEmpty())
        .ifPresentOrElse(
            indexes -> status.put("completedIndexes", indexes),
            () -> status.remove("completedIndexes"));
    counts.failedIndexes().ifPresent(indexes -> status.put("failedIndexes", indexes));
    plan.verdict()
        .ifPresentOrElse(
            verdict -> end(job, status, verdict, plan.over(), now),
            () -> suspend(job, status, suspended, now));
    if (!status.equals(job.status())) {
      cluster.replaceStatus(job.withStatus(status));
    }
  }

  /// As Kubernetes says it: first that nothing can change the end any more, and the end itself when
  /// no pod runs any more.
  private void end(
      KubeObject job, ObjectNode status, JobPlanner.Verdict verdict, boolean over, Instant now) {
    String reason = verdict.reason();
    String message = verdict.message();
    String decided = verdict.complete() ? "SuccessCriteriaMet" : "FailureTarget";
    Conditions.set(status, decided, true, reason, message, now);
    if (!over) {
      return;
    }
    Conditions.set(status, verdict.complete() ? "Complete" : "Failed", true, reason, message, now);
    if (verdict.complete()) {
      status.put("completionTime", Conditions.time(now));
      events.normal(job, "Completed", "Job completed");
    } else {
      events.warning(job, reason, message);
    }
  }

  private void suspend(KubeObject job, ObjectNode status, boolean suspended, Instant now) {
    boolean was = Conditions.isTrue(status, "Suspended");
    if (suspended && !was) {
      Conditions.set(status, "Suspended", true, "JobSuspended", "Job suspended", now);
      status.remove("startTime");
      events.normal(job, "Suspended", "Job suspended");
    } else if (!suspended && was) {
      Conditions.set(status, "Suspended", false, "JobResumed", "Job resumed", now);
      status.put("startTime", Conditions.time(now));
      events.normal(job, "Resumed", "Job resumed");
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
