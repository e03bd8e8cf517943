package dev.slipway.controlplane.scheduling;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The nodes by the value of one label. Each value is a domain; a node without the label is in
/// none.
final class Topology {
  static final int NONE = -1;

  private final int[] domains;
  private final int count;

  Topology(String key, List<NodeState> nodes) {
    this.domains = new int[nodes.size()];
    Map<String, Integer> numbers = new HashMap<>();
    for (int i = 0; i < domains.length; i++) {
      String value = nodes.get(i).node.labels().get(key);
      domains[i] = value == null ? NONE : numbers.computeIfAbsent(value, _ -> numbers.size());
    }
    this.count = numbers.size();
  }

  int domain(int node) {
    return domains[node];
  }

  int count() {
    return count;
  }

  /// Whether no domain has a second node, as with host names: what happens in the domain of a node
  /// then concerns that node only.
  boolean isPerNode() {
    return Arrays.stream(domains).filter(domain -> domain != NONE).count() == count;
  }
}
