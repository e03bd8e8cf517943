package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads request bodies in Kubernetes' protobuf form, which Go's typed clients prefer, into the
/// trees that JSON would have given. Answers stay JSON: every client that sends protobuf takes it.
///
/// The messages come from `protobuf.json`, see `protobuf.py`. Source of the wire format: the
/// protocol buffers encoding specification, and "Protobuf encoding" among Kubernetes' API concepts
/// (the bytes `k8s\0` and an envelope with the kind).
final class ProtobufBodies {
  static final String MEDIA_TYPE = "application/vnd.kubernetes.protobuf";

  private static final int MAX_DEPTH = 100;
  private static final byte[] MAGIC = {'k', '8', 's', 0};

  /// @param inline whether its fields stand in the enclosing object
  /// @param keepsZero whether a zero was stated by somebody: else it only means that nothing was
  private record Field(String name, String type, boolean inline, boolean keepsZero) {}

  private static final class Holder {
    static final ProtobufBodies KNOWN = load();
  }

  private final Map<String, String> kinds = new HashMap<>();
  private final Map<String, Map<Integer, Field>> messages = new HashMap<>();

  private ProtobufBodies() {}

  private static ProtobufBodies load() {
    var bodies = new ProtobufBodies();
    try (InputStream in = ProtobufBodies.class.getResourceAsStream("protobuf.json")) {
      if (in == null) {
        throw new IllegalStateException("protobuf.json is not in the program");
      }
      JsonNode json = Json.parse(in.readAllBytes());
      bodies.kinds.putAll(Json.stringMap(json, "kinds"));
      for (var message : json.path("messages").properties()) {
        var fields = new HashMap<Integer, Field>();
        for (var field : message.getValue().properties()) {
          String flags = field.getValue().path(2).asString("");
          fields.put(
              Integer.valueOf(field.getKey()),
              new Field(
                  field.getValue().path(0).asString(""),
                  field.getValue().path(1).asString(""),
                  flags.contains("i"),
                  flags.contains("z")));
        }
        bodies.messages.put(message.getKey(), fields);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bodies;
  }

  /// @throws IllegalArgumentException when the bytes are not what they should be, or of a kind that
  ///   is not known
  static ObjectNode read(byte[] body) {
    ByteBuffer bytes = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
    for (byte expected : MAGIC) {
      if (!bytes.hasRemaining() || bytes.get() != expected) {
        throw new IllegalArgumentException(
            "no Kubernetes protobuf: the first four bytes are wrong");
      }
    }
    return Holder.KNOWN.enveloped(bytes);
  }

  private ObjectNode enveloped(ByteBuffer bytes) {
    String apiVersion = "";
    String kind = "";
    ByteBuffer raw = ByteBuffer.allocate(0);
    while (bytes.hasRemaining()) {
      long tag = varint(bytes);
      switch ((int) (tag >>> 3)) {
        case 1 -> {
          ByteBuffer type = slice(bytes);
          while (type.hasRemaining()) {
            long inner = varint(type);
            String text = (inner & 7) == 2 ? text(slice(type)) : skipped(type, inner);
            if (inner >>> 3 == 1) {
              apiVersion = text;
            } else if (inner >>> 3 == 2) {
              kind = text;
            }
          }
        }
        case 2 -> raw = slice(bytes);
        default -> skipped(bytes, tag);
      }
    }
    String message = kinds.get(apiVersion + " " + kind);
    if (message == null && kind.equals("DeleteOptions")) {
      message = "meta.v1.DeleteOptions";
    }
    if (message == null) {
      throw new IllegalArgumentException(
          "protobuf of %s %s cannot be read here: send JSON".formatted(apiVersion, kind));
    }
    ObjectNode object = Json.object().put("apiVersion", apiVersion).put("kind", kind);
    message(object, raw, message, 0);
    return object;
  }

  private void message(ObjectNode target, ByteBuffer bytes, String name, int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException("nested too deep");
    }
    Map<Integer, Field> fields = messages.getOrDefault(name, Map.of());
    while (bytes.hasRemaining()) {
      long tag = varint(bytes);
      Field field = fields.get((int) (tag >>> 3));
      if (field == null) {
        skipped(bytes, tag);
        continue;
      }
      String type = field.type();
      if (field.inline() && type.startsWith("#")) {
        message(target, slice(bytes), type.substring(1), depth + 1);
      } else if (type.startsWith("[")) {
        ArrayNode list =
            target.path(field.name()) instanceof ArrayNode known
                ? known
                : target.putArray(field.name());
        list.add(value(bytes, tag, type.substring(1), depth));
      } else if (type.startsWith("{")) {
        entry(Json.child(target, field.name()), slice(bytes), type.substring(1), depth);
      } else {
        JsonNode value = value(bytes, tag, type, depth);
        if (field.keepsZero() || !isZero(value)) {
          target.set(field.name(), value);
        }
      }
    }
  }

  private void entry(ObjectNode map, ByteBuffer bytes, String type, int depth) {
    String key = "";
    JsonNode value = zero(type);
    while (bytes.hasRemaining()) {
      long tag = varint(bytes);
      if (tag >>> 3 == 1) {
        key = text(slice(bytes));
      } else if (tag >>> 3 == 2) {
        value = value(bytes, tag, type, depth);
      } else {
        skipped(bytes, tag);
      }
    }
    map.set(key, value);
  }

  private static JsonNode zero(String type) {
    return type.equals("s") || type.equals("B")
        ? tools.jackson.databind.node.StringNode.valueOf("")
        : Json.object();
  }

  private static boolean isZero(JsonNode value) {
    return value.isNull()
        || (value.isContainer() && value.isEmpty())
        || (value.isString() && value.stringValue().isEmpty())
        || (value.isBoolean() && !value.booleanValue())
        || (value.isNumber() && value.doubleValue() == 0);
  }

  private JsonNode value(ByteBuffer bytes, long tag, String type, int depth) {
    int wire = (int) (tag & 7);
    boolean fits =
        switch (type.charAt(0)) {
          case 'i', 'b' -> wire == 0;
          case 'd' -> wire == 1;
          default -> wire == 2;
        };
    if (!fits) {
      throw new IllegalArgumentException("a field has the wrong wire type");
    }
    ObjectNode holder = Json.object();
    switch (type.charAt(0)) {
      case 's' -> holder.put("v", text(slice(bytes)));
      case 'i' -> holder.put("v", varint(bytes));
      case 'b' -> holder.put("v", varint(bytes) != 0);
      case 'd' -> {
        need(bytes, 8);
        holder.put("v", bytes.getDouble());
      }
      case 'B' -> {
        ByteBuffer data = slice(bytes);
        var copy = new byte[data.remaining()];
        data.get(copy);
        holder.put("v", Base64.getEncoder().encodeToString(copy));
      }
      default -> holder.set("v", structured(slice(bytes), type.substring(1), depth));
    }
    return holder.path("v");
  }

  /// The messages that JSON writes as something else than an object of their fields.
  private JsonNode structured(ByteBuffer bytes, String name, int depth) {
    ObjectNode holder = Json.object();
    switch (name) {
      case "Quantity" -> holder.put("v", text(part(bytes, 1)));
      case "IntOrString" -> {
        long kind = 0;
        long number = 0;
        String text = "";
        while (bytes.hasRemaining()) {
          long tag = varint(bytes);
          switch ((int) (tag >>> 3)) {
            case 1 -> kind = varint(bytes);
            case 2 -> number = varint(bytes);
            case 3 -> text = text(slice(bytes));
            default -> skipped(bytes, tag);
          }
        }
        if (kind == 0) {
          holder.put("v", (int) number);
        } else {
          holder.put("v", text);
        }
      }
      case "meta.v1.Time", "meta.v1.MicroTime" -> {
        long seconds = 0;
        long nanos = 0;
        boolean any = bytes.hasRemaining();
        while (bytes.hasRemaining()) {
          long tag = varint(bytes);
          switch ((int) (tag >>> 3)) {
            case 1 -> seconds = varint(bytes);
            case 2 -> nanos = varint(bytes);
            default -> skipped(bytes, tag);
          }
        }
        if (!any || (seconds == 0 && nanos == 0)) {
          holder.putNull("v");
        } else {
          boolean micro = name.endsWith("MicroTime");
          try {
            Instant time = Instant.ofEpochSecond(seconds, micro ? nanos / 1_000 * 1_000 : 0);
            holder.put("v", micro ? micros(time) : time.toString());
          } catch (java.time.DateTimeException e) {
            throw new IllegalArgumentException("a time is out of range", e);
          }
        }
      }
      case "RawExtension", "meta.v1.FieldsV1" -> {
        ByteBuffer data = part(bytes, 1);
        var copy = new byte[data.remaining()];
        data.get(copy);
        holder.set("v", copy.length == 0 ? Json.object() : Json.parse(copy));
      }
      case "authorization.v1.ExtraValue", "authentication.v1.ExtraValue" -> {
        ArrayNode list = holder.putArray("v");
        while (bytes.hasRemaining()) {
          long tag = varint(bytes);
          list.add(text(slice(bytes)));
          if (tag >>> 3 != 1) {
            throw new IllegalArgumentException("unexpected field");
          }
        }
      }
      default -> {
        ObjectNode object = Json.object();
        message(object, bytes, name, depth + 1);
        holder.set("v", object);
      }
    }
    return holder.path("v");
  }

  private static String micros(Instant time) {
    return java.time.format.DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")
        .withZone(java.time.ZoneOffset.UTC)
        .format(time);
  }

  /// The last value of a field that holds bytes.
  private static ByteBuffer part(ByteBuffer bytes, int number) {
    ByteBuffer found = ByteBuffer.allocate(0);
    while (bytes.hasRemaining()) {
      long tag = varint(bytes);
      if (tag >>> 3 == number && (tag & 7) == 2) {
        found = slice(bytes);
      } else {
        skipped(bytes, tag);
      }
    }
    return found;
  }

  private static long varint(ByteBuffer bytes) {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      need(bytes, 1);
      byte next = bytes.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a number is too long");
  }

  private static ByteBuffer slice(ByteBuffer bytes) {
    long length = varint(bytes);
    if (length < 0 || length > bytes.remaining()) {
      throw new IllegalArgumentException("the body is cut off");
    }
    ByteBuffer part = bytes.slice(bytes.position(), (int) length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.position(bytes.position() + (int) length);
    return part;
  }

  private static String text(ByteBuffer bytes) {
    return StandardCharsets.UTF_8.decode(bytes).toString();
  }

  private static String skipped(ByteBuffer bytes, long tag) {
    switch ((int) (tag & 7)) {
      case 0 -> varint(bytes);
      case 1 -> {
        need(bytes, 8);
        bytes.position(bytes.position() + 8);
      }
      case 2 -> slice(bytes);
      case 5 -> {
        need(bytes, 4);
        bytes.position(bytes.position() + 4);
      }
      default -> throw new IllegalArgumentException("unknown wire type");
    }
    return "";
  }

  private static void need(ByteBuffer bytes, int count) {
    if (bytes.remaining() < count) {
      throw new IllegalArgumentException("the body is cut off");
    }
  }
}
