package dev.slipway.controlplane.access;

import dev.slipway.model.json.Json;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// One rule of a role. `*` stands for everything.
public record PolicyRule(
    List<String> verbs,
    List<String> groups,
    List<String> resources,
    List<String> names,
    List<String> paths) {
  /// What `cluster-admin` may.
  static final List<PolicyRule> EVERYTHING =
      List.of(
          new PolicyRule(List.of("*"), List.of("*"), List.of("*"), List.of(), List.of()),
          new PolicyRule(List.of("*"), List.of(), List.of(), List.of(), List.of("*")));

  static List<PolicyRule> of(JsonNode role) {
    var rules = new ArrayList<PolicyRule>();
    if (role.path("rules") instanceof ArrayNode array) {
      for (JsonNode rule : array) {
        rules.add(
            new PolicyRule(
                Json.strings(rule, "verbs"),
                Json.strings(rule, "apiGroups"),
                Json.strings(rule, "resources"),
                Json.strings(rule, "resourceNames"),
                Json.strings(rule, "nonResourceURLs")));
      }
    }
    return rules;
  }

  boolean allows(AccessRequest wanted) {
    if (!has(verbs, wanted.verb())) {
      return false;
    }
    if (wanted.isPath()) {
      return paths.stream().anyMatch(path -> covers(path, wanted.path()));
    }
    return has(groups, wanted.group())
        && allowsResource(wanted)
        && (names.isEmpty() || names.contains(wanted.name()));
  }

  private boolean allowsResource(AccessRequest wanted) {
    return has(resources, wanted.fullResource())
        || (!wanted.subresource().isEmpty() && resources.contains("*/" + wanted.subresource()));
  }

  /// The requests that say just what this rule allows: who may do all of them may give this rule
  /// away.
  List<AccessRequest> parts(String namespace) {
    var parts = new ArrayList<AccessRequest>();
    for (String verb : verbs) {
      paths.forEach(path -> parts.add(AccessRequest.path(verb, path)));
      for (String group : groups) {
        for (String resource : resources) {
          String[] halves = resource.split("/", 2);
          for (String name : names.isEmpty() ? List.of("") : names) {
            parts.add(
                AccessRequest.object(
                    verb, group, halves[0], halves.length > 1 ? halves[1] : "", namespace, name));
          }
        }
      }
    }
    return parts;
  }

  /// As reviews show it.
  public ObjectNode json() {
    ObjectNode json = Json.object();
    put(json, "verbs", verbs);
    if (paths.isEmpty()) {
      put(json, "apiGroups", groups);
      put(json, "resources", resources);
      if (!names.isEmpty()) {
        put(json, "resourceNames", names);
      }
    } else {
      put(json, "nonResourceURLs", paths);
    }
    return json;
  }

  private static void put(ObjectNode json, String field, List<String> texts) {
    texts.forEach(json.putArray(field)::add);
  }

  private static boolean has(List<String> list, String wanted) {
    return list.contains("*") || list.contains(wanted);
  }

  private static boolean covers(String pattern, String path) {
    return pattern.equals(path)
        || (pattern.endsWith("*") && path.startsWith(pattern.substring(0, pattern.length() - 1)));
  }
}
