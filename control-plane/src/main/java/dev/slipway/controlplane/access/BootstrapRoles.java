package dev.slipway.controlplane.access;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The roles that every cluster has from the start, by Kubernetes' names: `cluster-admin`, `admin`,
/// `edit`, `view`, and what anybody may read. One that is missing is made; one that an operator
/// changed stays.
public final class BootstrapRoles {
  private static final List<String> READ = List.of("get", "list", "watch");
  private static final List<String> WRITE =
      List.of("create", "delete", "deletecollection", "patch", "update");
  private static final List<String> ALL = List.of("*");

  /// Nobody reads another's secrets or changes rights by `view` and `edit`.
  private static final Set<String> RIGHTS = Set.of("Role", "RoleBinding");

  private static final Map<String, List<String>> READ_PARTS =
      Map.of(
          "Pod", List.of("log", "status"),
          "ReplicationController", List.of("scale", "status"),
          "Deployment", List.of("scale", "status"),
          "ReplicaSet", List.of("scale", "status"),
          "Rollout", List.of("scale", "status"),
          "Application", List.of("status"),
          "Job", List.of("status"),
          "CronJob", List.of("status"),
          "Service", List.of("status"));
  private static final Map<String, List<String>> WRITE_PARTS =
      Map.of(
          "Pod", List.of("attach", "exec", "portforward", "eviction"),
          "ReplicationController", List.of("scale"),
          "Deployment", List.of("scale"),
          "ReplicaSet", List.of("scale"),
          "Rollout", List.of("scale"),
          "ServiceAccount", List.of("token"));

  private BootstrapRoles() {}

  public static void install(Cluster cluster) {
    role(cluster, "cluster-admin", List.of(rule(ALL, ALL, ALL), paths(ALL, ALL)));
    ObjectNode measured = rule(READ, List.of("metrics.k8s.io"), List.of("nodes", "pods"));
    List<ObjectNode> view =
        new ArrayList<>(
            rules(
                READ,
                type -> !type.kind().equals("Secret") && !RIGHTS.contains(type.kind()),
                READ_PARTS));
    view.add(measured);
    role(cluster, "view", view);
    List<ObjectNode> edit =
        new ArrayList<>(rules(READ, type -> !RIGHTS.contains(type.kind()), READ_PARTS));
    edit.addAll(
        rules(
            WRITE,
            type -> !RIGHTS.contains(type.kind()) && !type.kind().equals("Event"),
            WRITE_PARTS));
    edit.add(measured);
    edit.add(rule(READ, List.of(""), List.of("pods/exec", "pods/attach", "pods/portforward")));
    role(cluster, "edit", edit);
    List<ObjectNode> admin = new ArrayList<>(edit);
    admin.addAll(rules(READ, type -> RIGHTS.contains(type.kind()), Map.of()));
    admin.addAll(rules(WRITE, type -> RIGHTS.contains(type.kind()), Map.of()));
    role(cluster, "admin", admin);
    role(
        cluster,
        "system:basic-user",
        List.of(
            rule(
                List.of("create"),
                List.of("authorization.k8s.io"),
                List.of("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
            rule(
                List.of("create"),
                List.of("authentication.k8s.io"),
                List.of("selfsubjectreviews"))));
    role(
        cluster,
        "system:discovery",
        List.of(
            paths(
                List.of("get"),
                List.of(
                    "/api",
                    "/api/*",
                    "/apis",
                    "/apis/*",
                    "/healthz",
                    "/livez",
                    "/openapi",
                    "/openapi/*",
                    "/readyz",
                    "/version",
                    "/version/"))));
    role(
        cluster,
        "system:public-info-viewer",
        List.of(
            paths(
                List.of("get"),
                List.of("/healthz", "/livez", "/readyz", "/version", "/version/"))));
    binding(cluster, "cluster-admin", User.MASTERS);
    binding(cluster, "system:basic-user", "system:authenticated");
    binding(cluster, "system:discovery", "system:authenticated");
    binding(cluster, "system:public-info-viewer", "system:authenticated", "system:unauthenticated");
  }

  private static List<ObjectNode> rules(
      List<String> verbs,
      java.util.function.Predicate<ResourceType> which,
      Map<String, List<String>> parts) {
    var resources = new TreeMap<String, Collection<String>>();
    for (ResourceType type : ResourceTypes.KNOWN.all()) {
      if (type.namespaced() && which.test(type)) {
        Collection<String> names = resources.computeIfAbsent(type.group(), _ -> new TreeSet<>());
        names.add(type.plural());
        parts
            .getOrDefault(type.kind(), List.of())
            .forEach(part -> names.add(type.plural() + "/" + part));
      }
    }
    if (verbs.equals(READ) && resources.containsKey("")) {
      resources.get("").add("namespaces");
      resources.getOrDefault("apps", new TreeSet<>()).add("replicasets");
    }
    var rules = new ArrayList<ObjectNode>();
    resources.forEach((group, names) -> rules.add(rule(verbs, List.of(group), names)));
    return rules;
  }

  private static ObjectNode rule(
      Collection<String> verbs, Collection<String> groups, Collection<String> resources) {
    ObjectNode rule = Json.object();
    put(rule, "apiGroups", groups);
    put(rule, "resources", resources);
    put(rule, "verbs", verbs);
    return rule;
  }

  private static ObjectNode paths(Collection<String> verbs, Collection<String> paths) {
    ObjectNode rule = Json.object();
    put(rule, "nonResourceURLs", paths);
    put(rule, "verbs", verbs);
    return rule;
  }

  private static void put(ObjectNode rule, String field, Collection<String> texts) {
    texts.forEach(rule.putArray(field)::add);
  }

  private static void role(Cluster cluster, String name, List<ObjectNode> rules) {
    createMissing(
        cluster,
        "ClusterRole",
        name,
        json -> {
          ArrayNode array = json.putArray("rules");
          rules.forEach(rule -> array.add(rule.deepCopy()));
        });
  }

  private static void binding(Cluster cluster, String role, String... groups) {
    createMissing(
        cluster,
        "ClusterRoleBinding",
        role,
        json -> {
          json.putObject("roleRef")
              .put("apiGroup", Access.GROUP)
              .put("kind", "ClusterRole")
              .put("name", role);
          ArrayNode subjects = json.putArray("subjects");
          for (String group : groups) {
            subjects
                .addObject()
                .put("apiGroup", Access.GROUP)
                .put("kind", "Group")
                .put("name", group);
          }
        });
  }

  private static void createMissing(
      Cluster cluster, String kind, String name, java.util.function.Consumer<ObjectNode> fill) {
    if (cluster.get(new ObjectKey(Access.GROUP, kind, "", name)).isPresent()) {
      return;
    }
    cluster.create(
        KubeObject.make(
            Access.GROUP + "/v1",
            kind,
            "",
            name,
            json -> {
              Json.child(Json.child(json, "metadata"), "labels")
                  .put("kubernetes.io/bootstrapping", "rbac-defaults");
              fill.accept(json);
            }));
  }
}
