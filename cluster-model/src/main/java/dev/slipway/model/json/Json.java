package dev.slipway.model.json;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The one place that reads and writes JSON. Trees that leave a
/// [dev.slipway.model.object.KubeObject] are shared between threads: nobody changes a tree that he
/// did not make.
public final class Json {
  /// Deeper input is refused: it is no manifest, and every walk over a tree is recursive.
  public static final int MAX_DEPTH = 200;

  /// What strangers send may have no more than this many names, values and brackets: a tree takes
  /// far more memory than its text.
  public static final int MAX_FOREIGN_TOKENS = 300_000;

  private static final JsonMapper MAPPER = mapper(Long.MAX_VALUE);
  private static final JsonMapper FOREIGN = mapper(MAX_FOREIGN_TOKENS);
  private static final JsonMapper LENIENT =
      FOREIGN.rebuild().disable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY).build();

  private static JsonMapper mapper(long maxTokens) {
    return JsonMapper.builder(
            JsonFactory.builder()
                .streamReadConstraints(
                    StreamReadConstraints.builder()
                        .maxNestingDepth(MAX_DEPTH)
                        .maxStringLength(16 << 20)
                        .maxTokenCount(maxTokens)
                        .build())
                .build())
        .nodeFactory(Nodes.FACTORY)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
        .build();
  }

  private Json() {}

  public static ObjectNode object() {
    return Nodes.FACTORY.objectNode();
  }

  public static ArrayNode array() {
    return Nodes.FACTORY.arrayNode();
  }

  /// Reads one value and nothing after it.
  ///
  /// @throws IllegalArgumentException with the place and the cause when the bytes are no JSON, nest
  ///   deeper than [#MAX_DEPTH] or repeat a key
  public static JsonNode parse(byte[] utf8) {
    try {
      return MAPPER.readTree(utf8);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(message(e), e);
    }
  }

  /// As [#parse(byte[])], for what strangers send: no more than [#MAX_FOREIGN_TOKENS].
  public static JsonNode parseForeign(byte[] utf8) {
    try {
      return FOREIGN.readTree(utf8);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(message(e), e);
    }
  }

  /// As [#parseForeign], for an object; any other value is refused.
  public static ObjectNode parseForeignObject(byte[] utf8) {
    if (parseForeign(utf8) instanceof ObjectNode object) {
      return object;
    }
    throw new IllegalArgumentException("expected a JSON object");
  }

  /// As [#parseForeignObject(byte[])], but of keys that are repeated the last one stays.
  ///
  /// @param repeated is given where they are, as `spec.ports[0].name`, in the order of the text
  public static ObjectNode parseForeignObject(byte[] utf8, List<String> repeated) {
    try {
      return parseForeignObject(utf8);
    } catch (IllegalArgumentException e) {
      try {
        if (LENIENT.readTree(utf8) instanceof ObjectNode object) {
          RepeatedKeys.find(LENIENT, utf8, repeated);
          return object;
        }
      } catch (JacksonException ignored) {
        // What is wrong beside keys was said first.
      }
      throw e;
    }
  }

  /// As [#parse(byte[])], for text.
  public static JsonNode parse(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(message(e), e);
    }
  }

  /// Reads an object; any other value is refused.
  public static ObjectNode parseObject(byte[] utf8) {
    if (parse(utf8) instanceof ObjectNode object) {
      return object;
    }
    throw new IllegalArgumentException("expected a JSON object");
  }

  public static byte[] write(JsonNode node) {
    return MAPPER.writeValueAsBytes(node);
  }

  public static String text(JsonNode node) {
    return MAPPER.writeValueAsString(node);
  }

  public static String pretty(JsonNode node) {
    return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(node);
  }

  /// The member as text; absent, `null` and values of other types give empty.
  public static Optional<String> string(JsonNode node, String field) {
    JsonNode value = node.path(field);
    return value.isString() ? Optional.of(value.stringValue()) : Optional.empty();
  }

  public static String string(JsonNode node, String field, String otherwise) {
    JsonNode value = node.path(field);
    return value.isString() ? value.stringValue() : otherwise;
  }

  public static int integer(JsonNode node, String field, int otherwise) {
    JsonNode value = node.path(field);
    return value.isIntegralNumber() && value.canConvertToInt() ? value.intValue() : otherwise;
  }

  public static long number(JsonNode node, String field, long otherwise) {
    JsonNode value = node.path(field);
    return value.isIntegralNumber() && value.canConvertToLong() ? value.longValue() : otherwise;
  }

  public static boolean bool(JsonNode node, String field, boolean otherwise) {
    JsonNode value = node.path(field);
    return value.isBoolean() ? value.booleanValue() : otherwise;
  }

  /// The items of an array member; anything else gives an empty list.
  public static List<JsonNode> items(JsonNode node, String field) {
    JsonNode value = node.path(field);
    if (!value.isArray()) {
      return List.of();
    }
    var items = new ArrayList<JsonNode>(value.size());
    value.forEach(items::add);
    return List.copyOf(items);
  }

  /// The texts of an array member, in order; items of other types are left out.
  public static List<String> strings(JsonNode node, String field) {
    return items(node, field).stream()
        .filter(JsonNode::isString)
        .map(JsonNode::stringValue)
        .toList();
  }

  /// A map of texts, in the order of the document; values of other types are left out.
  public static Map<String, String> stringMap(JsonNode node, String field) {
    if (!(node.path(field) instanceof ObjectNode object)) {
      return Map.of();
    }
    var map = new LinkedHashMap<String, String>();
    for (var entry : object.properties()) {
      if (entry.getValue().isString()) {
        map.put(entry.getKey(), entry.getValue().stringValue());
      }
    }
    return java.util.Collections.unmodifiableMap(map);
  }

  /// The member as an object, made when it is absent or no object. Only for trees that the caller
  /// made.
  public static ObjectNode child(ObjectNode parent, String field) {
    return parent.path(field) instanceof ObjectNode child ? child : parent.putObject(field);
  }

  /// Whether some value lies below that many brackets.
  public static boolean isDeeperThan(JsonNode node, int levels) {
    if (!node.isContainer()) {
      return false;
    }
    if (levels <= 0) {
      return true;
    }
    for (JsonNode child : node) {
      if (isDeeperThan(child, levels - 1)) {
        return true;
      }
    }
    return false;
  }

  private static String message(JacksonException e) {
    var location = e.getLocation();
    String place =
        location == null || location.getLineNr() < 1
            ? ""
            : "line " + location.getLineNr() + ", column " + location.getColumnNr() + ": ";
    return place + e.getOriginalMessage();
  }
}
