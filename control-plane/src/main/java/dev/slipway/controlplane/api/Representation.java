package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// How objects are shown to one client: whole (copied as they are kept: encoded once, whatever the
/// number of readers), as rows of a table, or by their metadata alone.
///
/// @param included what a row of a table holds beside its cells: `Metadata`, `Object` or `None`
record Representation(ApiRequest.Form form, String included, ResourceType type, Instant now) {
  private static final byte[] ITEMS = ",\"items\":[".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] COMMA = {','};
  private static final byte[] END = {']', '}'};

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

  /// Objects are copied to the client as they are kept, so that a list takes no memory of its own.
  ///
  /// @param metadata of the list: `resourceVersion`, and how to go on
  ApiAnswer list(List<KubeObject> objects, ObjectNode metadata) {
    if (form == ApiRequest.Form.TABLE) {
      ObjectNode table =
          Tables.table(type, objects, Json.string(metadata, "resourceVersion", ""), included, now);
      table.set("metadata", metadata);
      return ApiAnswer.json(200, table);
    }
    ObjectNode head = Json.object();
    head.put(
        "kind",
        form == ApiRequest.Form.METADATA ? "PartialObjectMetadataList" : type.kind() + "List");
    head.put("apiVersion", form == ApiRequest.Form.METADATA ? "meta.k8s.io/v1" : type.apiVersion());
    head.set("metadata", metadata);
    byte[] whole = Json.write(head);
    byte[] start = Arrays.copyOf(whole, whole.length - 1);
    List<byte[]> items = objects.stream().map(this::one).toList();
    long length = (long) start.length + ITEMS.length + END.length + Math.max(0, items.size() - 1);
    for (byte[] item : items) {
      length += item.length;
    }
    return new ApiAnswer.Sized(
        200,
        "application/json",
        length,
        out -> {
          out.write(start);
          out.write(ITEMS);
          boolean first = true;
          for (byte[] item : items) {
            if (!first) {
              out.write(COMMA);
            }
            first = false;
            out.write(item);
          }
          out.write(END);
        });
  }

  static ObjectNode partial(KubeObject object) {
    ObjectNode partial = Json.object();
    partial.put("kind", "PartialObjectMetadata").put("apiVersion", "meta.k8s.io/v1");
    partial.set("metadata", object.metadata());
    return partial;
  }
}
