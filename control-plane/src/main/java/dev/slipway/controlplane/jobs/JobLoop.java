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
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Runs the pods of jobs.
public final class JobLoop implements AutoCloseable {
  private static final GroupKind JOB = new GroupKind("batch", "Job");
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final String JOB_LABEL = "batch.kubernetes.io/job-name";
  private static final String UID_LABEL = "batch.kubernetes.io/controller-uid";

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
            (before, after) -> {
              KubeObject any = after != null ? after : before;
              if (any != null) {
                any.controller()
                    .filter(owner -> owner.kind().equals("Job"))
                    .ifPresent(
                        owner ->
                            loop.loop.add(
                                new ObjectKey("batch", "Job", any.namespace(), owner.name())));
              }
            }));
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
    List<KubeObject> pods =
        cluster.list(ObjectQuery.in(POD, key.namespace()).ownedBy(job.uid())).items();
    var plan = JobPlanner.plan(job, pods, now);
    plan.remove().forEach(this::remove);
    for (int i = 0; i < plan.create(); i++) {
      create(job);
    }
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

  private void create(KubeObject job) {
    JsonNode template = job.spec().path("template");
    String name = job.name() + "-" + chance.suffix(5);
    try {
      cluster.create(
          KubeObject.make(
              "v1",
              "Pod",
              job.namespace(),
              name,
              json -> {
                ObjectNode metadata = Json.child(json, "metadata");
                ObjectNode labels = metadata.putObject("labels");
                Json.stringMap(template.path("metadata"), "labels").forEach(labels::put);
                labels
                    .put(JOB_LABEL, job.name())
                    .put("job-name", job.name())
                    .put(UID_LABEL, job.uid());
                JsonNode annotations = template.path("metadata").path("annotations");
                if (annotations.isObject()) {
                  metadata.set("annotations", annotations);
                }
                metadata.putArray("ownerReferences").add(OwnerReference.controlledBy(job).toJson());
                json.set("spec", template.path("spec"));
              }));
      events.normal(job, "SuccessfulCreate", "Created pod: " + name);
    } catch (ClusterException e) {
      events.warning(job, "FailedCreate", "Error creating pod: " + e.getMessage());
      throw e;
    }
  }

  private void remove(KubeObject pod) {
    try {
      cluster.delete(pod.key(), DeleteOptions.ofUid(pod.uid()));
    } catch (ClusterException e) {
      if (e.reason() != ClusterException.Reason.NOT_FOUND
          && e.reason() != ClusterException.Reason.CONFLICT) {
        throw e;
      }
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
    if (!status.has("startTime") && !Json.bool(job.spec(), "suspend", false)) {
      status.put("startTime", Conditions.time(now));
    }
    status.put("observedGeneration", job.generation());
    count(status, "active", plan.active());
    count(status, "succeeded", plan.succeeded());
    count(status, "failed", plan.failed());
    plan.verdict()
        .ifPresent(
            verdict -> {
              // As Kubernetes says it: first that nothing can change the end any more.
              for (String type :
                  verdict.complete()
                      ? List.of("SuccessCriteriaMet", "Complete")
                      : List.of("FailureTarget", "Failed")) {
                Conditions.set(status, type, true, verdict.reason(), verdict.message(), now);
              }
              if (verdict.complete()) {
                status.put("completionTime", Conditions.time(now));
                events.normal(job, "Completed", "Job completed");
              } else {
                events.warning(job, verdict.reason(), verdict.message());
              }
            });
    if (!status.equals(job.status())) {
      cluster.replaceStatus(job.withStatus(status));
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
