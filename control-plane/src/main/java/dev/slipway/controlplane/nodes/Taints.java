package dev.slipway.controlplane.nodes;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The taints of a Node, each of them once for its key.
final class Taints {
  private Taints() {}

  static Optional<JsonNode> find(KubeObject node, String key) {
    return Json.items(node.spec(), "taints").stream()
        .filter(taint -> Json.string(taint, "key", "").equals(key))
        .findFirst();
  }

  static void put(ObjectNode node, String key, String effect, Instant since) {
    without(node, key)
        .addObject()
        .put("key", key)
        .put("effect", effect)
        .put("timeAdded", Conditions.time(since));
  }

  static void remove(ObjectNode node, String key) {
    without(node, key);
  }

  private static ArrayNode without(ObjectNode node, String key) {
    ObjectNode spec = Json.child(node, "spec");
    List<JsonNode> others =
        Json.items(spec, "taints").stream()
            .filter(taint -> !Json.string(taint, "key", "").equals(key))
            .toList();
    ArrayNode taints = spec.putArray("taints");
    others.forEach(taints::add);
    return taints;
  }
}
