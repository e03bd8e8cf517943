package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.quantity.Quantity;
import dev.slipway.model.time.CronSchedule;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What a schema cannot say: names, labels, selectors that fit their template, ports, volumes,
/// quantities.
///
/// Source: Kubernetes' `pkg/apis/core/validation` and RFC 1035, RFC 1123.
final class ObjectRules extends Rules {
  private static final Pattern LABEL_NAME = Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  private static final Pattern SUBDOMAIN =
      Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  private static final Pattern SERVICE_NAME = Pattern.compile("[a-z]([-a-z0-9]*[a-z0-9])?");
  private static final Pattern QUALIFIED =
      Pattern.compile(
          "([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");
  private static final Pattern LABEL_VALUE =
      Pattern.compile("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?");
  private static final Pattern PORT_NAME = Pattern.compile("[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?");
  private static final Pattern KEY = Pattern.compile("[-._a-zA-Z0-9]{1,253}");
  private static final Pattern ENV_NAME = Pattern.compile("[^=\\x00-\\x1f\\x7f]+");
  private static final Pattern SHARE = Pattern.compile("[0-9]+%?");
  private static final Pattern IPV4 =
      Pattern.compile("((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(?!$)|$)){4}");
  private static final int MAX_CONTENT = 1 << 20;
  private static final int LONGEST_CRON_JOB_NAME = 52;
  private static final int MOST_ENDPOINTS = 1_000;

  private ObjectRules() {}

  static List<Fault> faults(GroupKind kind, ObjectNode object) {
    var rules = new ObjectRules();
    rules.metadata(kind, object.path("metadata"));
    JsonNode spec = object.path("spec");
    switch (kind.toString()) {
      case "Pod" -> {
        rules.podSpec(spec, List.of("spec"), Set.of("Always", "OnFailure", "Never"));
        if (spec.has("nodeName") && !Json.items(spec, "schedulingGates").isEmpty()) {
          rules.fault(
              List.of("spec", "nodeName"),
              "FieldValueForbidden",
              "cannot be set until all schedulingGates have been cleared");
        }
      }
      case "ReplicationController" -> rules.replicationController(spec);
      case "Deployment.apps", "ReplicaSet.apps", "Rollout.slipway.dev" ->
          rules.workload(spec, kind.group().equals("apps"));
      case "Job.batch" -> rules.job(spec, List.of("spec"));
      case "Lease.coordination.k8s.io" ->
          rules.atLeast(spec, List.of("spec"), "leaseDurationSeconds", 1);
      case "Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io" ->
          rules.rights(object);
      case "CronJob.batch" -> rules.cronJob(object);
      case "EndpointSlice.discovery.k8s.io" -> rules.endpointSlice(object);
      case "Service" -> rules.service(spec);
      case "ConfigMap" ->
          rules.content(object, List.of("data", "binaryData"), Set.of("binaryData"));
      case "Secret" -> {
        rules.content(object, List.of("data", "stringData"), Set.of("data"));
        rules.secretType(object);
      }
      default -> {}
    }
    if (kind.group().equals("slipway.dev")) {
      rules.faults.addAll(DeliveryRules.faults(kind, object));
    }
    return rules.faults;
  }

