package dev.slipway.sync.git;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What was found out lately of a few hundred things; who was not asked for in the longest time is
/// forgotten first. For any thread.
final class Recent<K, V> {
  private static final int MOST = 256;

  private final Map<K, V> known =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
          return size() > MOST;
        }
      };

  synchronized @Nullable V get(K key) {
    return known.get(key);
  }

  synchronized void put(K key, V value) {
    known.put(key, value);
  }

  synchronized void clear() {
    known.clear();
  }
}
