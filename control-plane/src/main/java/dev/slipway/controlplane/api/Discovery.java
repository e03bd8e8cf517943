package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What a client asks first: which groups, versions and kinds are here; one by one, or all at once
/// (aggregated discovery).
final class Discovery {
  static final Set<String> WITH_STATUS =
      Set.of(
          "Namespace",
          "Node",
          "Pod",
          "ReplicationController",
          "Service",
          "Deployment",
          "ReplicaSet",
          "Job",
          "CronJob",
          "Application",
          "Rollout",
          "SyncRecord",
          "Repository");
  static final Set<String> SCALABLE =
      Set.of("ReplicationController", "Deployment", "ReplicaSet", "Rollout");

  private static final List<String> VERBS =
      List.of("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch");
  private static final List<String> ONE_BY_ONE =
      VERBS.stream().filter(verb -> !verb.equals("deletecollection")).toList();
  private static final GroupKind NAMESPACE = GroupKind.core("Namespace");
  private static final List<String> CHANGE = List.of("get", "patch", "update");
  private static final List<String> CREATE = List.of("create");
  private static final Set<String> IN_ALL =
      Set.of(
          "Pod", "ReplicationController", "Service", "Deployment", "ReplicaSet", "Job", "CronJob");
  private static final String AGGREGATED = "as=APIGroupDiscoveryList";

  /// A subresource, with the group, version and kind that it answers with.
  private record Part(String name, List<String> verbs, String group, String version, String kind) {}

  private record Resource(
      String group,
      String version,
      String kind,
      String plural,
      String singular,
      boolean namespaced,
      List<String> shortNames,
      List<String> categories,
      List<String> verbs,
      List<Part> parts) {}

  private final Map<String, ObjectNode> answers = new LinkedHashMap<>();
  private final Map<String, ObjectNode> aggregated = new LinkedHashMap<>();

  /// What may be done with a kind; namespaces are not deleted together.
  static List<String> verbs(ResourceType type) {
    return type.groupKind().equals(NAMESPACE) ? ONE_BY_ONE : VERBS;
  }

  Discovery(ResourceTypes types, String version) {
    var resources = new ArrayList<Resource>();
    types.all().forEach(type -> resources.add(resource(type)));
    resources.add(
        new Resource(
            "",
            "v1",
            "Binding",
            "bindings",
            "binding",
            true,
            List.of(),
            List.of(),
            CREATE,
            List.of()));
    for (Reviews.Kind review : Reviews.KINDS) {
      resources.add(
          new Resource(
              review.group(),
              "v1",
              review.kind(),
              review.plural(),
              review.kind().toLowerCase(java.util.Locale.ROOT),
              review.namespaced(),
              List.of(),
              List.of(),
              CREATE,
              List.of()));
    }
    resources.add(measured("NodeMetrics", "nodes", false));
    resources.add(measured("PodMetrics", "pods", true));
    var groups = new LinkedHashMap<String, Map<String, List<Resource>>>();
    for (Resource resource : resources) {
      groups
          .computeIfAbsent(resource.group(), _ -> new LinkedHashMap<>())
          .computeIfAbsent(resource.version(), _ -> new ArrayList<>())
          .add(resource);
    }
    answers.put("/version", version(version));
    answers.put("/api", coreVersions());
    answers.put("/apis", groupList(groups));
    groups.forEach(
        (group, versions) ->
            versions.forEach(
                (name, members) ->
                    answers.put(
                        (group.isEmpty() ? "/api/" : "/apis/" + group + "/") + name,
                        resourceList(group.isEmpty() ? name : group + "/" + name, members))));
    aggregated.put("/api", aggregated(groups, true));
    aggregated.put("/apis", aggregated(groups, false));
  }

  private static Resource measured(String kind, String plural, boolean namespaced) {
    return new Resource(
        MetricsApi.GROUP,
        MetricsApi.VERSION,
        kind,
        plural,
        "",
        namespaced,
        List.of(),
        List.of(),
        List.of("get", "list"),
        List.of());
  }

  Optional<ApiAnswer> find(ApiRequest request) {
    String path =
        request.path().length() > 1 && request.path().endsWith("/")
            ? request.path().substring(0, request.path().length() - 1)
            : request.path();
    ObjectNode all = aggregated.get(path);
    if (all != null
        && request.accept().contains(AGGREGATED)
        && request.accept().contains("v=v2;")) {
      return Optional.of(
          new ApiAnswer.Whole(
              200,
              "application/json;g=apidiscovery.k8s.io;v=v2;" + AGGREGATED,
              Json.write(all),
              List.of()));
    }
    return Optional.ofNullable(answers.get(path)).map(json -> ApiAnswer.json(200, json));
  }

