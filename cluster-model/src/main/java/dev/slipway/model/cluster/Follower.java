package dev.slipway.model.cluster;

import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Keeps following a query for as long as it is open: lists, watches, and lists again when a watch
/// ends. What changed while nothing was watched is told too, a deletion included.
///
/// The listener hears each change with the state before and after, one at a time, and must not
/// block: put a key on a queue.
public final class Follower implements AutoCloseable {
  /// What became of one object: both sides are never absent together.
  @FunctionalInterface
  public interface Listener {
    void changed(@Nullable KubeObject before, @Nullable KubeObject after);

    /// Hears the key of what is there, whatever has changed of it, and nothing of what has gone.
    static Listener ofLiving(Consumer<ObjectKey> keys) {
      return (_, after) -> {
        if (after != null) {
          keys.accept(after.key());
        }
      };
    }

    /// Hears each object as it is now; what has gone, as it was last.
    static Listener ofAll(Consumer<KubeObject> objects) {
      return (before, after) -> {
        KubeObject any = after != null ? after : before;
        if (any != null) {
          objects.accept(any);
        }
      };
    }
  }

  private static final Duration RETRY = Duration.ofSeconds(1);

  private final Cluster cluster;
  private final ObjectQuery query;
  private final Timeline timeline;
  private final Listener listener;
  private final Map<ObjectKey, KubeObject> known = new HashMap<>();
  private @Nullable Watch watch;
  private @Nullable Scheduled retry;
  private boolean closed;

  private Follower(Cluster cluster, ObjectQuery query, Timeline timeline, Listener listener) {
    this.cluster = cluster;
    this.query = query;
    this.timeline = timeline;
    this.listener = listener;
  }

  /// Starts to follow: what is there already has been told when this returns, if the cluster
  /// answers at once.
  public static Follower start(
      Cluster cluster, ObjectQuery query, Timeline timeline, Listener listener) {
    var follower = new Follower(cluster, query, timeline, listener);
    follower.listAndWatch();
    return follower;
  }

  /// The last state heard, if the object was there.
  public synchronized Optional<KubeObject> known(ObjectKey key) {
    return Optional.ofNullable(known.get(key));
  }

  private synchronized void listAndWatch() {
    if (closed) {
      return;
    }
    Listing listing;
    try {
      listing = cluster.list(query);
      var gone = new HashSet<>(known.keySet());
      for (KubeObject object : listing.items()) {
        gone.remove(object.key());
        changed(object);
      }
      gone.stream().sorted().forEach(this::removed);
      watch = cluster.watch(query, listing.resourceVersion(), this::on);
    } catch (ClusterException e) {
      retry = timeline.schedule(RETRY, this::listAndWatch);
    }
  }

  private synchronized void on(WatchEvent event) {
    if (closed) {
      return;
    }
    switch (event) {
      case WatchEvent.Added(var object) -> changed(object);
      case WatchEvent.Modified(var object) -> changed(object);
      case WatchEvent.Deleted(var object) -> removed(object.key());
      case WatchEvent.Bookmark(_) -> {}
      case WatchEvent.Expired(_) -> {
        Watch ended = watch;
        if (ended != null) {
          ended.close();
        }
        timeline.execute(this::listAndWatch);
      }
    }
  }

  private void changed(KubeObject object) {
    KubeObject before = known.put(object.key(), object);
    if (before == null || !before.resourceVersion().equals(object.resourceVersion())) {
      listener.changed(before, object);
    }
  }

  private void removed(ObjectKey key) {
    KubeObject before = known.remove(key);
    if (before != null) {
      listener.changed(before, null);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (watch != null) {
      watch.close();
    }
    if (retry != null) {
      retry.cancel();
    }
  }
}
