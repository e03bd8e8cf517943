package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The revisions of a Deployment as the `ReplicaSet`s that clients look for. In this cluster a
/// revision is a replication controller that a Rollout owns; here it is shown under the other kind,
/// as owned by the Deployment, with its revision and template where `kubectl rollout history` and
/// `undo` read them.
record ReplicaSetView(Cluster cluster) {
  private static final GroupKind SHOWN = new GroupKind("apps", "ReplicaSet");
  private static final GroupKind SOURCE = GroupKind.core("ReplicationController");
  private static final String HASH = "slipway.dev/template-hash";
  private static final String SHOWN_HASH = "pod-template-hash";
  private static final String REVISION = "slipway.dev/revision";
  private static final String SHOWN_REVISION = "deployment.kubernetes.io/revision";

  boolean shows(GroupKind kind) {
    return kind.equals(SHOWN);
  }

  static ObjectKey source(ObjectKey key) {
    return ObjectKey.core("ReplicationController", key.namespace(), key.name());
  }

  static ObjectQuery source(ObjectQuery query) {
    ObjectQuery all = ObjectQuery.all(SOURCE);
    return query.namespace().map(all::inNamespace).orElse(all);
  }

  /// Empty when the controller is no revision of a Deployment.
  Optional<KubeObject> of(KubeObject controller) {
    return owner(controller, "Rollout")
        .flatMap(
            rollout ->
                cluster.get(
                    new ObjectKey(
                        "slipway.dev", "Rollout", controller.namespace(), rollout.name())))
        .flatMap(rollout -> owner(rollout, "Deployment"))
        .map(deployment -> shown(controller, deployment));
  }

  private static Optional<OwnerReference> owner(KubeObject object, String kind) {
    return object.owners().stream()
        .filter(owner -> owner.controller() && owner.kind().equals(kind))
        .findFirst();
  }

  private static KubeObject shown(KubeObject controller, OwnerReference deployment) {
    ObjectNode json = Json.object();
    json.put("apiVersion", "apps/v1").put("kind", SHOWN.kind());
    ObjectNode metadata = json.putObject("metadata");
    for (var member : controller.metadata().properties()) {
      if (!member.getKey().equals("managedFields")) {
        metadata.set(member.getKey(), member.getValue().deepCopy());
      }
    }
    renamed(metadata, "labels", HASH, SHOWN_HASH);
    ObjectNode annotations = Json.child(metadata, "annotations");
    String revision = controller.annotations().get(REVISION);
    if (revision != null) {
      annotations.remove(REVISION);
      annotations.put(SHOWN_REVISION, revision);
    }
    metadata
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", "apps/v1")
        .put("kind", "Deployment")
        .put("name", deployment.name())
        .put("uid", deployment.uid())
        .put("controller", true)
        .put("blockOwnerDeletion", true);
    ObjectNode spec = json.putObject("spec");
    spec.put("replicas", Json.integer(controller.spec(), "replicas", 1));
    ObjectNode labels = spec.putObject("selector");
    JsonNode selector = controller.spec().path("selector");
    if (!selector.isMissingNode()) {
      labels.set("matchLabels", selector.deepCopy());
      renamed(labels, "matchLabels", HASH, SHOWN_HASH);
    }
    JsonNode template = controller.spec().path("template").deepCopy();
    if (template.path("metadata") instanceof ObjectNode inner) {
      renamed(inner, "labels", HASH, SHOWN_HASH);
    }
    spec.set("template", template);
    json.set(
        "status",
        controller.status().isMissingNode() ? Json.object() : controller.status().deepCopy());
    return KubeObject.of(json);
  }

  private static void renamed(ObjectNode parent, String field, String name, String other) {
    if (parent.path(field) instanceof ObjectNode map && map.has(name)) {
      map.set(other, map.path(name));
      map.remove(name);
    }
  }
}
