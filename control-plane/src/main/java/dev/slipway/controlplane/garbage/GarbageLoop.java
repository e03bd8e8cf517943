package dev.slipway.controlplane.garbage;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Deletes objects whose owners are all gone, and lets an owner that is deleted in the foreground
/// (or orphans what it owns) go when that is done. An owner is known by its UID: a new object of
/// the same name is not the owner.
public final class GarbageLoop implements AutoCloseable {
  /// Whatever owns or is owned; these come and go too fast for it, and expire by themselves.
  private static final Set<String> NOT_FOLLOWED = Set.of("Event", "Lease");

  private final Cluster cluster;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers = new ArrayList<>();

  private GarbageLoop(Cluster cluster, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("garbage-collector"));
    this.loop = new ControlLoop<>("garbage", 2, this::reconcile, timeline, chance);
  }

  public static GarbageLoop start(Cluster cluster, Timeline timeline, Chance chance) {
    var loop = new GarbageLoop(cluster, timeline, chance);
    for (ResourceType type : ResourceTypes.KNOWN.all()) {
      if (!NOT_FOLLOWED.contains(type.kind())) {
        loop.followers.add(
            Follower.start(cluster, ObjectQuery.all(type.groupKind()), timeline, loop::moved));
      }
    }
    return loop;
  }

  private void moved(@Nullable KubeObject before, @Nullable KubeObject after) {
    if (after == null) {
      if (before != null) {
        dependents(before).forEach(dependent -> loop.add(dependent.key()));
        for (OwnerReference owner : before.owners()) {
          loop.add(key(owner, before.namespace()));
        }
      }
    } else if (before == null
        ? !after.owners().isEmpty() || after.isTerminating()
        : isNews(before, after)) {
      loop.add(after.key());
    }
  }

  private static boolean isNews(KubeObject before, KubeObject after) {
    return before.isTerminating() != after.isTerminating()
        || !before.owners().equals(after.owners());
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty()) {
      return Outcome.SETTLED;
    }
    KubeObject object = found.get();
    if (object.isTerminating()) {
      finishDeletion(object);
      return Outcome.SETTLED;
    }
    List<OwnerReference> owners = object.owners();
    if (!owners.isEmpty() && owners.stream().noneMatch(owner -> lives(owner, object.namespace()))) {
      delete(object);
    }
    return Outcome.SETTLED;
  }

  private void finishDeletion(KubeObject owner) {
    if (owner.finalizers().contains("orphan")) {
      for (KubeObject dependent : dependents(owner)) {
        cluster.replace(dependent.withMetadata(metadata -> removeOwner(metadata, owner.uid())));
      }
      dropFinalizer(owner, "orphan");
    } else if (owner.finalizers().contains("foregroundDeletion")) {
      List<KubeObject> left = dependents(owner);
      left.stream().filter(dependent -> !dependent.isTerminating()).forEach(this::deleteFirst);
      boolean blocked =
          left.stream()
              .flatMap(dependent -> dependent.owners().stream())
              .anyMatch(
                  reference ->
                      reference.uid().equals(owner.uid()) && reference.blockOwnerDeletion());
      if (!blocked) {
        dropFinalizer(owner, "foregroundDeletion");
      }
    }
  }

  private List<KubeObject> dependents(KubeObject owner) {
    var dependents = new ArrayList<KubeObject>();
    for (ResourceType type : ResourceTypes.KNOWN.all()) {
      if (!NOT_FOLLOWED.contains(type.kind())) {
        dependents.addAll(
            cluster.list(ObjectQuery.all(type.groupKind()).ownedBy(owner.uid())).items());
      }
    }
    return dependents;
  }

  private boolean lives(OwnerReference owner, String namespace) {
    return cluster
        .get(key(owner, namespace))
        .filter(found -> found.uid().equals(owner.uid()))
        .isPresent();
  }

  private static ObjectKey key(OwnerReference owner, String namespace) {
    String group = GroupKind.groupOf(owner.apiVersion());
    boolean namespaced =
        ResourceTypes.KNOWN
            .find(new GroupKind(group, owner.kind()))
            .map(ResourceType::namespaced)
            .orElse(true);
    return new ObjectKey(group, owner.kind(), namespaced ? namespace : "", owner.name());
  }

  private void dropFinalizer(KubeObject owner, String finalizer) {
    cluster.replace(
        owner.withMetadata(
            metadata -> {
              ArrayNode left = metadata.putArray("finalizers");
              owner.finalizers().stream().filter(f -> !f.equals(finalizer)).forEach(left::add);
            }));
  }

  private static void removeOwner(ObjectNode metadata, String uid) {
    List<OwnerReference> owners =
        dev.slipway.model.json.Json.items(metadata, "ownerReferences").stream()
            .map(OwnerReference::read)
            .filter(owner -> !owner.uid().equals(uid))
            .toList();
    metadata.remove("ownerReferences");
    if (!owners.isEmpty()) {
      ArrayNode left = metadata.putArray("ownerReferences");
      owners.forEach(owner -> left.add(owner.toJson()));
    }
  }

  /// An owner waits for what its dependents own, too.
  private void deleteFirst(KubeObject dependent) {
    DeleteOptions options = DeleteOptions.ofUid(dependent.uid());
    cluster.deleteIfThere(
        dependent.key(),
        dependents(dependent).isEmpty()
            ? options
            : options.with(DeleteOptions.Propagation.FOREGROUND));
  }

  private void delete(KubeObject object) {
    cluster.deleteIfThere(object.key(), DeleteOptions.ofUid(object.uid()));
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
