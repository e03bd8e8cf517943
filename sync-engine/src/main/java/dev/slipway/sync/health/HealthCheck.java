package dev.slipway.sync.health;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// How the objects of one kind do, as `spec.healthCheckExprs` of an application says. An expression
/// that is empty never holds.
public record HealthCheck(
    String apiVersion, String kind, String current, String inProgress, String failed) {
  public static List<HealthCheck> read(JsonNode applicationSpec) {
    var checks = new ArrayList<HealthCheck>();
    for (JsonNode check : applicationSpec.path("healthCheckExprs")) {
      checks.add(
          new HealthCheck(
              Json.string(check, "apiVersion", ""),
              Json.string(check, "kind", ""),
              Json.string(check, "current", ""),
              Json.string(check, "inProgress", ""),
              Json.string(check, "failed", "")));
    }
    return List.copyOf(checks);
  }

  boolean speaksOf(KubeObject object) {
    return kind.equals(object.kind()) && apiVersion.equals(object.apiVersion());
  }
}
