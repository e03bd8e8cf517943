package dev.slipway.runtime.agent;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.health.LastSign;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// The sign of life that Kubernetes' own tools look at: of one node, or of all that are heard of
/// through one connection.
public final class NodeLease {
  /// A little less than a heartbeat: of many that come in turn the first one after it writes.
  private static final Duration RENEWED = Duration.ofSeconds(9);

  /// How long a sign of life counts: missing three of them is being silent.
  private static final Duration LASTS = Duration.ofSeconds(40);

  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT);

  private final Cluster cluster;
  private final String name;
  private final Timeline timeline;
  private @Nullable Instant renewedAt;

  /// @param name the node's, or one that no node has
  public NodeLease(Cluster cluster, String name, Timeline timeline) {
    this.cluster = cluster;
    this.name = name;
    this.timeline = timeline;
  }

  String name() {
    return name;
  }

  /// Writes when the last time was a heartbeat ago.
  ///
  /// @return whether there is a lease; where its namespace is not, there is none
  synchronized boolean renew(KubeObject node) {
    Instant now = timeline.instant();
    Instant before = renewedAt;
    if (before != null && now.isBefore(before.plus(RENEWED))) {
      return true;
    }
    ObjectKey lease = LastSign.lease(name);
    Consumer<ObjectNode> renew =
        json ->
            Json.child(json, "spec")
                .put("holderIdentity", name)
                .put("leaseDurationSeconds", LASTS.toSeconds())
                .put("renewTime", MICROS.format(now.atOffset(ZoneOffset.UTC)));
    Optional<KubeObject> known = cluster.get(lease);
    if (known.isPresent()) {
      cluster.replace(known.get().with(renew));
    } else if (cluster.get(ObjectKey.core("Namespace", "", lease.namespace())).isPresent()) {
      cluster.create(
          KubeObject.make(
              "coordination.k8s.io/v1",
              lease.kind(),
              lease.namespace(),
              name,
              json -> {
                if (node.name().equals(name)) {
                  own(json, node);
                }
                renew.accept(json);
              }));
    } else {
      return false;
    }
    renewedAt = now;
    return true;
  }

  private static void own(ObjectNode lease, KubeObject node) {
    Json.child(lease, "metadata")
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", "v1")
        .put("kind", "Node")
        .put("name", node.name())
        .put("uid", node.uid());
  }
}
