package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Where each of the waiting pods goes, decided for all of them together: what one takes the next
/// does not get.
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

  /// Pods that would have to leave a node: the less important and the fewer, the better.
  private record Eviction(NodeState node, List<PlacedPod> victims) {
    static final Comparator<Eviction> COST =
        Comparator.comparingInt(Eviction::importance).thenComparingInt(Eviction::alive);

    private int importance() {
      return victims.stream()
          .filter(victim -> !victim.pod.isTerminating())
          .mapToInt(PlacedPod::priority)
          .max()
          .orElse(Integer.MIN_VALUE);
    }

    private int alive() {
      return (int) victims.stream().filter(victim -> !victim.pod.isTerminating()).count();
    }
  }

  private PlacementPlanner() {}

  /// @param pods all pods of the cluster: the bound ones take room, the others are placed
  static List<Decision> plan(List<KubeObject> nodes, List<KubeObject> pods) {
    return plan(new Board(), nodes, pods);
  }

  /// As [#plan(List, List)], and faster on a board that has seen most of it before.
  static List<Decision> plan(Board board, List<KubeObject> nodes, List<KubeObject> pods) {
    board.observe(nodes, pods);
    List<PlacedPod> waiting = board.waiting();
    var decisions = new ArrayList<Decision>(waiting.size());
    for (PlacedPod pod : waiting) {
      decisions.add(place(pod, board));
    }
    return decisions;
  }

  private static Decision place(PlacedPod pod, Board board) {
    Optional<String> claim = claim(pod.pod);
    if (claim.isPresent() && !board.nodes().isEmpty()) {
      return new Decision.Unschedulable(
          pod.pod,
          "0/%d nodes are available: persistentvolumeclaim \"%s\" not found."
              .formatted(board.nodes().size(), claim.get()));
    }
    PodClass kind = pod.kind;
    if (kind.fault != null) {
      return new Decision.Unschedulable(pod.pod, kind.fault);
    }
    if (kind.refusal != null && kind.refusedAt == board.changes()) {
      return new Decision.Unschedulable(pod.pod, kind.refusal);
    }
    Candidates candidates = board.candidates(kind);
    Optional<NodeState> best = candidates.best(board);
    if (best.isPresent()) {
      board.move(pod, best.get().index);
      return new Decision.Bind(pod.pod, best.get().name());
    }
    Optional<Eviction> eviction = eviction(kind, candidates, board);
    if (eviction.isPresent()) {
      NodeState node = eviction.get().node();
      List<PlacedPod> victims = eviction.get().victims();
      victims.forEach(victim -> board.move(victim, PlacedPod.NOWHERE));
      board.move(pod, node.index);
      return new Decision.Preempt(
          pod.pod,
          node.name(),
          victims.stream()
              .map(victim -> victim.pod)
              .filter(victim -> !victim.isTerminating())
              .toList());
    }
    String message = explain(kind, candidates, board);
    kind.refusal = message;
    kind.refusedAt = board.changes();
    return new Decision.Unschedulable(pod.pod, message);
  }

  /// The first claim of a pod on a volume: this cluster has none.
  private static Optional<String> claim(KubeObject pod) {
    return Json.items(pod.spec(), "volumes").stream()
        .filter(volume -> volume.has("persistentVolumeClaim") || volume.has("ephemeral"))
        .map(
            volume ->
                Json.string(
                    volume.path("persistentVolumeClaim"),
                    "claimName",
                    pod.name() + "-" + Json.string(volume, "name", "")))
        .findFirst();
  }

  private static Optional<Eviction> eviction(PodClass kind, Candidates candidates, Board board) {
    if (!kind.shape.preempts()) {
      return Optional.empty();
    }
    Eviction cheapest = null;
    for (NodeState node : board.nodes()) {
      if (node.pods.stream().noneMatch(other -> other.priority() < kind.shape.priority())
          || candidates.refusal(node).isPresent()) {
        continue;
      }
      Eviction eviction = eviction(node, kind);
      if (eviction != null && (cheapest == null || Eviction.COST.compare(eviction, cheapest) < 0)) {
        cheapest = eviction;
      }
    }
    return Optional.ofNullable(cheapest);
  }

  /// Takes pods away, those that leave anyway and the least important first, until there is room;
  /// then gives back each that could have stayed.
  private static @Nullable Eviction eviction(NodeState node, PodClass kind) {
    List<PlacedPod> candidates =
        node.pods.stream()
            .filter(other -> other.priority() < kind.shape.priority())
            .sorted(
                Comparator.comparing((PlacedPod other) -> !other.pod.isTerminating())
                    .thenComparingInt(PlacedPod::priority)
                    .thenComparing(other -> other.pod.name())
                    .thenComparing(other -> other.pod.namespace()))
            .toList();
    var back = new long[0];
    var victims = new ArrayList<PlacedPod>();
    for (PlacedPod candidate : candidates) {
      if (node.fits(kind, back)) {
        break;
      }
      victims.add(candidate);
      back = sum(back, candidate.kind, 1);
    }
    if (victims.isEmpty() || !node.fits(kind, back)) {
      return null;
    }
    for (PlacedPod victim : List.copyOf(victims).reversed()) {
      long[] without = sum(back, victim.kind, -1);
      if (node.fits(kind, without)) {
        victims.remove(victim);
        back = without;
      }
    }
    return new Eviction(node, victims);
  }

  private static long[] sum(long[] amounts, PodClass kind, int sign) {
    int size = amounts.length;
    for (int resource : kind.resources) {
      size = Math.max(size, resource + 1);
    }
    long[] sum = Arrays.copyOf(amounts, size);
    for (int i = 0; i < kind.resources.length; i++) {
      sum[kind.resources[i]] += sign * kind.amounts[i];
    }
    return sum;
  }

  private static String explain(PodClass kind, Candidates candidates, Board board) {
    if (board.nodes().isEmpty()) {
      return "no nodes available to schedule pods";
    }
    Map<String, List<String>> refusals = new TreeMap<>();
    for (NodeState node : board.nodes()) {
      Optional<String> refusal = candidates.refusal(node);
      List<String> reasons =
          refusal.isPresent()
              ? List.of(refusal.get())
              : node.missing(kind).stream()
                  .map(name -> name.equals("pods") ? "Too many pods" : "Insufficient " + name)
                  .toList();
      for (String reason : reasons) {
        refusals.computeIfAbsent(reason, _ -> new ArrayList<>()).add(node.name());
      }
    }
    var parts = new ArrayList<String>();
    refusals.forEach(
        (reason, names) ->
            parts.add(
                "%d %s (%s%s)"
                    .formatted(
                        names.size(),
                        reason,
                        String.join(", ", names.subList(0, Math.min(3, names.size()))),
                        names.size() > 3 ? ", …" : "")));
    return "0/%d nodes are available: %s".formatted(board.nodes().size(), String.join("; ", parts));
  }

  static boolean isFinished(KubeObject pod) {
    String phase = Json.string(pod.status(), "phase", "");
    return phase.equals("Failed") || phase.equals("Succeeded");
  }
}
