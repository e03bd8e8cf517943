package dev.slipway.runtime.nodes;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.HashSet;
import java.util.List;

/// Which node's pods have which addresses: each node a /24 of its own, kept as its `podCIDR`. An
/// engine that chose by itself would choose what another one chose too.
final class PodSubnets {
  private static final int FIRST = 112;
  private static final int NODES = 4_096;

  private PodSubnets() {}

  /// One of 10.112.0.0/12 that no node has: the same for the same name as long as it is free, so
  /// that an engine that is added again fits what is left on it.
  static String free(String name, List<KubeObject> nodes) {
    var taken = new HashSet<String>();
    nodes.forEach(node -> taken.add(Json.string(node.spec(), "podCIDR", "")));
    int start = Math.floorMod(name.hashCode() * 0x9E3779B1, NODES);
    for (int i = 0; i < NODES; i++) {
      int number = (start + i) % NODES;
      String subnet = "10.%d.%d.0/24".formatted(FIRST + number / 256, number % 256);
      if (!taken.contains(subnet)) {
        return subnet;
      }
    }
    throw new IllegalStateException("every subnet for pods is taken");
  }
}
