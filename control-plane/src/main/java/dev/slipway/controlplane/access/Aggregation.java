package dev.slipway.controlplane.access;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Fills in the rules of each `ClusterRole` that has an `aggregationRule`: those of the roles that
/// it selects by their labels, in the order of their names. What a person writes there is replaced.
///
/// Source of the rules: Kubernetes' documentation, "Using RBAC Authorization", aggregated
/// ClusterRoles.
public final class Aggregation implements AutoCloseable {
  private static final GroupKind ROLE = new GroupKind(Access.GROUP, "ClusterRole");
  private static final String ALL = "all";

  private final ControlLoop<String> loop;
  private final Follower roles;

  private Aggregation(Cluster cluster, Timeline timeline, Chance chance) {
    Cluster mine = cluster.as(Author.controller("clusterrole-aggregation-controller"));
    this.loop = new ControlLoop<>("aggregation", 1, _ -> reconcile(mine), timeline, chance);
    this.roles = Follower.start(cluster, ObjectQuery.all(ROLE), timeline, (_, _) -> loop.add(ALL));
  }

  public static Aggregation start(Cluster cluster, Timeline timeline, Chance chance) {
    return new Aggregation(cluster, timeline, chance);
  }

  private static Outcome reconcile(Cluster cluster) {
    fill(cluster);
    return Outcome.SETTLED;
  }

  /// Writes what has to change, until nothing has: a role may select one that selects others.
  static void fill(Cluster cluster) {
    boolean changed = true;
    while (changed) {
      changed = false;
      List<KubeObject> all = cluster.list(ObjectQuery.all(ROLE)).items();
      for (KubeObject role : all) {
        Optional<ArrayNode> rules =
            rules(role, all).filter(found -> !found.equals(role.json().path("rules")));
        if (rules.isPresent()) {
          changed = true;
          try {
            cluster.replace(role.with(json -> json.set("rules", rules.get())));
          } catch (ClusterException e) {
            // Others write and delete roles too, and at the start two fill them: look again.
            if (e.reason() != ClusterException.Reason.CONFLICT
                && e.reason() != ClusterException.Reason.NOT_FOUND) {
              throw e;
            }
          }
        }
      }
    }
  }

  /// The rules that an aggregating role is to have; empty for any other.
  static Optional<ArrayNode> rules(KubeObject role, List<KubeObject> all) {
    JsonNode rule = role.json().path("aggregationRule");
    if (!rule.isObject()) {
      return Optional.empty();
    }
    List<LabelSelector> selectors =
        Json.items(rule, "clusterRoleSelectors").stream().map(LabelSelector::read).toList();
    var found = new LinkedHashSet<JsonNode>();
    for (KubeObject other : all) {
      if (!other.name().equals(role.name())
          && selectors.stream().anyMatch(selector -> selector.matches(other.labels()))) {
        found.addAll(Json.items(other.json(), "rules"));
      }
    }
    ArrayNode rules = Json.object().putArray("rules");
    found.forEach(rules::add);
    return Optional.of(rules);
  }

  @Override
  public void close() {
    roles.close();
    loop.close();
  }
}
