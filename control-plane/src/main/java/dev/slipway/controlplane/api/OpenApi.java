package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.schema.Schemas;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The published schema of what is served: `/openapi/v3` by group and version, and `/openapi/v2` in
/// one piece, as JSON or in the protobuf form that Go's discovery client wants. Made when first
/// asked for. What clients look up is all there: types, required fields, merge keys, kinds by path,
/// which parameters a verb takes, and descriptions.
final class OpenApi {
  private final ResourceTypes types;
  private final String version;
  private final Map<String, byte[]> documents = new TreeMap<>();

  OpenApi(ResourceTypes types, String version) {
    this.types = types;
    this.version = version;
  }

  Optional<ApiAnswer> find(ApiRequest request) {
    String path = request.path();
    if (!path.startsWith("/openapi/")) {
      return Optional.empty();
    }
    if (path.equals("/openapi/v2")) {
      return Optional.of(
          OpenApiProtobuf.isAskedFor(request.accept())
              ? new ApiAnswer.Whole(
                  200, OpenApiProtobuf.MEDIA_TYPE, document("v2.protobuf"), List.of())
              : ApiAnswer.json(200, document("v2")));
    }
    if (path.equals("/openapi/v3")) {
      return Optional.of(ApiAnswer.json(200, index()));
    }
    String wanted = path.substring("/openapi/".length());
    return groupVersions().containsKey(wanted)
        ? Optional.of(ApiAnswer.json(200, document(wanted)))
        : Optional.empty();
  }

  private ObjectNode index() {
    ObjectNode index = Json.object();
    ObjectNode paths = index.putObject("paths");
    for (String name : groupVersions().keySet()) {
      paths
          .putObject(name.substring("v3/".length()))
          .put("serverRelativeURL", "/openapi/" + name + "?hash=" + hash(document(name)));
    }
    return index;
  }

  /// The kinds by `v3/api/v1`, `v3/apis/apps/v1` …
  private Map<String, List<ResourceType>> groupVersions() {
    var all = new LinkedHashMap<String, List<ResourceType>>();
    for (ResourceType type : types.all()) {
      all.computeIfAbsent(
              "v3/" + (type.group().isEmpty() ? "api/" : "apis/") + type.apiVersion(),
              _ -> new ArrayList<>())
          .add(type);
    }
    return all;
  }

  private synchronized byte[] document(String name) {
    return documents.computeIfAbsent(
        name,
        _ ->
            switch (name) {
              case "v2" -> Json.write(second());
              case "v2.protobuf" -> OpenApiProtobuf.document(second());
              default -> Json.write(third(groupVersions().getOrDefault(name, List.of())));
            });
  }

  private ObjectNode third(List<ResourceType> members) {
    ObjectNode document = Json.object().put("openapi", "3.0.0");
    info(document);
    ObjectNode paths = document.putObject("paths");
    members.forEach(type -> paths(paths, type));
    ObjectNode schemas = document.putObject("components").putObject("schemas");
    schemas(schemas, members, "#/components/schemas/");
    return document;
  }

  private ObjectNode second() {
    ObjectNode document = Json.object().put("swagger", "2.0");
    info(document);
    ObjectNode paths = document.putObject("paths");
    types.all().forEach(type -> paths(paths, type));
    schemas(document.putObject("definitions"), types.all(), "#/definitions/");
    return document;
  }

  private void info(ObjectNode document) {
    document.putObject("info").put("title", "Slipway").put("version", version);
  }

  private static void paths(ObjectNode paths, ResourceType type) {
    String base = (type.group().isEmpty() ? "/api/" : "/apis/") + type.apiVersion();
    String collection =
        base + (type.namespaced() ? "/namespaces/{namespace}/" : "/") + type.plural();
    ObjectNode many = paths.putObject(collection);
    operation(many, "get", "list", type);
    operation(many, "post", "post", type, "dryRun", "fieldManager", "fieldValidation");
    if (Discovery.verbs(type).contains("deletecollection")) {
      operation(many, "delete", "deletecollection", type, "dryRun");
    }
    ObjectNode one = paths.putObject(collection + "/{name}");
    operation(one, "get", "get", type);
    operation(one, "put", "put", type, "dryRun", "fieldManager", "fieldValidation");
    operation(one, "patch", "patch", type, "dryRun", "fieldManager", "fieldValidation", "force");
    operation(one, "delete", "delete", type, "dryRun", "gracePeriodSeconds", "propagationPolicy");
  }

