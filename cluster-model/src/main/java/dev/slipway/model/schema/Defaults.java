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
  private static final List<String> METADATA_MAPS =
      List.of("annotations", "labels", "finalizers", "ownerReferences");

  private Defaults() {}

  /// Changes the tree, which is the caller's own.
  public static void fill(ObjectNode object) {
    String kind =
        new GroupKind(
                GroupKind.groupOf(Json.string(object, "apiVersion", "")),
                Json.string(object, "kind", ""))
            .toString();
    // An empty map says as little as none: clients that compare would see a difference.
    if (object.path("metadata") instanceof ObjectNode metadata) {
      for (String field : METADATA_MAPS) {
        if (metadata.path(field).isContainer() && metadata.path(field).isEmpty()) {
          metadata.remove(field);
        }
      }
    }
    switch (kind) {
      case "Pod" -> podSpec(Json.child(object, "spec"));
      case "Namespace" -> {
        ObjectNode metadata = Json.child(object, "metadata");
        String name = Json.string(metadata, "name", "");
        if (!name.isEmpty()) {
          Json.child(metadata, "labels").put("kubernetes.io/metadata.name", name);
        }
      }
      case "Service" -> service(Json.child(object, "spec"));
      case "Secret" -> secret(object);
      case "Endpoints" -> {
        for (JsonNode subset : object.path("subsets")) {
          ports(subset);
        }
      }
      case "ReplicationController" -> {
        ObjectNode spec = Json.child(object, "spec");
        putIfAbsent(spec, "replicas", 1);
        if (!spec.path("selector").isObject()
            && spec.path("template").path("metadata").path("labels") instanceof ObjectNode labels) {
          spec.set("selector", labels.deepCopy());
        }
        ObjectNode metadata = Json.child(object, "metadata");
        if (metadata.path("labels").isEmpty()
            && spec.path("template").path("metadata").path("labels") instanceof ObjectNode labels) {
          metadata.set("labels", labels.deepCopy());
        }
        template(spec);
      }
      case "Deployment.apps" -> deployment(Json.child(object, "spec"));
      case "ReplicaSet.apps" -> {
        ObjectNode spec = Json.child(object, "spec");
        putIfAbsent(spec, "replicas", 1);
        template(spec);
      }
      case "Job.batch" -> job(Json.child(object, "spec"));
      case "CronJob.batch" -> {
        ObjectNode spec = Json.child(object, "spec");
        putIfAbsent(spec, "concurrencyPolicy", "Allow");
        putIfAbsent(spec, "successfulJobsHistoryLimit", 3);
        putIfAbsent(spec, "failedJobsHistoryLimit", 1);
        putIfAbsent(spec, "suspend", false);
        // What each job is filled with when it is made is not stored here.
        if (spec.path("jobTemplate").path("spec") instanceof ObjectNode job) {
          template(job);
        }
      }
      case "EndpointSlice.discovery.k8s.io" -> {
        for (JsonNode item : object.path("ports")) {
          if (item instanceof ObjectNode port) {
            putIfAbsent(port, "name", "");
            putIfAbsent(port, "protocol", "TCP");
          }
        }
      }
      default -> {}
    }
  }

  private static void job(ObjectNode spec) {
    if (!spec.has("parallelism")) {
      putIfAbsent(spec, "completions", 1);
    }
    putIfAbsent(spec, "parallelism", 1);
    putIfAbsent(spec, "backoffLimit", spec.has("backoffLimitPerIndex") ? Integer.MAX_VALUE : 6);
    putIfAbsent(spec, "completionMode", "NonIndexed");
    JsonNode policy = spec.path("podFailurePolicy");
    putIfAbsent(spec, "podReplacementPolicy", policy.isObject() ? "Failed" : "TerminatingOrFailed");
    for (JsonNode rule : Json.items(policy, "rules")) {
      for (JsonNode pattern : Json.items(rule, "onPodConditions")) {
        putIfAbsent((ObjectNode) pattern, "status", "True");
      }
    }
    putIfAbsent(spec, "suspend", false);
    putIfAbsent(spec, "manualSelector", false);
    template(spec);
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
    for (JsonNode volume : spec.path("volumes")) {
      for (String source : List.of("configMap", "secret", "projected", "downwardAPI")) {
        if (volume.path(source) instanceof ObjectNode files) {
          putIfAbsent(files, "defaultMode", 420);
        }
      }
      for (JsonNode source : volume.path("projected").path("sources")) {
        if (source.path("serviceAccountToken") instanceof ObjectNode token) {
          putIfAbsent(token, "expirationSeconds", 3_600);
        }
      }
    }
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
    ports(container);
    for (JsonNode item : container.path("env")) {
      if (item.path("valueFrom").path("fieldRef") instanceof ObjectNode reference) {
        putIfAbsent(reference, "apiVersion", "v1");
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

  private static void ports(JsonNode owner) {
    for (JsonNode item : owner.path("ports")) {
      if (item instanceof ObjectNode port) {
        putIfAbsent(port, "protocol", "TCP");
      }
    }
  }

  private static void service(ObjectNode spec) {
    putIfAbsent(spec, "type", "ClusterIP");
    putIfAbsent(spec, "sessionAffinity", "None");
    String type = Json.string(spec, "type", "");
    if (type.equals("NodePort") || type.equals("LoadBalancer")) {
      putIfAbsent(spec, "externalTrafficPolicy", "Cluster");
    }
    if (type.equals("LoadBalancer")) {
      putIfAbsent(spec, "allocateLoadBalancerNodePorts", true);
    }
    if (!type.equals("ExternalName")) {
      putIfAbsent(spec, "internalTrafficPolicy", "Cluster");
      putIfAbsent(spec, "ipFamilyPolicy", "SingleStack");
      if (!spec.has("ipFamilies")) {
        spec.putArray("ipFamilies").add("IPv4");
      }
      String address = Json.string(spec, "clusterIP", "");
      if (!address.isEmpty() && !spec.has("clusterIPs")) {
        spec.putArray("clusterIPs").add(address);
      }
    }
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
    JsonNode stated = node.path(field);
    if (stated.isMissingNode() || (stated.isString() && stated.stringValue().isEmpty())) {
      node.put(field, value);
    }
  }

  private static void putIfAbsent(ObjectNode node, String field, boolean value) {
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