  private void metadata(GroupKind kind, JsonNode metadata) {
    String name = Json.string(metadata, "name", "");
    List<Object> at = List.of("metadata", "name");
    if (name.isEmpty()) {
      if (Json.string(metadata, "generateName", "").isEmpty()) {
        fault(at, "FieldValueRequired", "an object needs a name");
      }
    } else if (kind.equals(GroupKind.core("Service"))) {
      if (!SERVICE_NAME.matcher(name).matches() || name.length() > 63) {
        invalid(
            at,
            "\"%s\" cannot name a Service: use up to 63 lower-case letters, digits and -, beginning with a letter"
                .formatted(name));
      }
    } else if (kind.equals(GroupKind.core("Namespace"))) {
      if (!LABEL_NAME.matcher(name).matches() || name.length() > 63) {
        invalid(
            at,
            "\"%s\" cannot name a Namespace: use up to 63 lower-case letters, digits and -"
                .formatted(name));
      }
    } else if (kind.group().equals("rbac.authorization.k8s.io")) {
      if (name.equals(".") || name.equals("..") || name.contains("/") || name.contains("%")) {
        invalid(
            at,
            "\"%s\" is no name: it may be neither . nor .. and hold neither / nor %%"
                .formatted(name));
      }
    } else if (!SUBDOMAIN.matcher(name).matches() || name.length() > 253) {
      invalid(
          at,
          "\"%s\" is no name: use lower-case letters, digits, - and ., beginning and ending with a letter or digit"
              .formatted(name));
    }
    String namespace = Json.string(metadata, "namespace", "");
    if (!namespace.isEmpty()
        && (!LABEL_NAME.matcher(namespace).matches() || namespace.length() > 63)) {
      invalid(
          List.of("metadata", "namespace"),
          "\"%s\" is no namespace: use up to 63 lower-case letters, digits and -"
              .formatted(namespace));
    }
    labels(metadata.path("labels"), List.of("metadata", "labels"));
    for (var annotation : metadata.path("annotations").properties()) {
      qualified(
          annotation.getKey(),
          "annotation",
          List.of("metadata", "annotations", annotation.getKey()));
    }
  }

  /// An optional domain and a slash, and a name of up to 63 characters.
  private void qualified(String name, String what, List<Object> at) {
    if (!QUALIFIED.matcher(name).matches()) {
      invalid(
          at,
          "\"%s\" is no %s name: use up to 63 letters, digits, -, _ and ., if need be after a domain and /"
              .formatted(name, what));
      return;
    }
    int slash = name.indexOf('/');
    if (slash > 253) {
      invalid(at, "the domain before / has %d characters: at most 253".formatted(slash));
    } else if (slash > 0 && !SUBDOMAIN.matcher(name.substring(0, slash)).matches()) {
      invalid(at, "\"%s\" before / is no domain".formatted(name.substring(0, slash)));
    }
  }

  private void labels(JsonNode labels, List<Object> base) {
    for (var label : labels.properties()) {
      qualified(label.getKey(), "label", path(base, label.getKey()));
      if (label.getValue().isString()
          && !LABEL_VALUE.matcher(label.getValue().stringValue()).matches()) {
        invalid(
            path(base, label.getKey()),
            "\"%s\" is no label value: use up to 63 letters, digits, -, _ and ."
                .formatted(label.getValue().stringValue()));
      }
    }
  }

  private void replicationController(JsonNode spec) {
    replicas(spec);
    JsonNode template = spec.path("template");
    if (!template.isObject()) {
      fault(
          List.of("spec", "template"),
          "FieldValueRequired",
          "a ReplicationController needs a template");
      return;
    }
    Map<String, String> selector = Json.stringMap(spec, "selector");
    fits(LabelSelector.ofMap(selector), selector.isEmpty(), template, List.of("spec", "selector"));
    template(template, List.of("spec"), Set.of("Always"));
  }

  private void workload(JsonNode spec, boolean needsSelector) {
    replicas(spec);
    JsonNode template = spec.path("template");
    JsonNode selector = spec.path("selector");
    try {
      fits(
          LabelSelector.read(selector),
          !needsSelector && !selector.isObject(),
          template,
          List.of("spec", "selector"));
    } catch (IllegalArgumentException e) {
      invalid(List.of("spec", "selector"), String.valueOf(e.getMessage()));
    }
    template(template, List.of("spec"), Set.of("Always"));
    JsonNode rolling = spec.path("strategy").path("rollingUpdate");
    boolean zero = true;
    for (String field : List.of("maxSurge", "maxUnavailable")) {
      JsonNode value = rolling.path(field);
      if (value.isString() && !SHARE.matcher(value.stringValue()).matches()) {
        invalid(
            List.of("spec", "strategy", "rollingUpdate", field),
            "\"%s\" is no number of pods: write 1 or 25%%".formatted(value.stringValue()));
      }
      atLeast(rolling, List.of("spec", "strategy", "rollingUpdate"), field, 0);
      if (field.equals("maxUnavailable")
          && value.asString("").matches("[0-9]{1,9}%")
          && Integer.parseInt(value.asString().replace("%", "")) > 100) {
        invalid(
            List.of("spec", "strategy", "rollingUpdate", field),
            "%s is more than there are: at most 100%%".formatted(value.asString()));
      }
      zero &= value.asString("").matches("0%?");
    }
    if (zero && rolling.size() >= 2) {
      invalid(
          List.of("spec", "strategy", "rollingUpdate", "maxUnavailable"),
          "maxSurge and maxUnavailable cannot both be 0: nothing could move");
    }
  }

