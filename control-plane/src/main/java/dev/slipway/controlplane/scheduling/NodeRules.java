package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// What a pod asks of a node that no other pod can change: taints, node selector, node affinity.
///
/// @param terms required node affinity: one of them must hold
/// @param preferences weighted node affinity
record NodeRules(
    List<Toleration> tolerations,
    Map<String, String> selector,
    boolean hasTerms,
    List<Term> terms,
    List<Preference> preferences) {

  record Expression(String key, String operator, List<String> values) {
    boolean holds(Map<String, String> labels) {
      String value = labels.get(key);
      return switch (operator) {
        case "In" -> value != null && values.contains(value);
        case "NotIn" -> value == null || !values.contains(value);
        case "Exists" -> value != null;
        case "DoesNotExist" -> value == null;
        case "Gt" -> value != null && compare(value) > 0;
        case "Lt" -> value != null && compare(value) < 0;
        default -> false;
      };
    }

    private int compare(String value) {
      try {
        return values.isEmpty()
            ? 0
            : Long.compare(Long.parseLong(value), Long.parseLong(values.getFirst()));
      } catch (NumberFormatException e) {
        return 0;
      }
    }
  }

  /// All expressions must hold; a term without any selects nothing.
  record Term(List<Expression> labels, List<Expression> fields) {
    static Term read(JsonNode json) {
      return new Term(expressions(json, "matchExpressions"), expressions(json, "matchFields"));
    }

    private static List<Expression> expressions(JsonNode json, String field) {
      return Json.items(json, field).stream()
          .map(
              e ->
                  new Expression(
                      Json.string(e, "key", ""),
                      Json.string(e, "operator", ""),
                      Json.strings(e, "values")))
          .toList();
    }

    boolean matches(KubeObject node) {
      return !(labels.isEmpty() && fields.isEmpty())
          && labels.stream().allMatch(e -> e.holds(node.labels()))
          && fields.stream().allMatch(e -> e.holds(Map.of("metadata.name", node.name())));
    }
  }

  record Preference(long weight, Term term) {}

  static NodeRules of(PodShape shape) {
    JsonNode affinity = shape.affinity().path("nodeAffinity");
    List<JsonNode> required =
        Json.items(
            affinity.path("requiredDuringSchedulingIgnoredDuringExecution"), "nodeSelectorTerms");
    var tolerations = new ArrayList<Toleration>();
    shape.tolerations().forEach(toleration -> tolerations.add(Toleration.read(toleration)));
    var selector = new LinkedHashMap<String, String>();
    for (var entry : shape.nodeSelector().properties()) {
      selector.put(entry.getKey(), entry.getValue().asString());
    }
    return new NodeRules(
        List.copyOf(tolerations),
        Map.copyOf(selector),
        !required.isEmpty(),
        required.stream().map(Term::read).toList(),
        Json.items(affinity, "preferredDuringSchedulingIgnoredDuringExecution").stream()
            .map(p -> new Preference(Json.integer(p, "weight", 0), Term.read(p.path("preference"))))
            .toList());
  }

  /// Empty when the node may take the pod, as far as these rules go.
  Optional<String> refusal(NodeState node) {
    if (node.unschedulable && !tolerates(Taint.UNSCHEDULABLE)) {
      return Optional.of("node(s) were unschedulable");
    }
    for (Taint taint : node.taints) {
      if (!taint.effect().equals("PreferNoSchedule") && !tolerates(taint)) {
        return Optional.of(
            "node(s) had untolerated taint {%s: %s}".formatted(taint.key(), taint.value()));
      }
    }
    return selects(node.node)
        ? Optional.empty()
        : Optional.of("node(s) didn't match Pod's node affinity/selector");
  }

  /// By node selector and required node affinity.
  boolean selects(KubeObject node) {
    for (var wanted : selector.entrySet()) {
      if (!wanted.getValue().equals(node.labels().get(wanted.getKey()))) {
        return false;
      }
    }
    return !hasTerms || terms.stream().anyMatch(term -> term.matches(node));
  }

  /// How much this node is liked, in points.
  long score(NodeState node) {
    long score = 0;
    for (Preference preference : preferences) {
      if (preference.term().matches(node.node)) {
        score += preference.weight();
      }
    }
    for (Taint taint : node.taints) {
      if (taint.effect().equals("PreferNoSchedule") && !tolerates(taint)) {
        score -= 100;
      }
    }
    return score;
  }

  private boolean tolerates(Taint taint) {
    return tolerations.stream().anyMatch(toleration -> toleration.covers(taint));
  }
}
