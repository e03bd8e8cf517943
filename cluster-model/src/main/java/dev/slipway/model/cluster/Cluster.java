package dev.slipway.model.cluster;

import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// A cluster of objects. Every call may be made from any thread, is safe to repeat, and ends within
/// the adapter's timeout.
///
/// Reads are never older than this caller's own last write. A write is durable when the call
/// returns. All failures are [ClusterException]; the reason tells whether to repeat.
public interface Cluster {
  Optional<KubeObject> get(ObjectKey key);

  /// Those of the keys that exist. A remote cluster needs fewer requests for many at once.
  default Map<ObjectKey, KubeObject> getAll(Collection<ObjectKey> keys) {
    var found = HashMap.<ObjectKey, KubeObject>newHashMap(keys.size());
    for (ObjectKey key : keys) {
      get(key).ifPresent(object -> found.put(key, object));
    }
    return found;
  }

  /// What matches now, sorted by namespace and name, with the resourceVersion to watch from.
  ///
  /// The embedded cluster answers from memory by index; a remote one from its watch cache.
  Listing list(ObjectQuery query);

  /// Sends every change after `resourceVersion`, in order, without gap or repeat, until closed. An
  /// end is told by [WatchEvent.Expired]: then list again. The listener is called by one thread at
  /// a time and must not block.
  ///
  /// Selectors see the object before and after: leaving the selection arrives as
  /// [WatchEvent.Deleted].
  Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener);

  /// Stores a new object. `metadata.generateName` is honoured when the name is empty.
  ///
  /// @throws ClusterException `ALREADY_EXISTS`, `INVALID`, `NOT_FOUND` (its namespace), `FORBIDDEN`
  ///   (a terminating namespace)
  KubeObject create(KubeObject object);

  /// Replaces all but the status. With a resourceVersion in the object it is a compare-and-swap;
  /// without one the last writer wins. Equal content writes nothing and returns what is stored.
  ///
  /// @throws ClusterException `NOT_FOUND`, `CONFLICT`, `INVALID`
  KubeObject replace(KubeObject object);

  /// Replaces the status and nothing else; otherwise as [#replace].
  KubeObject replaceStatus(KubeObject object);

  /// Server-side apply: the intent holds just the fields that the author owns from now on. Fields
  /// that the same author applied before and that are missing now are removed. An intent that
  /// changes nothing writes nothing.
  ///
  /// @throws ClusterException `CONFLICT` with the fields and their owners, unless
  ///   `options.force()`; `INVALID`
  KubeObject apply(KubeObject intent, ApplyOptions options);

  /// Asks for deletion. Returns what is left: empty when the object is gone, else the object with
  /// its `deletionTimestamp` (finalizers, the grace period of a pod).
  ///
  /// @throws ClusterException `NOT_FOUND`, `CONFLICT` (a precondition does not hold)
  Optional<KubeObject> delete(ObjectKey key, DeleteOptions options);

  /// As [#delete], for who has seen the object a moment ago.
  ///
  /// @return false, and nothing is deleted, when it is gone, or another one or changed, where the
  ///   options say of which one or which state
  default boolean deleteIfThere(ObjectKey key, DeleteOptions options) {
    try {
      delete(key, options);
      return true;
    } catch (ClusterException e) {
      return switch (e.reason()) {
        case NOT_FOUND, CONFLICT -> false;
        default -> throw e;
      };
    }
  }

  /// The same cluster, its writes signed by this author.
  Cluster as(Author author);
}
