package dev.slipway.model.object;

import dev.slipway.model.json.Json;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The `conditions` of a status, as Kubernetes writes them: one entry a type, whose transition time
/// moves only when its status does.
public final class Conditions {
  private Conditions() {}

  public static Optional<JsonNode> find(JsonNode status, String type) {
    return Json.items(status, "conditions").stream()
        .filter(condition -> Json.string(condition, "type", "").equals(type))
        .findFirst();
  }

  public static boolean isTrue(JsonNode status, String type) {
    return find(status, type).filter(c -> Json.string(c, "status", "").equals("True")).isPresent();
  }

  /// Sets one condition in a status that the caller made. The transition time is kept when the
  /// status word is the same. An empty reason or message is left out.
  public static void set(
      ObjectNode status, String type, boolean value, String reason, String message, Instant now) {
    put(status, type, value ? "True" : "False", reason, message, now);
  }

  /// As [#set], for what nobody knows at present.
  public static void setUnknown(
      ObjectNode status, String type, String reason, String message, Instant now) {
    put(status, type, "Unknown", reason, message, now);
  }

  private static void put(
      ObjectNode status, String type, String word, String reason, String message, Instant now) {
    ArrayNode conditions =
        status.path("conditions") instanceof ArrayNode known
            ? known
            : status.putArray("conditions");
    for (JsonNode item : conditions) {
      if (item instanceof ObjectNode condition && Json.string(condition, "type", "").equals(type)) {
        if (!Json.string(condition, "status", "").equals(word)) {
          condition.put("lastTransitionTime", time(now));
        }
        condition.put("status", word);
        say(condition, "reason", reason);
        say(condition, "message", message);
        return;
      }
    }
    ObjectNode condition = conditions.addObject().put("type", type).put("status", word);
    say(condition, "reason", reason);
    say(condition, "message", message);
    condition.put("lastTransitionTime", time(now));
  }

  private static void say(ObjectNode condition, String field, String word) {
    if (word.isEmpty()) {
      condition.remove(field);
    } else {
      condition.put(field, word);
    }
  }

  /// A time as Kubernetes writes it: RFC 3339 with whole seconds.
  public static String time(Instant instant) {
    return instant.truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
