package dev.slipway.controlplane.store;

import dev.slipway.controlplane.audit.AuditRecord;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.cluster.WatchListener;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// All objects in memory, every write durable in a [Journal] before anybody sees it. One counter
/// numbers all writes.
///
/// Whoever writes while nobody else does becomes the leader: it commits its own write and all that
/// have come meanwhile in one flush; the others wait. So writers share flushes, and a single thread
/// (a simulation) runs all of it by itself.
public final class ObjectStore implements AutoCloseable {
  private final Journal journal;
  private final Timeline timeline;
  private final StoreLimits limits;

  /// Guards everything below; never held during a commit.
  private final Object lock = new Object();

  private final Map<GroupKind, Shelf> shelves = new HashMap<>();
  private final Map<ObjectKey, Kept> objects = new HashMap<>();
  private final CommonParts common = new CommonParts();
  private final History history;
  private final ArrayDeque<Pending> queue = new ArrayDeque<>();
  private boolean leading;
  private boolean closed;
  private volatile long revision;
  private long lastId;

  /// An object and its number in the journal.
  private record Kept(long id, KubeObject object) {}

  /// A write on its way. Its writer sleeps until it is done, or until the writer itself has to
  /// lead: each is woken alone, else a hundred would wake for every flush and most of them for
  /// nothing.
  private static final class Pending {
    final Write write;
    final @Nullable Draft draft;
    final Thread writer = Thread.currentThread();
    Write.@Nullable Result result;
    @Nullable RuntimeException failure;
    volatile boolean done;
    private volatile boolean leads;

    Pending(Write write, CommonParts common) {
      this.write = write;
      KubeObject next = write.next();
      this.draft = next == null || next == write.base() ? null : Draft.of(next, common);
    }

    /// Whether this writer has to lead; else its write is done. An interrupt is kept for later: the
    /// write cannot be taken back.
    boolean awaitTurn() {
      boolean interrupted = false;
      while (!done && !leads) {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
      }
      if (interrupted) {
        writer.interrupt();
      }
      return !done;
    }

    void lead() {
      leads = true;
      LockSupport.unpark(writer);
    }

    void finish() {
      done = true;
      if (writer != Thread.currentThread()) {
        LockSupport.unpark(writer);
      }
    }
  }

  /// Reads everything that the journal has.
  ///
  /// @throws StoreException when it cannot be read
  public ObjectStore(Journal journal, Timeline timeline, StoreLimits limits) {
    this.journal = journal;
    this.timeline = timeline;
    this.limits = limits;
    this.revision = Math.max(1, journal.load(this::load));
    this.history = new History(limits, revision);
  }

  private void load(Journal.Row row) {
    ObjectNode json = Json.parseObject(row.content());
    common.share(json);
    KubeObject object = KubeObject.of(json);
    objects.put(object.key(), new Kept(row.id(), object));
    shelf(object.key().groupKind()).change(null, object);
    lastId = Math.max(lastId, row.id());
  }

  private Shelf shelf(GroupKind kind) {
    return shelves.computeIfAbsent(kind, _ -> new Shelf());
  }

  public Optional<KubeObject> get(ObjectKey key) {
    synchronized (lock) {
      Kept kept = objects.get(key);
      return kept == null ? Optional.empty() : Optional.of(kept.object());
    }
  }

  public Listing list(ObjectQuery query) {
    synchronized (lock) {
      Shelf shelf = shelves.get(query.kind());
      return new Listing(shelf == null ? List.of() : shelf.find(query), Long.toString(revision));
    }
  }

  /// What there was at an earlier revision: the present, with every later change taken back.
  ///
  /// @throws ClusterException `EXPIRED` when changes after that revision have been dropped already
  public Listing listAt(ObjectQuery query, long at) {
    var found = new TreeMap<ObjectKey, KubeObject>(Shelf.KEYS);
    synchronized (lock) {
      List<Event> later =
          history
              .after(at)
              .orElseThrow(
                  () ->
                      new ClusterException(
                          ClusterException.Reason.EXPIRED,
                          "The resourceVersion for the provided list is too old."));
      list(query).items().forEach(object -> found.put(object.key(), object));
      for (Event event : later.reversed()) {
        KubeObject before = event.before();
        KubeObject after = event.after();
        KubeObject any = after != null ? after : before;
        if (any == null || !any.key().groupKind().equals(query.kind())) {
          continue;
        }
        if (before != null && Shelf.matches(before, query)) {
          found.put(before.key(), before);
        } else {
          found.remove(any.key());
        }
      }
    }
    return new Listing(List.copyOf(found.values()), Long.toString(at));
  }

