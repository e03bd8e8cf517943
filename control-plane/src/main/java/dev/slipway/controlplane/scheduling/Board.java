package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Nodes and the pods on them as one pass after the other sees them. It says nothing of its own:
/// after [#observe] it equals a new board that was shown the same objects; keeping it only saves
/// work.
///
/// Used by one thread.
final class Board {
  /// Together the remembered rankings speak of at most so many nodes (some 40 bytes each).
  private static final int MAX_RANKED = 1_000_000;

  private static final int MANY = 1_000;

  /// What of a node matters here: a heartbeat does not.
  private record NodeFacts(
      String name, Map<String, String> labels, JsonNode spec, Resources allocatable) {
    static NodeFacts of(KubeObject node) {
      return new NodeFacts(node.name(), node.labels(), node.spec(), Resources.allocatable(node));
    }
  }

  private List<KubeObject> shown = List.of();
  private List<NodeFacts> facts = List.of();
  private List<NodeState> nodes = List.of();
  private Map<String, NodeState> byName = Map.of();
  private Map<PodShape, PodClass> classes = new HashMap<>();
  private ResourceNames names = new ResourceNames();
  private PodTerms terms = new PodTerms(nodes, classes.values());
  private final Map<ObjectKey, PlacedPod> pods = new HashMap<>();
  private final LinkedHashMap<PodClass, Candidates> candidates =
      new LinkedHashMap<>(16, 0.75f, true);
  private final Map<NodeRules, long[]> fixed = new HashMap<>();
  private final Map<CommonRank.Key, CommonRank> common = new HashMap<>();

  /// How many pods of each controller each node has.
  private final Map<String, Map<Integer, Integer>> perOwner = new HashMap<>();

  private int[] changes = new int[64];
  private int changeCount;
  private long pass;

  /// Takes in how things are; what earlier passes decided counts only as far as it came true.
  void observe(List<KubeObject> newNodes, List<KubeObject> newPods) {
    pass++;
    observeNodes(newNodes);
    if (classes.size() > MANY + 4 * pods.size()) {
      reset();
    }
    if (changeCount > MANY + 16 * nodes.size()) {
      changeCount = 0;
      candidates.clear();
      common.clear();
      classes.values().forEach(kind -> kind.refusedAt = -1);
    }
    for (KubeObject pod : newPods) {
      observe(pod);
    }
    for (Iterator<PlacedPod> all = pods.values().iterator(); all.hasNext(); ) {
      PlacedPod pod = all.next();
      if (pod.pass != pass) {
        move(pod, PlacedPod.NOWHERE);
        all.remove();
      }
    }
  }

  private void observeNodes(List<KubeObject> newNodes) {
    List<KubeObject> present = newNodes.stream().filter(node -> !node.isTerminating()).toList();
    boolean same = present.size() == shown.size();
    for (int i = 0; same && i < present.size(); i++) {
      same = present.get(i) == shown.get(i) || NodeFacts.of(present.get(i)).equals(facts.get(i));
    }
    shown = present;
    if (!same) {
      facts = present.stream().map(NodeFacts::of).toList();
      reset();
    }
  }

  /// A node was added, changed or taken away: everything is counted anew.
  private void reset() {
    names = new ResourceNames();
    classes = new HashMap<>();
    var states = new ArrayList<NodeState>(shown.size());
    byName = new HashMap<>();
    for (KubeObject node : shown) {
      var state = new NodeState(states.size(), node, names);
      states.add(state);
      byName.put(node.name(), state);
    }
    nodes = states;
    terms = new PodTerms(nodes, classes.values());
    candidates.clear();
    fixed.clear();
    common.clear();
    perOwner.clear();
    pods.clear();
    changeCount = 0;
  }

