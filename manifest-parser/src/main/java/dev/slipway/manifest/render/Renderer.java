package dev.slipway.manifest.render;

import dev.slipway.manifest.Kinds;
import dev.slipway.manifest.Manifest;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Turns manifests into the objects to apply: fills in the namespace, marks the application, makes
/// a Rollout of a ReplicationController, and lets a pod template follow the configuration that it
/// uses. The same manifests give the same bytes.
public final class Renderer {
  /// In this order objects are applied; the reverse is the order in which they go.
  private static final List<String> ORDER =
      List.of(
          "Namespace",
          "CustomResourceDefinition",
          "ServiceAccount",
          "Secret",
          "ConfigMap",
          "Service",
          "Endpoints",
          "Repository",
          "Rollout",
          "Deployment",
          "ReplicaSet",
          "ReplicationController",
          "Pod",
          "Job",
          "CronJob",
          "Application");

  private static final Comparator<ObjectKey> BY_KIND =
      Comparator.comparingInt((ObjectKey key) -> rank(key.kind()))
          .thenComparing(Comparator.naturalOrder());

  private Renderer() {}

  /// The order in which objects are applied.
  public static Comparator<ObjectKey> applyOrder() {
    return BY_KIND;
  }

  private static int rank(String kind) {
    int at = ORDER.indexOf(kind);
    return at < 0 ? ORDER.size() : at;
  }

  /// Where the objects go.
  ///
  /// @param namespace for objects that state none
  /// @param application `namespace.name`, the value of the label that every object gets
  /// @param own Slipway's own cluster: another one rolls Deployments out by itself, unless they ask
  ///   for a strategy of Slipway
  public record Target(String namespace, String application, Kinds kinds, boolean own) {
    Target serving(Kinds served) {
      return new Target(namespace, application, served, own);
    }

    boolean isNamespaced(GroupKind kind) {
      return kinds.find(kind).map(ResourceType::namespaced).orElse(true);
    }
  }

  /// For Slipway's own cluster.
  public static List<RenderedObject> render(
      List<Manifest> manifests, String namespace, String application) {
    return render(manifests, new Target(namespace, application, Kinds.OWN, true));
  }

  public static List<RenderedObject> render(List<Manifest> manifests, Target target) {
    return render(manifests, target, _ -> Optional.empty());
  }

  /// @param elsewhere configuration that is not among the manifests
  static List<RenderedObject> render(
      List<Manifest> manifests,
      Target target,
      Function<ObjectKey, Optional<? extends JsonNode>> elsewhere) {
    Map<ObjectKey, JsonNode> configuration = new HashMap<>();
    for (Manifest manifest : manifests) {
      KubeObject object = manifest.object();
      if (isConfiguration(object.key())) {
        configuration.put(place(object, target), object.json());
      }
    }
    return manifests.stream()
        .map(
            manifest ->
                render(
                    manifest,
                    target,
                    key -> {
                      JsonNode known = configuration.get(key);
                      return known != null ? Optional.of(known) : elsewhere.apply(key);
                    }))
        .sorted(Comparator.comparing(rendered -> rendered.object().key(), BY_KIND))
        .toList();
  }

  /// Whether a pod may read it when it starts.
  static boolean isConfiguration(ObjectKey key) {
    return key.kind().equals("ConfigMap") || key.kind().equals("Secret");
  }

  /// Which object of the cluster a manifest is about.
  static ObjectKey place(KubeObject object, Target target) {
    return new ObjectKey(
        object.key().group(),
        object.kind(),
        !target.isNamespaced(object.key().groupKind())
            ? ""
            : object.namespace().isEmpty() ? target.namespace() : object.namespace(),
        object.name());
  }

  private static RenderedObject render(
      Manifest manifest,
      Target target,
      Function<ObjectKey, Optional<? extends JsonNode>> configuration) {
    KubeObject declared = manifest.object();
    ObjectNode json = declared.json().deepCopy();
    json.remove("status");
    ObjectKey key = place(declared, target);
    ObjectNode metadata = Json.child(json, "metadata");
    if (!key.namespace().isEmpty()) {
      metadata.put("namespace", key.namespace());
    } else {
      metadata.remove("namespace");
    }
    Json.child(metadata, "labels").put("slipway.dev/application", target.application());
    String kind = declared.key().groupKind().toString();
    if (kind.equals("ReplicationController")
        || kind.equals("Deployment.apps")
            && !target.own()
            && declared.annotation("slipway.dev/strategy").isPresent()) {
      asRollout(json);
    }
    Set<ObjectKey> follows = followConfiguration(json, key.namespace(), configuration);
    KubeObject object = KubeObject.of(json);
    return RenderedObject.of(
        object, hash(Json.write(json)), declared.kind(), follows, manifest.file(), manifest.line());
  }

