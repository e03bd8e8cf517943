package dev.slipway.controlplane.access;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
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
/// `edit`, `view`, which others can add to by a label, and what anybody may read. One that is
/// missing is made; one that an operator changed stays.
public final class BootstrapRoles {
  private static final String AGGREGATE_TO = "rbac.authorization.k8s.io/aggregate-to-";
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
    aggregated(cluster, "view", "edit", view());
    aggregated(cluster, "edit", "admin", edit());
    aggregated(cluster, "admin", "", admin());
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
    Aggregation.fill(cluster);
    binding(cluster, "cluster-admin", User.MASTERS);
    binding(cluster, "system:basic-user", "system:authenticated");
    binding(cluster, "system:discovery", "system:authenticated");
    binding(cluster, "system:public-info-viewer", "system:authenticated", "system:unauthenticated");
  }

  private static List<ObjectNode> view() {
    List<ObjectNode> view =
        new ArrayList<>(
            rules(
                READ,
                type -> !type.kind().equals("Secret") && !RIGHTS.contains(type.kind()),
                READ_PARTS));
    view.add(rule(READ, List.of("metrics.k8s.io"), List.of("nodes", "pods")));
    return view;
  }

  private static List<ObjectNode> edit() {
    List<ObjectNode> edit =
        new ArrayList<>(
            rules(
                WRITE,
                type -> !RIGHTS.contains(type.kind()) && !isForSlipway(type) && !isAddress(type),
                WRITE_PARTS));
    edit.add(rule(READ, List.of(""), List.of("secrets")));
    edit.add(rule(READ, List.of(""), List.of("pods/exec", "pods/attach", "pods/portforward")));
    edit.add(rule(List.of("impersonate"), List.of(""), List.of("serviceaccounts")));
    return edit;
  }

  private static List<ObjectNode> admin() {
    List<ObjectNode> admin = new ArrayList<>();
    admin.addAll(rules(READ, type -> RIGHTS.contains(type.kind()), Map.of()));
    admin.addAll(rules(WRITE, type -> RIGHTS.contains(type.kind()), Map.of()));
    admin.add(
        rule(
            List.of("create"),
            List.of("authorization.k8s.io"),
            List.of("localsubjectaccessreviews")));
    return admin;
  }

  /// What Slipway delivers, it delivers with its own rights: whoever says what that is could do
  /// anything.
  private static boolean isForSlipway(ResourceType type) {
    return type.group().equals("slipway.dev") && !type.kind().equals("Rollout");
  }

  /// Whoever writes where a service leads could lead it into other namespaces (CVE-2021-25740).
  private static boolean isAddress(ResourceType type) {
    return type.kind().equals("Endpoints") || type.kind().equals("EndpointSlice");
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
    createMissing(cluster, "ClusterRole", name, json -> rules.forEach(json.putArray("rules")::add));
  }

  /// A role for people that others can add to by a label, and the role with what it has from the
  /// start.
  ///
  /// @param part the role that has all of this one too; empty for none
  private static void aggregated(
      Cluster cluster, String name, String part, List<ObjectNode> rules) {
    createMissing(
        cluster,
        "ClusterRole",
        "system:aggregate-to-" + name,
        json -> {
          labels(json).put(AGGREGATE_TO + name, "true");
          rules.forEach(json.putArray("rules")::add);
        });
    ObjectKey key = new ObjectKey(Access.GROUP, "ClusterRole", "", name);
    // Of the time before roles were aggregated, and with more rights than now.
    cluster
        .get(key)
        .filter(old -> !old.json().path("aggregationRule").isObject())
        .ifPresent(old -> cluster.delete(key, DeleteOptions.ofUid(old.uid())));
    createMissing(
        cluster,
        "ClusterRole",
        name,
        json -> {
          if (!part.isEmpty()) {
            labels(json).put(AGGREGATE_TO + part, "true");
          }
          json.putObject("aggregationRule")
              .putArray("clusterRoleSelectors")
              .addObject()
              .putObject("matchLabels")
              .put(AGGREGATE_TO + name, "true");
          json.putArray("rules");
        });
  }

  private static ObjectNode labels(ObjectNode role) {
    return Json.child(Json.child(role, "metadata"), "labels");
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
              labels(json).put("kubernetes.io/bootstrapping", "rbac-defaults");
              fill.accept(json);
            }));
  }
}
