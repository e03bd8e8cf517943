package dev.slipway.controlplane.store;

import dev.slipway.model.json.Json;
import dev.slipway.model.json.Shared;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// One instance of the parts that many objects have in common: what the pods of a workload are made
/// of, labels, and who owns which fields, which alone is most of the tree of a small object. For
/// any thread.
final class CommonParts {
  private static final List<String> OF_METADATA =
      List.of("labels", "annotations", "ownerReferences");
  private static final List<String> OF_SPEC =
      List.of(
          "containers",
          "initContainers",
          "volumes",
          "tolerations",
          "affinity",
          "selector",
          "template");

  private final Shared<JsonNode> parts = new Shared<>(10);

  /// Puts shared parts in place of those of this object. The tree and its metadata are the caller's
  /// own; whatever else of it changes is copied.
  void share(ObjectNode json) {
    if (json.path("metadata") instanceof ObjectNode metadata) {
      share(metadata, OF_METADATA);
      if (metadata.path("managedFields") instanceof ArrayNode owners) {
        metadata.set("managedFields", shared(owners));
      }
    }
    if (json.path("spec") instanceof ObjectNode spec) {
      ObjectNode copy = Json.object();
      copy.setAll(spec);
      share(copy, OF_SPEC);
      json.set("spec", copy);
    }
  }

  private void share(ObjectNode of, List<String> fields) {
    for (String field : fields) {
      JsonNode part = of.path(field);
      if (part.isContainer()) {
        of.set(field, parts.one(part));
      }
    }
  }

  private ArrayNode shared(ArrayNode owners) {
    ArrayNode copies = Json.array();
    for (JsonNode owner : owners) {
      if (owner instanceof ObjectNode known) {
        ObjectNode copy = Json.object();
        copy.setAll(known);
        share(copy, List.of("fieldsV1"));
        copies.add(copy);
      } else {
        copies.add(owner);
      }
    }
    return copies;
  }
}
