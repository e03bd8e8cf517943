package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// What a pod, or the template of one, may say beside its containers and volumes.
final class PodRules extends Rules {
  static final List<String> ANY_RESTART = List.of("Always", "OnFailure", "Never");

  private static final List<String> EFFECTS =
      List.of("NoSchedule", "PreferNoSchedule", "NoExecute");
  private static final List<String> DNS_POLICIES =
      List.of("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None");
  private static final List<String> SYSTEMS = List.of("linux", "windows");
  private static final List<String> NODE_POLICIES = List.of("Honor", "Ignore");
  private static final List<String> OTHERWISE = List.of("DoNotSchedule", "ScheduleAnyway");
  private static final List<String> TOLERATION_OPERATORS = List.of("Equal", "Exists");
  private static final List<String> PREEMPTION = List.of("Never", "PreemptLowerPriority");
  private static final String REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
  private static final String PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";
  private static final int MOST_NAMESERVERS = 3;
  private static final int MOST_SEARCHES = 32;

  PodRules(List<Fault> faults) {
    super(faults);
  }

  void pod(JsonNode spec) {
    List<Object> base = List.of("spec");
    spec(spec, base);
    oneOf(spec, base, "restartPolicy", ANY_RESTART);
    if (!spec.path("ephemeralContainers").isEmpty()) {
      forbidden(path(base, "ephemeralContainers"), "cannot be set on create");
    }
  }

  /// The template of a workload, but for its restart policy.
  void template(JsonNode template, List<Object> base) {
    JsonNode metadata = template.path("metadata");
    labels(metadata.path("labels"), path(base, "template", "metadata", "labels"));
    annotations(metadata.path("annotations"), path(base, "template", "metadata", "annotations"));
    List<Object> at = path(base, "template", "spec");
    spec(template.path("spec"), at);
    if (!template.path("spec").path("ephemeralContainers").isEmpty()) {
      forbidden(
          path(at, "ephemeralContainers"), "ephemeral containers not allowed in pod template");
    }
  }

  private void spec(JsonNode spec, List<Object> base) {
    atLeast(spec, base, "terminationGracePeriodSeconds", 0);
    between(spec, base, "activeDeadlineSeconds", 1, Integer.MAX_VALUE);
    identity(spec, base);
    dns(spec, base);
    gates(spec, base);
    security(spec, base);
    placement(spec, base);
    Set<String> volumes = new VolumeRules(faults).volumes(Json.items(spec, "volumes"), base);
    if (spec.path("containers").isEmpty()) {
      required(path(base, "containers"), "a pod needs at least one container");
    }
    new ContainerRules(faults, spec, volumes).containers(base);
    var resources = new ResourceRules(faults);
    resources.ofContainer(spec.path("overhead"), base, "overhead");
    resources.ofPod(spec.path("resources"), base);
  }

  private void identity(JsonNode spec, List<Object> base) {
    named(spec, base, "serviceAccountName", Names::subdomain);
    named(spec, base, "hostname", Names::label);
    named(spec, base, "subdomain", Names::label);
    named(spec, base, "nodeName", Names::subdomain);
    oneOf(spec, base, "preemptionPolicy", PREEMPTION);
    JsonNode system = spec.path("os");
    if (system.isObject()) {
      String name = Json.string(system, "name", "");
      if (name.isEmpty()) {
        required(path(base, "os", "name"));
      } else if (!SYSTEMS.contains(name)) {
        notSupported(path(base, "os"), name, SYSTEMS);
      }
    }
    List<JsonNode> aliases = Json.items(spec, "hostAliases");
    for (int i = 0; i < aliases.size(); i++) {
      named(Json.string(aliases.get(i), "ip", ""), Names::ip, base, "hostAliases", i, "ip");
      List<String> names = Json.strings(aliases.get(i), "hostnames");
      for (int j = 0; j < names.size(); j++) {
        named(names.get(j), Names::subdomain, base, "hostAliases", i, "hostnames", j);
      }
    }
  }

  private void dns(JsonNode spec, List<Object> base) {
    oneOf(spec, base, "dnsPolicy", DNS_POLICIES);
    JsonNode config = spec.path("dnsConfig");
    List<String> servers = Json.strings(config, "nameservers");
    if (Json.string(spec, "dnsPolicy", "").equals("None")) {
      if (!config.isObject()) {
        required(path(base, "dnsConfig"), "must provide `dnsConfig` when `dnsPolicy` is None");
      } else if (servers.isEmpty()) {
        required(
            path(base, "dnsConfig", "nameservers"),
            "must provide at least one DNS nameserver when `dnsPolicy` is None");
      }
    }
    atMost(config, base, "nameservers", MOST_NAMESERVERS, "nameservers", Names::ip);
    atMost(config, base, "searches", MOST_SEARCHES, "search paths", Names::search);
    List<JsonNode> options = Json.items(config, "options");
    for (int i = 0; i < options.size(); i++) {
      if (Json.string(options.get(i), "name", "").isEmpty()) {
        required(path(base, "dnsConfig", "options", i), "must not be empty");
      }
    }
  }

