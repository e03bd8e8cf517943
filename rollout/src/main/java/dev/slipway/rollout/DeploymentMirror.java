package dev.slipway.rollout;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.Conditions;
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
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A Deployment is a declaration of a workload: it owns a Rollout of its name, and shows that one's
/// status as its own. A Rollout that an earlier Deployment of the name left behind is taken over.
final class DeploymentMirror implements AutoCloseable {
  private static final GroupKind DEPLOYMENT = new GroupKind("apps", "Deployment");
  private static final GroupKind ROLLOUT = GroupKind.slipway("Rollout");

  /// Why somebody changed it, in their words: `kubectl rollout history` shows it of each revision.
  static final String CAUSE = "kubernetes.io/change-cause";

  /// Which revision it is at: `kubectl rollout status --revision` reads it.
  private static final String REVISION = "deployment.kubernetes.io/revision";

  private static final List<String> SHARED =
      List.of(
          "replicas",
          "selector",
          "template",
          "strategy",
          "minReadySeconds",
          "progressDeadlineSeconds",
          "revisionHistoryLimit",
          "paused");

  private final Cluster cluster;
  private final EventRecorder events;
  private final Timeline timeline;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers = new ArrayList<>();

  DeploymentMirror(Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    this.cluster = cluster;
    this.events = events;
    this.timeline = timeline;
    this.loop = new ControlLoop<>("deployments", 2, this::reconcile, timeline, chance);
  }

