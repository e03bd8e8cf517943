package dev.slipway.controlplane.replication;

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
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Follows replication controllers, ReplicaSets and pods, and carries out what [ReplicaPlanner]
/// says.
public final class ReplicationLoop implements AutoCloseable {
  private static final List<GroupKind> OWNERS =
      List.of(GroupKind.core("ReplicationController"), new GroupKind("apps", "ReplicaSet"));
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final int PARALLEL = 4;
  private static final int NAMES_TO_TRY = 5;

  private final Cluster cluster;
  private final Timeline timeline;
  private final Chance chance;
  private final Together together;
  private final EventRecorder events;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers = new ArrayList<>();

  private ReplicationLoop(
      Cluster cluster, EventRecorder events, Together together, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("replication-controller"));
    this.events = events.speakingAs("replication-controller");
    this.together = together;
    this.timeline = timeline;
    this.chance = chance;
    this.loop = new ControlLoop<>("replication", PARALLEL, this::reconcile, timeline, chance);
  }

  public static ReplicationLoop start(
      Cluster cluster, EventRecorder events, Together together, Timeline timeline, Chance chance) {
    var loop = new ReplicationLoop(cluster, events, together, timeline, chance);
    for (GroupKind kind : OWNERS) {
      loop.followers.add(
          Follower.start(
              cluster,
              ObjectQuery.all(kind),
              timeline,
              Follower.Listener.ofAll(owner -> loop.loop.add(owner.key()))));
    }
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(POD),
            timeline,
            (before, after) -> loop.podMoved(before, after)));
    return loop;
  }

  private void podMoved(@Nullable KubeObject before, @Nullable KubeObject after) {
    for (KubeObject pod : new KubeObject[] {before, after}) {
      if (pod == null) {
        continue;
      }
      Optional<OwnerReference> owner = pod.controller();
      if (owner.isPresent()) {
        for (GroupKind kind : OWNERS) {
          if (owner.get().kind().equals(kind.kind())) {
            loop.add(new ObjectKey(kind.group(), kind.kind(), pod.namespace(), owner.get().name()));
          }
        }
      } else {
        for (GroupKind kind : OWNERS) {
          for (KubeObject rc : cluster.list(ObjectQuery.in(kind, pod.namespace())).items()) {
            if (ReplicaPlanner.selector(rc).matches(pod.labels())) {
              loop.add(rc.key());
            }
          }
        }
      }
    }
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty() || found.get().isTerminating()) {
      return Outcome.SETTLED;
    }
    KubeObject rc = found.get();
    var plan = ReplicaPlanner.plan(rc, pods(rc), timeline.instant());
    plan.release().forEach(pod -> own(pod, null));
    plan.adopt().forEach(pod -> own(pod, rc));
    together.run(plan.remove().stream().map(pod -> (Runnable) () -> remove(rc, pod)).toList());
    slowStart(rc, plan.create());
    writeStatus(rc, plan.counts());
    return plan.recheckAfter()
        .map(delay -> Outcome.recheckAfter(delay, "a pod becomes available"))
        .orElse(Outcome.SETTLED);
  }

  private List<KubeObject> pods(KubeObject rc) {
    ObjectQuery inNamespace = ObjectQuery.in(POD, rc.namespace());
    var pods = new ArrayList<>(cluster.list(inNamespace.ownedBy(rc.uid())).items());
    LabelSelector selector = ReplicaPlanner.selector(rc);
    if (!selector.isEverything()) {
      cluster.list(inNamespace.labelled(selector)).items().stream()
          .filter(pod -> pod.controller().isEmpty())
          .forEach(pods::add);
    }
    return pods;
  }

  /// Half of the first mistakes are repeated by every pod: so one pod is tried first, then two,
  /// then four …
  private void slowStart(KubeObject rc, int count) {
    int left = count;
    for (int batch = 1; left > 0; batch *= 2) {
      int size = Math.min(batch, left);
      var calls = new ArrayList<Runnable>();
      for (int i = 0; i < size; i++) {
        calls.add(() -> create(rc));
      }
      together.run(calls);
      left -= size;
    }
  }

  private void create(KubeObject rc) {
    for (int attempt = 1; ; attempt++) {
      try {
        create(rc, rc.name() + "-", chance.suffix(5));
        return;
      } catch (ClusterException e) {
        boolean nameTaken = e.reason() == ClusterException.Reason.ALREADY_EXISTS;
        if (nameTaken && attempt < NAMES_TO_TRY) {
          continue;
        }
        if (e.reason() != ClusterException.Reason.UNAVAILABLE) {
          events.warning(rc, "FailedCreate", "Error creating pod: " + e.getMessage());
        }
        throw e;
      }
    }
  }

  private void create(KubeObject rc, String start, String suffix) {
    String name = start + suffix;
    JsonNode template = rc.spec().path("template");
    KubeObject pod =
        KubeObject.make(
            "v1",
            "Pod",
            rc.namespace(),
            name,
            json -> {
              ObjectNode metadata = Json.child(json, "metadata").put("generateName", start);
              for (String field : List.of("labels", "annotations", "finalizers")) {
                JsonNode value = template.path("metadata").path(field);
                if (!value.isMissingNode()) {
                  metadata.set(field, value);
                }
              }
              metadata.putArray("ownerReferences").add(OwnerReference.controlledBy(rc).toJson());
              json.set("spec", template.path("spec"));
            });
    cluster.create(pod);
    events.normal(rc, "SuccessfulCreate", "Created pod: " + name);
  }

  /// A pod that was chosen because it is not ready goes only while it is not: the budget of a
  /// rolling update counts it as available from the instant in which it becomes ready.
  private void remove(KubeObject rc, KubeObject pod) {
    if (cluster.deleteIfThere(
        pod.key(),
        PodRank.isReady(pod) ? DeleteOptions.ofUid(pod.uid()) : DeleteOptions.ofThis(pod))) {
      events.normal(rc, "SuccessfulDelete", "Deleted pod: " + pod.name());
    }
  }

  private void own(KubeObject pod, @Nullable KubeObject owner) {
    try {
      cluster.replace(
          pod.withMetadata(
              metadata -> {
                metadata.remove("ownerReferences");
                if (owner != null) {
                  metadata
                      .putArray("ownerReferences")
                      .add(OwnerReference.controlledBy(owner).toJson());
                }
              }));
    } catch (ClusterException e) {
      if (e.reason() != ClusterException.Reason.NOT_FOUND) {
        throw e;
      }
    }
  }

  private void writeStatus(KubeObject rc, ReplicaPlanner.Counts counts) {
    ObjectNode status = rc.status() instanceof ObjectNode old ? old.deepCopy() : Json.object();
    status
        .put("replicas", counts.replicas())
        .put("fullyLabeledReplicas", counts.fullyLabeled())
        .put("readyReplicas", counts.ready())
        .put("availableReplicas", counts.available())
        .put("observedGeneration", rc.generation());
    if (!status.equals(rc.status())) {
      cluster.replaceStatus(rc.withStatus(status));
    }
  }

  /// Nothing waits to be looked at.
  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
