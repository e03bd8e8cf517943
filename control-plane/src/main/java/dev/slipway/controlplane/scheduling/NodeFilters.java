package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Whether a node may take a pod, and if not, why: in the words of Kubernetes' scheduler.
final class NodeFilters {
  private NodeFilters() {}

  /// Nodes with pods that keep others away: few, as a rule, so that not every node is asked about every other.
  static List<NodeState> repelling(Collection<NodeState> nodes) {
    return nodes.stream().filter(node -> !node.repelling().isEmpty()).toList();
  }

  /// Empty when the node may take the pod. Resources are not asked about.
  ///
  /// @param repelling those of all nodes that [#repelling] names
  static Optional<String> refusal(
      KubeObject pod, NodeState node, Collection<NodeState> all, List<NodeState> repelling) {
    if (Json.bool(node.node.spec(), "unschedulable", false)
        && !tolerates(pod, "node.kubernetes.io/unschedulable", "", "NoSchedule")) {
      return Optional.of("node(s) were unschedulable");
    }
    for (JsonNode taint : Json.items(node.node.spec(), "taints")) {
      String effect = Json.string(taint, "effect", "");
      String key = Json.string(taint, "key", "");
      String value = Json.string(taint, "value", "");
      if (!effect.equals("PreferNoSchedule") && !tolerates(pod, key, value, effect)) {
        return Optional.of("node(s) had untolerated taint {%s: %s}".formatted(key, value));
      }
    }
    for (var wanted : Json.stringMap(pod.spec(), "nodeSelector").entrySet()) {
      if (!wanted.getValue().equals(node.labels().get(wanted.getKey()))) {
        return Optional.of("node(s) didn't match Pod's node affinity/selector");
      }
    }
    JsonNode affinity = pod.spec().path("affinity");
    JsonNode required =
        affinity.path("nodeAffinity").path("requiredDuringSchedulingIgnoredDuringExecution");
    List<JsonNode> terms = Json.items(required, "nodeSelectorTerms");
    if (!terms.isEmpty() && terms.stream().noneMatch(term -> matchesNode(term, node))) {
      return Optional.of("node(s) didn't match Pod's node affinity/selector");
    }
    if (node.hostPortTaken(pod)) {
      return Optional.of("node(s) didn't have free ports for the requested pod ports");
    }
    return podAffinity(pod, affinity, node, all, repelling).or(() -> spread(pod, node, all));
  }

  static boolean tolerates(KubeObject pod, String key, String value, String effect) {
    for (JsonNode toleration : Json.items(pod.spec(), "tolerations")) {
      String wantedKey = Json.string(toleration, "key", "");
      String wantedEffect = Json.string(toleration, "effect", "");
      boolean exists = Json.string(toleration, "operator", "Equal").equals("Exists");
      if ((wantedEffect.isEmpty() || wantedEffect.equals(effect))
          && (wantedKey.equals(key) || (wantedKey.isEmpty() && exists))
          && (exists || Json.string(toleration, "value", "").equals(value))) {
        return true;
      }
    }
    return false;
  }

  /// A node selector term: all of its expressions must hold; one without any selects nothing.
  static boolean matchesNode(JsonNode term, NodeState node) {
    List<JsonNode> expressions = Json.items(term, "matchExpressions");
    List<JsonNode> fields = Json.items(term, "matchFields");
    if (expressions.isEmpty() && fields.isEmpty()) {
      return false;
    }
    return expressions.stream().allMatch(e -> holds(e, node.labels()))
        && fields.stream().allMatch(e -> holds(e, Map.of("metadata.name", node.name())));
  }

  private static boolean holds(JsonNode expression, Map<String, String> labels) {
    String value = labels.get(Json.string(expression, "key", ""));
    List<String> values = Json.strings(expression, "values");
    return switch (Json.string(expression, "operator", "")) {
      case "In" -> value != null && values.contains(value);
      case "NotIn" -> value == null || !values.contains(value);
      case "Exists" -> value != null;
      case "DoesNotExist" -> value == null;
      case "Gt" -> value != null && compare(value, values) > 0;
      case "Lt" -> value != null && compare(value, values) < 0;
      default -> false;
    };
  }