  private void rights(JsonNode role) {
    List<JsonNode> rules = Json.items(role, "rules");
    for (int i = 0; i < rules.size(); i++) {
      boolean paths = !Json.items(rules.get(i), "nonResourceURLs").isEmpty();
      for (String field : paths ? List.of("verbs") : List.of("verbs", "apiGroups", "resources")) {
        if (rules.get(i).has(field) || !field.equals("verbs")) {
          if (Json.items(rules.get(i), field).isEmpty()) {
            fault(
                List.of("rules", i, field),
                "FieldValueRequired",
                "a rule without %s allows nothing".formatted(field));
          }
        }
      }
    }
  }

  /// What readers of these types rely on.
  private void secretType(JsonNode secret) {
    List<String> needed =
        switch (Json.string(secret, "type", "")) {
          case "kubernetes.io/tls" -> List.of("tls.crt", "tls.key");
          case "kubernetes.io/dockerconfigjson" -> List.of(".dockerconfigjson");
          case "kubernetes.io/dockercfg" -> List.of(".dockercfg");
          case "kubernetes.io/ssh-auth" -> List.of("ssh-privatekey");
          default -> List.of();
        };
    for (String key : needed) {
      if (!secret.path("data").has(key) && !secret.path("stringData").has(key)) {
        fault(
            List.of("data", key),
            "FieldValueRequired",
            "a Secret of this type needs \"%s\"".formatted(key));
      }
    }
  }

  private void cronJob(JsonNode object) {
    JsonNode spec = object.path("spec");
    if (Json.string(object.path("metadata"), "name", "").length() > LONGEST_CRON_JOB_NAME) {
      invalid(
          List.of("metadata", "name"),
          "must be no more than %d characters: its jobs add 11".formatted(LONGEST_CRON_JOB_NAME));
    }
    String schedule = Json.string(spec, "schedule", "");
    if (schedule.isEmpty()) {
      fault(List.of("spec", "schedule"), "FieldValueRequired", "a CronJob needs a schedule");
    } else {
      try {
        CronSchedule.parse(schedule, "");
      } catch (IllegalArgumentException e) {
        invalid(List.of("spec", "schedule"), String.valueOf(e.getMessage()));
      }
    }
    try {
      CronSchedule.parse("@hourly", Json.string(spec, "timeZone", ""));
    } catch (IllegalArgumentException e) {
      invalid(List.of("spec", "timeZone"), String.valueOf(e.getMessage()));
    }
    String policy = Json.string(spec, "concurrencyPolicy", "Allow");
    if (!Set.of("Allow", "Forbid", "Replace").contains(policy)) {
      fault(
          List.of("spec", "concurrencyPolicy"),
          "FieldValueNotSupported",
          "\"%s\" is not possible here: use Allow, Forbid or Replace".formatted(policy));
    }
    for (String field :
        List.of(
            "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")) {
      atLeast(spec, List.of("spec"), field, 0);
    }
    job(spec.path("jobTemplate").path("spec"), List.of("spec", "jobTemplate", "spec"));
  }

