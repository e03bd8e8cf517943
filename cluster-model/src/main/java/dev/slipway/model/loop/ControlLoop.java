package dev.slipway.model.loop;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A set of keys to look at, and the workers that look. A key that is added while it is being
/// looked at is looked at once more; one key is never looked at twice at once; a failure is tried
/// again with growing, capped, jittered delay.
///
/// The number of keys is bounded by the number of objects, the number of workers by `parallel`.
public final class ControlLoop<K> implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ControlLoop.class);
  private static final Duration FIRST_RETRY = Duration.ofMillis(50);
  private static final int QUIET_CONFLICTS = 5;
  private static final Duration LAST_RETRY = Duration.ofSeconds(30);

  private final String name;
  private final int parallel;
  private final Reconciler<K> reconciler;
  private final Timeline timeline;
  private final Chance chance;

  private final ArrayDeque<K> ready = new ArrayDeque<>();
  private final Set<K> waiting = new HashSet<>();
  private final Set<K> running = new HashSet<>();
  private final Set<K> again = new HashSet<>();
  private final Map<K, Scheduled> timers = new HashMap<>();
  private final Map<K, Integer> failures = new HashMap<>();
  private int workers;
  private boolean closed;

  public ControlLoop(
      String name, int parallel, Reconciler<K> reconciler, Timeline timeline, Chance chance) {
    this.name = name;
    this.parallel = parallel;
    this.reconciler = reconciler;
    this.timeline = timeline;
    this.chance = chance;
  }

  /// Looks at the key soon.
  public synchronized void add(K key) {
    if (closed) {
      return;
    }
    if (running.contains(key)) {
      again.add(key);
      return;
    }
    if (waiting.add(key)) {
      ready.add(key);
      hire();
    }
  }

  /// Looks at the key after the delay. An earlier look does not cancel it; a later call for the
  /// same key replaces it.
  public synchronized void addAfter(K key, Duration delay) {
    if (closed) {
      return;
    }
    Scheduled old = timers.remove(key);
    if (old != null) {
      old.cancel();
    }
    timers.put(key, timeline.schedule(delay, () -> due(key)));
  }

  /// Nothing waits and nothing runs; timers may be pending.
  public synchronized boolean isIdle() {
    return ready.isEmpty() && running.isEmpty();
  }

  private synchronized void due(K key) {
    timers.remove(key);
    add(key);
  }

  private void hire() {
    if (workers < parallel && workers < ready.size() + running.size()) {
      workers++;
      timeline.execute(this::work);
    }
  }

  /// One key a task: so a simulation can crash between any two.
  private void work() {
    K key;
    synchronized (this) {
      key = ready.poll();
      if (closed || key == null) {
        workers--;
        return;
      }
      waiting.remove(key);
      running.add(key);
      Scheduled timer = timers.remove(key);
      if (timer != null) {
        timer.cancel();
      }
    }
    Outcome outcome;
    try {
      outcome = reconciler.reconcile(key);
      synchronized (this) {
        failures.remove(key);
      }
    } catch (RuntimeException e) {
      outcome = failed(key, e);
    }
    synchronized (this) {
      running.remove(key);
      if (again.remove(key)) {
        add(key);
      }
      if (outcome instanceof Outcome.RecheckAfter(var delay, _) && !waiting.contains(key)) {
        addAfter(key, delay);
      }
      workers--;
      if (!ready.isEmpty()) {
        hire();
      }
    }
  }

  private Outcome failed(K key, RuntimeException e) {
    int count;
    synchronized (this) {
      count = failures.merge(key, 1, Integer::sum);
    }
    Duration delay = chance.jitter(delayAfter(count), 0.2);
    if (count <= QUIET_CONFLICTS && isConflict(e)) {
      return Outcome.recheckAfter(Duration.ofMillis(1), "somebody else wrote first");
    }
    log.warn(
        "reconcile failed loop={} key={} failures={} retry={} cause={}",
        name,
        key,
        count,
        delay,
        e.toString());
    log.debug("reconcile failed loop={} key={}", name, key, e);
    return Outcome.recheckAfter(delay, String.valueOf(e.getMessage()));
  }

  /// Somebody wrote between our read and our write: reading again is all that is needed.
  private static boolean isConflict(RuntimeException e) {
    return e instanceof ClusterException failure
        && failure.reason() == ClusterException.Reason.CONFLICT;
  }

  static Duration delayAfter(int failures) {
    Duration delay = FIRST_RETRY.multipliedBy(1L << Math.min(failures - 1, 20));
    return delay.compareTo(LAST_RETRY) > 0 ? LAST_RETRY : delay;
  }

  @Override
  public synchronized void close() {
    closed = true;
    timers.values().forEach(Scheduled::cancel);
    timers.clear();
    ready.clear();
    waiting.clear();
  }
}