  public long revision() {
    return revision;
  }

  /// How many objects there are.
  public int size() {
    synchronized (lock) {
      return objects.size();
    }
  }

  /// Makes the write durable and visible, or says that what it was decided upon has moved.
  ///
  /// @throws ClusterException `UNAVAILABLE` when the journal refused: nothing was changed
  public Write.Result commit(Write write) {
    var mine = new Pending(write, common);
    boolean first;
    synchronized (lock) {
      if (closed) {
        throw new ClusterException(ClusterException.Reason.UNAVAILABLE, "the store is closed");
      }
      queue.add(mine);
      first = !leading;
      leading = true;
    }
    if (first || mine.awaitTurn()) {
      try {
        while (!mine.done) {
          commitBatch();
        }
      } finally {
        handOver();
      }
    }
    RuntimeException failure = mine.failure;
    if (failure != null) {
      throw failure;
    }
    Write.Result result = mine.result;
    if (result == null) {
      throw new IllegalStateException("a write without a result");
    }
    return result;
  }

  /// The oldest write that waits is the next to lead.
  private void handOver() {
    Pending next;
    synchronized (lock) {
      next = queue.peek();
      leading = next != null;
      lock.notifyAll();
    }
    if (next != null) {
      next.lead();
    }
  }

  private void commitBatch() {
    var batch = new ArrayList<Pending>();
    var changes = new ArrayList<Journal.Change>();
    var events = new ArrayList<Event>();
    var ids = new ArrayList<Long>();
    long next;
    synchronized (lock) {
      var ahead = new HashMap<ObjectKey, Optional<KubeObject>>();
      next = revision;
      while (batch.size() < limits.batchWrites() && !queue.isEmpty()) {
        Pending pending = queue.remove();
        batch.add(pending);
        Write write = pending.write;
        if (isStale(write, ahead)) {
          pending.result = new Write.Result.Stale();
          continue;
        }
        next++;
        KubeObject base = write.base();
        Kept kept = objects.get(write.key());
        long id = base != null && kept != null ? kept.id() : ++lastId;
        if (pending.draft != null) {
          KubeObject stored = pending.draft.seal(next);
          changes.add(
              new Journal.Change.Put(
                  id, next, write.key(), stored.bytes(), audit(write, next, stored)));
          events.add(new Event(next, base, stored, null));
          ahead.put(write.key(), Optional.of(stored));
          pending.result = new Write.Result.Stored(stored);
        } else if (base != null && write.next() == base) {
          changes.add(new Journal.Change.Note(audit(write, next, base)));
          pending.result = new Write.Result.Stored(base);
          continue;
        } else if (base != null) {
          KubeObject gone = Draft.gone(base, next);
          changes.add(new Journal.Change.Remove(id, audit(write, next, base)));
          events.add(new Event(next, base, null, gone));
          ahead.put(write.key(), Optional.empty());
          pending.result = new Write.Result.Removed(gone);
        }
        ids.add(id);
      }
    }
    RuntimeException failure = null;
    if (!changes.isEmpty()) {
      try {
        journal.commit(new Journal.Batch(next, changes));
      } catch (StoreException e) {
        failure =
            new ClusterException(
                ClusterException.Reason.UNAVAILABLE, "not written: " + e.getMessage(), e);
      } catch (RuntimeException e) {
        failure = e;
      } catch (Error e) {
        for (Pending pending : batch) {
          pending.failure =
              new ClusterException(ClusterException.Reason.UNAVAILABLE, "not written: " + e, e);
          pending.finish();
        }
        throw e;
      }
    }
    var followers = new ArrayList<Track.Follower>();
    synchronized (lock) {
      if (failure == null) {
        var tracks = new LinkedHashSet<Track>();
        for (int i = 0; i < events.size(); i++) {
          show(events.get(i), ids.get(i));
          tracks.add(history.track(events.get(i).kind()));
        }
        revision = next;
        tracks.forEach(track -> track.addFollowersTo(followers));
      }
      for (Pending pending : batch) {
        if (failure != null && !(pending.result instanceof Write.Result.Stale)) {
          pending.failure = failure;
        }
      }
    }
    batch.forEach(Pending::finish);
    followers.forEach(follower -> follower.wake(events));
  }

  private boolean isStale(Write write, Map<ObjectKey, Optional<KubeObject>> ahead) {
    if (current(write.key(), ahead) != write.base()) {
      return true;
    }
    for (KubeObject guard : write.guards()) {
      if (current(guard.key(), ahead) != guard) {
        return true;
      }
    }
    return false;
  }

