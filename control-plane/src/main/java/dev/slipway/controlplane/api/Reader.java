package dev.slipway.controlplane.api;

import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.store.Following;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The reading side of the API: stored objects as they are, and beside stored ReplicaSets those
/// that are views of a Deployment's revisions. A view has no state of its own.
record Reader(EmbeddedCluster cluster, ReplicaSetView replicaSets) {
  Optional<KubeObject> get(ObjectKey key) {
    Optional<KubeObject> stored = cluster.get(key);
    return stored.isPresent() ? stored : view(key);
  }

  /// Whether this is there, but not stored.
  boolean isView(ObjectKey key) {
    return view(key).isPresent() && cluster.get(key).isEmpty();
  }

  /// What writes this object: the cluster itself, or through the view that the object is.
  Cluster writer(ObjectKey key, Cluster mine) {
    return isView(key) ? new RevisionWrites(mine, replicaSets) : mine;
  }

  private Optional<KubeObject> view(ObjectKey key) {
    return replicaSets.shows(key.groupKind())
        ? cluster.get(ReplicaSetView.source(key)).flatMap(replicaSets::of)
        : Optional.empty();
  }

  Listing list(ObjectQuery query) {
    Listing stored = cluster.list(query);
    return replicaSets.shows(query.kind()) ? withViews(query, stored) : stored;
  }

  /// What there was at that very version.
  Listing listAt(ObjectQuery query, String resourceVersion) {
    Listing stored = cluster.listAt(query, resourceVersion);
    return replicaSets.shows(query.kind()) ? withViews(query, stored) : stored;
  }

  private Listing withViews(ObjectQuery query, Listing stored) {
    Stream<KubeObject> views =
        cluster.listAt(ReplicaSetView.source(query), stored.resourceVersion()).items().stream()
            .flatMap(source -> shown(query, source).stream());
    return new Listing(
        Stream.concat(stored.items().stream(), views)
            .sorted(Comparator.comparing(KubeObject::namespace).thenComparing(KubeObject::name))
            .toList(),
        stored.resourceVersion());
  }

  Following follow(ObjectQuery query, String resourceVersion) {
    var stored = new Following.Source(query, event -> event);
    return cluster.follow(
        replicaSets.shows(query.kind())
            ? List.of(
                stored,
                new Following.Source(ReplicaSetView.source(query), event -> shown(query, event)))
            : List.of(stored),
        resourceVersion);
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
