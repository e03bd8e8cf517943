package dev.slipway.model.object;

import dev.slipway.model.json.Json;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Who an object belongs to. The UID decides: another object of the same name is another owner.
public record OwnerReference(
    String apiVersion,
    String kind,
    String name,
    String uid,
    boolean controller,
    boolean blockOwnerDeletion) {
  public static OwnerReference controlledBy(KubeObject owner) {
    return new OwnerReference(
        owner.apiVersion(), owner.kind(), owner.name(), owner.uid(), true, true);
  }

  public static OwnerReference read(JsonNode json) {
    return new OwnerReference(
        Json.string(json, "apiVersion", ""),
        Json.string(json, "kind", ""),
        Json.string(json, "name", ""),
        Json.string(json, "uid", ""),
        Json.bool(json, "controller", false),
        Json.bool(json, "blockOwnerDeletion", false));
  }

  public ObjectNode toJson() {
    ObjectNode json = Json.object();
    json.put("apiVersion", apiVersion).put("kind", kind).put("name", name).put("uid", uid);
    if (controller) {
      json.put("controller", true);
    }
    if (blockOwnerDeletion) {
      json.put("blockOwnerDeletion", true);
    }
    return json;
  }
}
