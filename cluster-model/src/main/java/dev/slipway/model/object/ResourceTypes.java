package dev.slipway.model.object;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The kinds that Slipway knows from the start. Immutable.
public final class ResourceTypes {
  /// Every kind of the embedded cluster, the core ones first.
  public static final ResourceTypes KNOWN =
      new ResourceTypes(
          List.of(
              core("Namespace", "namespaces", false, "ns"),
              core("Node", "nodes", false, "no"),
              core("Pod", "pods", true, "po"),
              core("ReplicationController", "replicationcontrollers", true, "rc"),
              core("Service", "services", true, "svc"),
              core("Endpoints", "endpoints", true, "ep"),
              core("ConfigMap", "configmaps", true, "cm"),
              core("Secret", "secrets", true),
              core("ServiceAccount", "serviceaccounts", true, "sa"),
              core("Event", "events", true, "ev"),
              type("apps", "v1", "Deployment", "deployments", true, "deploy"),
              type("apps", "v1", "ReplicaSet", "replicasets", true, "rs"),
              type("batch", "v1", "Job", "jobs", true),
              type("batch", "v1", "CronJob", "cronjobs", true, "cj"),
              type("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true),
              type("coordination.k8s.io", "v1", "Lease", "leases", true),
              type("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
              type("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true),
              type("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
              type(
                  "rbac.authorization.k8s.io",
                  "v1",
                  "ClusterRoleBinding",
                  "clusterrolebindings",
                  false),
              type("slipway.dev", "v1", "Application", "applications", true, "app", "apps"),
              type("slipway.dev", "v1", "ApplicationSet", "applicationsets", true, "appset"),
              type("slipway.dev", "v1", "Cluster", "clusters", false),
              type("slipway.dev", "v1", "Fleet", "fleets", true),
              type("slipway.dev", "v1", "Plan", "plans", true),
              type("slipway.dev", "v1", "Repository", "repositories", true, "repo"),
              type("slipway.dev", "v1", "Rollout", "rollouts", true, "ro"),
              type("slipway.dev", "v1", "SyncRecord", "syncrecords", true, "sync", "syncs")));

  private final List<ResourceType> types;
  private final Map<GroupKind, ResourceType> byKind = new LinkedHashMap<>();
  private final Map<String, ResourceType> byName = new LinkedHashMap<>();

  public ResourceTypes(List<ResourceType> types) {
    this.types = List.copyOf(types);
    for (ResourceType type : types) {
      byKind.put(type.groupKind(), type);
      byName.putIfAbsent(type.plural(), type);
      byName.putIfAbsent(type.singular(), type);
      type.shortNames().forEach(name -> byName.putIfAbsent(name, type));
      if (!type.group().isEmpty()) {
        byName.putIfAbsent(type.plural() + "." + type.group(), type);
        byName.putIfAbsent(type.singular() + "." + type.group(), type);
      }
    }
  }

  /// These kinds and one more.
  public ResourceTypes with(ResourceType another) {
    var all = new java.util.ArrayList<>(types);
    all.add(another);
    return new ResourceTypes(all);
  }

  public List<ResourceType> all() {
    return types;
  }

  public Optional<ResourceType> find(GroupKind kind) {
    return Optional.ofNullable(byKind.get(kind));
  }

  /// Finds a kind by what a person types: plural, singular, short name, any of them with `.group`.
  public Optional<ResourceType> byName(String name) {
    return Optional.ofNullable(byName.get(name.toLowerCase(Locale.ROOT)));
  }

  private static ResourceType core(
      String kind, String plural, boolean namespaced, String... shortNames) {
    return type("", "v1", kind, plural, namespaced, shortNames);
  }

  private static ResourceType type(
      String group,
      String version,
      String kind,
      String plural,
      boolean namespaced,
      String... shortNames) {
    return new ResourceType(group, version, kind, plural, namespaced, List.of(shortNames));
  }
}