  private static int compare(String value, List<String> values) {
    try {
      return values.isEmpty() ? 0 : Long.compare(Long.parseLong(value), Long.parseLong(values.getFirst()));
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static Optional<String> podAffinity(
      KubeObject pod,
      JsonNode affinity,
      NodeState node,
      Collection<NodeState> all,
      List<NodeState> repelling) {
    for (JsonNode term :
        Json.items(affinity.path("podAffinity"), "requiredDuringSchedulingIgnoredDuringExecution")) {
      boolean anywhere = all.stream().anyMatch(other -> count(term, pod, other) > 0);
      boolean self = selector(term).matches(pod.labels());
      boolean firstOfItsKind = !anywhere && self;
      if (!firstOfItsKind && inDomain(term, pod, node, all) == 0) {
        return Optional.of("node(s) didn't match pod affinity rules");
      }
    }
    for (JsonNode term :
        Json.items(affinity.path("podAntiAffinity"), "requiredDuringSchedulingIgnoredDuringExecution")) {
      if (inDomain(term, pod, node, all) > 0) {
        return Optional.of("node(s) didn't match pod anti-affinity rules");
      }
    }
    for (NodeState other : repelling) {
      for (KubeObject running : other.repelling()) {
        for (JsonNode term :
            Json.items(
                running.spec().path("affinity").path("podAntiAffinity"),
                "requiredDuringSchedulingIgnoredDuringExecution")) {
          if (sameDomain(term, node, other)
              && selector(term).matches(pod.labels())
              && namespaces(term, running).contains(pod.namespace())) {
            return Optional.of("node(s) didn't satisfy existing pods anti-affinity rules");
          }
        }
      }
    }
    return Optional.empty();
  }

  /// Pods that a term selects in the topology domain of a node.
  static int inDomain(JsonNode term, KubeObject pod, NodeState node, Collection<NodeState> all) {
    int count = 0;
    for (NodeState other : all) {
      if (sameDomain(term, node, other)) {
        count += count(term, pod, other);
      }
    }
    return count;
  }

  private static int count(JsonNode term, KubeObject pod, NodeState node) {
    LabelSelector selector = selector(term);
    List<String> namespaces = namespaces(term, pod);
    return (int)
        node.pods.stream()
            .filter(other -> namespaces.contains(other.namespace()) && selector.matches(other.labels()))
            .count();
  }

  private static boolean sameDomain(JsonNode term, NodeState one, NodeState other) {
    String key = Json.string(term, "topologyKey", "");
    String domain = one.labels().get(key);
    return domain != null && domain.equals(other.labels().get(key));
  }

  private static LabelSelector selector(JsonNode term) {
    return LabelSelector.read(term.path("labelSelector"));
  }

  private static List<String> namespaces(JsonNode term, KubeObject pod) {
    List<String> stated = Json.strings(term, "namespaces");
    return stated.isEmpty() ? List.of(pod.namespace()) : stated;
  }

  private static Optional<String> spread(KubeObject pod, NodeState node, Collection<NodeState> all) {
    for (JsonNode constraint : Json.items(pod.spec(), "topologySpreadConstraints")) {
      if (!Json.string(constraint, "whenUnsatisfiable", "DoNotSchedule").equals("DoNotSchedule")) {
        continue;
      }
      String key = Json.string(constraint, "topologyKey", "");
      String mine = node.labels().get(key);
      if (mine == null) {
        return Optional.of("node(s) didn't match pod topology spread constraints (missing required label)");
      }
      Map<String, Integer> domains = new HashMap<>();
      for (NodeState other : all) {
        String domain = other.labels().get(key);
        if (domain != null) {
          domains.merge(domain, count(constraint, pod, other), Integer::sum);
        }
      }
      int least = domains.values().stream().mapToInt(Integer::intValue).min().orElse(0);
      if (domains.getOrDefault(mine, 0) + 1 - least > Json.integer(constraint, "maxSkew", 1)) {
        return Optional.of("node(s) didn't match pod topology spread constraints");
      }
    }
    return Optional.empty();
  }
}