  private void atMost(
      JsonNode config, List<Object> base, String field, int most, String what, Names.Rule rule) {
    List<String> values = Json.strings(config, field);
    if (values.size() > most) {
      invalid(
          path(base, "dnsConfig", field),
          "Invalid value: %s: must not have more than %d %s"
              .formatted(Json.text(config.path(field)), most, what));
    }
    for (int i = 0; i < values.size(); i++) {
      named(values.get(i), rule, base, "dnsConfig", field, i);
    }
  }

  private void gates(JsonNode spec, List<Object> base) {
    List<JsonNode> readiness = Json.items(spec, "readinessGates");
    for (int i = 0; i < readiness.size(); i++) {
      String type = Json.string(readiness.get(i), "conditionType", "");
      named(type, Names::qualified, base, "readinessGates", i, "conditionType");
    }
    List<JsonNode> scheduling = Json.items(spec, "schedulingGates");
    var seen = new HashSet<String>();
    for (int i = 0; i < scheduling.size(); i++) {
      String name = Json.string(scheduling.get(i), "name", "");
      named(name, Names::qualified, base, "schedulingGates", i);
      if (!seen.add(name)) {
        duplicate(path(base, "schedulingGates", i), name);
      }
    }
    if (!scheduling.isEmpty() && !Json.string(spec, "nodeName", "").isEmpty()) {
      forbidden(
          path(base, "nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
  }

  private void security(JsonNode spec, List<Object> base) {
    boolean ownUsers = !Json.bool(spec, "hostUsers", true);
    for (String field : List.of("hostNetwork", "hostPID", "hostIPC")) {
      if (ownUsers && Json.bool(spec, field, false)) {
        forbidden(path(base, field), "when `hostUsers` is false");
      }
    }
    if (Json.bool(spec, "hostPID", false) && Json.bool(spec, "shareProcessNamespace", false)) {
      invalid(
          path(base, "shareProcessNamespace"),
          "Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled");
    }
    new SecurityRules(faults, spec).ofPod(spec.path("securityContext"), base);
  }

  private void placement(JsonNode spec, List<Object> base) {
    labels(spec.path("nodeSelector"), path(base, "nodeSelector"));
    List<JsonNode> tolerations = Json.items(spec, "tolerations");
    for (int i = 0; i < tolerations.size(); i++) {
      toleration(tolerations.get(i), path(base, "tolerations", i));
    }
    spread(Json.items(spec, "topologySpreadConstraints"), base);
    JsonNode affinity = spec.path("affinity");
    if (!affinity.isEmpty()) {
      affinity(affinity, path(base, "affinity"));
    }
  }

  private void toleration(JsonNode toleration, List<Object> at) {
    String key = Json.string(toleration, "key", "");
    String value = Json.string(toleration, "value", "");
    String operator = Json.string(toleration, "operator", "");
    String effect = Json.string(toleration, "effect", "");
    named(toleration, at, "key", Names::qualified);
    oneOf(toleration, at, "operator", TOLERATION_OPERATORS);
    if (operator.equals("Exists") && !value.isEmpty()) {
      invalid(path(at, "value"), value, "value must be empty when `operator` is 'Exists'");
    } else if (operator.equals("Equal") || operator.isEmpty()) {
      if (key.isEmpty()) {
        invalid(
            path(at, "operator"),
            operator,
            "operator must be Exists when `key` is empty, which means \"match all values and all"
                + " keys\"");
      }
      named(value, Names::labelValue, at, "operator");
    }
    oneOf(toleration, at, "effect", EFFECTS);
    if (toleration.path("tolerationSeconds").isNumber() && !effect.equals("NoExecute")) {
      invalid(
          path(at, "effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
  }

  private void spread(List<JsonNode> constraints, List<Object> base) {
    var seen = new HashSet<String>();
    for (int i = 0; i < constraints.size(); i++) {
      JsonNode constraint = constraints.get(i);
      List<Object> at = path(base, "topologySpreadConstraints", i);
      topology(constraint, at);
      atLeast(constraint, at, "maxSkew", 1);
      atLeast(constraint, at, "minDomains", 1);
      String otherwise = Json.string(constraint, "whenUnsatisfiable", "");
      if (!OTHERWISE.contains(otherwise)) {
        notSupported(path(at, "whenUnsatisfiable"), otherwise, OTHERWISE);
      } else if (constraint.path("minDomains").isNumber() && !otherwise.equals("DoNotSchedule")) {
        invalid(
            path(at, "minDomains"),
            Json.number(constraint, "minDomains", 0),
            "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " + otherwise);
      }
      oneOf(constraint, at, "nodeAffinityPolicy", NODE_POLICIES);
      oneOf(constraint, at, "nodeTaintsPolicy", NODE_POLICIES);
      String pair = "{%s, %s}".formatted(Json.string(constraint, "topologyKey", ""), otherwise);
      if (!seen.add(pair)) {
        duplicate(path(at, "topologyKey"), pair);
      }
      if (!constraint.path("matchLabelKeys").isEmpty()
          && !constraint.path("labelSelector").isObject()) {
        forbidden(
            path(at, "matchLabelKeys"), "must not be specified when labelSelector is not set");
      }
    }
  }

  private void affinity(JsonNode affinity, List<Object> base) {
    for (String kind : List.of("podAffinity", "podAntiAffinity")) {
      List<JsonNode> terms = Json.items(affinity.path(kind), REQUIRED);
      for (int i = 0; i < terms.size(); i++) {
        topology(terms.get(i), path(base, kind, REQUIRED, i));
      }
    }
    for (String kind : List.of("nodeAffinity", "podAffinity", "podAntiAffinity")) {
      List<JsonNode> terms = Json.items(affinity.path(kind), PREFERRED);
      for (int i = 0; i < terms.size(); i++) {
        List<Object> at = path(base, kind, PREFERRED, i);
        int weight = Json.integer(terms.get(i), "weight", 0);
        if (weight < 1 || weight > 100) {
          invalid(path(at, "weight"), weight, "must be in the range 1-100");
        }
        if (kind.equals("nodeAffinity")) {
          nodes(terms.get(i).path("preference"), path(at, "preference"));
        } else {
          topology(terms.get(i).path("podAffinityTerm"), path(at, "podAffinityTerm"));
        }
      }
    }
    JsonNode needed = affinity.path("nodeAffinity").path(REQUIRED);
    if (needed.isObject()) {
      List<Object> at = path(base, "nodeAffinity", REQUIRED, "nodeSelectorTerms");
      List<JsonNode> terms = Json.items(needed, "nodeSelectorTerms");
      if (terms.isEmpty()) {
        required(at, "must have at least one node selector term");
      }
      for (int i = 0; i < terms.size(); i++) {
        nodes(terms.get(i), path(at, i));
      }
    }
  }

  /// One term that selects nodes.
  private void nodes(JsonNode term, List<Object> base) {
    List<JsonNode> expressions = Json.items(term, "matchExpressions");
    for (int i = 0; i < expressions.size(); i++) {
      List<Object> at = path(base, "matchExpressions", i);
      JsonNode expression = expressions.get(i);
      named(Json.string(expression, "key", ""), Names::qualified, at, "key");
      List<String> values = Json.strings(expression, "values");
      String operator = Json.string(expression, "operator", "");
      switch (operator) {
        case "In", "NotIn" -> {
          if (values.isEmpty()) {
            required(path(at, "values"), "must be specified when `operator` is 'In' or 'NotIn'");
          }
          for (int j = 0; j < values.size(); j++) {
            named(values.get(j), Names::labelValue, at, "values", j);
          }
        }
        case "Exists", "DoesNotExist" -> {
          if (!values.isEmpty()) {
            forbidden(
                path(at, "values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
          }
        }
        case "Gt", "Lt" -> {
          if (values.size() != 1) {
            required(
                path(at, "values"),
                "must be specified single value when `operator` is 'Lt' or 'Gt'");
          }
        }
        default -> invalid(path(at, "operator"), operator, "not a valid selector operator");
      }
    }
    List<JsonNode> fields = Json.items(term, "matchFields");
    for (int i = 0; i < fields.size(); i++) {
      List<Object> at = path(base, "matchFields", i);
      String operator = Json.string(fields.get(i), "operator", "");
      if (!operator.equals("In") && !operator.equals("NotIn")) {
        invalid(path(at, "operator"), operator, "not a valid selector operator");
      } else if (fields.get(i).path("values").size() != 1) {
        required(
            path(at, "values"),
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
      }
      String key = Json.string(fields.get(i), "key", "");
      if (!key.equals("metadata.name")) {
        invalid(path(at, "key"), key, "not a valid field selector key");
      }
    }
  }

  /// What a spread constraint and a term of pod affinity have in common.
  private void topology(JsonNode term, List<Object> base) {
    if (Json.string(term, "topologyKey", "").isEmpty()) {
      required(
          path(base, "topologyKey"),
          "the label that tells one place from another, for instance kubernetes.io/hostname");
    } else {
      named(term, base, "topologyKey", Names::qualified);
    }
    selector(term.path("labelSelector"), path(base, "labelSelector"));
    List<String> namespaces = Json.strings(term, "namespaces");
    for (int i = 0; i < namespaces.size(); i++) {
      named(namespaces.get(i), Names::label, base, "namespaces", i);
    }
  }
}
