package dev.slipway.runtime.agent;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Tells the agents of all nodes which ConfigMaps and Secrets have changed, by one watch of each
/// kind. One that is immutable is told when it is made, and never again.
public final class SourceChanges implements AutoCloseable {
  private final Set<Consumer<ObjectKey>> listeners = ConcurrentHashMap.newKeySet();
  private final List<Follower> followers;

  private SourceChanges(Cluster cluster, Timeline timeline) {
    this.followers =
        Stream.of("ConfigMap", "Secret")
            .map(
                kind ->
                    Follower.start(
                        cluster, ObjectQuery.all(GroupKind.core(kind)), timeline, this::changed))
            .toList();
  }

  public static SourceChanges follow(Cluster cluster, Timeline timeline) {
    return new SourceChanges(cluster, timeline);
  }

  private void changed(@Nullable KubeObject before, @Nullable KubeObject after) {
    // What is gone stays as it was in those who have it.
    if (after != null && (before == null || !sameContent(before, after))) {
      listeners.forEach(listener -> listener.accept(after.key()));
    }
  }

  private static boolean sameContent(KubeObject before, KubeObject after) {
    return Json.bool(before.json(), "immutable", false)
        || Stream.of("data", "binaryData")
            .allMatch(field -> before.json().path(field).equals(after.json().path(field)));
  }

  /// Must not block.
  void onChange(Consumer<ObjectKey> listener) {
    listeners.add(listener);
  }

  void forget(Consumer<ObjectKey> listener) {
    listeners.remove(listener);
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
  }
}
