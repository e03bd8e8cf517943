package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The objects of a daemon, as commands ask for them.
final class Api {
  static final ResourceType APPLICATION = type("applications");
  static final ResourceType ROLLOUT = type("rollouts");
  static final ResourceType SYNC_RECORD = type("syncrecords");
  static final ResourceType PLAN = type("plans");
  static final ResourceType POD = type("pods");

  private static final String MERGE_PATCH = "application/merge-patch+json";

  private final ApiClient client;

  Api(ApiClient client) {
    this.client = client;
  }

  ApiClient client() {
    return client;
  }

  /// What people type for a kind: plural, singular or short.
  static ResourceType type(String word) {
    return ResourceTypes.KNOWN
        .byName(word)
        .orElseThrow(
            () ->
                new CommandFailed(
                    2,
                    "no kind is called \"%s\"; there are %s"
                        .formatted(
                            word,
                            String.join(
                                ", ",
                                ResourceTypes.KNOWN.all().stream()
                                    .map(ResourceType::plural)
                                    .toList()))));
  }

  static String path(ResourceType type, String namespace, String name) {
    return (type.group().isEmpty() ? "/api/" : "/apis/")
        + type.apiVersion()
        + (type.namespaced() && !namespace.isEmpty()
            ? "/namespaces/" + ApiClient.encode(namespace)
            : "")
        + "/"
        + type.plural()
        + (name.isEmpty() ? "" : "/" + ApiClient.encode(name));
  }

  Optional<KubeObject> find(ResourceType type, String namespace, String name) {
    try {
      return Optional.of(get(type, namespace, name));
    } catch (CommandFailed e) {
      if (e.exitCode() == 4) {
        return Optional.empty();
      }
      throw e;
    }
  }

  KubeObject get(ResourceType type, String namespace, String name) {
    return object(client.get(path(type, namespace, name)));
  }

  /// @param namespace empty for all
  List<KubeObject> list(ResourceType type, String namespace, Map<String, String> query) {
    JsonNode list = client.get(path(type, namespace, "") + query(query));
    var objects = new ArrayList<KubeObject>();
    for (JsonNode item : Json.items(list, "items")) {
      objects.add(object(item));
    }
    return objects;
  }

  KubeObject create(ResourceType type, KubeObject object) {
    return object(client.post(path(type, object.namespace(), ""), object.json()));
  }

  /// RFC 7386: only what the edit puts into the tree changes; null removes.
  KubeObject merge(ResourceType type, String namespace, String name, Consumer<ObjectNode> edit) {
    ObjectNode patch = Json.object();
    edit.accept(patch);
    return object(client.patch(path(type, namespace, name), MERGE_PATCH, Json.write(patch)));
  }

  void delete(ResourceType type, String namespace, String name) {
    client.delete(path(type, namespace, name));
  }

  /// Hears the object now and after each change, until `more` says no or the stream ends; empty is
  /// a deleted object.
  void watch(
      ResourceType type, String namespace, String name, Predicate<Optional<KubeObject>> more) {
    client.lines(
        path(type, namespace, "")
            + "?watch=true&fieldSelector=metadata.name%3D"
            + ApiClient.encode(name),
        event ->
            switch (Json.string(event, "type", "")) {
              case "ADDED", "MODIFIED" -> more.test(Optional.of(object(event.path("object"))));
              case "DELETED" -> more.test(Optional.empty());
              default -> true;
            });
  }

  static String query(Map<String, String> query) {
    var text = new StringBuilder();
    query.forEach(
        (name, value) ->
            text.append(text.isEmpty() ? '?' : '&')
                .append(name)
                .append('=')
                .append(ApiClient.encode(value)));
    return text.toString();
  }

  private static KubeObject object(JsonNode json) {
    if (json instanceof ObjectNode tree) {
      return KubeObject.of(tree);
    }
    throw new CommandFailed(2, "the daemon did not answer with an object");
  }
}
