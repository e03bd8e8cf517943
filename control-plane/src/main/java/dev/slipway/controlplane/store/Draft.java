package dev.slipway.controlplane.store;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// An object that is encoded already, but for its resourceVersion: the writer puts that in without
/// encoding again.
final class Draft {
  private static final byte[] MARK = "\"resourceVersion\":\"".getBytes(StandardCharsets.UTF_8);

  private final ObjectNode json;
  private final ObjectNode metadata;
  private final byte[] encoded;
  private final int at;

  private Draft(ObjectNode json, ObjectNode metadata, byte[] encoded, int at) {
    this.json = json;
    this.metadata = metadata;
    this.encoded = encoded;
    this.at = at;
  }

  /// Makes the parts that change anew and shares the rest, so the given tree stays as it is.
  ///
  /// `apiVersion`, `kind` and the identity come first: whatever else an object holds, the first
  /// resourceVersion in its encoding is the object's own.
  static Draft of(KubeObject object, CommonParts common) {
    ObjectNode json = Json.object();
    json.put("apiVersion", object.apiVersion()).put("kind", object.kind());
    ObjectNode metadata = json.putObject("metadata").put("name", object.name());
    if (!object.namespace().isEmpty()) {
      metadata.put("namespace", object.namespace());
    }
    metadata.put("uid", object.uid()).put("resourceVersion", "");
    if (object.metadata() instanceof ObjectNode old) {
      for (var member : old.properties()) {
        if (!metadata.has(member.getKey())) {
          metadata.set(member.getKey(), member.getValue());
        }
      }
    }
    for (var member : object.json().properties()) {
      if (!json.has(member.getKey())) {
        json.set(member.getKey(), member.getValue());
      }
    }
    byte[] encoded = Json.write(json);
    common.share(json);
    return new Draft(json, metadata, encoded, positionAfterMark(encoded));
  }

  /// The object at its revision. Called once: the tree belongs to the object from then on.
  KubeObject seal(long revision) {
    String version = Long.toString(revision);
    metadata.put("resourceVersion", version);
    return KubeObject.of(json, splice(encoded, at, at, version));
  }

  /// The last state of an object that went, under the revision of its deletion.
  static KubeObject gone(KubeObject last, long revision) {
    String version = Long.toString(revision);
    byte[] bytes = last.bytes();
    int from = positionAfterMark(bytes);
    ObjectNode json = Json.object();
    for (var member : last.json().properties()) {
      JsonNode value = member.getValue();
      json.set(member.getKey(), value);
    }
    ObjectNode metadata = Json.object();
    if (last.metadata() instanceof ObjectNode old) {
      metadata.setAll(old);
    }
    metadata.put("resourceVersion", version);
    json.set("metadata", metadata);
    return KubeObject.of(
        json, splice(bytes, from, from + last.resourceVersion().length(), version));
  }

  private static byte[] splice(byte[] bytes, int from, int to, String version) {
    byte[] digits = version.getBytes(StandardCharsets.ISO_8859_1);
    byte[] result = new byte[bytes.length - (to - from) + digits.length];
    System.arraycopy(bytes, 0, result, 0, from);
    System.arraycopy(digits, 0, result, from, digits.length);
    System.arraycopy(bytes, to, result, from + digits.length, bytes.length - to);
    return result;
  }

  private static int positionAfterMark(byte[] bytes) {
    search:
    for (int start = 0; start <= bytes.length - MARK.length; start++) {
      for (int i = 0; i < MARK.length; i++) {
        if (bytes[start + i] != MARK[i]) {
          continue search;
        }
      }
      return start + MARK.length;
    }
    throw new IllegalStateException("an encoded object without its resourceVersion");
  }
}
