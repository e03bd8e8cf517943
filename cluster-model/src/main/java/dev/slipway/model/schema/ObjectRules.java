package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What a schema cannot say, for objects of every kind and for those that only hold data; the rules
/// of the others are in classes beside this one.
///
/// Source: Kubernetes' `pkg/apis/core/validation`.
final class ObjectRules extends Rules {
  private static final Pattern BLANK = Pattern.compile("\\s");
  private static final Set<String> ORPHANING = Set.of("orphan", "foregroundDeletion");
  private static final List<String> EFFECTS =
      List.of("NoSchedule", "PreferNoSchedule", "NoExecute");
  private static final String ACCOUNT = "kubernetes.io/service-account.name";
  private static final int MAX_CONTENT = 1 << 20;

  private ObjectRules() {}

  static List<Fault> faults(GroupKind kind, ObjectNode object) {
    var rules = new ObjectRules();
    List<Fault> faults = rules.faults;
    rules.metadata(kind, object.path("metadata"));
    JsonNode spec = object.path("spec");
    switch (kind.toString()) {
      case "Pod" -> new PodRules(faults).pod(spec);
      case "ReplicationController" -> new WorkloadRules(faults).replicationController(spec);
      case "Deployment.apps" -> new WorkloadRules(faults).deployment(spec);
      case "ReplicaSet.apps" -> new WorkloadRules(faults).replicated(spec, true);
      case "Rollout.slipway.dev" -> new WorkloadRules(faults).replicated(spec, false);
      case "Job.batch" -> new WorkloadRules(faults).job(spec);
      case "CronJob.batch" -> new WorkloadRules(faults).cronJob(object);
      case "Role.rbac.authorization.k8s.io" -> new AccessRules(faults).role(object, true);
      case "ClusterRole.rbac.authorization.k8s.io" -> new AccessRules(faults).role(object, false);
      case "RoleBinding.rbac.authorization.k8s.io" -> new AccessRules(faults).binding(object, true);
      case "ClusterRoleBinding.rbac.authorization.k8s.io" ->
          new AccessRules(faults).binding(object, false);
      case "Service" -> new ServiceRules(faults).service(spec);
      case "Endpoints" -> new ServiceRules(faults).endpoints(object);
      case "EndpointSlice.discovery.k8s.io" -> new ServiceRules(faults).slice(object);
      case "Lease.coordination.k8s.io" -> rules.lease(spec);
      case "Node" -> rules.taints(Json.items(spec, "taints"));
      case "Event" -> rules.event(object);
      case "ConfigMap" -> {
        rules.content(object, List.of("data", "binaryData"), Set.of("binaryData"));
        rules.once(object);
      }
      case "Secret" -> {
        rules.content(object, List.of("data", "stringData"), Set.of("data"));
        rules.secretType(object);
      }
      default -> {}
    }
    if (kind.group().equals("slipway.dev")) {
      faults.addAll(DeliveryRules.faults(kind, object));
    }
    return faults;
  }

  static List<Fault> metadataFaults(GroupKind kind, JsonNode metadata) {
    var rules = new ObjectRules();
    rules.metadata(kind, metadata);
    return rules.faults;
  }

  private void metadata(GroupKind kind, JsonNode metadata) {
    List<Object> base = List.of("metadata");
    String name = Json.string(metadata, "name", "");
    if (!name.isEmpty()) {
      named(name, naming(kind), base, "name");
    } else if (Json.string(metadata, "generateName", "").isEmpty()) {
      required(List.of("metadata", "name"), "name or generateName is required");
    }
    String prefix = Json.string(metadata, "generateName", "");
    if (!prefix.isEmpty()) {
      // What follows is a letter or a digit.
      String stem = prefix.endsWith("-") ? prefix.substring(0, prefix.length() - 1) : prefix;
      named(stem, naming(kind), base, "generateName");
    }
    named(metadata, base, "namespace", Names::label);
    labels(metadata.path("labels"), List.of("metadata", "labels"));
    annotations(metadata.path("annotations"), List.of("metadata", "annotations"));
    if (metadata.path("finalizers").isArray()) {
      finalizers(Json.strings(metadata, "finalizers"));
    }
    if (metadata.path("ownerReferences").isArray()) {
      owners(Json.items(metadata, "ownerReferences"));
    }
  }

  private static Names.Rule naming(GroupKind kind) {
    return switch (kind.toString()) {
      case "Service" -> Names::hostLabel;
      case "Namespace" -> Names::undotted;
      default ->
          kind.group().equals("rbac.authorization.k8s.io")
              ? AccessRules::segment
              : Names::subdomain;
    };
  }

  private void finalizers(List<String> finalizers) {
    List<Object> base = List.of("metadata", "finalizers");
    for (int i = 0; i < finalizers.size(); i++) {
      String finalizer = finalizers.get(i);
      if (ORPHANING.contains(finalizer)) {
        continue;
      }
      String fault = Names.qualified(finalizer);
      if (fault.isEmpty() && finalizer.indexOf('/') < 0) {
        fault = "name is neither a standard finalizer name nor is it fully qualified";
      }
      if (!fault.isEmpty()) {
        invalid(path(base, i), finalizer, fault);
      }
    }
    if (finalizers.containsAll(ORPHANING)) {
      invalid(base, "Invalid value: finalizer orphan and foregroundDeletion cannot be both set");
    }
  }

