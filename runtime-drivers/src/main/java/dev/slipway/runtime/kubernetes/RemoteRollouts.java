package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;

/// Lets a Rollout of a remote cluster go once its replication controllers are gone: Kubernetes
/// collects their pods, but knows nothing of Rollouts.
///
/// Nothing is deleted for a Rollout that is merely missing: one that is lost with Slipway's data
/// leaves everything running, to be taken over again.
final class RemoteRollouts implements AutoCloseable {
  private static final GroupKind ROLLOUT = GroupKind.slipway("Rollout");
  private static final GroupKind RC = GroupKind.core("ReplicationController");
  private static final Duration AGAIN = Duration.ofMillis(500);
  private static final int PARALLEL = 8;

  private final RemoteCluster remote;
  private final Cluster home;
  private final ControlLoop<ObjectKey> loop;
  private final Follower follower;

  RemoteRollouts(
      String name, RemoteCluster remote, Cluster home, Timeline timeline, Chance chance) {
    this.remote = remote;
    this.home = home.as(Author.controller("slipway-rollout"));
    this.loop = new ControlLoop<>("remote-rollouts", PARALLEL, this::reconcile, timeline, chance);
    this.follower =
        Follower.start(
            home,
            ObjectQuery.in(ROLLOUT, WorkloadCluster.namespace(name))
                .labelled(LabelSelector.parse(WorkloadCluster.CLUSTER + "=" + name)),
            timeline,
            (_, after) -> {
              if (after != null && after.isTerminating()) {
                loop.add(after.key());
              }
            });
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found =
        home.get(key)
            .filter(rollout -> rollout.isTerminating())
            .filter(rollout -> rollout.finalizers().contains(WorkloadCluster.FINALIZER));
    if (found.isEmpty()) {
      return Outcome.SETTLED;
    }
    int dot = key.name().indexOf('.');
    String namespace = key.name().substring(0, Math.max(0, dot));
    var controllers =
        remote
            .list(
                ObjectQuery.in(RC, namespace)
                    .labelled(LabelSelector.parse(RemoteCluster.APPLICATION))
                    .ownedBy(Owners.rollout(namespace, key.name().substring(dot + 1))))
            .items();
    for (KubeObject rc : controllers) {
      if (!rc.isTerminating()) {
        remote
            .as(Author.controller("slipway-rollout"))
            .deleteIfThere(rc.key(), DeleteOptions.ofUid(rc.uid()));
      }
    }
    if (!controllers.isEmpty()) {
      return Outcome.recheckAfter(AGAIN, "replication controllers are being deleted");
    }
    home.replace(
        found
            .get()
            .withMetadata(
                metadata -> {
                  ArrayNode finalizers = Json.array();
                  found.get().finalizers().stream()
                      .filter(other -> !other.equals(WorkloadCluster.FINALIZER))
                      .forEach(finalizers::add);
                  metadata.set("finalizers", finalizers);
                }));
    return Outcome.SETTLED;
  }

  @Override
  public void close() {
    follower.close();
    loop.close();
  }
}
