package dev.slipway.runtime.kubernetes;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.cluster.WatchListener;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What a remote cluster has of one kind, of those that bear one label: listed once, then watched
/// for as long as this is open. All readers share one watch.
///
/// A read is never older than a write of ours: what a write was answered with counts until the
/// watch has caught up with it.
final class KindWatch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(KindWatch.class);
  private static final int PAGE = 500;
  private static final int HISTORY = 4_096;
  private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
  private static final Duration LAST_PAUSE = Duration.ofSeconds(30);
  private static final Duration TAKEN_BACK = Duration.ofMinutes(2);

  private record Change(long version, @Nullable KubeObject before, @Nullable KubeObject after) {}

  private final Wire wire;
  private final ResourceType type;
  private final LabelSelector selection;
  private final Timeline timeline;
  private final Chance chance;
  private final Duration deadline;
  private final EventStream stream;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition moved = lock.newCondition();

  /// As the watch told it.
  private final Map<ObjectKey, KubeObject> streamed = new HashMap<>();

  /// Written by us, and newer than what the watch told.
  private final Map<ObjectKey, KubeObject> ahead = new HashMap<>();

  /// Deleted by us, by UID; the watch has not told yet.
  private final Map<ObjectKey, String> gone = new HashMap<>();

  private final Map<String, Set<ObjectKey>> byOwner = new HashMap<>();
  private final ArrayDeque<Change> history = new ArrayDeque<>();
  private final List<Subscriber> subscribers = new ArrayList<>();
  private String version = "";
  private long oldest;
  private boolean listed;
  private boolean started;
  private boolean closed;
  private int failures;
  private @Nullable String trouble;
  private long troubleSince;
  private long olderSince;

  KindWatch(
      Wire wire,
      ResourceType type,
      LabelSelector selection,
      Duration deadline,
      Timeline timeline,
      Chance chance) {
    this.wire = wire;
    this.type = type;
    this.selection = selection;
    this.deadline = deadline;
    this.timeline = timeline;
    this.chance = chance;
    this.stream = new EventStream(wire, type, path(), selector(), timeline, chance);
  }

  private String path() {
    return Paths.list(type, Optional.empty());
  }

  private List<String> selector() {
    return selection.isEverything()
        ? List.of()
        : List.of("labelSelector=" + Paths.value(selection.toString()));
  }

  // Reading

  /// @throws ClusterException `UNAVAILABLE` when nothing was ever listed and the cluster does not
  ///   answer
  Optional<KubeObject> get(ObjectKey key) {
    lock.lock();
    try {
      awaitListed();
      return Optional.ofNullable(current(key));
    } finally {
      lock.unlock();
    }
  }

  Listing list(ObjectQuery query) {
    lock.lock();
    try {
      awaitListed();
      var items = new ArrayList<KubeObject>();
      for (ObjectKey key : candidates(query)) {
        KubeObject object = current(key);
        if (object != null && Paths.selects(query, object)) {
          items.add(object);
        }
      }
      items.sort(Comparator.comparing(KubeObject::key));
      return new Listing(items, version);
    } finally {
      lock.unlock();
    }
  }

  private Collection<ObjectKey> candidates(ObjectQuery query) {
    if (query.ownerUid().isPresent()) {
      return byOwner.getOrDefault(query.ownerUid().get(), Set.of());
    }
    if (ahead.isEmpty()) {
      return streamed.keySet();
    }
    var keys = new HashSet<>(streamed.keySet());
    keys.addAll(ahead.keySet());
    return keys;
  }

  private @Nullable KubeObject current(ObjectKey key) {
    KubeObject own = ahead.get(key);
    if (own != null) {
      return own;
    }
    KubeObject told = streamed.get(key);
    return told != null && told.uid().equals(gone.get(key)) ? null : told;
  }

  Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    lock.lock();
    try {
      awaitListed();
      long from = number(resourceVersion);
      if (from < oldest) {
        throw new ClusterException(
            Reason.EXPIRED, "resourceVersion " + resourceVersion + " is too old");
      }
      var subscriber = new Subscriber(query, listener);
      for (Change change : history) {
        if (change.version() > from) {
          subscriber.offer(change);
        }
      }
      subscribers.add(subscriber);
      return subscriber;
    } finally {
      lock.unlock();
    }
  }

  /// Why this is not up to date, and since when in nanoseconds.
  Optional<Map.Entry<String, Long>> trouble() {
    lock.lock();
    try {
      return trouble == null ? Optional.empty() : Optional.of(Map.entry(trouble, troubleSince));
    } finally {
      lock.unlock();
    }
  }

  /// How many objects are held.
  int size() {
    lock.lock();
    try {
      return streamed.size();
    } finally {
      lock.unlock();
    }
  }

  private void awaitListed() {
    start();
    long end = timeline.nanos() + deadline.toNanos();
    while (!listed && !closed) {
      long left = end - timeline.nanos();
      if (left <= 0 || failures > 1) {
        throw new ClusterException(
            Reason.UNAVAILABLE, trouble == null ? type.plural() + " are not listed yet" : trouble);
      }
      try {
        moved.awaitNanos(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ClusterException(Reason.UNAVAILABLE, "interrupted", e);
      }
    }
    if (closed) {
      throw new ClusterException(Reason.UNAVAILABLE, "the connection was closed");
    }
  }

  // Our own writes

  /// What a write of ours was answered with.
  void wrote(KubeObject object) {
    lock.lock();
    try {
      if (!started || !(selection.matches(object.labels()) || streamed.containsKey(object.key()))) {
        return;
      }
      KubeObject told = streamed.get(object.key());
      KubeObject own = ahead.get(object.key());
      long fresh = number(object.resourceVersion());
      if ((told == null || number(told.resourceVersion()) < fresh)
          && (own == null || number(own.resourceVersion()) < fresh)
          && number(version) < fresh) {
        ahead.put(object.key(), object);
        index(object, object.key());
      }
    } finally {
      lock.unlock();
    }
  }

  /// An object that a deletion of ours removed for good.
  void removed(ObjectKey key, String uid) {
    lock.lock();
    try {
      KubeObject own = ahead.get(key);
      KubeObject told = streamed.get(key);
      boolean known =
          own != null && own.uid().equals(uid) || told != null && told.uid().equals(uid);
      if (own != null && own.uid().equals(uid)) {
        ahead.remove(key);
      }
      if (known) {
        gone.put(key, uid);
      }
    } finally {
      lock.unlock();
    }
  }

  // The watch

  private void start() {
    if (!started) {
      started = true;
      timeline.execute(this::run);
    }
  }

  private void run() {
    boolean stale = true;
    while (!isClosed()) {
      long begun = timeline.nanos();
      try {
        if (stale) {
          relist();
          stale = false;
        }
        stream.read(version(), listener());
        well();
        if (timeline.nanos() - begun < FIRST_PAUSE.toNanos()) {
          pause(FIRST_PAUSE);
        }
      } catch (ClusterException e) {
        if (e.reason() == Reason.EXPIRED) {
          log.info("watch expired kind={} cause={}", type.plural(), e.getMessage());
          stale = true;
          continue;
        }
        pause(ill(e));
      } catch (RuntimeException e) {
        log.error("watch failed kind={}", type.plural(), e);
        stale = true;
        pause(LAST_PAUSE);
      }
    }
  }

  private EventStream.Listener listener() {
    return new EventStream.Listener() {
      @Override
      public void opened() {
        well();
      }

      @Override
      public void changed(String word, KubeObject object) {
        told(object, word.equals("DELETED"));
      }

      @Override
      public void reached(String resourceVersion) {
        lock.lock();
        try {
          version = resourceVersion;
          well();
        } finally {
          lock.unlock();
        }
      }
    };
  }

  private void relist() {
    var items = new HashMap<ObjectKey, KubeObject>();
    String next = "";
    String first = "";
    do {
      var parts = new ArrayList<>(selector());
      parts.add("limit=" + PAGE);
      if (!next.isEmpty()) {
        parts.add("continue=" + Paths.value(next));
      }
      Wire.Answer answer = wire.send(Wire.Call.get(Paths.query(path(), parts)));
      if (answer.status() != 200) {
        throw Failures.of(answer);
      }
      JsonNode page = Json.parse(answer.body());
      for (JsonNode item : Json.items(page, "items")) {
        KubeObject object = item(type, item);
        items.put(object.key(), object);
      }
      next = Json.string(page.path("metadata"), "continue", "");
      if (first.isEmpty()) {
        first = Json.string(page.path("metadata"), "resourceVersion", "");
      }
    } while (!next.isEmpty());
    lock.lock();
    try {
      long at = number(first);
      believe(at);
      for (ObjectKey key : List.copyOf(streamed.keySet())) {
        KubeObject now = items.get(key);
        if (now == null) {
          move(at, key, null);
        }
      }
      items.forEach(
          (key, now) -> {
            KubeObject before = streamed.get(key);
            if (before == null || !before.resourceVersion().equals(now.resourceVersion())) {
              move(at, key, now);
            }
          });
      ahead.values().removeIf(own -> number(own.resourceVersion()) <= at);
      gone.entrySet()
          .removeIf(
              entry -> {
                KubeObject there = items.get(entry.getKey());
                return there == null || !there.uid().equals(entry.getValue());
              });
      version = first;
      if (!listed) {
        listed = true;
        oldest = at;
        history.clear();
      }
      well();
      moved.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// A list that is older than what is known comes from a server that lags behind, or from a cache:
  /// what it lacks was not deleted. Only a cluster that stays so was taken back to an older state.
  ///
  /// @throws ClusterException `UNAVAILABLE` when the list is not to be used
  private void believe(long at) {
    if (!listed || at >= number(version)) {
      olderSince = 0;
      return;
    }
    long now = timeline.nanos();
    if (olderSince == 0) {
      olderSince = now;
    }
    if (now - olderSince < TAKEN_BACK.toNanos()) {
      throw new ClusterException(
          Reason.UNAVAILABLE,
          "a list of %s is older than what is known (%d, %s)"
              .formatted(type.plural(), at, version));
    }
    log.warn("cluster was taken back kind={} from={} to={}", type.plural(), version, at);
    olderSince = 0;
    ahead.clear();
    gone.clear();
  }

  /// List items come without their kind.
  static KubeObject item(ResourceType type, JsonNode item) {
    ObjectNode json = Json.object();
    json.put("apiVersion", type.apiVersion()).put("kind", type.kind());
    json.setAll((ObjectNode) item);
    return KubeObject.of(json);
  }

  private void told(KubeObject object, boolean deleted) {
    lock.lock();
    try {
      long at = number(object.resourceVersion());
      ObjectKey key = object.key();
      KubeObject own = ahead.get(key);
      if (own != null && number(own.resourceVersion()) <= at) {
        ahead.remove(key);
      }
      if (deleted) {
        gone.remove(key, object.uid());
      }
      move(at, key, deleted ? null : object);
      version = object.resourceVersion();
      well();
    } finally {
      lock.unlock();
    }
  }

  private void move(long at, ObjectKey key, @Nullable KubeObject after) {
    KubeObject before = after == null ? streamed.remove(key) : streamed.put(key, after);
    if (before == null && after == null) {
      return;
    }
    if (before != null && (after == null || !Owners.of(before).equals(Owners.of(after)))) {
      KubeObject own = ahead.get(key);
      for (String owner : Owners.of(before)) {
        Set<ObjectKey> keys = byOwner.get(owner);
        if (keys != null && (own == null || !Owners.of(own).contains(owner))) {
          keys.remove(key);
          if (keys.isEmpty()) {
            byOwner.remove(owner);
          }
        }
      }
    }
    if (after != null) {
      index(after, key);
    }
    var change = new Change(at, before, after);
    history.add(change);
    while (history.size() > HISTORY) {
      oldest = Objects.requireNonNull(history.poll()).version();
    }
    subscribers.removeIf(subscriber -> subscriber.closed);
    subscribers.forEach(subscriber -> subscriber.offer(change));
  }

  private void index(KubeObject object, ObjectKey key) {
    for (String owner : Owners.of(object)) {
      byOwner.computeIfAbsent(owner, _ -> new HashSet<>()).add(key);
    }
  }

  private String version() {
    lock.lock();
    try {
      return version;
    } finally {
      lock.unlock();
    }
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  private void well() {
    lock.lock();
    try {
      if (trouble != null) {
        log.info("watch recovered kind={}", type.plural());
      }
      trouble = null;
      failures = 0;
    } finally {
      lock.unlock();
    }
  }

  private Duration ill(ClusterException e) {
    lock.lock();
    try {
      failures++;
      if (trouble == null) {
        troubleSince = timeline.nanos();
        log.warn("watch broken kind={} cause={}", type.plural(), e.getMessage());
      }
      trouble = String.valueOf(e.getMessage());
      moved.signalAll();
      Duration pause = FIRST_PAUSE.multipliedBy(1L << Math.min(failures - 1, 10));
      return chance.jitter(pause.compareTo(LAST_PAUSE) > 0 ? LAST_PAUSE : pause, 0.3);
    } finally {
      lock.unlock();
    }
  }

  private void pause(Duration duration) {
    lock.lock();
    try {
      long end = timeline.nanos() + duration.toNanos();
      while (!closed && end - timeline.nanos() > 0) {
        moved.await(end - timeline.nanos(), NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      closed = true;
    } finally {
      lock.unlock();
    }
  }

  /// Versions of one cluster are numbers that grow.
  static long number(String resourceVersion) {
    try {
      return Long.parseLong(resourceVersion);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      subscribers.forEach(Subscriber::close);
      subscribers.clear();
      moved.signalAll();
    } finally {
      lock.unlock();
    }
    stream.close();
  }

  /// One reader of the watch, with what it has not heard yet.
  private final class Subscriber implements Watch {
    private final ObjectQuery query;
    private final WatchListener listener;
    private final ArrayDeque<WatchEvent> pending = new ArrayDeque<>();
    private boolean speaking;
    private volatile boolean closed;

    Subscriber(ObjectQuery query, WatchListener listener) {
      this.query = query;
      this.listener = listener;
    }

    void offer(Change change) {
      KubeObject before = change.before();
      KubeObject after = change.after();
      boolean was = before != null && Paths.selects(query, before);
      if (after != null && Paths.selects(query, after)) {
        put(was ? new WatchEvent.Modified(after) : new WatchEvent.Added(after));
      } else if (before != null && was) {
        put(new WatchEvent.Deleted(before));
      }
    }

    private void put(WatchEvent event) {
      synchronized (pending) {
        pending.add(event);
        if (!speaking) {
          speaking = true;
          timeline.execute(this::speak);
        }
      }
    }

    private void speak() {
      while (true) {
        WatchEvent next;
        synchronized (pending) {
          next = pending.poll();
          if (next == null || closed) {
            speaking = false;
            return;
          }
        }
        listener.on(next);
      }
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