  void follow() {
    for (GroupKind kind : List.of(DEPLOYMENT, ROLLOUT)) {
      followers.add(
          Follower.start(
              cluster,
              ObjectQuery.all(kind),
              timeline,
              Follower.Listener.ofAll(
                  any ->
                      loop.add(
                          new ObjectKey(
                              DEPLOYMENT.group(),
                              DEPLOYMENT.kind(),
                              any.namespace(),
                              any.name())))));
    }
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key).filter(deployment -> !deployment.isTerminating());
    if (found.isEmpty()) {
      return Outcome.SETTLED;
    }
    KubeObject deployment = found.get();
    ObjectKey rolloutKey = ObjectKey.slipway("Rollout", key.namespace(), key.name());
    Optional<KubeObject> known = cluster.get(rolloutKey);
    if (known.isEmpty()) {
      cluster.create(
          KubeObject.make(
              "slipway.dev/v1",
              "Rollout",
              key.namespace(),
              key.name(),
              json -> {
                ObjectNode metadata = Json.child(json, "metadata");
                ObjectNode labels = metadata.putObject("labels");
                deployment.labels().forEach(labels::put);
                metadata
                    .putArray("ownerReferences")
                    .add(OwnerReference.controlledBy(deployment).toJson());
                share(deployment, json.putObject("spec"));
                shareCause(deployment, metadata);
              }));
      return Outcome.SETTLED;
    }
    KubeObject rollout = known.get();
    if (!rollout.isControlledBy(deployment)) {
      if (rollout.isTerminating() || isLeft(rollout)) {
        return new Outcome.Blocked("the Rollout of an earlier Deployment of this name goes first");
      }
      Optional<String> holder = holder(rollout);
      if (holder.isPresent()) {
        refuse(deployment, "Rollout \"%s\" belongs to %s".formatted(key.name(), holder.get()));
        return new Outcome.Blocked("a Rollout of the same name belongs to " + holder.get());
      }
      release(rollout, deployment);
    }
    cluster.replace(
        rollout.with(
            json -> {
              ObjectNode metadata = Json.child(json, "metadata");
              if (!rollout.isControlledBy(deployment)) {
                metadata
                    .withArrayProperty("ownerReferences")
                    .add(OwnerReference.controlledBy(deployment).toJson());
              }
              share(deployment, Json.child(json, "spec"));
              shareCause(deployment, metadata);
            }));
    mirror(deployment, rollout);
    return Outcome.SETTLED;
  }

  /// Its Deployment is gone, and nobody kept it: it is about to be deleted.
  private static boolean isLeft(KubeObject rollout) {
    return rollout
        .controller()
        .filter(owner -> owner.kind().equals(DEPLOYMENT.kind()))
        .filter(owner -> owner.name().equals(rollout.name()))
        .isPresent();
  }

  /// Whose a Rollout is that no Deployment of its name controls: its controller's, or of whoever
  /// states its template. Empty when it is left from a Deployment, for nobody states that one's.
  static Optional<String> holder(KubeObject rollout) {
    return rollout
        .controller()
        .map(owner -> owner.kind() + " \"" + owner.name() + "\"")
        .or(
            () ->
                Json.items(rollout.metadata(), "managedFields").stream()
                    .filter(
                        entry ->
                            entry.path("fieldsV1").path("f:spec").path("f:template").isObject())
                    .map(entry -> "\"" + Json.string(entry, "manager", "") + "\"")
                    .findFirst());
  }

  /// Revisions whose pods the new Deployment does not select stay by themselves, with their pods.
  private void release(KubeObject rollout, KubeObject deployment) {
    LabelSelector selector = LabelSelector.read(deployment.spec().path("selector"));
    for (KubeObject rc :
        cluster
            .list(
                ObjectQuery.in(GroupKind.core("ReplicationController"), rollout.namespace())
                    .ownedBy(rollout.uid()))
            .items()) {
      JsonNode pods = rc.spec().path("template").path("metadata");
      if (!selector.matches(Json.stringMap(pods, "labels"))) {
        cluster.replace(rc.withMetadata(metadata -> metadata.remove("ownerReferences")));
      }
    }
  }

  private void refuse(KubeObject deployment, String why) {
    String message =
        "Failed to create new replica set \"%s\": %s".formatted(deployment.name(), why);
    ObjectNode status =
        deployment.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    status.put("observedGeneration", deployment.generation());
    Conditions.set(
        status, "Progressing", false, "ReplicaSetCreateError", message, timeline.instant());
    if (!status.equals(deployment.status())) {
      cluster.replaceStatus(deployment.withStatus(status));
      events.warning(deployment, "ReplicaSetCreateError", message);
    }
  }

  private static void share(KubeObject deployment, ObjectNode spec) {
    for (String field : SHARED) {
      JsonNode value = deployment.spec().path(field);
      if (value.isMissingNode()) {
        spec.remove(field);
      } else {
        spec.set(field, value);
      }
    }
  }

  private static void shareCause(KubeObject deployment, ObjectNode metadata) {
    Optional<String> cause = deployment.annotation(CAUSE);
    if (cause.isPresent()) {
      Json.child(metadata, "annotations").put(CAUSE, cause.get());
    } else if (metadata.path("annotations") instanceof ObjectNode annotations) {
      annotations.remove(CAUSE);
      if (annotations.isEmpty()) {
        metadata.remove("annotations");
      }
    }
  }

  private void mirror(KubeObject deployment, KubeObject rollout) {
    if (rollout.observedGeneration() < rollout.generation() || !sameSpec(deployment, rollout)) {
      return;
    }
    ObjectNode status = Json.object();
    status.put("observedGeneration", deployment.generation());
    for (String field :
        List.of(
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "unavailableReplicas")) {
      int count = Json.integer(rollout.status(), field, 0);
      if (count > 0) {
        status.put(field, count);
      }
    }
    if (rollout.status().path("conditions").isArray()) {
      ArrayNode conditions = status.putArray("conditions");
      for (JsonNode condition : rollout.status().path("conditions")) {
        conditions.add(shown(condition));
      }
    }
    KubeObject shown = numbered(deployment, Json.number(rollout.status(), "revision", 0));
    if (!status.equals(shown.status())) {
      cluster.replaceStatus(shown.withStatus(status));
    }
  }

  private KubeObject numbered(KubeObject deployment, long revision) {
    String number = Long.toString(revision);
    if (revision == 0 || deployment.annotation(REVISION).filter(number::equals).isPresent()) {
      return deployment;
    }
    return cluster.replace(
        deployment.with(
            json -> Json.child(Json.child(json, "metadata"), "annotations").put(REVISION, number)));
  }

  /// The reasons by which clients tell that a Deployment is done (`NewReplicaSetAvailable`) speak
  /// of ReplicaSets.
  private static JsonNode shown(JsonNode condition) {
    String reason = Json.string(condition, "reason", "");
    return reason.contains("ReplicationController")
        ? ((ObjectNode) condition.deepCopy())
            .put("reason", reason.replace("ReplicationController", "ReplicaSet"))
        : condition;
  }

  private static boolean sameSpec(KubeObject deployment, KubeObject rollout) {
    return SHARED.stream()
        .allMatch(field -> deployment.spec().path(field).equals(rollout.spec().path(field)));
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