  private @Nullable KubeObject current(ObjectKey key, Map<ObjectKey, Optional<KubeObject>> ahead) {
    Optional<KubeObject> newer = ahead.get(key);
    if (newer != null) {
      return newer.orElse(null);
    }
    Kept kept = objects.get(key);
    return kept == null ? null : kept.object();
  }

  private AuditRecord audit(Write write, long at, KubeObject object) {
    return new AuditRecord(
        at,
        timeline.instant(),
        write.verb(),
        write.key(),
        object.uid(),
        write.author().user(),
        write.author().manager(),
        write.author().reason());
  }

  private void show(Event event, long id) {
    KubeObject before = event.before();
    KubeObject after = event.after();
    KubeObject any = after != null ? after : before;
    if (any == null) {
      return;
    }
    shelf(any.key().groupKind()).change(before, after);
    if (after != null) {
      objects.put(any.key(), new Kept(id, after));
    } else {
      objects.remove(any.key());
    }
    history.add(event);
  }

  /// @throws ClusterException `EXPIRED` when changes after that revision have been dropped already
  public Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    long from = number(resourceVersion);
    synchronized (lock) {
      Track track = history.track(query.kind());
      var subscription = new Subscription(track, query, place(track, from), listener);
      track.join(subscription);
      subscription.wake(List.of());
      return subscription;
    }
  }

  /// As [#watch], for an owner with a thread of its own that reads.
  public Following follow(List<Following.Source> sources, String resourceVersion) {
    long from = number(resourceVersion);
    synchronized (lock) {
      return new Following(
          this,
          sources.stream()
              .map(
                  source -> {
                    Track track = history.track(source.query().kind());
                    return new Following.Place(track, source, place(track, from));
                  })
              .toList(),
          from);
    }
  }

  private static long number(String resourceVersion) {
    try {
      return Long.parseLong(resourceVersion);
    } catch (NumberFormatException e) {
      throw new ClusterException(
          ClusterException.Reason.BAD_REQUEST,
          "no resourceVersion of this cluster: " + resourceVersion);
    }
  }

  private Event place(Track track, long from) {
    return track
        .after(from)
        .filter(_ -> from <= revision)
        .orElseThrow(
            () ->
                new ClusterException(
                    ClusterException.Reason.EXPIRED,
                    "resourceVersion " + from + " is too old: list again"));
  }

  void leave(Track track, Track.Follower follower) {
    synchronized (lock) {
      track.leave(follower);
    }
  }

  /// One watch. It reads the history at its own pace; who falls behind its end has to list again.
  private final class Subscription implements Watch, Track.Follower {
    private final Track track;
    private final ObjectQuery query;
    private final WatchListener listener;
    private final AtomicBoolean awake = new AtomicBoolean();
    private volatile Event at;
    private volatile boolean gone;

    Subscription(Track track, ObjectQuery query, Event at, WatchListener listener) {
      this.track = track;
      this.query = query;
      this.at = at;
      this.listener = listener;
    }

    @Override
    public void wake(List<Event> events) {
      if (!gone && at.next() != null && awake.compareAndSet(false, true)) {
        timeline.execute(this::deliver);
      }
    }

    private void deliver() {
      while (!gone) {
        Event next = at.next();
        if (next == null) {
          awake.set(false);
          if (at.next() == null || !awake.compareAndSet(false, true)) {
            return;
          }
        } else if (next == Event.FORGOTTEN) {
          close();
          listener.on(new WatchEvent.Expired("this watch is too far behind: list again"));
        } else {
          at = next;
          WatchEvent visible = next.seenBy(query);
          if (visible != null) {
            listener.on(visible);
          }
        }
      }
    }

    @Override
    public void close() {
      gone = true;
      leave(track, this);
    }
  }

  /// How many objects of each kind there are, sorted by kind.
  public Map<String, Integer> counts() {
    var counts = new LinkedHashMap<String, Integer>();
    synchronized (lock) {
      shelves.keySet().stream()
          .sorted()
          .forEach(
              kind -> counts.put(kind.toString(), shelf(kind).find(ObjectQuery.all(kind)).size()));
    }
    return counts;
  }

  @Override
  public void close() {
    synchronized (lock) {
      closed = true;
      while (leading) {
        try {
          lock.wait();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new ClusterException(ClusterException.Reason.UNAVAILABLE, "interrupted", e);
        }
      }
      history.leaveAll();
    }
    journal.close();
  }
}
