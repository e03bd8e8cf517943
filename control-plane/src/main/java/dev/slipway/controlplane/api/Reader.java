package dev.slipway.controlplane.api;

import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.store.Following;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The reading side of the API: stored objects as they are, and the kinds that are views of stored
/// ones. A view has no state of its own and cannot be written.
record Reader(EmbeddedCluster cluster, ReplicaSetView replicaSets) {
  Optional<KubeObject> get(ObjectKey key) {
    return replicaSets.shows(key.groupKind())
        ? cluster.get(ReplicaSetView.source(key)).flatMap(replicaSets::of)
        : cluster.get(key);
  }

  Listing list(ObjectQuery query) {
    return replicaSets.shows(query.kind())
        ? shown(query, cluster.list(ReplicaSetView.source(query)))
        : cluster.list(query);
  }

  /// What there was at that very version.
  Listing listAt(ObjectQuery query, String resourceVersion) {
    return replicaSets.shows(query.kind())
        ? shown(query, cluster.listAt(ReplicaSetView.source(query), resourceVersion))
        : cluster.listAt(query, resourceVersion);
  }

  private Listing shown(ObjectQuery query, Listing sources) {
    return new Listing(
        sources.items().stream()
            .map(replicaSets::of)
            .flatMap(Optional::stream)
            .filter(object -> selects(query, object))
            .toList(),
        sources.resourceVersion());
  }

  Following follow(ObjectQuery query, String resourceVersion) {
    if (!replicaSets.shows(query.kind())) {
      return cluster.follow(query, resourceVersion, event -> event);
    }
    return cluster.follow(
        ReplicaSetView.source(query), resourceVersion, event -> shown(query, event));
  }

  private @Nullable WatchEvent shown(ObjectQuery query, WatchEvent event) {
    return switch (event) {
      case WatchEvent.Added(var object) ->
          shown(query, object).<WatchEvent>map(WatchEvent.Added::new).orElse(null);
      case WatchEvent.Modified(var object) ->
          shown(query, object).<WatchEvent>map(WatchEvent.Modified::new).orElse(null);
      case WatchEvent.Deleted(var object) ->
          shown(query, object).<WatchEvent>map(WatchEvent.Deleted::new).orElse(null);
      case WatchEvent.Bookmark _, WatchEvent.Expired _ -> event;
    };
  }

  private Optional<KubeObject> shown(ObjectQuery query, KubeObject source) {
    return replicaSets.of(source).filter(object -> selects(query, object));
  }

  private static boolean selects(ObjectQuery query, KubeObject object) {
    return query.labels().matches(object.labels()) && query.fields().matches(object);
  }
}