  private static Resource resource(ResourceType type) {
    String kind = type.kind();
    var parts = new ArrayList<Part>();
    if (WITH_STATUS.contains(kind)) {
      parts.add(part("status", CHANGE, type));
    }
    if (SCALABLE.contains(kind)) {
      parts.add(new Part("scale", CHANGE, "autoscaling", "v1", "Scale"));
    }
    switch (kind) {
      case "Pod" -> {
        parts.add(new Part("attach", List.of("create", "get"), "", "v1", "PodAttachOptions"));
        parts.add(new Part("binding", CREATE, "", "v1", "Binding"));
        parts.add(new Part("eviction", CREATE, "policy", "v1", "Eviction"));
        parts.add(new Part("exec", List.of("create", "get"), "", "v1", "PodExecOptions"));
        parts.add(part("log", List.of("get"), type));
        parts.add(
            new Part("portforward", List.of("create", "get"), "", "v1", "PodPortForwardOptions"));
      }
      case "ServiceAccount" ->
          parts.add(new Part("token", CREATE, "authentication.k8s.io", "v1", "TokenRequest"));
      case "Namespace" -> parts.add(part("finalize", List.of("update"), type));
      default -> {}
    }
    return new Resource(
        type.group(),
        type.version(),
        kind,
        type.plural(),
        type.singular(),
        type.namespaced(),
        type.shortNames(),
        IN_ALL.contains(kind) ? List.of("all") : List.of(),
        verbs(type),
        parts);
  }

  private static Part part(String name, List<String> verbs, ResourceType type) {
    return new Part(name, verbs, type.group(), type.version(), type.kind());
  }

  /// Clients compare the version with their own: this is the Kubernetes whose API is served here,
  /// and that the answers are compared with.
  private static ObjectNode version(String version) {
    ObjectNode json = Json.object();
    return json.put("major", "1")
        .put("minor", "36")
        .put("gitVersion", "v1.36.3+slipway-" + version)
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

  private ObjectNode groupList(Map<String, Map<String, List<Resource>>> groups) {
    ObjectNode all = Json.object();
    all.put("kind", "APIGroupList").put("apiVersion", "v1");
    ArrayNode list = all.putArray("groups");
    groups.forEach(
        (group, versions) -> {
          if (!group.isEmpty()) {
            ObjectNode one = group(group, versions.keySet());
            list.add(one);
            ObjectNode alone = one.deepCopy();
            alone.put("kind", "APIGroup").put("apiVersion", "v1");
            answers.put("/apis/" + group, alone);
          }
        });
    return all;
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

  private static ObjectNode resourceList(String apiVersion, List<Resource> members) {
    ObjectNode json = Json.object();
    json.put("kind", "APIResourceList").put("apiVersion", "v1").put("groupVersion", apiVersion);
    ArrayNode list = json.putArray("resources");
    for (Resource member : members) {
      ObjectNode resource = list.addObject();
      resource
          .put("name", member.plural())
          .put("singularName", member.singular())
          .put("namespaced", member.namespaced())
          .put("kind", member.kind());
      texts(resource, "verbs", member.verbs());
      texts(resource, "shortNames", member.shortNames());
      texts(resource, "categories", member.categories());
      for (Part part : member.parts()) {
        ObjectNode line = list.addObject();
        line.put("name", member.plural() + "/" + part.name())
            .put("singularName", "")
            .put("namespaced", member.namespaced());
        if (!part.group().equals(member.group())) {
          line.put("group", part.group()).put("version", part.version());
        }
        line.put("kind", part.kind());
        texts(line, "verbs", part.verbs());
      }
    }
    return json;
  }

  private static ObjectNode aggregated(
      Map<String, Map<String, List<Resource>>> groups, boolean core) {
    ObjectNode all = Json.object();
    all.put("kind", "APIGroupDiscoveryList")
        .put("apiVersion", "apidiscovery.k8s.io/v2")
        .putObject("metadata");
    ArrayNode items = all.putArray("items");
    groups.forEach(
        (group, versions) -> {
          if (group.isEmpty() != core) {
            return;
          }
          ObjectNode item = items.addObject();
          ObjectNode metadata = item.putObject("metadata");
          if (!core) {
            metadata.put("name", group);
          }
          metadata.putNull("creationTimestamp");
          ArrayNode list = item.putArray("versions");
          versions.forEach(
              (version, members) -> {
                ObjectNode one = list.addObject().put("version", version);
                ArrayNode resources = one.putArray("resources");
                members.forEach(member -> resources.add(aggregated(member)));
                one.put("freshness", "Current");
              });
        });
    return all;
  }

  private static ObjectNode aggregated(Resource member) {
    ObjectNode json = Json.object();
    json.put("resource", member.plural());
    kind(json, member.group(), member.version(), member.kind());
    json.put("scope", member.namespaced() ? "Namespaced" : "Cluster");
    json.put("singularResource", member.singular());
    texts(json, "verbs", member.verbs());
    texts(json, "shortNames", member.shortNames());
    texts(json, "categories", member.categories());
    if (!member.parts().isEmpty()) {
      ArrayNode parts = json.putArray("subresources");
      for (Part part : member.parts()) {
        ObjectNode line = parts.addObject().put("subresource", part.name());
        kind(line, part.group(), part.version(), part.kind());
        texts(line, "verbs", part.verbs());
      }
    }
    return json;
  }

  private static void kind(ObjectNode json, String group, String version, String kind) {
    json.putObject("responseKind").put("group", group).put("version", version).put("kind", kind);
  }

  private static void texts(ObjectNode json, String field, List<String> texts) {
    if (!texts.isEmpty()) {
      texts.forEach(json.putArray(field)::add);
    }
  }
}
