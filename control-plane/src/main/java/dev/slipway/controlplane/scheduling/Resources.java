package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.quantity.Quantity;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// Amounts by resource name: processors in thousandths, everything else in whole units.
record Resources(Map<String, Long> amounts) {
  Resources {
    amounts = Map.copyOf(amounts);
  }

  /// What a node has to give.
  static Resources allocatable(KubeObject node) {
    JsonNode list = node.status().path("allocatable");
    return new Resources(read(list.isObject() ? list : node.status().path("capacity")));
  }

  /// What a pod asks for: its containers together, or the largest init container if that is more;
  /// and one pod.
  static Resources requests(KubeObject pod) {
    var sum = new HashMap<String, Long>();
    for (JsonNode container : Json.items(pod.spec(), "containers")) {
      read(requested(container)).forEach((name, amount) -> sum.merge(name, amount, Long::sum));
    }
    for (JsonNode container : Json.items(pod.spec(), "initContainers")) {
      read(requested(container)).forEach((name, amount) -> sum.merge(name, amount, Math::max));
    }
    sum.put("pods", 1L);
    return new Resources(sum);
  }

  private static JsonNode requested(JsonNode container) {
    JsonNode resources = container.path("resources");
    return resources.has("requests") ? resources.path("requests") : resources.path("limits");
  }

  private static Map<String, Long> read(JsonNode list) {
    var amounts = new TreeMap<String, Long>();
    for (var entry : list.properties()) {
      Quantity.find(entry.getValue().asString())
          .ifPresent(
              quantity ->
                  amounts.put(
                      entry.getKey(),
                      entry.getKey().equals("cpu") ? quantity.milliValue() : quantity.value()));
    }
    return amounts;
  }

  long of(String name) {
    return amounts.getOrDefault(name, 0L);
  }
}
