package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What a client asks first: which groups, versions and kinds are here.
final class Discovery {
  private static final List<String> VERBS =
      List.of("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch");
  private static final List<String> STATUS_VERBS = List.of("get", "patch", "update");
  private static final Set<String> WITH_STATUS =
      Set.of("Namespace", "Node", "Pod", "ReplicationController", "Service", "Deployment", "Job", "Application", "Rollout", "SyncRecord", "Repository");
  private static final Set<String> SCALABLE = Set.of("ReplicationController", "Deployment", "Rollout");

  private final Map<String, ObjectNode> answers = new LinkedHashMap<>();

  Discovery(ResourceTypes types, String version) {
    answers.put("/version", version(version));
    answers.put("/api", coreVersions());
    var groups = new LinkedHashMap<String, Set<String>>();
    for (ResourceType type : types.all()) {
      if (!type.group().isEmpty()) {
        groups.computeIfAbsent(type.group(), _ -> new LinkedHashSet<>()).add(type.version());
      }
      String path = (type.group().isEmpty() ? "/api/" : "/apis/") + type.apiVersion();
      ObjectNode list = answers.computeIfAbsent(path, _ -> resourceList(type.apiVersion()));
      if (list.path("resources") instanceof ArrayNode resources) {
        add(resources, type);
      }
    }
    ObjectNode all = Json.object();
    all.put("kind", "APIGroupList").put("apiVersion", "v1");
    ArrayNode list = all.putArray("groups");
    groups.forEach(
        (group, versions) -> {
          ObjectNode one = group(group, versions);
          list.add(one);
          ObjectNode alone = one.deepCopy();
          alone.put("kind", "APIGroup").put("apiVersion", "v1");
          answers.put("/apis/" + group, alone);
        });
    answers.put("/apis", all);
  }

  Optional<ObjectNode> find(String path) {
    return Optional.ofNullable(answers.get(path));
  }

  /// Clients compare the version with their own: this is the level of the API that is served here.
  private static ObjectNode version(String version) {
    ObjectNode json = Json.object();
    return json.put("major", "1")
        .put("minor", "34")
        .put("gitVersion", "v1.34.0+slipway-" + version)
        .put("gitCommit", "")
        .put("gitTreeState", "")
        .put("buildDate", "1970-01-01T00:00:00Z")
        .put("goVersion", "none")
        .put("compiler", "javac")
        .put("platform", "linux/amd64");
  }

  private static ObjectNode coreVersions() {
    ObjectNode json = Json.object();
    json.put("kind", "APIVersions");
    json.putArray("versions").add("v1");
    json.putArray("serverAddressByClientCIDRs");
    return json;
  }

  private static ObjectNode group(String group, Set<String> versions) {
    ObjectNode json = Json.object();
    json.put("name", group);
    ArrayNode all = json.putArray("versions");
    for (String version : versions) {
      all.addObject().put("groupVersion", group + "/" + version).put("version", version);
    }
    json.set("preferredVersion", all.get(0).deepCopy());
    return json;
  }

  private static ObjectNode resourceList(String apiVersion) {
    ObjectNode json = Json.object();
    json.put("kind", "APIResourceList").put("apiVersion", "v1").put("groupVersion", apiVersion);
    json.putArray("resources");
    return json;
  }

  private static void add(ArrayNode resources, ResourceType type) {
    ObjectNode resource = resource(resources, type, type.plural(), VERBS);
    resource.put("singularName", type.singular());
    if (!type.shortNames().isEmpty()) {
      type.shortNames().forEach(resource.putArray("shortNames")::add);
    }
    if (Set.of("Pod", "ReplicationController", "Service", "Deployment", "Job").contains(type.kind())) {
      resource.putArray("categories").add("all");
    }
    if (WITH_STATUS.contains(type.kind())) {
      resource(resources, type, type.plural() + "/status", STATUS_VERBS);
    }
    if (SCALABLE.contains(type.kind())) {
      resource(resources, type, type.plural() + "/scale", STATUS_VERBS)
          .put("kind", "Scale")
          .put("group", "autoscaling")
          .put("version", "v1");
    }
    if (type.kind().equals("Pod")) {
      resource(resources, type, "pods/log", List.of("get"));
      resource(resources, type, "pods/binding", List.of("create")).put("kind", "Binding");
    }
  }

  private static ObjectNode resource(
      ArrayNode resources, ResourceType type, String name, List<String> verbs) {
    ObjectNode resource = resources.addObject();
    resource
        .put("name", name)
        .put("singularName", "")
        .put("namespaced", type.namespaced())
        .put("kind", type.kind());
    verbs.forEach(resource.putArray("verbs")::add);
    return resource;
  }
}
