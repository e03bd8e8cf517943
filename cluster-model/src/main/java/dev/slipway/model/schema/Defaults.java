package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What a kube-apiserver fills in where an object says nothing.
public final class Defaults {
  private Defaults() {}

  /// Changes the tree, which is the caller's own.
  public static void fill(ObjectNode object) {
    String kind =
        new GroupKind(
                GroupKind.groupOf(Json.string(object, "apiVersion", "")),
                Json.string(object, "kind", ""))
            .toString();
    switch (kind) {
      case "Pod" -> podSpec(Json.child(object, "spec"));
      case "Service" -> service(Json.child(object, "spec"));
      case "Secret" -> secret(object);
      case "ReplicationController" -> {
        ObjectNode spec = Json.child(object, "spec");
        putIfAbsent(spec, "replicas", 1);
        if (!spec.path("selector").isObject()
            && spec.path("template").path("metadata").path("labels") instanceof ObjectNode labels) {
          spec.set("selector", labels.deepCopy());
        }
        template(spec);
      }
      case "Deployment.apps" -> deployment(Json.child(object, "spec"));
      case "Job.batch" -> {
        ObjectNode spec = Json.child(object, "spec");
        putIfAbsent(spec, "parallelism", 1);
        putIfAbsent(spec, "completions", Json.integer(spec, "parallelism", 1));
        putIfAbsent(spec, "backoffLimit", 6);
        template(spec);
      }
      default -> {}
    }
  }

  private static void deployment(ObjectNode spec) {
    putIfAbsent(spec, "replicas", 1);
    putIfAbsent(spec, "progressDeadlineSeconds", 600);
    putIfAbsent(spec, "revisionHistoryLimit", 10);
    ObjectNode strategy = Json.child(spec, "strategy");
    putIfAbsent(strategy, "type", "RollingUpdate");
    if (Json.string(strategy, "type", "").equals("RollingUpdate")) {
      ObjectNode rolling = Json.child(strategy, "rollingUpdate");
      putIfAbsent(rolling, "maxSurge", "25%");
      putIfAbsent(rolling, "maxUnavailable", "25%");
    }
    template(spec);
  }

  private static void template(ObjectNode spec) {
    if (spec.path("template").path("spec") instanceof ObjectNode podSpec) {
      podSpec(podSpec);
    }
  }

  private static void podSpec(ObjectNode spec) {
    putIfAbsent(spec, "restartPolicy", "Always");
    putIfAbsent(spec, "terminationGracePeriodSeconds", 30);
    putIfAbsent(spec, "dnsPolicy", "ClusterFirst");
    putIfAbsent(spec, "schedulerName", "default-scheduler");
    Json.child(spec, "securityContext");
    for (String field : List.of("initContainers", "containers")) {
      if (spec.path(field) instanceof ArrayNode containers) {
        for (JsonNode item : containers) {
          if (item instanceof ObjectNode container) {
            container(container);
          }
        }
      }
    }
  }

  private static void container(ObjectNode container) {
    Json.child(container, "resources");
    String image = Json.string(container, "image", "");
    boolean latest =
        image.endsWith(":latest")
            || (!image.contains("@") && image.lastIndexOf(':') <= image.lastIndexOf('/'));
    putIfAbsent(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
    putIfAbsent(container, "terminationMessagePath", "/dev/termination-log");
    putIfAbsent(container, "terminationMessagePolicy", "File");
    for (JsonNode item : container.path("ports")) {
      if (item instanceof ObjectNode port) {
        putIfAbsent(port, "protocol", "TCP");
      }
    }
    for (String field : List.of("livenessProbe", "readinessProbe", "startupProbe")) {
      if (container.path(field) instanceof ObjectNode probe) {
        putIfAbsent(probe, "periodSeconds", 10);
        putIfAbsent(probe, "timeoutSeconds", 1);
        putIfAbsent(probe, "successThreshold", 1);
        putIfAbsent(probe, "failureThreshold", 3);
        if (probe.path("httpGet") instanceof ObjectNode get) {
          putIfAbsent(get, "path", "/");
          putIfAbsent(get, "scheme", "HTTP");
        }
      }
    }
  }

  private static void service(ObjectNode spec) {
    putIfAbsent(spec, "type", "ClusterIP");
    putIfAbsent(spec, "sessionAffinity", "None");
    for (JsonNode item : spec.path("ports")) {
      if (item instanceof ObjectNode port) {
        putIfAbsent(port, "protocol", "TCP");
        putIfAbsent(port, "targetPort", Json.integer(port, "port", 0));
      }
    }
  }

  private static void secret(ObjectNode object) {
    putIfAbsent(object, "type", "Opaque");
    if (object.path("stringData") instanceof ObjectNode texts) {
      ObjectNode data = Json.child(object, "data");
      for (var entry : texts.properties()) {
        byte[] bytes = entry.getValue().asString("").getBytes(StandardCharsets.UTF_8);
        data.put(entry.getKey(), Base64.getEncoder().encodeToString(bytes));
      }
      object.remove("stringData");
    }
  }

  private static void putIfAbsent(ObjectNode node, String field, String value) {
    if (!node.has(field)) {
      node.put(field, value);
    }
  }

  private static void putIfAbsent(ObjectNode node, String field, int value) {
    if (!node.has(field)) {
      node.put(field, value);
    }
  }
}
