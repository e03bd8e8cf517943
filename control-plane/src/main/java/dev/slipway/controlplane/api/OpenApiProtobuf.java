package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/// The `/openapi/v2` document in the protobuf form that Go's discovery client and older `kubectl`
/// and Helm insist on: the same content as the JSON.
///
/// Source of the numbers: `OpenAPIv2.proto` of github.com/google/gnostic-models.
final class OpenApiProtobuf {
  static final String MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

  /// What clients ask for by habit. It is no valid media type, so that nothing is answered by it.
  private static final String OLD_NAME =
      "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

  static boolean isAskedFor(String accept) {
    return accept.contains(MEDIA_TYPE) || accept.contains(OLD_NAME);
  }

  private static final Map<String, Integer> OPERATIONS =
      Map.of("get", 2, "put", 3, "post", 4, "delete", 5, "patch", 7);
  private static final int TEXT = 2;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private OpenApiProtobuf() {}

  static byte[] document(JsonNode document) {
    var message = new OpenApiProtobuf();
    message.text(1, document, "swagger");
    JsonNode info = document.path("info");
    message.message(2, inner -> inner.text(1, info, "title").text(2, info, "version"));
    message.message(
        8,
        paths -> {
          for (var path : document.path("paths").properties()) {
            paths.message(
                2,
                named ->
                    named
                        .text(1, path.getKey())
                        .message(2, item -> item.operations(path.getValue())));
          }
        });
    message.message(
        9,
        definitions -> {
          for (var definition : document.path("definitions").properties()) {
            definitions.named(1, definition.getKey(), definition.getValue());
          }
        });
    return message.out.toByteArray();
  }

  private void operations(JsonNode path) {
    for (var operation : path.properties()) {
      Integer number = OPERATIONS.get(operation.getKey());
      if (number != null) {
        message(number, inner -> inner.operation(operation.getValue()));
      }
    }
  }

  private void operation(JsonNode operation) {
    for (JsonNode parameter : Json.items(operation, "parameters")) {
      // ParametersItem, Parameter, NonBodyParameter, and which kind of it.
      message(
          8,
          item ->
              item.message(
                  1,
                  one ->
                      one.message(
                          2, plain -> plain.message(3, query -> query.parameter(parameter)))));
    }
    message(
        9,
        responses -> {
          for (var response : operation.path("responses").properties()) {
            responses.message(
                1,
                named ->
                    named
                        .text(1, response.getKey())
                        .message(
                            2,
                            value ->
                                value.message(
                                    1,
                                    inner -> inner.text(1, response.getValue(), "description"))));
          }
        });
    extensions(13, operation);
  }

  private void parameter(JsonNode parameter) {
    text(2, parameter, "in");
    text(4, parameter, "name");
    text(6, parameter.path("schema"), "type");
    flag(20, parameter.path("schema").path("uniqueItems").asBoolean(false));
  }

  private void named(int field, String name, JsonNode schema) {
    message(field, named -> named.text(1, name).message(2, value -> value.schema(schema)));
  }

  private void schema(JsonNode schema) {
    text(1, schema, "$ref");
    text(2, schema, "format");
    text(4, schema, "description");
    Json.strings(schema, "required").forEach(name -> text(19, name));
    if (schema.has("additionalProperties")) {
      message(
          21, item -> item.message(1, inner -> inner.schema(schema.path("additionalProperties"))));
    }
    Json.string(schema, "type").ifPresent(type -> message(22, item -> item.text(1, type)));
    if (schema.has("items")) {
      message(23, item -> item.message(1, inner -> inner.schema(schema.path("items"))));
    }
    if (schema.has("properties")) {
      message(
          25,
          properties -> {
            for (var property : schema.path("properties").properties()) {
              properties.named(1, property.getKey(), property.getValue());
            }
          });
    }
    extensions(31, schema);
  }

  private void extensions(int field, JsonNode node) {
    for (var member : node.properties()) {
      if (member.getKey().startsWith("x-")) {
        // Any YAML; JSON is that too.
        message(
            field,
            named ->
                named
                    .text(1, member.getKey())
                    .message(2, any -> any.text(2, Json.text(member.getValue()) + "\n")));
      }
    }
  }

  private OpenApiProtobuf text(int field, JsonNode node, String name) {
    Json.string(node, name).ifPresent(value -> text(field, value));
    return this;
  }

  private OpenApiProtobuf text(int field, String value) {
    bytes(field, value.getBytes(StandardCharsets.UTF_8));
    return this;
  }

  private void flag(int field, boolean value) {
    if (value) {
      varint((long) field << 3);
      out.write(1);
    }
  }

  private OpenApiProtobuf message(int field, Consumer<OpenApiProtobuf> content) {
    var inner = new OpenApiProtobuf();
    content.accept(inner);
    bytes(field, inner.out.toByteArray());
    return this;
  }

  private void bytes(int field, byte[] bytes) {
    varint((long) field << 3 | TEXT);
    varint(bytes.length);
    out.writeBytes(bytes);
  }

  private void varint(long value) {
    long left = value;
    while (left > 0x7f) {
      out.write((int) (left & 0x7f | 0x80));
      left >>>= 7;
    }
    out.write((int) left);
  }
}
