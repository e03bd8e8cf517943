package dev.slipway.sync.application;

import dev.slipway.model.object.ObjectKey;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// How many applications of one cluster are looked at side by side: a cluster that is slow must not
/// hold every worker. Who finds no place is called when one is free, in the order of arrival.
final class Places {
  private final int each;
  private final Map<String, Integer> taken = new HashMap<>();
  private final Map<String, Set<ObjectKey>> queues = new HashMap<>();

  Places(int each) {
    this.each = each;
  }

  /// @return whether there is a place; otherwise the key is given back by a later [#leave]
  synchronized boolean enter(String cluster, ObjectKey key) {
    if (taken.getOrDefault(cluster, 0) >= each) {
      queues.computeIfAbsent(cluster, _ -> new LinkedHashSet<>()).add(key);
      return false;
    }
    taken.merge(cluster, 1, Integer::sum);
    return true;
  }

  /// @return who is to be looked at next
  synchronized Optional<ObjectKey> leave(String cluster) {
    taken.computeIfPresent(cluster, (_, count) -> count == 1 ? null : count - 1);
    Set<ObjectKey> queue = queues.get(cluster);
    if (queue == null) {
      return Optional.empty();
    }
    ObjectKey next = queue.iterator().next();
    queue.remove(next);
    if (queue.isEmpty()) {
      queues.remove(cluster);
    }
    return Optional.of(next);
  }
}
