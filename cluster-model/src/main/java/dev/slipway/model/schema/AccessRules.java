package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Roles, and the bindings that give them.
final class AccessRules extends Rules {
  private static final List<String> GROUP = List.of("rbac.authorization.k8s.io");
  private static final List<String> NO_GROUP = List.of("");
  private static final List<String> ROLES = List.of("Role", "ClusterRole");
  private static final List<String> CLUSTER_ROLES = List.of("ClusterRole");
  private static final List<String> SUBJECTS = List.of("ServiceAccount", "User", "Group");

  AccessRules(List<Fault> faults) {
    super(faults);
  }

  void role(JsonNode role, boolean namespaced) {
    List<JsonNode> rules = Json.items(role, "rules");
    for (int i = 0; i < rules.size(); i++) {
      JsonNode rule = rules.get(i);
      if (rule.path("verbs").isEmpty()) {
        required(List.of("rules", i, "verbs"), "verbs must contain at least one value");
      }
      if (!rule.path("nonResourceURLs").isEmpty()) {
        paths(rule, namespaced, List.of("rules", i, "nonResourceURLs"));
        continue;
      }
      if (rule.path("apiGroups").isEmpty()) {
        required(
            List.of("rules", i, "apiGroups"), "resource rules must supply at least one api group");
      }
      if (rule.path("resources").isEmpty()) {
        required(
            List.of("rules", i, "resources"), "resource rules must supply at least one resource");
      }
    }
    JsonNode aggregation = role.path("aggregationRule");
    if (aggregation.isObject()) {
      aggregation(Json.items(aggregation, "clusterRoleSelectors"));
    }
  }

  private void paths(JsonNode rule, boolean namespaced, List<Object> at) {
    String value = Json.text(rule.path("nonResourceURLs"));
    if (namespaced) {
      invalid(
          at,
          "Invalid value: %s: namespaced rules cannot apply to non-resource URLs".formatted(value));
    }
    if (!rule.path("apiGroups").isEmpty()
        || !rule.path("resources").isEmpty()
        || !rule.path("resourceNames").isEmpty()) {
      invalid(
          at,
          "Invalid value: %s: rules cannot apply to both regular resources and non-resource URLs"
              .formatted(value));
    }
  }

  private void aggregation(List<JsonNode> selectors) {
    List<Object> base = List.of("aggregationRule", "clusterRoleSelectors");
    if (selectors.isEmpty()) {
      required(base, "at least one clusterRoleSelector required if aggregationRule is non-nil");
    }
    for (int i = 0; i < selectors.size(); i++) {
      selector(selectors.get(i), path(base, i));
    }
  }

  void binding(JsonNode binding, boolean namespaced) {
    JsonNode role = binding.path("roleRef");
    List<Object> at = List.of("roleRef");
    List<String> roles = namespaced ? ROLES : CLUSTER_ROLES;
    oneOf(role, at, "apiGroup", GROUP);
    String kind = Json.string(role, "kind", "");
    if (!roles.contains(kind)) {
      notSupported(path(at, "kind"), kind, roles);
    }
    needed(role, at, "name", AccessRules::segment);
    List<JsonNode> subjects = Json.items(binding, "subjects");
    for (int i = 0; i < subjects.size(); i++) {
      subject(subjects.get(i), List.of("subjects", i), namespaced);
    }
  }

  private void subject(JsonNode subject, List<Object> at, boolean namespaced) {
    String kind = Json.string(subject, "kind", "");
    if (Json.string(subject, "name", "").isEmpty()) {
      required(path(at, "name"));
    }
    switch (kind) {
      case "ServiceAccount" -> {
        named(subject, at, "name", Names::subdomain);
        oneOf(subject, at, "apiGroup", NO_GROUP);
        if (!namespaced && Json.string(subject, "namespace", "").isEmpty()) {
          required(path(at, "namespace"));
        }
      }
      case "User", "Group" -> oneOf(subject, at, "apiGroup", GROUP);
      default -> notSupported(path(at, "kind"), kind, SUBJECTS);
    }
  }

  /// A name that is one part of a path.
  static String segment(String name) {
    if (name.equals(".") || name.equals("..")) {
      return "may not be '%s'".formatted(name);
    }
    for (String character : List.of("/", "%")) {
      if (name.contains(character)) {
        return "may not contain '%s'".formatted(character);
      }
    }
    return "";
  }
}
