package dev.slipway.controlplane.access;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Decides by the `Role`s, `ClusterRole`s and bindings of a cluster, as they are at that moment.
/// Nothing is denied expressly: what no rule allows is refused. Safe for any number of threads.
///
/// Source of the rules: Kubernetes' documentation, "Using RBAC Authorization".
public final class Access {
  static final String GROUP = "rbac.authorization.k8s.io";

  private final Cluster cluster;

  public Access(Cluster cluster) {
    this.cluster = cluster;
  }

  /// @param reason which binding allowed it; empty when none did
  public record Verdict(boolean allowed, String reason) {}

  /// What a binding gives.
  private record Grant(String binding, List<PolicyRule> rules) {}

  public Verdict decide(User user, AccessRequest wanted) {
    if (user.groups().contains(User.MASTERS)) {
      return new Verdict(true, "member of " + User.MASTERS);
    }
    for (Grant grant : grants(user, wanted.namespace())) {
      for (PolicyRule rule : grant.rules()) {
        if (rule.allows(wanted)) {
          return new Verdict(true, "RBAC: allowed by " + grant.binding());
        }
      }
    }
    return new Verdict(false, "");
  }

  /// @throws ClusterException `FORBIDDEN`
  public void require(User user, AccessRequest wanted) {
    if (!decide(user, wanted).allowed()) {
      throw new ClusterException(
          ClusterException.Reason.FORBIDDEN,
          "%sforbidden: User \"%s\" cannot %s"
              .formatted(
                  wanted.isPath()
                      ? ""
                      : "%s%s%s is "
                          .formatted(
                              wanted.resource(),
                              wanted.group().isEmpty() ? "" : "." + wanted.group(),
                              wanted.name().isEmpty() ? "" : " \"" + wanted.name() + "\""),
                  user.name(),
                  wanted.text()));
    }
  }

  /// All that a user may do in a namespace.
  public List<PolicyRule> rules(User user, String namespace) {
    if (user.groups().contains(User.MASTERS)) {
      return PolicyRule.EVERYTHING;
    }
    return grants(user, namespace).stream().flatMap(grant -> grant.rules().stream()).toList();
  }

  /// Refuses to let somebody give away what they do not have.
  ///
  /// @param written a role or a binding as it is to be
  /// @throws ClusterException `FORBIDDEN`
  public void requireNoEscalation(User user, KubeObject written) {
    boolean binding = written.kind().endsWith("Binding");
    String resource = binding ? "" : written.kind().toLowerCase(java.util.Locale.ROOT) + "s";
    List<PolicyRule> given;
    if (binding) {
      JsonNode ref = written.json().path("roleRef");
      String plural = Json.string(ref, "kind", "").toLowerCase(java.util.Locale.ROOT) + "s";
      if (decide(
              user,
              AccessRequest.object(
                  "bind", GROUP, plural, "", written.namespace(), Json.string(ref, "name", "")))
          .allowed()) {
        return;
      }
      given = referred(written);
    } else {
      if (decide(
              user,
              AccessRequest.object(
                  "escalate", GROUP, resource, "", written.namespace(), written.name()))
          .allowed()) {
        return;
      }
      // Whatever the roles that it selects give, now or later.
      given =
          written.json().path("aggregationRule").isObject()
              ? PolicyRule.EVERYTHING
              : PolicyRule.of(written.json());
    }
    for (PolicyRule rule : given) {
      for (AccessRequest part : rule.parts(written.namespace())) {
        if (!decide(user, part).allowed()) {
          throw new ClusterException(
              ClusterException.Reason.FORBIDDEN,
              "%s \"%s\" is forbidden: user \"%s\" would give away what they may not do: %s"
                  .formatted(written.kind(), written.name(), user.name(), part.text()));
        }
      }
    }
  }

  private List<Grant> grants(User user, String namespace) {
    var grants = new ArrayList<Grant>();
    for (KubeObject binding : list("ClusterRoleBinding", "")) {
      add(grants, user, binding);
    }
    if (!namespace.isEmpty()) {
      for (KubeObject binding : list("RoleBinding", namespace)) {
        add(grants, user, binding);
      }
    }
    return grants;
  }

  private void add(List<Grant> grants, User user, KubeObject binding) {
    for (JsonNode subject : binding.json().path("subjects")) {
      if (names(subject, user, binding.namespace())) {
        grants.add(
            new Grant(
                "%s \"%s\" of %s \"%s\""
                    .formatted(
                        binding.kind(),
                        binding.name(),
                        Json.string(binding.json().path("roleRef"), "kind", ""),
                        Json.string(binding.json().path("roleRef"), "name", "")),
                referred(binding)));
        return;
      }
    }
  }

  private static boolean names(JsonNode subject, User user, String namespace) {
    String name = Json.string(subject, "name", "");
    return switch (Json.string(subject, "kind", "")) {
      case "User" -> name.equals(user.name());
      case "Group" -> user.groups().contains(name);
      case "ServiceAccount" ->
          User.serviceAccount(Json.string(subject, "namespace", namespace), name)
              .name()
              .equals(user.name());
      default -> false;
    };
  }

  private List<PolicyRule> referred(KubeObject binding) {
    JsonNode ref = binding.json().path("roleRef");
    String kind = Json.string(ref, "kind", "");
    String name = Json.string(ref, "name", "");
    Optional<KubeObject> role =
        kind.equals("Role") && !binding.namespace().isEmpty()
            ? cluster.get(new ObjectKey(GROUP, "Role", binding.namespace(), name))
            : kind.equals("ClusterRole")
                ? cluster.get(new ObjectKey(GROUP, "ClusterRole", "", name))
                : Optional.empty();
    return role.map(found -> PolicyRule.of(found.json())).orElse(List.of());
  }

  private List<KubeObject> list(String kind, String namespace) {
    ObjectQuery query = ObjectQuery.all(new GroupKind(GROUP, kind));
    return cluster.list(namespace.isEmpty() ? query : query.inNamespace(namespace)).items();
  }
}
