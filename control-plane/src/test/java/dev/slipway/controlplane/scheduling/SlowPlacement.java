package dev.slipway.controlplane.scheduling;

import dev.slipway.controlplane.scheduling.PlacementPlanner.Decision;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The scheduler as one would write it down first: every pod asks every node about every pod. It
/// remembers nothing, so that it can be read against the rules of Kubernetes; [PlacementPlanner]
/// must decide the same.
final class SlowPlacement {
  private static final String REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
  private static final String PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

  private final List<KubeObject> nodes;
  private final Map<String, List<KubeObject>> running = new LinkedHashMap<>();

  private SlowPlacement(List<KubeObject> nodes) {
    this.nodes = nodes.stream().filter(node -> !node.isTerminating()).toList();
    this.nodes.forEach(node -> running.put(node.name(), new ArrayList<>()));
  }

  static List<Decision> plan(List<KubeObject> nodes, List<KubeObject> pods) {
    var world = new SlowPlacement(nodes);
    var waiting = new ArrayList<KubeObject>();
    for (KubeObject pod : pods) {
      String phase = Json.string(pod.status(), "phase", "");
      if (phase.equals("Failed") || phase.equals("Succeeded")) {
        continue;
      }
      String node = Json.string(pod.spec(), "nodeName", "");
      if (!node.isEmpty()) {
        world.running.getOrDefault(node, new ArrayList<>()).add(pod);
      } else if (!pod.isTerminating()) {
        waiting.add(pod);
      }
    }
    waiting.sort(
        Comparator.comparingInt((KubeObject pod) -> -priority(pod))
            .thenComparing(pod -> pod.creationTimestamp().orElse(Instant.MAX))
            .thenComparing(KubeObject::namespace)
            .thenComparing(KubeObject::name));
    return waiting.stream().map(world::place).toList();
  }

  private Decision place(KubeObject pod) {
    KubeObject best = null;
    long bestScore = 0;
    Map<String, List<String>> refusals = new TreeMap<>();
    for (KubeObject node : nodes) {
      List<String> reasons = refusal(pod, node).map(List::of).orElseGet(() -> room(pod, node));
      reasons.forEach(
          reason -> refusals.computeIfAbsent(reason, _ -> new ArrayList<>()).add(node.name()));
      if (reasons.isEmpty()) {
        long score = score(pod, node);
        if (best == null || score > bestScore) {
          best = node;
          bestScore = score;
        }
      }
    }
    if (best != null) {
      on(best).add(pod);
      return new Decision.Bind(pod, best.name());
    }
    return preempt(pod)
        .orElseGet(() -> new Decision.Unschedulable(pod, message(nodes.size(), refusals)));
  }

  private static String message(int nodes, Map<String, List<String>> refusals) {
    if (nodes == 0) {
      return "no nodes available to schedule pods";
    }
    var parts = new ArrayList<String>();
    refusals.forEach(
        (reason, names) -> {
          String shown = String.join(", ", names.subList(0, Math.min(3, names.size())));
          String more = names.size() > 3 ? ", …" : "";
          parts.add("%d %s (%s%s)".formatted(names.size(), reason, shown, more));
        });
    return "0/%d nodes are available: %s".formatted(nodes, String.join("; ", parts));
  }

  private List<KubeObject> on(KubeObject node) {
    return Objects.requireNonNull(running.get(node.name()));
  }

  private Optional<String> refusal(KubeObject pod, KubeObject node) {
    if (Json.bool(node.spec(), "unschedulable", false)
        && !tolerates(pod, "node.kubernetes.io/unschedulable", "", "NoSchedule")) {
      return Optional.of("node(s) were unschedulable");
    }
    for (JsonNode taint : Json.items(node.spec(), "taints")) {
      String effect = Json.string(taint, "effect", "");
      String key = Json.string(taint, "key", "");
      String value = Json.string(taint, "value", "");
      if (!effect.equals("PreferNoSchedule") && !tolerates(pod, key, value, effect)) {
        return Optional.of("node(s) had untolerated taint {%s: %s}".formatted(key, value));
      }
    }
    if (!selected(pod, node)) {
      return Optional.of("node(s) didn't match Pod's node affinity/selector");
    }
    List<String> ports = PodShape.of(pod).hostPorts();
    if (on(node).stream()
        .anyMatch(o -> PodShape.of(o).hostPorts().stream().anyMatch(ports::contains))) {
      return Optional.of("node(s) didn't have free ports for the requested pod ports");
    }
    JsonNode affinity = pod.spec().path("affinity");
    for (JsonNode term : Json.items(affinity.path("podAffinity"), REQUIRED)) {
      boolean none = nodes.stream().noneMatch(other -> near(term, pod, other) > 0);
      boolean first = none && wants(term, pod, pod) && domain(term, node) != null;
      if (!first && near(term, pod, node) == 0) {
        return Optional.of("node(s) didn't match pod affinity rules");
      }
    }
    for (JsonNode term : Json.items(affinity.path("podAntiAffinity"), REQUIRED)) {
      if (near(term, pod, node) > 0) {
        return Optional.of("node(s) didn't match pod anti-affinity rules");
      }
    }
    for (JsonNode constraint : Json.items(pod.spec(), "topologySpreadConstraints")) {
      if (Json.string(constraint, "whenUnsatisfiable", "").equals("DoNotSchedule")
          && !spreads(constraint, pod, node)) {
        return Optional.of("node(s) didn't match pod topology spread constraints");
      }
    }
    for (KubeObject other : nodes) {
      for (KubeObject there : on(other)) {
        for (JsonNode term :
            Json.items(there.spec().path("affinity").path("podAntiAffinity"), REQUIRED)) {
          if (domain(term, node) != null
              && Objects.equals(domain(term, node), domain(term, other))
              && wants(term, there, pod)) {
            return Optional.of("node(s) didn't satisfy existing pods anti-affinity rules");
          }
        }
      }
    }
    return Optional.empty();
  }

