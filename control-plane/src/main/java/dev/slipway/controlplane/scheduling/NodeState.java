package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A node on the [Board]: what it has, and what is taken. Used by one thread.
final class NodeState {
  /// Points are counted in millionths, in whole numbers: the order in which they are added up must
  /// not matter.
  static final long POINT = 1_000_000;

  final int index;
  final KubeObject node;
  final boolean unschedulable;
  final List<Taint> taints;
  final Set<PlacedPod> pods = new LinkedHashSet<>();
  private final ResourceNames names;
  private final long[] allocatable;
  private final boolean limitsPods;
  private long[] taken;
  private final Map<String, Integer> perOwner = new HashMap<>();
  private final Map<String, Integer> hostPorts = new HashMap<>();

  NodeState(int index, KubeObject node, ResourceNames names) {
    this.index = index;
    this.node = node;
    this.names = names;
    this.unschedulable = Json.bool(node.spec(), "unschedulable", false);
    this.taints = Taint.of(node);
    Resources has = Resources.allocatable(node);
    has.amounts().keySet().forEach(names::number);
    this.limitsPods = has.amounts().containsKey("pods");
    this.allocatable = new long[names.size()];
    has.amounts().forEach((name, amount) -> allocatable[names.number(name)] = amount);
    this.taken = new long[names.size()];
  }

  String name() {
    return node.name();
  }

  void add(PlacedPod pod) {
    pods.add(pod);
    count(pod.kind, 1);
  }

  void remove(PlacedPod pod) {
    pods.remove(pod);
    count(pod.kind, -1);
  }

  private void count(PodClass kind, int sign) {
    if (taken.length < names.size()) {
      taken = Arrays.copyOf(taken, names.size());
    }
    for (int i = 0; i < kind.resources.length; i++) {
      taken[kind.resources[i]] += sign * kind.amounts[i];
    }
    perOwner.merge(kind.shape.owner(), sign, NodeState::sum);
    for (String port : kind.shape.hostPorts()) {
      hostPorts.merge(port, sign, NodeState::sum);
    }
  }

  /// Null takes an entry out of the map.
  private static @Nullable Integer sum(Integer before, Integer change) {
    int sum = before + change;
    return sum == 0 ? null : sum;
  }

  boolean fits(PodClass kind) {
    for (int i = 0; i < kind.resources.length; i++) {
      if (isShort(kind.resources[i], kind.amounts[i], 0)) {
        return false;
      }
    }
    return true;
  }

  /// As [#fits], with something given back first.
  ///
  /// @param back amounts by resource number
  boolean fits(PodClass kind, long[] back) {
    for (int i = 0; i < kind.resources.length; i++) {
      int resource = kind.resources[i];
      if (isShort(resource, kind.amounts[i], resource < back.length ? back[resource] : 0)) {
        return false;
      }
    }
    return true;
  }

  /// The resources that are short for a pod, sorted.
  List<String> missing(PodClass kind) {
    var missing = new ArrayList<String>();
    for (int i = 0; i < kind.resources.length; i++) {
      if (isShort(kind.resources[i], kind.amounts[i], 0)) {
        missing.add(names.name(kind.resources[i]));
      }
    }
    missing.sort(null);
    return missing;
  }

  private boolean isShort(int resource, long amount, long back) {
    return amount > 0
        && (limitsPods || resource != ResourceNames.PODS)
        && free(resource) + back < amount;
  }

  private long free(int resource) {
    long all = resource < allocatable.length ? allocatable[resource] : 0;
    return resource < taken.length ? all - taken[resource] : all;
  }

  /// How good this node is for a pod by what would be left of it, in millionths of a point.
  long room(PodClass kind) {
    return left(ResourceNames.CPU, kind.cpu) + left(ResourceNames.MEMORY, kind.memory);
  }

  /// How much worse it is by the pod's siblings that are here, in millionths of a point.
  long crowd(PodClass kind) {
    return perOwner.isEmpty() ? 0 : 100 * POINT * perOwner.getOrDefault(kind.shape.owner(), 0);
  }

  private long left(int resource, long amount) {
    long all = resource < allocatable.length ? allocatable[resource] : 0;
    return all <= 0
        ? 0
        : (long) (50 * POINT * Math.max(0, (double) (free(resource) - amount) / all));
  }

  boolean hostPortTaken(PodClass kind) {
    for (String port : kind.shape.hostPorts()) {
      if (hostPorts.containsKey(port)) {
        return true;
      }
    }
    return false;
  }
}
