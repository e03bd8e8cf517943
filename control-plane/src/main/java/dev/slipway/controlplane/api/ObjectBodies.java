package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Cause;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.schema.Schemas;
import dev.slipway.model.time.Chance;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import tools.jackson.databind.node.ObjectNode;

/// Reads the objects that clients send: what they must be called, and what becomes of fields that
/// nobody knows.
///
/// @param yaml reads one object from YAML or JSON; throws `IllegalArgumentException` on what is
///   neither
record ObjectBodies(Function<byte[], ObjectNode> yaml, Chance chance) {
  /// No object is larger.
  static final int MAX_BODY = 3 << 20;

  /// In which an object may be sent; what is not stated is JSON or YAML.
  static final List<String> MEDIA_TYPES =
      List.of("application/json", "application/yaml", ProtobufBodies.MEDIA_TYPE, "");

  /// Reading YAML takes hundreds of times its size.
  private static final int MAX_YAML = 256 << 10;

  ObjectNode tree(ApiRequest request) {
    return tree(request.body().apply(MAX_BODY), request.mediaType());
  }

  /// @param repeated is given the fields that the body has more than once; the last one stays
  private ObjectNode tree(ApiRequest request, List<String> repeated) {
    byte[] body = request.body().apply(MAX_BODY);
    if (!request.mediaType().equals("application/json")) {
      return tree(body, request.mediaType());
    }
    try {
      return Json.parseForeignObject(body, repeated);
    } catch (IllegalArgumentException e) {
      throw unreadable(e);
    }
  }

  /// JSON is read as such, which costs a tenth of reading it as YAML; so is what clients send as
  /// YAML and is JSON, as most of it is.
  ObjectNode tree(byte[] body, String mediaType) {
    try {
      return switch (mediaType) {
        case ProtobufBodies.MEDIA_TYPE -> ProtobufBodies.read(body);
        case "application/json" -> Json.parseForeignObject(body);
        default -> body.length > 0 && body[0] == '{' ? jsonOrYaml(body) : yaml(body);
      };
    } catch (IllegalArgumentException e) {
      throw unreadable(e);
    }
  }

  private static ClusterException unreadable(IllegalArgumentException cause) {
    return new ClusterException(
        Reason.BAD_REQUEST, "the body cannot be read: " + cause.getMessage());
  }

  private ObjectNode jsonOrYaml(byte[] body) {
    try {
      return Json.parseForeignObject(body);
    } catch (IllegalArgumentException e) {
      return yaml(body);
    }
  }

  private ObjectNode yaml(byte[] body) {
    if (body.length > MAX_YAML) {
      throw new ClusterException(
          Reason.TOO_LARGE,
          "a body of YAML may have up to %d bytes: send JSON".formatted(MAX_YAML));
    }
    return yaml.apply(body);
  }

  KubeObject object(ApiRequest request, ApiPath path, List<String> warnings) {
    var repeated = new ArrayList<String>();
    ObjectNode tree = tree(request, repeated);
    return object(tree, repeated, request, path, warnings);
  }

  KubeObject object(ObjectNode tree, ApiRequest request, ApiPath path, List<String> warnings) {
    return object(tree, List.of(), request, path, warnings);
  }

  /// The object of a body, which must be what its path says; what the path says and the body does
  /// not is filled in.
  private KubeObject object(
      ObjectNode tree,
      List<String> repeated,
      ApiRequest request,
      ApiPath path,
      List<String> warnings) {
    String kind = Json.string(tree, "kind", path.type().kind());
    String version = Json.string(tree, "apiVersion", path.type().apiVersion());
    if (!kind.equals(path.type().kind()) || !version.equals(path.type().apiVersion())) {
      throw new ClusterException(
          Reason.BAD_REQUEST,
          "%s in version \"%s\" cannot be handled as a %s of %s"
              .formatted(kind, version, path.type().kind(), path.type().apiVersion()));
    }
    tree.put("apiVersion", version).put("kind", kind);
    ObjectNode metadata = Json.child(tree, "metadata");
    if (path.type().namespaced()) {
      named(metadata, "namespace", path.namespace());
    } else if (!Json.string(metadata, "namespace", "").isEmpty()) {
      metadata.remove("namespace");
    }
    if (!path.name().isEmpty()) {
      named(metadata, "name", path.name());
    } else if (Json.string(metadata, "name", "").isEmpty()) {
      String prefix = Json.string(metadata, "generateName", "");
      if (prefix.isEmpty()) {
        throw new ClusterException(
            Reason.INVALID,
            "%s \"\" is invalid: metadata.name: Required value: name or generateName is required"
                .formatted(path.type().groupKind()),
            List.of(
                new Cause(
                    "metadata.name",
                    "FieldValueRequired",
                    "Required value: name or generateName is required")));
      }
      metadata.put("name", prefix + chance.suffix(5));
    }
    known(tree, repeated, request, path, warnings);
    return KubeObject.of(tree);
  }

  private static void known(
      ObjectNode tree,
      List<String> repeated,
      ApiRequest request,
      ApiPath path,
      List<String> warnings) {
    ApiRequest.Validation validation = request.validation();
    List<String> unknown = Schemas.kubernetes().prune(tree);
    if (unknown.isEmpty() && repeated.isEmpty()) {
      return;
    }
    var words = new ArrayList<String>();
    repeated.forEach(field -> words.add("duplicate field \"" + field + "\""));
    unknown.forEach(field -> words.add("unknown field \"" + field + "\""));
    switch (validation) {
      case STRICT ->
          throw new ClusterException(
              Reason.BAD_REQUEST,
              "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s"
                  .formatted(
                      path.type().kind(),
                      path.type().version(),
                      path.type().kind(),
                      String.join(", ", words)));
      case WARN -> warnings.addAll(words);
      case IGNORE -> {}
    }
  }

  private static void named(ObjectNode metadata, String field, String expected) {
    String stated = Json.string(metadata, field, "");
    if (stated.isEmpty()) {
      metadata.put(field, expected);
    } else if (!stated.equals(expected)) {
      throw new ClusterException(
          Reason.BAD_REQUEST,
          "the %s of the provided object does not match the %s sent on the request"
              .formatted(field, field));
    }
  }
}
