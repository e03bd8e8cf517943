package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// How objects are shown to one client: whole (copied as they are kept: encoded once, whatever the
/// number of readers), as rows of a table, or by their metadata alone.
///
/// @param included what a row of a table holds beside its cells: `Metadata`, `Object` or `None`
record Representation(ApiRequest.Form form, String included, ResourceType type, Instant now) {
  static Representation of(ApiRequest request, ResourceType type, Instant now) {
    return new Representation(
        request.form(), request.parameter("includeObject").orElse("Metadata"), type, now);
  }

  byte[] one(KubeObject object) {
    return switch (form) {
      case OBJECT -> object.bytes();
      case TABLE ->
          Json.write(Tables.table(type, List.of(object), object.resourceVersion(), included, now));
      case METADATA -> Json.write(partial(object));
    };
  }

  /// @param metadata of the list: `resourceVersion`, and how to go on
  byte[] list(List<KubeObject> objects, ObjectNode metadata) {
    if (form == ApiRequest.Form.TABLE) {
      ObjectNode table =
          Tables.table(type, objects, Json.string(metadata, "resourceVersion", ""), included, now);
      table.set("metadata", metadata);
      return Json.write(table);
    }
    ObjectNode head = Json.object();
    head.put(
        "kind",
        form == ApiRequest.Form.METADATA ? "PartialObjectMetadataList" : type.kind() + "List");
    head.put("apiVersion", form == ApiRequest.Form.METADATA ? "meta.k8s.io/v1" : type.apiVersion());
    head.set("metadata", metadata);
    byte[] start = Json.write(head);
    var bytes = new ByteArrayOutputStream(start.length + 16 + 1024 * objects.size());
    bytes.write(start, 0, start.length - 1);
    bytes.writeBytes(",\"items\":[".getBytes(StandardCharsets.US_ASCII));
    boolean first = true;
    for (KubeObject object : objects) {
      if (!first) {
        bytes.write(',');
      }
      first = false;
      bytes.writeBytes(one(object));
    }
    bytes.write(']');
    bytes.write('}');
    return bytes.toByteArray();
  }

  static ObjectNode partial(KubeObject object) {
    ObjectNode partial = Json.object();
    partial.put("kind", "PartialObjectMetadata").put("apiVersion", "meta.k8s.io/v1");
    partial.set("metadata", object.metadata());
    return partial;
  }
}
