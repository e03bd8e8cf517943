package dev.slipway.controlplane.audit;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.ObjectKey;
import java.time.Instant;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// One change to one object. Names only, never content: an object may hold a secret.
///
/// @param revision the resourceVersion that the change made
/// @param verb `create`, `replace`, `status`, `apply`, `delete` …
/// @param uid of the object, so that two objects that had one name can be told apart
/// @param user the person or program that was authenticated
/// @param manager the field manager it wrote as
/// @param reason what the writer said the change is for; may be empty
public record AuditRecord(
    long revision,
    Instant at,
    String verb,
    ObjectKey object,
    String uid,
    String user,
    String manager,
    String reason) {
  /// As one line of JSON.
  public String toLine() {
    ObjectNode json = Json.object();
    json.put("revision", revision).put("at", at.toString()).put("verb", verb);
    if (!object.group().isEmpty()) {
      json.put("group", object.group());
    }
    json.put("kind", object.kind());
    if (!object.namespace().isEmpty()) {
      json.put("namespace", object.namespace());
    }
    json.put("name", object.name()).put("uid", uid).put("user", user).put("manager", manager);
    if (!reason.isEmpty()) {
      json.put("reason", reason);
    }
    return Json.text(json);
  }

  /// Reads what [#toLine] wrote.
  ///
  /// @throws IllegalArgumentException when the line is no such record
  public static AuditRecord parse(String line) {
    JsonNode json = Json.parse(line);
    var object =
        new ObjectKey(
            Json.string(json, "group", ""),
            Json.string(json, "kind", ""),
            Json.string(json, "namespace", ""),
            Json.string(json, "name", ""));
    Instant at;
    try {
      at = Instant.parse(Json.string(json, "at", ""));
    } catch (java.time.format.DateTimeParseException e) {
      throw new IllegalArgumentException("audit record without a time", e);
    }
    return new AuditRecord(
        Json.number(json, "revision", 0),
        at,
        Json.string(json, "verb", ""),
        object,
        Json.string(json, "uid", ""),
        Json.string(json, "user", ""),
        Json.string(json, "manager", ""),
        Json.string(json, "reason", ""));
  }
}
