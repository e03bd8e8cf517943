package dev.slipway.rollout;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The spec of a Rollout with its defaults filled in.
///
/// @param hash of the template, and of the time of the last restart that was asked for
record RolloutSpec(
    int replicas,
    Map<String, String> selector,
    ObjectNode template,
    String hash,
    boolean recreate,
    int maxSurge,
    int maxUnavailable,
    Duration minReady,
    Duration progressDeadline,
    int historyLimit,
    boolean paused,
    boolean abort) {
  static final String HASH_LABEL = "slipway.dev/template-hash";
  private static final String RESTARTED = "slipway.dev/restarted-at";

  static RolloutSpec read(KubeObject rollout) {
    JsonNode spec = rollout.spec();
    int replicas =
        Json.integer(spec, "replicas", Json.integer(rollout.status(), "desiredReplicas", 1));
    JsonNode strategy = spec.path("strategy");
    JsonNode rolling = strategy.path("rollingUpdate");
    int surge = amount(rolling.path("maxSurge"), "25%", replicas, true);
    int unavailable = amount(rolling.path("maxUnavailable"), "25%", replicas, false);
    if (surge == 0 && unavailable == 0) {
      unavailable = 1;
    }
    ObjectNode template =
        spec.path("template") instanceof ObjectNode object ? object.deepCopy() : Json.object();
    Optional<String> restartAt = Json.string(spec, "restartAt");
    restartAt.ifPresent(
        at -> Json.child(Json.child(template, "metadata"), "annotations").put(RESTARTED, at));
    JsonNode selector = spec.path("selector");
    Map<String, String> labels = Json.stringMap(selector, "matchLabels");
    if (labels.isEmpty()) {
      labels = Json.stringMap(template.path("metadata"), "labels");
    }
    return new RolloutSpec(
        replicas,
        labels,
        template,
        TemplateHash.of(template),
        Json.string(strategy, "type", "RollingUpdate").equals("Recreate"),
        surge,
        unavailable,
        Duration.ofSeconds(Json.integer(spec, "minReadySeconds", 0)),
        Duration.ofSeconds(Json.integer(spec, "progressDeadlineSeconds", 600)),
        Json.integer(spec, "revisionHistoryLimit", 10),
        Json.bool(spec, "paused", false),
        Json.bool(spec, "abort", false));
  }

  /// A number, or a share of all pods: rounded up for a surge, down for what may be unavailable.
  static int amount(JsonNode value, String otherwise, int replicas, boolean up) {
    if (value.isIntegralNumber()) {
      return Math.max(0, value.intValue());
    }
    String text = value.isString() ? value.stringValue() : otherwise;
    try {
      if (text.endsWith("%")) {
        double share = Integer.parseInt(text.substring(0, text.length() - 1)) * replicas / 100.0;
        return (int) (up ? Math.ceil(share) : Math.floor(share));
      }
      return Math.max(0, Integer.parseInt(text));
    } catch (NumberFormatException e) {
      return 0;
    }
  }
}
