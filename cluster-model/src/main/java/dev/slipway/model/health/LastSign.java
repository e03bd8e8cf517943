package dev.slipway.model.health;

import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.time.Instant;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// When a node was last heard of. A node that is well says so by its lease, which it may share with
/// others, and seldom by its object; one that is not says by its object since when.
public final class LastSign {
  /// The namespace of the leases of all nodes.
  public static final String LEASES = "kube-node-lease";

  /// The annotation that names the lease of a node where that is not called after the node.
  public static final String LEASE = "slipway.dev/lease";

  private static final String AGENTS = ".agents.slipway.dev";

  private LastSign() {}

  /// The name of the lease of all nodes that are found through a declared cluster; no node's.
  public static String agentsOf(String declared) {
    return declared + AGENTS;
  }

  /// The declared cluster that a node is found through, for as long as that is declared.
  public static Optional<String> foundThrough(KubeObject node) {
    return node.annotation(LEASE)
        .filter(lease -> lease.endsWith(AGENTS))
        .map(lease -> lease.substring(0, lease.length() - AGENTS.length()));
  }

  /// The lease of a node: called after it, or as it says.
  public static ObjectKey lease(KubeObject node) {
    return lease(node.annotation(LEASE).orElse(node.name()));
  }

  public static ObjectKey lease(String name) {
    return new ObjectKey("coordination.k8s.io", "Lease", LEASES, name);
  }

  /// @return empty when it was never heard of
  public static Optional<Instant> of(KubeObject node, Optional<KubeObject> lease) {
    Optional<JsonNode> ready = Conditions.find(node.status(), "Ready");
    Optional<Instant> said =
        ready.flatMap(condition -> KubeObject.instant(condition, "lastHeartbeatTime"));
    if (!Conditions.isTrue(node.status(), "Ready")) {
      return said;
    }
    Optional<Instant> renewed =
        lease.flatMap(known -> KubeObject.instant(known.spec(), "renewTime"));
    return renewed.filter(at -> said.isEmpty() || at.isAfter(said.get())).or(() -> said);
  }
}
