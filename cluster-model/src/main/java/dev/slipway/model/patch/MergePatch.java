package dev.slipway.model.patch;

import dev.slipway.model.json.Json;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// JSON merge patch, RFC 7386.
public final class MergePatch {
  private MergePatch() {}

  /// @return the patched tree; the target is left as it was
  /// @throws PatchException when the patch is no object
  public static ObjectNode apply(ObjectNode target, JsonNode patch) {
    if (!(patch instanceof ObjectNode changes)) {
      throw PatchException.unreadable("a merge patch of an object must be an object");
    }
    return merged(target.deepCopy(), changes);
  }

  private static ObjectNode merged(ObjectNode target, ObjectNode changes) {
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
