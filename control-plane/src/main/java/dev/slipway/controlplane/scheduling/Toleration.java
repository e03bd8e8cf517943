package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import java.time.Duration;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// What a pod puts up with.
///
/// @param exists any value of the taint will do
/// @param limit how long it stays on a node with a `NoExecute` taint; empty for ever
public record Toleration(
    String key, boolean exists, String value, String effect, Optional<Duration> limit) {
  public static Toleration read(JsonNode json) {
    JsonNode seconds = json.path("tolerationSeconds");
    return new Toleration(
        Json.string(json, "key", ""),
        Json.string(json, "operator", "Equal").equals("Exists"),
        Json.string(json, "value", ""),
        Json.string(json, "effect", ""),
        seconds.isIntegralNumber()
            ? Optional.of(Duration.ofSeconds(Math.max(0, seconds.longValue())))
            : Optional.empty());
  }

  public boolean covers(Taint taint) {
    return (effect.isEmpty() || effect.equals(taint.effect()))
        && (key.equals(taint.key()) || (key.isEmpty() && exists))
        && (exists || value.equals(taint.value()));
  }
}