  private void owners(List<JsonNode> owners) {
    List<Object> base = List.of("metadata", "ownerReferences");
    var controllers = new ArrayList<String>();
    for (int i = 0; i < owners.size(); i++) {
      JsonNode owner = owners.get(i);
      for (String field : List.of("apiVersion", "kind", "name", "uid")) {
        if (Json.string(owner, field, "").isEmpty()) {
          invalid(path(base, i, field), "", "must not be empty");
        }
      }
      String kind = Json.string(owner, "kind", "");
      if (kind.equals("Event") && Json.string(owner, "apiVersion", "").equals("v1")) {
        invalid(path(base, i), "Invalid value: /v1, Kind=Event is disallowed from being an owner");
      }
      if (Json.bool(owner, "controller", false)) {
        controllers.add(kind + "/" + Json.string(owner, "name", ""));
      }
    }
    if (controllers.size() > 1) {
      invalid(
          base,
          "Only one reference can have Controller set to true. Found \"true\" in references for "
              + String.join(" and ", controllers));
    }
  }

  private void lease(JsonNode spec) {
    List<Object> base = List.of("spec");
    JsonNode seconds = spec.path("leaseDurationSeconds");
    if (seconds.isIntegralNumber() && seconds.longValue() < 1) {
      invalid(path(base, "leaseDurationSeconds"), seconds.longValue(), "must be greater than 0");
    }
    atLeast(spec, base, "leaseTransitions", 0);
  }

  private void taints(List<JsonNode> taints) {
    for (int i = 0; i < taints.size(); i++) {
      JsonNode taint = taints.get(i);
      List<Object> at = List.of("spec", "taints", i);
      String key = Json.string(taint, "key", "");
      named(key, Names::qualified, at, "key");
      named(taint, at, "value", Names::labelValue);
      String effect = Json.string(taint, "effect", "");
      if (effect.isEmpty()) {
        required(path(at, "effect"));
      } else {
        oneOf(taint, at, "effect", EFFECTS);
      }
      for (JsonNode before : taints.subList(0, i)) {
        if (key.equals(Json.string(before, "key", ""))
            && effect.equals(Json.string(before, "effect", ""))) {
          duplicate(at, key + ":" + effect);
        }
      }
    }
  }

  private void event(JsonNode event) {
    String namespace = Json.string(event.path("metadata"), "namespace", "");
    String about = Json.string(event.path("involvedObject"), "namespace", "");
    boolean right =
        about.isEmpty()
            ? namespace.isEmpty() || namespace.equals("default") || namespace.equals("kube-system")
            : about.equals(namespace);
    if (!right) {
      invalid(List.of("involvedObject", "namespace"), about, "does not match event.namespace");
    }
  }

  /// What readers of these types rely on.
  private void secretType(JsonNode secret) {
    switch (Json.string(secret, "type", "")) {
      case "kubernetes.io/tls" -> {
        key(secret, "tls.crt");
        key(secret, "tls.key");
      }
      case "kubernetes.io/dockerconfigjson" -> json(secret, ".dockerconfigjson");
      case "kubernetes.io/dockercfg" -> json(secret, ".dockercfg");
      case "kubernetes.io/ssh-auth" -> key(secret, "ssh-privatekey");
      case "kubernetes.io/basic-auth" -> {
        if (!has(secret, "username") && !has(secret, "password")) {
          key(secret, "username");
          key(secret, "password");
        }
      }
      case "kubernetes.io/service-account-token" -> {
        JsonNode annotations = secret.path("metadata").path("annotations");
        if (Json.string(annotations, ACCOUNT, "").isEmpty()) {
          required(List.of("metadata", "annotations", ACCOUNT));
        }
      }
      default -> {}
    }
  }

  private static boolean has(JsonNode secret, String key) {
    return secret.path("data").has(key) || secret.path("stringData").has(key);
  }

  private void key(JsonNode secret, String key) {
    if (!has(secret, key)) {
      required(List.of("data", key), "a Secret of this type needs it");
    }
  }

  private void json(JsonNode secret, String key) {
    key(secret, key);
    String plain = Json.string(secret.path("stringData"), key, "");
    try {
      if (!plain.isEmpty()) {
        Json.parseForeign(plain.getBytes(StandardCharsets.UTF_8));
      } else if (secret.path("data").has(key)) {
        Json.parseForeign(decoded(Json.string(secret.path("data"), key, "")));
      }
    } catch (IllegalArgumentException e) {
      invalid(
          List.of(plain.isEmpty() ? "data" : "stringData", key),
          "<secret contents redacted>",
          "it is no JSON");
    }
  }

  /// A key that is in both would have two values.
  private void once(ObjectNode map) {
    JsonNode texts = map.path("data");
    for (String key : map.path("binaryData").propertyNames()) {
      if (texts.has(key)) {
        invalid(List.of("data", key), key, "duplicate of key present in binaryData");
      }
    }
  }

  private void content(ObjectNode object, List<String> fields, Set<String> encoded) {
    long size = 0;
    for (String field : fields) {
      for (var entry : object.path(field).properties()) {
        named(entry.getKey(), Names::configKey, List.of(field), entry.getKey());
        String value = entry.getValue().asString("");
        size += value.length();
        if (encoded.contains(field) && !isBase64(value)) {
          invalid(
              List.of(field, entry.getKey()),
              "the value is not base64"
                  + (field.equals("data") ? ": encode it, or use stringData" : ""));
        }
      }
    }
    if (size > MAX_CONTENT) {
      fault(
          List.of(fields.getFirst()),
          "FieldValueTooLong",
          "%d bytes are too much: 1 MiB at most".formatted(size));
    }
  }

  private static boolean isBase64(String value) {
    try {
      decoded(value);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static byte[] decoded(String value) {
    boolean blank = value.chars().anyMatch(Character::isWhitespace);
    return Base64.getDecoder().decode(blank ? BLANK.matcher(value).replaceAll("") : value);
  }
}
