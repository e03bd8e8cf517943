package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchListener;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.Optional;

/// Writes to views of a Deployment's revisions, carried out on the replication controllers behind
/// them. What the Deployment wants otherwise, it puts back: as Kubernetes' does.
record RevisionWrites(Cluster cluster, ReplicaSetView views) implements Cluster {
  @Override
  public Optional<KubeObject> get(ObjectKey key) {
    return cluster.get(ReplicaSetView.source(key)).flatMap(views::of);
  }

  @Override
  public Listing list(ObjectQuery query) {
    return cluster.list(query);
  }

  @Override
  public Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    return cluster.watch(query, resourceVersion, listener);
  }

  @Override
  public KubeObject create(KubeObject object) {
    return cluster.create(object);
  }

  @Override
  public KubeObject replace(KubeObject view) {
    KubeObject source = source(view.key());
    return shown(cluster.replace(views.changed(source, view)), view.key());
  }

  @Override
  public KubeObject replaceStatus(KubeObject view) {
    KubeObject source = source(view.key());
    KubeObject changed =
        views.changed(source, view).with(json -> json.set("status", view.status().deepCopy()));
    return shown(cluster.replaceStatus(changed), view.key());
  }

  @Override
  public KubeObject apply(KubeObject intent, ApplyOptions options) {
    throw new ClusterException(
        Reason.METHOD_NOT_ALLOWED,
        intent.name()
            + " is a revision of a Deployment, and is not applied: change the Deployment");
  }

  @Override
  public Optional<KubeObject> delete(ObjectKey key, DeleteOptions options) {
    return cluster.delete(ReplicaSetView.source(key), options).flatMap(views::of);
  }

  @Override
  public Cluster as(Author author) {
    return new RevisionWrites(cluster.as(author), views);
  }

  private KubeObject source(ObjectKey key) {
    return cluster
        .get(ReplicaSetView.source(key))
        .orElseThrow(() -> new ClusterException(Reason.NOT_FOUND, key + " not found"));
  }

  private KubeObject shown(KubeObject source, ObjectKey key) {
    return views
        .of(source)
        .orElseThrow(() -> new ClusterException(Reason.NOT_FOUND, key + " not found"));
  }
}
