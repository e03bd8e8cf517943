package dev.slipway.model.loop;

import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/// Passes keys on: a key that comes alone at once, a key that keeps coming once a window. So a
/// thousand changes of one second do not make a thousand looks, and a single change waits for
/// nobody.
///
/// Remembers no more than the keys of the last window.
public final class Bursts<K> {
  private final Duration window;
  private final Timeline timeline;
  private final Consumer<K> next;
  private final Map<K, Long> passed = new HashMap<>();
  private final Set<K> held = new HashSet<>();

  public Bursts(Duration window, Timeline timeline, Consumer<K> next) {
    this.window = window;
    this.timeline = timeline;
    this.next = next;
  }

  public void add(K key) {
    synchronized (this) {
      if (held.contains(key)) {
        return;
      }
      long now = timeline.nanos();
      Long last = passed.get(key);
      if (last != null && now - last < window.toNanos()) {
        held.add(key);
        timeline.schedule(window.minusNanos(now - last), () -> release(key));
        return;
      }
      if (passed.size() > 256) {
        passed.values().removeIf(at -> now - at >= window.toNanos());
      }
      passed.put(key, now);
    }
    next.accept(key);
  }

  private void release(K key) {
    synchronized (this) {
      held.remove(key);
      passed.put(key, timeline.nanos());
    }
    next.accept(key);
  }
}