  private static void operation(
      ObjectNode path, String method, String action, ResourceType type, String... parameters) {
    ObjectNode operation = path.putObject(method);
    ArrayNode list = operation.putArray("parameters");
    for (String name : parameters) {
      boolean whole = name.equals("gracePeriodSeconds");
      ObjectNode parameter = list.addObject().put("name", name).put("in", "query");
      parameter
          .putObject("schema")
          .put("type", whole ? "integer" : name.equals("force") ? "boolean" : "string")
          .put("uniqueItems", true);
    }
    operation.putObject("responses").putObject("200").put("description", "OK");
    operation.put("x-kubernetes-action", action);
    kind(operation.putObject("x-kubernetes-group-version-kind"), type);
  }

  private static void kind(ObjectNode json, ResourceType type) {
    json.put("group", type.group()).put("version", type.version()).put("kind", type.kind());
  }

  private static void schemas(ObjectNode target, List<ResourceType> members, String prefix) {
    Schemas schemas = Schemas.kubernetes();
    var names = new TreeSet<String>();
    Deque<String> open = new ArrayDeque<>();
    var kinds = new LinkedHashMap<String, ResourceType>();
    for (ResourceType type : members) {
      schemas
          .type(type.groupKind())
          .ifPresent(
              name -> {
                open.add(name);
                kinds.put(name.substring(1), type);
              });
    }
    while (!open.isEmpty()) {
      String name = open.pop().substring(1);
      if (names.add(name)) {
        schemas
            .definition(name)
            .ifPresent(
                definition ->
                    definition.properties().values().stream()
                        .map(type -> type.substring(Math.max(0, type.indexOf('#'))))
                        .filter(type -> type.startsWith("#"))
                        .forEach(open::add));
      }
    }
    for (String name : names) {
      ObjectNode schema = target.putObject(published(name)).put("type", "object");
      describe(schema, schemas.description(name, ""));
      schemas.definition(name).ifPresent(definition -> schema(schema, name, definition, prefix));
      ResourceType kind = kinds.get(name);
      if (kind != null) {
        kind(schema.putArray("x-kubernetes-group-version-kind").addObject(), kind);
      }
    }
  }

  private static void describe(ObjectNode schema, String text) {
    if (!text.isEmpty()) {
      schema.put("description", text);
    }
  }

  private static void schema(
      ObjectNode schema, String of, Schemas.Definition definition, String prefix) {
    if (!definition.required().isEmpty()) {
      definition.required().forEach(schema.putArray("required")::add);
    }
    ObjectNode properties = schema.putObject("properties");
    new TreeMap<>(definition.properties())
        .forEach(
            (name, type) -> {
              ObjectNode property = properties.putObject(name);
              describe(property, Schemas.kubernetes().description(of, name));
              type(property, type, prefix);
              String key = definition.merged().get(name);
              if (key != null) {
                property.put("x-kubernetes-patch-strategy", "merge");
                if (!key.isEmpty()) {
                  property.put("x-kubernetes-patch-merge-key", key);
                }
              }
            });
  }

  private static void type(ObjectNode json, String type, String prefix) {
    switch (type.charAt(0)) {
      case 's' -> json.put("type", "string");
      case 't' -> json.put("type", "string").put("format", "date-time");
      case 'i' -> json.put("type", "integer").put("format", "int64");
      case 'n' -> json.put("type", "number").put("format", "double");
      case 'b' -> json.put("type", "boolean");
      case 'x' -> json.put("type", "string").put("format", "int-or-string");
      case 'q' -> json.put("type", "string").put("format", "quantity");
      case '[' -> type(json.put("type", "array").putObject("items"), type.substring(1), prefix);
      case '{' ->
          type(
              json.put("type", "object").putObject("additionalProperties"),
              type.substring(1),
              prefix);
      case '#' -> {
        if (prefix.contains("components")) {
          json.putArray("allOf").addObject().put("$ref", prefix + published(type.substring(1)));
        } else {
          json.put("$ref", prefix + published(type.substring(1)));
        }
      }
      default -> json.put("type", "object");
    }
  }

  /// Clients know the types by these names.
  private static String published(String name) {
    if (name.startsWith("meta.")) {
      return "io.k8s.apimachinery.pkg.apis." + name;
    }
    return name.indexOf('.') < 0 ? "dev.slipway.v1." + name : "io.k8s.api." + name;
  }

  private static String hash(byte[] bytes) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().withUpperCase().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