  private void observe(KubeObject pod) {
    if (PlacementPlanner.isFinished(pod)) {
      return;
    }
    PlacedPod known = pods.get(pod.key());
    if (known != null && known.pod == pod) {
      known.pass = pass;
      move(known, known.observed);
      return;
    }
    if (known != null) {
      move(known, PlacedPod.NOWHERE);
    }
    String bound = Json.string(pod.spec(), "nodeName", "");
    boolean waiting = bound.isEmpty() && !pod.isTerminating();
    NodeState at = byName.get(bound);
    var placed =
        new PlacedPod(pod, classOf(pod), waiting, at == null ? PlacedPod.NOWHERE : at.index);
    placed.pass = pass;
    pods.put(pod.key(), placed);
    move(placed, placed.observed);
  }

  private PodClass classOf(KubeObject pod) {
    PodShape shape = PodShape.of(pod);
    PodClass known = classes.get(shape);
    if (known != null) {
      return known;
    }
    var made = new PodClass(shape, names);
    classes.put(shape, made);
    try {
      terms.complete(made);
    } catch (IllegalArgumentException e) {
      made.fault = "the pod's affinity or spread cannot be read: " + e.getMessage();
    }
    return made;
  }

  /// Lets a pod count on another node, or on none.
  void move(PlacedPod pod, int node) {
    if (pod.node == node) {
      return;
    }
    if (pod.node != PlacedPod.NOWHERE) {
      nodes.get(pod.node).remove(pod);
      count(pod.kind, pod.node, -1);
    }
    pod.node = node;
    if (node != PlacedPod.NOWHERE) {
      nodes.get(node).add(pod);
      count(pod.kind, node, 1);
    }
  }

  private void count(PodClass kind, int node, int change) {
    kind.perNode.merge(node, change, Board::sum);
    Map<Integer, Integer> siblings =
        perOwner.computeIfAbsent(kind.shape.owner(), _ -> new HashMap<>());
    siblings.merge(node, change, Board::sum);
    if (siblings.isEmpty()) {
      perOwner.remove(kind.shape.owner());
    }
    for (Tally tally : kind.counted) {
      tally.add(node, change);
    }
    if (changeCount == changes.length) {
      changes = Arrays.copyOf(changes, 2 * changeCount);
    }
    changes[changeCount++] = node;
  }

  /// Null takes an entry out of the map.
  private static @Nullable Integer sum(Integer before, Integer change) {
    int sum = before + change;
    return sum == 0 ? null : sum;
  }

  /// The pods that want a node, the most important first, then the oldest.
  List<PlacedPod> waiting() {
    return pods.values().stream()
        .filter(pod -> pod.waiting)
        .sorted(
            Comparator.comparingInt((PlacedPod pod) -> -pod.priority())
                .thenComparing(pod -> pod.created)
                .thenComparing(pod -> pod.pod.namespace())
                .thenComparing(pod -> pod.pod.name()))
        .toList();
  }

  Candidates candidates(PodClass kind) {
    Candidates known = candidates.get(kind);
    if (known != null) {
      return known;
    }
    long room = MAX_RANKED / Math.max(1, nodes.size());
    if (candidates.size() >= Math.max(8, room)) {
      candidates.pollFirstEntry();
    }
    if (fixed.size() > Math.max(8, room)) {
      fixed.clear();
    }
    var made = new Candidates(kind, nodes, fixed(kind));
    candidates.put(kind, made);
    return made;
  }

  private long[] fixed(PodClass kind) {
    return fixed.computeIfAbsent(kind.rules, rules -> Candidates.fixed(rules, nodes));
  }

  /// The nodes as every class ranks them that asks for the same. Whoever changes it puts it back.
  Tournament common(PodClass kind) {
    if (common.size() > Math.max(8, MAX_RANKED / 4 / Math.max(1, nodes.size()))) {
      common.clear();
    }
    return common
        .computeIfAbsent(CommonRank.Key.of(kind), _ -> new CommonRank(kind, nodes, fixed(kind)))
        .current(this);
  }

  /// The nodes that have pods of this controller.
  Set<Integer> nodesOf(String owner) {
    return perOwner.getOrDefault(owner, Map.of()).keySet();
  }

  List<NodeState> nodes() {
    return nodes;
  }

  PodTerms terms() {
    return terms;
  }

  /// How often a node has changed; [#changed] tells which.
  int changes() {
    return changeCount;
  }

  int changed(int number) {
    return changes[number];
  }
}