  private void endpointSlice(JsonNode slice) {
    String type = Json.string(slice, "addressType", "");
    if (type.isEmpty()) {
      fault(
          List.of("addressType"),
          "FieldValueRequired",
          "an EndpointSlice needs IPv4, IPv6 or FQDN");
    } else if (!Set.of("IPv4", "IPv6", "FQDN").contains(type)) {
      fault(
          List.of("addressType"),
          "FieldValueNotSupported",
          "\"%s\" is not possible here: use IPv4, IPv6 or FQDN".formatted(type));
    }
    List<JsonNode> endpoints = Json.items(slice, "endpoints");
    if (endpoints.size() > MOST_ENDPOINTS) {
      fault(
          List.of("endpoints"),
          "FieldValueTooMany",
          "must have at most %d items".formatted(MOST_ENDPOINTS));
    }
    for (int i = 0; i < endpoints.size(); i++) {
      List<String> addresses = Json.strings(endpoints.get(i), "addresses");
      if (addresses.isEmpty()) {
        fault(
            List.of("endpoints", i, "addresses"),
            "FieldValueRequired",
            "must contain at least 1 address");
      }
      for (int j = 0; j < addresses.size(); j++) {
        if (type.equals("IPv4") && !IPV4.matcher(addresses.get(j)).matches()) {
          invalid(
              List.of("endpoints", i, "addresses", j),
              "\"%s\" is no IPv4 address".formatted(addresses.get(j)));
        }
      }
    }
    var names = new HashSet<String>();
    List<JsonNode> ports = Json.items(slice, "ports");
    for (int i = 0; i < ports.size(); i++) {
      if (!names.add(Json.string(ports.get(i), "name", ""))) {
        fault(
            List.of("ports", i, "name"),
            "FieldValueDuplicate",
            "the name \"%s\" is here twice".formatted(Json.string(ports.get(i), "name", "")));
      }
    }
  }

  private void job(JsonNode spec, List<Object> base) {
    faults.addAll(JobRules.faults(spec, base));
    JsonNode template = spec.path("template");
    if (Json.string(template.path("spec"), "restartPolicy", "").isEmpty()) {
      fault(
          path(base, "template", "spec", "restartPolicy"),
          "FieldValueRequired",
          "a Job needs restartPolicy: Never or OnFailure");
    }
    template(template, base, Set.of("Never", "OnFailure"));
  }

