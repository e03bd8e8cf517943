package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Which patch a content type names, and what becomes of an object under it.
final class Patches {
  private Patches() {}

  /// @return a tree of the caller's own
  static ObjectNode patched(String contentType, KubeObject live, JsonNode patch) {
    String type = contentType.split(";", 2)[0].strip();
    return switch (type) {
      case "application/merge-patch+json" -> merged(live.json().deepCopy(), patch);
      default ->
          throw new ClusterException(
              Reason.BAD_REQUEST, "the content type of a patch must name its kind, not " + type);
    };
  }

  /// RFC 7386.
  private static ObjectNode merged(ObjectNode target, JsonNode patch) {
    if (!(patch instanceof ObjectNode changes)) {
      throw new ClusterException(Reason.BAD_REQUEST, "a merge patch of an object must be an object");
    }
    for (var change : changes.properties()) {
      if (change.getValue().isNull()) {
        target.remove(change.getKey());
      } else if (change.getValue() instanceof ObjectNode inner) {
        ObjectNode child =
            target.path(change.getKey()) instanceof ObjectNode known ? known : Json.object();
        target.set(change.getKey(), merged(child, inner));
      } else {
        target.set(change.getKey(), change.getValue());
      }
    }
    return target;
  }
}
