package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
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

  /// The UID of the Deployment that a revision was made for, kept on it: whether it is shown must
  /// not hang on what else is there still, or nobody would hear of its end. Empty on a revision
  /// that its Deployment left behind.
  private static final String DEPLOYMENT = "slipway.dev/deployment-uid";

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
        .flatMap(rollout -> deployment(controller, rollout))
        .map(deployment -> shown(controller, deployment));
  }

  private Optional<OwnerReference> deployment(KubeObject controller, OwnerReference rollout) {
    return controller
        .annotation(DEPLOYMENT)
        .map(uid -> new OwnerReference("apps/v1", "Deployment", rollout.name(), uid, true, true))
        .or(
            () ->
                cluster
                    .get(ObjectKey.slipway("Rollout", controller.namespace(), rollout.name()))
                    .flatMap(found -> owner(found, "Deployment")));
  }

  /// The revision as it is to be, after its view was changed: how many pods, labels, annotations
  /// and finalizers.
  ///
  /// @throws ClusterException `INVALID` for a change of what the Deployment decides alone
  KubeObject changed(KubeObject controller, KubeObject view) {
    KubeObject now =
        of(controller)
            .orElseThrow(() -> new ClusterException(Reason.NOT_FOUND, view.key() + " not found"));
    var causes = new ArrayList<ClusterException.Cause>();
    for (String field : List.of("selector", "template", "minReadySeconds")) {
      refuseChange("spec." + field, now.spec().path(field), view.spec().path(field), causes);
    }
    refuseChange(
        "metadata.ownerReferences",
        now.metadata().path("ownerReferences"),
        view.metadata().path("ownerReferences"),
        causes);
    if (!causes.isEmpty()) {
      throw new ClusterException(
          Reason.INVALID,
          "%s is a revision of Deployment %s, which decides %s: change the Deployment"
              .formatted(
                  view.name(),
                  owner(now, "Deployment").map(OwnerReference::name).orElse(""),
                  String.join(", ", causes.stream().map(ClusterException.Cause::field).toList())),
          causes);
    }
    return controller.with(
        json -> {
          ObjectNode metadata = Json.child(json, "metadata");
          for (String field : List.of("uid", "resourceVersion", "labels", "finalizers")) {
            JsonNode stated = view.metadata().path(field);
            if (stated.isMissingNode()) {
              metadata.remove(field);
            } else {
              metadata.set(field, stated.deepCopy());
            }
          }
          renamed(metadata, "labels", SHOWN_HASH, HASH);
          ObjectNode annotations = metadata.putObject("annotations");
          view.annotations().forEach(annotations::put);
          annotations.remove(SHOWN_REVISION);
          for (String own : List.of(REVISION, DEPLOYMENT)) {
            controller.annotation(own).ifPresent(value -> annotations.put(own, value));
          }
          Json.child(json, "spec").put("replicas", Json.integer(view.spec(), "replicas", 1));
        });
  }

  private static void refuseChange(
      String field, JsonNode now, JsonNode wanted, List<ClusterException.Cause> causes) {
    if (!said(wanted).equals(said(now))) {
      causes.add(
          new ClusterException.Cause(
              field, "FieldValueForbidden", "the Deployment decides it: change the Deployment"));
    }
  }

  /// Without what says nothing: typed clients send empty fields that nobody stated.
  private static JsonNode said(JsonNode node) {
    if (node instanceof ObjectNode object) {
      ObjectNode kept = Json.object();
      for (var member : object.properties()) {
        JsonNode value = said(member.getValue());
        if (!value.isNull() && !value.isMissingNode() && !(value.isObject() && value.isEmpty())) {
          kept.set(member.getKey(), value);
        }
      }
      return kept;
    }
    if (node instanceof ArrayNode array) {
      ArrayNode kept = Json.array();
      array.forEach(item -> kept.add(said(item)));
      return kept;
    }
    return node;
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
    annotations.remove(DEPLOYMENT);
    String revision = controller.annotations().get(REVISION);
    if (revision != null) {
      annotations.remove(REVISION);
      annotations.put(SHOWN_REVISION, revision);
    }
    metadata.remove("ownerReferences");
    if (!deployment.uid().isEmpty()) {
      metadata.putArray("ownerReferences").add(deployment.toJson());
    }
    ObjectNode spec = json.putObject("spec");
    spec.put("replicas", Json.integer(controller.spec(), "replicas", 1));
    JsonNode minReady = controller.spec().path("minReadySeconds");
    if (!minReady.isMissingNode()) {
      spec.set("minReadySeconds", minReady);
    }
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
