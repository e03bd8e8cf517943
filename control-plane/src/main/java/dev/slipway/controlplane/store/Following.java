package dev.slipway.controlplane.store;

import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A watch that its owner reads at its own pace: nothing is queued for it, and what it does not
/// read in time is forgotten. For one thread.
public final class Following implements AutoCloseable {
  /// Shows an event as something else, or not at all (null).
  @FunctionalInterface
  public interface View {
    @Nullable WatchEvent show(WatchEvent event);
  }

  private final ObjectStore store;
  private final Track track;
  private final ObjectQuery query;
  private final View view;
  private final Track.Follower wakeUp = this::wake;
  private Event at;
  private long position;
  private volatile @Nullable Thread waiting;

  Following(ObjectStore store, Track track, ObjectQuery query, View view, Event at, long position) {
    this.store = store;
    this.track = track;
    this.query = query;
    this.view = view;
    this.at = at;
    this.position = position;
  }

  Track.Follower follower() {
    return wakeUp;
  }

  private void wake() {
    Thread thread = waiting;
    if (thread != null) {
      LockSupport.unpark(thread);
    }
  }

  /// The next changes, in order; waits for one when there is none yet. The last one is
  /// [WatchEvent.Expired] when the owner was too slow.
  ///
  /// @param nanos how long to wait at most
  /// @return nothing when nothing came in time
  public List<WatchEvent> next(int limit, long nanos) throws InterruptedException {
    long until = System.nanoTime() + nanos;
    var events = new ArrayList<WatchEvent>();
    while (true) {
      long known = store.revision();
      boolean all = read(events, limit);
      position = Math.max(position, all ? Math.max(known, at.revision()) : at.revision());
      long left = until - System.nanoTime();
      if (!events.isEmpty() || left <= 0) {
        return events;
      }
      waiting = Thread.currentThread();
      if (at.next() == null) {
        LockSupport.parkNanos(this, left);
      }
      waiting = null;
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  /// @return whether nothing is left to read
  private boolean read(List<WatchEvent> events, int limit) {
    while (events.size() < limit) {
      Event next = at.next();
      if (next == null) {
        return true;
      }
      if (next == Event.FORGOTTEN) {
        events.add(new WatchEvent.Expired("this watch is too far behind: list again"));
        return false;
      }
      at = next;
      WatchEvent seen = next.seenBy(query);
      WatchEvent shown = seen == null ? null : view.show(seen);
      if (shown != null) {
        events.add(shown);
      }
    }
    return false;
  }

  /// Nothing up to this revision was left out of what was read.
  public long position() {
    return position;
  }

  @Override
  public void close() {
    store.leave(track, wakeUp);
  }
}