  private static void asRollout(ObjectNode json) {
    boolean deployment = Json.string(json, "kind", "").equals("Deployment");
    json.put("apiVersion", "slipway.dev/v1").put("kind", "Rollout");
    ObjectNode spec = Json.child(json, "spec");
    JsonNode selector = spec.path("selector");
    if (!deployment && selector.isObject()) {
      spec.putObject("selector").set("matchLabels", selector);
    } else if (!deployment
        && spec.path("template").path("metadata").path("labels") instanceof ObjectNode labels) {
      spec.putObject("selector").set("matchLabels", labels.deepCopy());
    }
    Map<String, String> annotations = Json.stringMap(json.path("metadata"), "annotations");
    ObjectNode rolling = Json.object();
    amount(annotations, "slipway.dev/max-surge", rolling, "maxSurge");
    amount(annotations, "slipway.dev/max-unavailable", rolling, "maxUnavailable");
    String type = annotations.getOrDefault("slipway.dev/strategy", "");
    if (!rolling.isEmpty() || !type.isEmpty()) {
      ObjectNode strategy =
          Json.child(spec, "strategy").put("type", type.isEmpty() ? "RollingUpdate" : type);
      if (!rolling.isEmpty()) {
        strategy.set("rollingUpdate", rolling);
      }
    }
    amount(annotations, "slipway.dev/min-ready-seconds", spec, "minReadySeconds");
    amount(annotations, "slipway.dev/progress-deadline-seconds", spec, "progressDeadlineSeconds");
    amount(annotations, "slipway.dev/revision-history-limit", spec, "revisionHistoryLimit");
  }

  private static void amount(
      Map<String, String> annotations, String name, ObjectNode target, String field) {
    String value = annotations.get(name);
    if (value != null) {
      if (value.matches("[0-9]{1,9}")) {
        target.put(field, Integer.parseInt(value));
      } else {
        target.put(field, value);
      }
    }
  }

  /// Changed configuration makes a new revision of the pods that use it: they read it when they
  /// start.
  ///
  /// @return what is used, whether it is there or not
  private static Set<ObjectKey> followConfiguration(
      ObjectNode json,
      String namespace,
      Function<ObjectKey, Optional<? extends JsonNode>> configuration) {
    if (!(json.path("spec").path("template") instanceof ObjectNode template)
        || json.path("kind").asString("").equals("Job")) {
      return Set.of();
    }
    var follows = new HashSet<ObjectKey>();
    ObjectNode used = Json.object();
    for (String reference : references(template.path("spec"))) {
      String[] parts = reference.split("/", 2);
      ObjectKey key = ObjectKey.core(parts[0], namespace, parts[1]);
      follows.add(key);
      configuration
          .apply(key)
          .ifPresent(
              source -> {
                ObjectNode content = used.putObject(reference);
                for (String field : List.of("data", "stringData", "binaryData")) {
                  content.set(
                      field,
                      source.path(field).isMissingNode() ? Json.object() : source.path(field));
                }
              });
    }
    if (!used.isEmpty()) {
      ObjectNode annotations = Json.child(Json.child(template, "metadata"), "annotations");
      annotations.put("slipway.dev/config-hash", hash(Json.write(used)).substring(0, 16));
    }
    return Set.copyOf(follows);
  }

  private static TreeSet<String> references(JsonNode spec) {
    var references = new TreeSet<String>();
    for (JsonNode volume : Json.items(spec, "volumes")) {
      add(references, "ConfigMap", volume.path("configMap"), "name");
      add(references, "Secret", volume.path("secret"), "secretName");
      for (JsonNode source : Json.items(volume.path("projected"), "sources")) {
        add(references, "ConfigMap", source.path("configMap"), "name");
        add(references, "Secret", source.path("secret"), "name");
      }
    }
    for (String field : List.of("initContainers", "containers")) {
      for (JsonNode container : Json.items(spec, field)) {
        for (JsonNode from : Json.items(container, "envFrom")) {
          add(references, "ConfigMap", from.path("configMapRef"), "name");
          add(references, "Secret", from.path("secretRef"), "name");
        }
        for (JsonNode env : Json.items(container, "env")) {
          add(references, "ConfigMap", env.path("valueFrom").path("configMapKeyRef"), "name");
          add(references, "Secret", env.path("valueFrom").path("secretKeyRef"), "name");
        }
      }
    }
    return references;
  }

  private static void add(
      TreeSet<String> references, String kind, JsonNode reference, String field) {
    Json.string(reference, field).ifPresent(name -> references.add(kind + "/" + name));
  }

  /// SHA-256, lower-case hex.
  public static String hash(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
