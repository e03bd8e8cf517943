package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// What a node holds against pods that do not tolerate it.
public record Taint(String key, String value, String effect) {
  static final Taint UNSCHEDULABLE =
      new Taint("node.kubernetes.io/unschedulable", "", "NoSchedule");

  public static Taint read(JsonNode json) {
    return new Taint(
        Json.string(json, "key", ""),
        Json.string(json, "value", ""),
        Json.string(json, "effect", ""));
  }

  static List<Taint> of(KubeObject node) {
    return Json.items(node.spec(), "taints").stream().map(Taint::read).toList();
  }
}
