package dev.slipway.manifest.render;

import dev.slipway.manifest.Manifest;
import dev.slipway.manifest.ManifestReader;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
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
          "ServiceAccount",
          "Secret",
          "ConfigMap",
          "Service",
          "Endpoints",
          "Repository",
          "Rollout",
          "Deployment",
          "ReplicationController",
          "Pod",
          "Job",
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

  /// @param namespace for objects that state none
  /// @param application `namespace.name`, the value of the label that every object gets
  public static List<RenderedObject> render(
      List<Manifest> manifests, String namespace, String application) {
    Map<ObjectKey, JsonNode> configuration = new HashMap<>();
    for (Manifest manifest : manifests) {
      KubeObject object = manifest.object();
      if (object.kind().equals("ConfigMap") || object.kind().equals("Secret")) {
        configuration.put(place(object, namespace), object.json());
      }
    }
    return manifests.stream()
        .map(manifest -> render(manifest, namespace, application, configuration))
        .sorted(Comparator.comparing(rendered -> rendered.object().key(), BY_KIND))
        .toList();
  }

  private static ObjectKey place(KubeObject object, String namespace) {
    return new ObjectKey(
        object.key().group(),
        object.kind(),
        object.namespace().isEmpty() && ManifestReader.isNamespaced(object.key().groupKind())
            ? namespace
            : object.namespace(),
        object.name());
  }

  private static RenderedObject render(
      Manifest manifest,
      String namespace,
      String application,
      Map<ObjectKey, JsonNode> configuration) {
    KubeObject declared = manifest.object();
    ObjectNode json = declared.json().deepCopy();
    json.remove("status");
    ObjectKey key = place(declared, namespace);
    ObjectNode metadata = Json.child(json, "metadata");
    if (!key.namespace().isEmpty()) {
      metadata.put("namespace", key.namespace());
    }
    Json.child(metadata, "labels").put("slipway.dev/application", application);
    if (declared.key().groupKind().toString().equals("ReplicationController")) {
      asRollout(json);
    }
    followConfiguration(json, key.namespace(), configuration);
    KubeObject object = KubeObject.of(json);
    return new RenderedObject(
        object, hash(object.bytes()), declared.kind(), manifest.file(), manifest.line());
  }

  private static void asRollout(ObjectNode json) {
    json.put("apiVersion", "slipway.dev/v1").put("kind", "Rollout");
    ObjectNode spec = Json.child(json, "spec");
    JsonNode selector = spec.path("selector");
    if (selector.isObject()) {
      spec.putObject("selector").set("matchLabels", selector);
    } else if (spec.path("template").path("metadata").path("labels") instanceof ObjectNode labels) {
      spec.putObject("selector").set("matchLabels", labels.deepCopy());
    }
    Map<String, String> annotations = Json.stringMap(json.path("metadata"), "annotations");
    ObjectNode rolling = Json.object();
    amount(annotations, "slipway.dev/max-surge", rolling, "maxSurge");
    amount(annotations, "slipway.dev/max-unavailable", rolling, "maxUnavailable");
    String type = annotations.getOrDefault("slipway.dev/strategy", "");
    if (!rolling.isEmpty() || !type.isEmpty()) {
      ObjectNode strategy =
          spec.putObject("strategy").put("type", type.isEmpty() ? "RollingUpdate" : type);
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
  private static void followConfiguration(
      ObjectNode json, String namespace, Map<ObjectKey, JsonNode> configuration) {
    if (!(json.path("spec").path("template") instanceof ObjectNode template)
        || json.path("kind").asString("").equals("Job")) {
      return;
    }
    var used = new TreeMap<String, JsonNode>();
    for (String reference : references(template.path("spec"))) {
      String[] parts = reference.split("/", 2);
      JsonNode source = configuration.get(ObjectKey.core(parts[0], namespace, parts[1]));
      if (source != null) {
        ObjectNode content = Json.object();
        for (String field : List.of("data", "stringData", "binaryData")) {
          content.set(
              field, source.path(field).isMissingNode() ? Json.object() : source.path(field));
        }
        used.put(reference, content);
      }
    }
    if (!used.isEmpty()) {
      ObjectNode all = Json.object();
      used.forEach(all::set);
      ObjectNode annotations = Json.child(Json.child(template, "metadata"), "annotations");
      annotations.put("slipway.dev/config-hash", hash(Json.write(all)).substring(0, 16));
    }
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
