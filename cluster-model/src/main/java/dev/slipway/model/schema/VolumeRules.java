package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.quantity.Quantity;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// The volumes of a pod: one source each, that names what it needs and leaves no folder it is
/// given.
final class VolumeRules extends Rules {
  private static final List<String> HOST_PATH_TYPES =
      List.of(
          "",
          "BlockDevice",
          "CharDevice",
          "Directory",
          "DirectoryOrCreate",
          "File",
          "FileOrCreate",
          "Socket");
  private static final String MODE = "must be a number between 0 and 0777 (octal), both inclusive";
  private static final int HIGHEST_MODE = 0777;
  private static final int LEAST_TOKEN_SECONDS = 600;

  VolumeRules(List<Fault> faults) {
    super(faults);
  }

  /// @return the names of all
  Set<String> volumes(List<JsonNode> volumes, List<Object> base) {
    var names = new HashSet<String>();
    for (int i = 0; i < volumes.size(); i++) {
      List<Object> at = path(base, "volumes", i);
      needed(volumes.get(i), at, "name", Names::undotted);
      String name = Json.string(volumes.get(i), "name", "");
      if (!names.add(name)) {
        duplicate(path(at, "name"), name);
      }
      boolean first = true;
      for (var member : volumes.get(i).properties()) {
        if (member.getKey().equals("name") || member.getValue().isNull()) {
          continue;
        }
        if (!first) {
          forbidden(path(at, member.getKey()), "may not specify more than 1 volume type");
        }
        first = false;
        source(member.getKey(), member.getValue(), at);
      }
    }
    return names;
  }

  private void source(String kind, JsonNode source, List<Object> volume) {
    switch (kind) {
      case "configMap" -> files(source, path(volume, kind), "name");
      case "secret" -> files(source, path(volume, kind), "secretName");
      case "downwardAPI" -> {
        mode(source, path(volume, kind), "defaultMode");
        fields(source, path(volume, kind));
      }
      case "projected" -> projected(source, path(volume, kind));
      case "hostPath" -> {
        List<Object> at = path(volume, kind);
        needed(source, at, "path", Names::withoutParents);
        oneOf(source, at, "type", HOST_PATH_TYPES);
      }
      case "emptyDir" -> {
        if (Quantity.find(source.path("sizeLimit").asString(""))
            .filter(limit -> limit.amount().signum() < 0)
            .isPresent()) {
          forbidden(
              path(volume, kind, "sizeLimit"), "SizeLimit field must be a valid resource quantity");
        }
      }
      case "persistentVolumeClaim" -> stated(source, path(volume, kind), "claimName");
      case "csi" -> stated(source, path(volume, kind), "driver");
      case "nfs" -> {
        List<Object> at = path(volume, kind);
        stated(source, at, "server");
        needed(source, at, "path", file -> file.startsWith("/") ? "" : "must be an absolute path");
      }
      default -> {}
    }
  }

  private void stated(JsonNode node, List<Object> base, String field) {
    if (Json.string(node, field, "").isEmpty()) {
      required(path(base, field));
    }
  }

  private void mode(JsonNode node, List<Object> base, String field) {
    JsonNode mode = node.path(field);
    if (mode.isIntegralNumber() && (mode.longValue() < 0 || mode.longValue() > HIGHEST_MODE)) {
      invalid(path(base, field), mode.longValue(), MODE);
    }
  }

  /// Files that are made of the keys of a ConfigMap or a Secret.
  private void files(JsonNode source, List<Object> at, String name) {
    stated(source, at, name);
    mode(source, at, "defaultMode");
    List<JsonNode> items = Json.items(source, "items");
    for (int i = 0; i < items.size(); i++) {
      List<Object> item = path(at, "items", i);
      stated(items.get(i), item, "key");
      needed(items.get(i), item, "path", Names::fileOfVolume);
      mode(items.get(i), item, "mode");
    }
  }

  /// Files that are made of the pod's own fields.
  private void fields(JsonNode source, List<Object> at) {
    List<JsonNode> items = Json.items(source, "items");
    for (int i = 0; i < items.size(); i++) {
      List<Object> item = path(at, "items", i);
      needed(items.get(i), item, "path", Names::fileOfVolume);
      mode(items.get(i), item, "mode");
      boolean field = items.get(i).path("fieldRef").isObject();
      boolean resource = items.get(i).path("resourceFieldRef").isObject();
      if (field && resource) {
        invalid(
            item, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
      } else if (field) {
        new FieldReferences(faults).ofVolume(items.get(i).path("fieldRef"), path(item, "fieldRef"));
      } else if (resource) {
        List<Object> reference = path(item, "resourceFieldRef");
        stated(items.get(i).path("resourceFieldRef"), reference, "containerName");
        new FieldReferences(faults).resource(items.get(i).path("resourceFieldRef"), reference);
      } else {
        required(item, "one of fieldRef and resourceFieldRef is required");
      }
    }
  }

  private void projected(JsonNode projected, List<Object> base) {
    mode(projected, base, "defaultMode");
    var paths = new HashSet<String>();
    List<JsonNode> sources = Json.items(projected, "sources");
    for (int i = 0; i < sources.size(); i++) {
      List<Object> at = path(base, "sources", i);
      JsonNode source = sources.get(i);
      if (source.size() > 1) {
        forbidden(at, "may not specify more than 1 volume type per source");
      }
      for (String kind : List.of("configMap", "secret")) {
        if (source.path(kind).isObject()) {
          files(source.path(kind), path(at, kind), "name");
        }
      }
      if (source.path("downwardAPI").isObject()) {
        fields(source.path("downwardAPI"), path(at, "downwardAPI"));
      }
      JsonNode token = source.path("serviceAccountToken");
      if (token.isObject()) {
        List<Object> where = path(at, "serviceAccountToken");
        needed(token, where, "path", Names::fileOfVolume);
        long seconds = Json.number(token, "expirationSeconds", LEAST_TOKEN_SECONDS);
        if (seconds < LEAST_TOKEN_SECONDS) {
          invalid(
              path(where, "expirationSeconds"),
              seconds,
              "may not specify a duration less than 10 minutes");
        }
        once(Json.string(token, "path", ""), paths, "", base);
      }
      for (var member : source.properties()) {
        for (JsonNode item : member.getValue().path("items")) {
          String owner = Json.string(member.getValue(), "name", "");
          once(Json.string(item, "path", ""), paths, owner, base);
        }
      }
    }
  }

  private void once(String file, Set<String> known, String owner, List<Object> base) {
    if (!file.isEmpty() && !known.add(file)) {
      invalid(base, owner, "conflicting duplicate paths");
    }
  }
}