  private static boolean tolerates(KubeObject pod, String key, String value, String effect) {
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

  private static boolean selected(KubeObject pod, KubeObject node) {
    boolean byLabels =
        Json.stringMap(pod.spec(), "nodeSelector").entrySet().stream()
            .allMatch(wanted -> wanted.getValue().equals(node.labels().get(wanted.getKey())));
    List<JsonNode> terms =
        Json.items(
            pod.spec().path("affinity").path("nodeAffinity").path(REQUIRED), "nodeSelectorTerms");
    return byLabels
        && (terms.isEmpty() || terms.stream().anyMatch(t -> NodeRules.Term.read(t).matches(node)));
  }

  private static @Nullable String domain(JsonNode term, KubeObject node) {
    return node.labels().get(Json.string(term, "topologyKey", ""));
  }

  /// Whether a term of `asking` means `other`.
  private static boolean wants(JsonNode term, KubeObject asking, KubeObject other) {
    List<String> stated = Json.strings(term, "namespaces");
    return (stated.isEmpty() ? List.of(asking.namespace()) : stated).contains(other.namespace())
        && LabelSelector.read(term.path("labelSelector")).matches(other.labels());
  }

  /// All pods in the domain of a node.
  private Stream<KubeObject> inDomain(JsonNode term, KubeObject node) {
    return nodes.stream()
        .filter(other -> domain(term, node) != null)
        .filter(other -> Objects.equals(domain(term, node), domain(term, other)))
        .flatMap(other -> on(other).stream());
  }

  private long near(JsonNode term, KubeObject pod, KubeObject node) {
    return inDomain(term, node).filter(other -> wants(term, pod, other)).count();
  }

  /// Pods that a spread constraint counts in the domain of a node, on nodes that the pod may use.
  private long counted(JsonNode constraint, KubeObject pod, KubeObject node) {
    return nodes.stream()
        .filter(other -> selected(pod, other))
        .filter(other -> Objects.equals(domain(constraint, node), domain(constraint, other)))
        .flatMap(other -> on(other).stream())
        .filter(other -> !other.isTerminating() && wants(constraint, pod, other))
        .count();
  }

  private boolean spreads(JsonNode constraint, KubeObject pod, KubeObject node) {
    if (domain(constraint, node) == null) {
      return false;
    }
    long least =
        nodes.stream()
            .filter(other -> selected(pod, other) && domain(constraint, other) != null)
            .mapToLong(other -> counted(constraint, pod, other))
            .min()
            .orElse(0);
    long self = wants(constraint, pod, pod) ? 1 : 0;
    return counted(constraint, pod, node) + self - least <= Json.integer(constraint, "maxSkew", 1);
  }

  private List<String> room(KubeObject pod, KubeObject node) {
    return missing(pod, node, on(node)).stream()
        .map(name -> name.equals("pods") ? "Too many pods" : "Insufficient " + name)
        .toList();
  }

  private static List<String> missing(KubeObject pod, KubeObject node, List<KubeObject> there) {
    Resources has = Resources.allocatable(node);
    return Resources.requests(pod).amounts().entrySet().stream()
        .filter(e -> e.getValue() > 0)
        .filter(e -> !e.getKey().equals("pods") || has.amounts().containsKey("pods"))
        .filter(e -> has.of(e.getKey()) - taken(there, e.getKey()) < e.getValue())
        .map(Map.Entry::getKey)
        .sorted()
        .toList();
  }

  private static long taken(List<KubeObject> pods, String resource) {
    return pods.stream().mapToLong(pod -> Resources.requests(pod).of(resource)).sum();
  }

  private long score(KubeObject pod, KubeObject node) {
    long points = 0;
    JsonNode affinity = pod.spec().path("affinity");
    for (JsonNode term : Json.items(affinity.path("nodeAffinity"), PREFERRED)) {
      if (NodeRules.Term.read(term.path("preference")).matches(node)) {
        points += Json.integer(term, "weight", 0);
      }
    }
    for (JsonNode term : Json.items(affinity.path("podAffinity"), PREFERRED)) {
      if (near(term.path("podAffinityTerm"), pod, node) > 0) {
        points += Json.integer(term, "weight", 0);
      }
    }
    for (JsonNode term : Json.items(affinity.path("podAntiAffinity"), PREFERRED)) {
      if (near(term.path("podAffinityTerm"), pod, node) > 0) {
        points -= Json.integer(term, "weight", 0);
      }
    }
    for (JsonNode taint : Json.items(node.spec(), "taints")) {
      if (Json.string(taint, "effect", "").equals("PreferNoSchedule")
          && !tolerates(
              pod,
              Json.string(taint, "key", ""),
              Json.string(taint, "value", ""),
              "PreferNoSchedule")) {
        points -= 100;
      }
    }
    for (JsonNode constraint : Json.items(pod.spec(), "topologySpreadConstraints")) {
      if (Json.string(constraint, "whenUnsatisfiable", "").equals("ScheduleAnyway")
          && domain(constraint, node) != null) {
        points -= 10 * counted(constraint, pod, node);
      }
    }
    points -= 100 * on(node).stream().filter(other -> owner(other).equals(owner(pod))).count();
    return points * NodeState.POINT + left(pod, node, "cpu") + left(pod, node, "memory");
  }

  private long left(KubeObject pod, KubeObject node, String resource) {
    long all = Resources.allocatable(node).of(resource);
    long after = all - taken(on(node), resource) - Resources.requests(pod).of(resource);
    return all <= 0 ? 0 : (long) (50 * NodeState.POINT * Math.max(0, (double) after / all));
  }

  private static String owner(KubeObject pod) {
    return pod.controller().map(reference -> reference.uid()).orElse("");
  }

  private static int priority(KubeObject pod) {
    return Json.integer(pod.spec(), "priority", 0);
  }

  private Optional<Decision> preempt(KubeObject pod) {
    if (Json.string(pod.spec(), "preemptionPolicy", "").equals("Never")) {
      return Optional.empty();
    }
    KubeObject chosen = null;
    List<KubeObject> leave = List.of();
    for (KubeObject node : nodes) {
      List<KubeObject> victims = refusal(pod, node).isPresent() ? List.of() : victims(pod, node);
      if (!victims.isEmpty()
          && (chosen == null
              || greatest(victims) < greatest(leave)
              || (greatest(victims) == greatest(leave) && alive(victims) < alive(leave)))) {
        chosen = node;
        leave = victims;
      }
    }
    if (chosen == null) {
      return Optional.empty();
    }
    on(chosen).removeAll(leave);
    on(chosen).add(pod);
    return Optional.of(
        new Decision.Preempt(
            pod, chosen.name(), leave.stream().filter(victim -> !victim.isTerminating()).toList()));
  }

  private static int greatest(List<KubeObject> victims) {
    return victims.stream()
        .filter(victim -> !victim.isTerminating())
        .mapToInt(SlowPlacement::priority)
        .max()
        .orElse(Integer.MIN_VALUE);
  }

  private static long alive(List<KubeObject> victims) {
    return victims.stream().filter(victim -> !victim.isTerminating()).count();
  }

  private List<KubeObject> victims(KubeObject pod, KubeObject node) {
    List<KubeObject> lesser =
        on(node).stream()
            .filter(other -> priority(other) < priority(pod))
            .sorted(
                Comparator.comparing((KubeObject other) -> !other.isTerminating())
                    .thenComparingInt(SlowPlacement::priority)
                    .thenComparing(KubeObject::name)
                    .thenComparing(KubeObject::namespace))
            .toList();
    var stay = new ArrayList<>(on(node));
    var leave = new ArrayList<KubeObject>();
    for (KubeObject other : lesser) {
      if (missing(pod, node, stay).isEmpty()) {
        break;
      }
      stay.remove(other);
      leave.add(other);
    }
    if (!missing(pod, node, stay).isEmpty()) {
      return List.of();
    }
    for (KubeObject other : List.copyOf(leave).reversed()) {
      var with = new ArrayList<>(stay);
      with.add(other);
      if (missing(pod, node, with).isEmpty()) {
        stay.add(other);
        leave.remove(other);
      }
    }
    return leave;
  }
}
