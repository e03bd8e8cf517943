package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// Where each of the waiting pods goes, decided for all of them together: what one takes the next does not get.
final class PlacementPlanner {
  /// What becomes of one pod.
  sealed interface Decision {
    KubeObject pod();

    record Bind(KubeObject pod, String node) implements Decision {}

    /// @param message which node failed on what
    record Unschedulable(KubeObject pod, String message) implements Decision {}

    /// Pods of lower priority make room; this one is placed when they are gone.
    record Preempt(KubeObject pod, String node, List<KubeObject> victims) implements Decision {}
  }

  private PlacementPlanner() {}

  /// @param pods all pods of the cluster: the bound ones take room, the others are placed
  static List<Decision> plan(List<KubeObject> nodes, List<KubeObject> pods) {
    Map<String, NodeState> states = new LinkedHashMap<>();
    for (KubeObject node : nodes) {
      if (!node.isTerminating()) {
        states.put(node.name(), new NodeState(node));
      }
    }
    var waiting = new ArrayList<KubeObject>();
    for (KubeObject pod : pods) {
      if (isFinished(pod)) {
        continue;
      }
      String bound = Json.string(pod.spec(), "nodeName", "");
      if (bound.isEmpty()) {
        if (!pod.isTerminating()) {
          waiting.add(pod);
        }
      } else {
        NodeState state = states.get(bound);
        if (state != null) {
          state.add(pod);
        }
      }
    }
    waiting.sort(
        Comparator.comparingInt((KubeObject pod) -> -priority(pod))
            .thenComparing(pod -> pod.creationTimestamp().orElse(Instant.MAX))
            .thenComparing(KubeObject::namespace)
            .thenComparing(KubeObject::name));
    var decisions = new ArrayList<Decision>(waiting.size());
    for (KubeObject pod : waiting) {
      decisions.add(place(pod, states.values()));
    }
    return decisions;
  }

  private static Decision place(KubeObject pod, Collection<NodeState> nodes) {
    Resources requests = Resources.requests(pod);
    NodeState best = null;
    double bestScore = 0;
    Map<String, List<String>> refusals = new TreeMap<>();
    List<NodeState> repelling = NodeFilters.repelling(nodes);
    for (NodeState node : nodes) {
      Optional<String> refusal = NodeFilters.refusal(pod, node, nodes, repelling);
      if (refusal.isPresent()) {
        refusals.computeIfAbsent(refusal.get(), _ -> new ArrayList<>()).add(node.name());
        continue;
      }
      List<String> missing = node.missing(requests);
      if (!missing.isEmpty()) {
        for (String resource : missing) {
          String reason = resource.equals("pods") ? "Too many pods" : "Insufficient " + resource;
          refusals.computeIfAbsent(reason, _ -> new ArrayList<>()).add(node.name());
        }
        continue;
      }
      double score = score(pod, requests, node, nodes);
      if (best == null || score > bestScore) {
        best = node;
        bestScore = score;
      }
    }
    if (best != null) {
      best.add(pod);
      return new Decision.Bind(pod, best.name());
    }
    return preempt(pod, requests, nodes)
        .orElseGet(() -> new Decision.Unschedulable(pod, message(nodes.size(), refusals)));
  }

  private static double score(
      KubeObject pod, Resources requests, NodeState node, Collection<NodeState> all) {
    double score = 50 * (node.leftAfter("cpu", requests) + node.leftAfter("memory", requests));
    score -= 100.0 * node.siblings(pod);
    JsonNode affinity = pod.spec().path("affinity");
    for (JsonNode term :
        Json.items(affinity.path("nodeAffinity"), "preferredDuringSchedulingIgnoredDuringExecution")) {
      if (NodeFilters.matchesNode(term.path("preference"), node)) {
        score += Json.integer(term, "weight", 0);
      }
    }
    for (JsonNode term :
        Json.items(affinity.path("podAffinity"), "preferredDuringSchedulingIgnoredDuringExecution")) {
      score += Json.integer(term, "weight", 0) * Math.min(1, NodeFilters.inDomain(term.path("podAffinityTerm"), pod, node, all));
    }
    for (JsonNode term :
        Json.items(affinity.path("podAntiAffinity"), "preferredDuringSchedulingIgnoredDuringExecution")) {
      score -= Json.integer(term, "weight", 0) * Math.min(1, NodeFilters.inDomain(term.path("podAffinityTerm"), pod, node, all));
    }
    for (JsonNode taint : Json.items(node.node.spec(), "taints")) {
      if (Json.string(taint, "effect", "").equals("PreferNoSchedule")
          && !NodeFilters.tolerates(
              pod, Json.string(taint, "key", ""), Json.string(taint, "value", ""), "PreferNoSchedule")) {
        score -= 100;
      }
    }
    return score;
  }

  /// The node where the fewest and least important pods would have to go.
  private static Optional<Decision> preempt(
      KubeObject pod, Resources requests, Collection<NodeState> nodes) {
    int priority = priority(pod);
    if (Json.string(pod.spec(), "preemptionPolicy", "").equals("Never")) {
      return Optional.empty();
    }
    NodeState chosen = null;
    List<KubeObject> fewest = List.of();
    List<NodeState> repelling = NodeFilters.repelling(nodes);
    for (NodeState node : nodes) {
      if (NodeFilters.refusal(pod, node, nodes, repelling).isPresent()) {
        continue;
      }
      List<KubeObject> victims = victims(node, requests, priority);
      if (!victims.isEmpty() && (chosen == null || victims.size() < fewest.size())) {
        chosen = node;
        fewest = victims;
      }
    }
    if (chosen == null) {
      return Optional.empty();
    }
    NodeState node = chosen;
    fewest.forEach(node::remove);
    node.add(pod);
    return Optional.of(
        new Decision.Preempt(
            pod, node.name(), fewest.stream().filter(victim -> !victim.isTerminating()).toList()));
  }

  private static List<KubeObject> victims(NodeState node, Resources requests, int priority) {
    var candidates =
        node.pods.stream()
            .filter(other -> priority(other) < priority)
            .sorted(
                Comparator.comparing((KubeObject other) -> !other.isTerminating())
                    .thenComparingInt(PlacementPlanner::priority)
                    .thenComparing(KubeObject::name))
            .toList();
    var victims = new ArrayList<KubeObject>();
    for (KubeObject candidate : candidates) {
      if (node.missing(requests).isEmpty()) {
        break;
      }
      victims.add(candidate);
      node.remove(candidate);
    }
    boolean enough = node.missing(requests).isEmpty();
    victims.forEach(node::add);
    return enough ? victims : List.of();
  }

  static int priority(KubeObject pod) {
    return Json.integer(pod.spec(), "priority", 0);
  }

  static boolean isFinished(KubeObject pod) {
    String phase = Json.string(pod.status(), "phase", "");
    return phase.equals("Failed") || phase.equals("Succeeded");
  }

  private static String message(int nodes, Map<String, List<String>> refusals) {
    if (nodes == 0) {
      return "no nodes available to schedule pods";
    }
    var parts = new ArrayList<String>();
    refusals.forEach(
        (reason, names) -> {
          String shown = String.join(", ", names.subList(0, Math.min(3, names.size())));
          parts.add(
              "%d %s (%s%s)"
                  .formatted(names.size(), reason, shown, names.size() > 3 ? ", …" : ""));
        });
    return "0/%d nodes are available: %s".formatted(nodes, String.join("; ", parts));
  }
}