  private void replicas(JsonNode spec) {
    for (String field :
        List.of("replicas", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit")) {
      atLeast(spec, List.of("spec"), field, 0);
    }
  }

  private void fits(LabelSelector selector, boolean optional, JsonNode template, List<Object> at) {
    if (selector.isEverything()) {
      if (!optional) {
        fault(at, "FieldValueRequired", "a selector is required");
      }
      return;
    }
    if (!selector.matches(Json.stringMap(template.path("metadata"), "labels"))) {
      invalid(
          List.of("spec", "template", "metadata", "labels"),
          "the selector does not match the labels of the template: its own pods would not be found");
    }
  }

  private void template(JsonNode template, List<Object> base, Set<String> policies) {
    labels(template.path("metadata").path("labels"), path(base, "template", "metadata", "labels"));
    podSpec(template.path("spec"), path(base, "template", "spec"), policies);
  }

  private void podSpec(JsonNode spec, List<Object> base, Set<String> policies) {
    String policy = Json.string(spec, "restartPolicy", "");
    if (!policy.isEmpty() && !policies.contains(policy)) {
      // Always is what a template gets that says nothing.
      fault(
          path(base, "restartPolicy"),
          policy.equals("Always") ? "FieldValueRequired" : "FieldValueNotSupported",
          "\"%s\" is not possible here: use %s"
              .formatted(policy, String.join(" or ", policies.stream().sorted().toList())));
    }
    atLeast(spec, base, "terminationGracePeriodSeconds", 0);
    var volumes = new HashSet<String>();
    List<JsonNode> list = Json.items(spec, "volumes");
    for (int i = 0; i < list.size(); i++) {
      String name = Json.string(list.get(i), "name", "");
      if (!LABEL_NAME.matcher(name).matches()) {
        invalid(
            path(base, "volumes", i, "name"),
            "\"%s\" is no volume name: use lower-case letters, digits and -".formatted(name));
      }
      if (!volumes.add(name)) {
        fault(
            path(base, "volumes", i, "name"),
            "FieldValueDuplicate",
            "the volume \"%s\" is here twice".formatted(name));
      }
      List<String> sources =
          list.get(i).propertyNames().stream()
              .filter(field -> !field.equals("name"))
              .sorted()
              .toList();
      if (sources.size() > 1) {
        invalid(
            path(base, "volumes", i),
            "a volume has one source, not %s".formatted(String.join(" and ", sources)));
      }
      for (JsonNode source : Json.items(list.get(i).path("projected"), "sources")) {
        if (source.path("serviceAccountToken").isObject()) {
          token(source.path("serviceAccountToken"), path(base, "volumes", i, "projected"));
        }
      }
    }
    placement(spec, base);
    var names = new HashSet<String>();
    if (Json.items(spec, "containers").isEmpty()) {
      fault(path(base, "containers"), "FieldValueRequired", "a pod needs at least one container");
    }
    for (String field : List.of("initContainers", "containers")) {
      List<JsonNode> containers = Json.items(spec, field);
      for (int i = 0; i < containers.size(); i++) {
        container(containers.get(i), path(base, field, i), volumes, names);
      }
    }
  }

  private void token(JsonNode token, List<Object> base) {
    if (Json.string(token, "path", "").isEmpty()) {
      fault(path(base, "path"), "FieldValueRequired", "a token needs a path in its volume");
    }
    long seconds = Json.number(token, "expirationSeconds", 3_600);
    if (seconds < 600) {
      invalid(path(base, "expirationSeconds"), "may not specify a duration less than 10 minutes");
    } else if (seconds > 1L << 32) {
      invalid(
          path(base, "expirationSeconds"), "may not specify a duration larger than 2^32 seconds");
    }
  }

  private void placement(JsonNode spec, List<Object> base) {
    labels(spec.path("nodeSelector"), path(base, "nodeSelector"));
    List<JsonNode> tolerations = Json.items(spec, "tolerations");
    for (int i = 0; i < tolerations.size(); i++) {
      List<Object> at = path(base, "tolerations", i);
      String operator = Json.string(tolerations.get(i), "operator", "Equal");
      if (!Set.of("Equal", "Exists").contains(operator)) {
        fault(
            path(at, "operator"),
            "FieldValueNotSupported",
            "\"%s\" is no operator: Equal or Exists".formatted(operator));
      } else if (operator.equals("Exists")
          && !Json.string(tolerations.get(i), "value", "").isEmpty()) {
        invalid(path(at, "value"), "with operator Exists there is no value");
      } else if (operator.equals("Equal") && Json.string(tolerations.get(i), "key", "").isEmpty()) {
        invalid(path(at, "operator"), "without a key the operator is Exists");
      }
    }
    List<JsonNode> constraints = Json.items(spec, "topologySpreadConstraints");
    for (int i = 0; i < constraints.size(); i++) {
      List<Object> at = path(base, "topologySpreadConstraints", i);
      topology(constraints.get(i), at);
      atLeast(constraints.get(i), at, "maxSkew", 1);
      atLeast(constraints.get(i), at, "minDomains", 1);
      String otherwise = Json.string(constraints.get(i), "whenUnsatisfiable", "");
      if (!Set.of("DoNotSchedule", "ScheduleAnyway").contains(otherwise)) {
        fault(
            path(at, "whenUnsatisfiable"),
            "FieldValueNotSupported",
            "\"%s\" is not possible: DoNotSchedule or ScheduleAnyway".formatted(otherwise));
      }
    }
    for (String kind : List.of("podAffinity", "podAntiAffinity")) {
      JsonNode affinity = spec.path("affinity").path(kind);
      String required = "requiredDuringSchedulingIgnoredDuringExecution";
      for (int i = 0; i < affinity.path(required).size(); i++) {
        topology(affinity.path(required).get(i), path(base, "affinity", kind, required, i));
      }
    }
    for (String kind : List.of("nodeAffinity", "podAffinity", "podAntiAffinity")) {
      String preferred = "preferredDuringSchedulingIgnoredDuringExecution";
      List<JsonNode> terms = Json.items(spec.path("affinity").path(kind), preferred);
      for (int i = 0; i < terms.size(); i++) {
        List<Object> at = path(base, "affinity", kind, preferred, i);
        int weight = Json.integer(terms.get(i), "weight", 0);
        if (weight < 1 || weight > 100) {
          invalid(path(at, "weight"), weight + " is no weight: 1 to 100");
        }
        if (!kind.equals("nodeAffinity")) {
          topology(terms.get(i).path("podAffinityTerm"), path(at, "podAffinityTerm"));
        }
      }
    }
  }

  /// What a spread constraint and a term of pod affinity have in common.
  private void topology(JsonNode term, List<Object> base) {
    if (Json.string(term, "topologyKey", "").isEmpty()) {
      fault(
          path(base, "topologyKey"),
          "FieldValueRequired",
          "the label that tells one place from another is needed, for instance kubernetes.io/hostname");
    }
    try {
      LabelSelector.read(term.path("labelSelector"));
    } catch (IllegalArgumentException e) {
      invalid(path(base, "labelSelector"), String.valueOf(e.getMessage()));
    }
  }

  private void container(
      JsonNode container, List<Object> base, Set<String> volumes, Set<String> names) {
    String name = Json.string(container, "name", "");
    if (!LABEL_NAME.matcher(name).matches() || name.length() > 63) {
      invalid(
          path(base, "name"),
          "\"%s\" is no container name: use lower-case letters, digits and -".formatted(name));
    }
    if (!names.add(name)) {
      fault(
          path(base, "name"),
          "FieldValueDuplicate",
          "the container \"%s\" is here twice".formatted(name));
    }
    if (Json.string(container, "image", "").isBlank()) {
      fault(path(base, "image"), "FieldValueRequired", "a container needs an image");
    }
    var ports = new HashSet<String>();
    var numbers = new HashSet<String>();
    List<JsonNode> portList = Json.items(container, "ports");
    for (int i = 0; i < portList.size(); i++) {
      JsonNode port = portList.get(i);
      port(port, "containerPort", path(base, "ports", i));
      String number =
          Json.integer(port, "containerPort", 0) + "/" + Json.string(port, "protocol", "TCP");
      if (!numbers.add(number)) {
        fault(
            path(base, "ports", i, "containerPort"),
            "FieldValueDuplicate",
            "the port %s is here twice".formatted(number));
      }
      if (port.has("hostPort")) {
        port(port, "hostPort", path(base, "ports", i));
      }
      String portName = Json.string(port, "name", "");
      if (!portName.isEmpty()) {
        portName(portName, path(base, "ports", i, "name"));
        if (!ports.add(portName)) {
          fault(
              path(base, "ports", i, "name"),
              "FieldValueDuplicate",
              "the port \"%s\" is here twice".formatted(portName));
        }
      }
    }
    var variables = new HashSet<String>();
    List<JsonNode> env = Json.items(container, "env");
    for (int i = 0; i < env.size(); i++) {
      String variable = Json.string(env.get(i), "name", "");
      if (variable.isEmpty()) {
        fault(path(base, "env", i, "name"), "FieldValueRequired", "a variable needs a name");
      } else if (!ENV_NAME.matcher(variable).matches()) {
        invalid(
            path(base, "env", i, "name"),
            "\"%s\" cannot name an environment variable".formatted(variable));
      } else if (!variables.add(variable)) {
        fault(
            path(base, "env", i, "name"),
            "FieldValueDuplicate",
            "the variable \"%s\" is here twice".formatted(variable));
      }
      if (env.get(i).has("value") && env.get(i).has("valueFrom")) {
        invalid(path(base, "env", i), "value and valueFrom cannot both be given");
      }
    }
    var mounts = new HashSet<String>();
    List<JsonNode> mountList = Json.items(container, "volumeMounts");
    for (int i = 0; i < mountList.size(); i++) {
      String volume = Json.string(mountList.get(i), "name", "");
      if (!volumes.contains(volume)) {
        fault(
            path(base, "volumeMounts", i, "name"),
            "FieldValueNotFound",
            "there is no volume \"%s\"%s".formatted(volume, Schemas.near(volume, volumes)));
      }
      String at = Json.string(mountList.get(i), "mountPath", "");
      if (!at.startsWith("/")) {
        invalid(
            path(base, "volumeMounts", i, "mountPath"),
            "\"%s\" must be an absolute path".formatted(at));
      }
      if (!mounts.add(at)) {
        fault(
            path(base, "volumeMounts", i, "mountPath"),
            "FieldValueDuplicate",
            "\"%s\" is mounted twice".formatted(at));
      }
    }
    for (String probe : List.of("livenessProbe", "readinessProbe", "startupProbe")) {
      if (container.path(probe).isObject()) {
        probe(container.path(probe), path(base, probe), ports);
        if (!probe.equals("readinessProbe")
            && Json.integer(container.path(probe), "successThreshold", 1) != 1) {
          invalid(
              path(base, probe, "successThreshold"),
              "only a readinessProbe may ask for more than 1 success");
        }
      }
    }
    resources(container.path("resources"), path(base, "resources"));
  }

  private void probe(JsonNode probe, List<Object> base, Set<String> ports) {
    long handlers =
        List.of("exec", "httpGet", "tcpSocket", "grpc").stream()
            .filter(handler -> probe.path(handler).isObject())
            .count();
    if (handlers != 1) {
      invalid(base, "a probe does exactly one of exec, httpGet, tcpSocket and grpc");
    }
    for (String handler : List.of("httpGet", "tcpSocket")) {
      JsonNode port = probe.path(handler).path("port");
      if (port.isString()
          && !ports.contains(port.stringValue())
          && !port.stringValue().matches("[0-9]+")) {
        fault(
            path(base, handler, "port"),
            "FieldValueNotFound",
            "the container has no port named \"%s\"%s"
                .formatted(port.stringValue(), Schemas.near(port.stringValue(), ports)));
      } else if (port.isIntegralNumber() && (port.intValue() < 1 || port.intValue() > 65535)) {
        invalid(path(base, handler, "port"), port.intValue() + " is no port: 1 to 65535");
      }
    }
    if (probe.path("grpc").isObject()) {
      port(probe.path("grpc"), "port", path(base, "grpc"));
    }
    for (String field :
        List.of("periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold")) {
      atLeast(probe, base, field, 1);
    }
    atLeast(probe, base, "initialDelaySeconds", 0);
  }

  private void resources(JsonNode resources, List<Object> base) {
    for (var limit : resources.path("limits").properties()) {
      if (Quantity.find(limit.getValue().asString(""))
          .filter(amount -> amount.amount().signum() < 0)
          .isPresent()) {
        invalid(path(base, "limits", limit.getKey()), "a limit cannot be negative");
      }
    }
    for (var request : resources.path("requests").properties()) {
      Optional<Quantity> wanted = Quantity.find(request.getValue().asString(""));
      Optional<Quantity> limit =
          Quantity.find(resources.path("limits").path(request.getKey()).asString(""));
      if (wanted.isPresent() && wanted.get().amount().signum() < 0) {
        invalid(path(base, "requests", request.getKey()), "a request cannot be negative");
      }
      if (wanted.isPresent() && limit.isPresent() && wanted.get().compareTo(limit.get()) > 0) {
        invalid(
            path(base, "requests", request.getKey()),
            "the request %s is more than the limit %s"
                .formatted(
                    request.getValue().asString(),
                    resources.path("limits").path(request.getKey()).asString()));
      }
    }
  }

  private void port(JsonNode port, String field, List<Object> base) {
    int number = Json.integer(port, field, 0);
    if (number < 1 || number > 65535) {
      fault(
          path(base, field),
          number == 0 ? "FieldValueRequired" : "FieldValueInvalid",
          number + " is no port: 1 to 65535");
    }
  }

  private void portName(String name, List<Object> at) {
    if (!PORT_NAME.matcher(name).matches() || !name.matches(".*[a-z].*")) {
      invalid(
          at,
          "\"%s\" is no port name: up to 15 lower-case letters, digits and -, with at least one letter"
              .formatted(name));
    }
  }

  private void service(JsonNode spec) {
    String type = Json.string(spec, "type", "ClusterIP");
    if (!Set.of("ClusterIP", "NodePort", "LoadBalancer", "ExternalName").contains(type)) {
      fault(
          List.of("spec", "type"),
          "FieldValueNotSupported",
          "\"%s\" is no type of Service: ClusterIP, NodePort, LoadBalancer or ExternalName"
              .formatted(type));
    }
    List<JsonNode> ports = Json.items(spec, "ports");
    if (ports.isEmpty()
        && !type.equals("ExternalName")
        && !Json.string(spec, "clusterIP", "").equals("None")) {
      fault(List.of("spec", "ports"), "FieldValueRequired", "a Service needs at least one port");
    }
    var names = new HashSet<String>();
    var numbers = new HashSet<String>();
    var nodePorts = new HashSet<String>();
    for (int i = 0; i < ports.size(); i++) {
      List<Object> base = List.of("spec", "ports", i);
      port(ports.get(i), "port", base);
      String protocol = Json.string(ports.get(i), "protocol", "TCP");
      String number = Json.integer(ports.get(i), "port", 0) + "/" + protocol;
      if (!numbers.add(number)) {
        fault(
            path(base, "port"),
            "FieldValueDuplicate",
            "the port %s is here twice".formatted(number));
      }
      targetPort(ports.get(i).path("targetPort"), path(base, "targetPort"));
      String name = Json.string(ports.get(i), "name", "");
      if (name.isEmpty() && ports.size() > 1) {
        fault(path(base, "name"), "FieldValueRequired", "with several ports each needs a name");
      } else if (!name.isEmpty() && !names.add(name)) {
        fault(
            path(base, "name"),
            "FieldValueDuplicate",
            "the port \"%s\" is here twice".formatted(name));
      }
      int nodePort = Json.integer(ports.get(i), "nodePort", 0);
      if (nodePort != 0 && (nodePort < 30000 || nodePort > 32767)) {
        invalid(path(base, "nodePort"), nodePort + " is no node port: 30000 to 32767");
      }
      if (nodePort != 0 && !nodePorts.add(nodePort + "/" + protocol)) {
        fault(
            path(base, "nodePort"),
            "FieldValueDuplicate",
            "the node port %d is here twice".formatted(nodePort));
      }
      if (nodePort != 0 && type.equals("ClusterIP")) {
        invalid(path(base, "nodePort"), "a nodePort needs type: NodePort");
      }
    }
    labels(spec.path("selector"), List.of("spec", "selector"));
    if (type.equals("ExternalName") && Json.string(spec, "externalName", "").isEmpty()) {
      fault(
          List.of("spec", "externalName"),
          "FieldValueRequired",
          "a Service of type ExternalName needs the name");
    }
    String affinity = Json.string(spec, "sessionAffinity", "None");
    if (!Set.of("None", "ClientIP").contains(affinity)) {
      fault(
          List.of("spec", "sessionAffinity"),
          "FieldValueNotSupported",
          "\"%s\" is not possible: None or ClientIP".formatted(affinity));
    }
  }

  private void targetPort(JsonNode port, List<Object> at) {
    if (port.isString()) {
      portName(port.stringValue(), at);
    } else if (port.isIntegralNumber() && (port.intValue() < 1 || port.intValue() > 65535)) {
      invalid(at, port.intValue() + " is no port: 1 to 65535");
    }
  }

  private void content(ObjectNode object, List<String> fields, Set<String> encoded) {
    long size = 0;
    for (String field : fields) {
      for (var entry : object.path(field).properties()) {
        if (!KEY.matcher(entry.getKey()).matches()) {
          invalid(
              List.of(field, entry.getKey()),
              "\"%s\" is no key: use letters, digits, -, _ and .".formatted(entry.getKey()));
        }
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
      Base64.getDecoder().decode(value.replaceAll("\\s", ""));
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
