package dev.slipway.model.loop;

import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

/// Passes keys on: a key that comes alone at once, a key that keeps coming once a window. So a
/// thousand changes of one second do not make a thousand looks, and a single change waits for
/// nobody.
///
/// A window may differ by key and time, so that what takes long to look at is looked at less often.
/// Remembers no more than the keys of the last window.
public final class Bursts<K> {
  private final Function<K, Duration> window;
  private final Timeline timeline;
  private final Consumer<K> next;
  private final Map<K, Long> passed = new HashMap<>();
  private final Set<K> held = new HashSet<>();
  private int purgeAbove = 256;

  public Bursts(Duration window, Timeline timeline, Consumer<K> next) {
    this(_ -> window, timeline, next);
  }

  public Bursts(Function<K, Duration> window, Timeline timeline, Consumer<K> next) {
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
      if (last != null) {
        long left = window.apply(key).toNanos() - (now - last);
        if (left > 0) {
          held.add(key);
          timeline.schedule(Duration.ofNanos(left), () -> release(key));
          return;
        }
      }
      if (passed.size() > purgeAbove) {
        passed
            .entrySet()
            .removeIf(entry -> now - entry.getValue() >= window.apply(entry.getKey()).toNanos());
        purgeAbove = Math.max(256, 2 * passed.size());
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
