package dev.slipway.controlplane.store;

import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A watch that its owner reads at its own pace: nothing is queued for it, and what it does not
/// read in time is forgotten. It may be of several kinds, whose changes come in the order in which
/// they were made. For one thread.
///
/// Where many follow the same, each of them hears of a first change at once, and of what comes
/// after it together: waking each of a thousand for each change costs more than all else that a
/// change does.
public final class Following implements AutoCloseable {
  /// Shows an event as something else, or not at all (null).
  @FunctionalInterface
  public interface View {
    @Nullable WatchEvent show(WatchEvent event);
  }

  /// What is watched, and how it is shown.
  public record Source(ObjectQuery query, View view) {}

  /// How far the changes of one kind were read.
  static final class Place {
    private final Track track;
    private final Source source;
    private Event at;

    Place(Track track, Source source, Event at) {
      this.track = track;
      this.source = source;
      this.at = at;
    }
  }

  private static final int UNSEEN_AT_MOST = 100;
  private static final int FEW = 50;
  private static final long PAUSE_EACH = TimeUnit.MICROSECONDS.toNanos(100);
  private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(100);

  private final ObjectStore store;
  private final Place[] places;
  private final Track.Follower wakeUp = this::wake;
  private long position;
  private long quietUntil = System.nanoTime();
  private volatile @Nullable Thread waiting;

  /// Changes that the owner was not woken for, about: of the thread that commits.
  private int unseen;

  Following(ObjectStore store, List<Place> places, long position) {
    this.store = store;
    this.places = places.toArray(Place[]::new);
    this.position = position;
    places.forEach(place -> place.track.join(wakeUp));
  }

  /// Wakes the owner for what it would be shown, and after many other changes, lest it fall too far
  /// behind.
  private void wake(List<Event> events) {
    Thread thread = waiting;
    if (thread == null) {
      return;
    }
    unseen += events.size();
    if (unseen >= UNSEEN_AT_MOST || concernedBy(events)) {
      unseen = 0;
      LockSupport.unpark(thread);
    }
  }

  private boolean concernedBy(List<Event> events) {
    for (Place place : places) {
      for (Event event : events) {
        if (event.seenBy(place.source.query()) != null) {
          return true;
        }
      }
    }
    return false;
  }

  /// The next changes, in order; waits for one when there is none yet. The last one is
  /// [WatchEvent.Expired] when the owner was too slow.
  ///
  /// @param nanos how long to wait at most
  /// @return nothing when nothing came in time
  public List<WatchEvent> next(int limit, long nanos) throws InterruptedException {
    long until = System.nanoTime() + nanos;
    pause(until);
    var events = new ArrayList<WatchEvent>();
    while (true) {
      long known = store.revision();
      boolean all = read(events, limit);
      if (all) {
        position = Math.max(position, known);
      }
      long now = System.nanoTime();
      long left = until - now;
      if (!events.isEmpty() || left <= 0) {
        quietUntil = all ? now + pause(followers()) : now;
        return events;
      }
      waiting = Thread.currentThread();
      if (first() == null) {
        LockSupport.parkNanos(this, left);
      }
      waiting = null;
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  /// How long one of so many hears nothing after it was told, in nanoseconds: longer than telling
  /// all of them takes, so that it takes a bounded share of the machine however much changes.
  static long pause(int followers) {
    return followers < FEW ? 0 : Math.min(PAUSE_EACH * followers, LONGEST_PAUSE);
  }

  private void pause(long until) throws InterruptedException {
    for (long left = pauseLeft(until); left > 0; left = pauseLeft(until)) {
      LockSupport.parkNanos(this, left);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  private long pauseLeft(long until) {
    long now = System.nanoTime();
    return Math.min(quietUntil - now, until - now);
  }

  private int followers() {
    int most = 0;
    for (Place place : places) {
      most = Math.max(most, place.track.followers());
    }
    return most;
  }

  /// @return whether nothing is left to read
  private boolean read(List<WatchEvent> events, int limit) {
    while (events.size() < limit) {
      Place place = first();
      if (place == null) {
        return true;
      }
      Event next = place.at.next();
      if (next == null || next == Event.FORGOTTEN) {
        events.add(new WatchEvent.Expired("this watch is too far behind: list again"));
        return false;
      }
      place.at = next;
      position = Math.max(position, next.revision());
      WatchEvent seen = next.seenBy(place.source.query());
      WatchEvent shown = seen == null ? null : place.source.view().show(seen);
      if (shown != null) {
        events.add(shown);
      }
    }
    return false;
  }

  /// The place whose next change is the oldest, one that was forgotten before all others; null when
  /// there is no change.
  ///
  /// A change is in its chain before the next one is in any: so whoever has seen one finds every
  /// older one by looking once more.
  private @Nullable Place first() {
    if (places.length == 1) {
      return places[0].at.next() == null ? null : places[0];
    }
    while (true) {
      Place first = null;
      long oldest = Long.MAX_VALUE;
      boolean empty = false;
      for (Place place : places) {
        Event next = place.at.next();
        if (next == Event.FORGOTTEN) {
          return place;
        }
        empty |= next == null;
        if (next != null && next.revision() < oldest) {
          first = place;
          oldest = next.revision();
        }
      }
      if (first == null || !empty || isStill(first, oldest)) {
        return first;
      }
    }
  }

  private boolean isStill(Place first, long oldest) {
    for (Place place : places) {
      Event next = place.at.next();
      if (place != first && next != null && next.revision() < oldest) {
        return false;
      }
    }
    return true;
  }

  /// Nothing up to this revision was left out of what was read.
  public long position() {
    return position;
  }

  @Override
  public void close() {
    for (Place place : places) {
      store.leave(place.track, wakeUp);
    }
  }
}
