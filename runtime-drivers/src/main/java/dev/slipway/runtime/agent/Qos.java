package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.quantity.Quantity;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// How firmly a pod's resources are promised, in Kubernetes' words.
final class Qos {
  private Qos() {}

  static String of(KubeObject pod) {
    List<JsonNode> containers =
        Stream.concat(
                Json.items(pod.spec(), "initContainers").stream(),
                Json.items(pod.spec(), "containers").stream())
            .toList();
    boolean any = false;
    boolean all = true;
    for (JsonNode container : containers) {
      for (String name : List.of("cpu", "memory")) {
        Optional<Quantity> limit = amount(container, "limits", name);
        Optional<Quantity> request = amount(container, "requests", name).or(() -> limit);
        any |= request.isPresent();
        all &= limit.isPresent() && request.equals(limit);
      }
    }
    return !any ? "BestEffort" : all ? "Guaranteed" : "Burstable";
  }

  private static Optional<Quantity> amount(JsonNode container, String side, String name) {
    return Quantity.find(container.path("resources").path(side).path(name).asString(""))
        .filter(quantity -> quantity.amount().signum() > 0);
  }
}
