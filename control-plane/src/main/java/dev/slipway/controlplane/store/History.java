package dev.slipway.controlplane.store;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The last changes, bounded by number and size. Guarded by the store's lock.
final class History {
  private final @Nullable Event[] ring;
  private final long maxBytes;
  private int first;
  private int count;
  private long bytes;

  /// Every change after this revision is here.
  private long since;

  /// @param since the revision of the content that the store begins with
  History(StoreLimits limits, long since) {
    this.ring = new Event[limits.historyEvents()];
    this.maxBytes = limits.historyBytes();
    this.since = since;
  }

  void add(Event event) {
    if (count == ring.length) {
      dropOldest();
    }
    ring[(first + count) % ring.length] = event;
    count++;
    bytes += event.size();
    while (bytes > maxBytes && count > 1) {
      dropOldest();
    }
  }

  private void dropOldest() {
    Event oldest = at(0);
    ring[first] = null;
    first = (first + 1) % ring.length;
    count--;
    bytes -= oldest.size();
    since = oldest.revision();
  }

  long since() {
    return since;
  }

  /// The next changes after a revision, in order; empty when some of them have been dropped.
  Optional<List<Event>> after(long revision, int limit) {
    if (revision < since) {
      return Optional.empty();
    }
    int from = firstAfter(revision);
    int to = from + Math.min(count - from, limit);
    var events = new ArrayList<Event>(Math.max(0, to - from));
    for (int i = from; i < to; i++) {
      events.add(at(i));
    }
    return Optional.of(events);
  }

  private int firstAfter(long revision) {
    int low = 0;
    int high = count;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (at(middle).revision() <= revision) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private Event at(int index) {
    Event event = ring[(first + index) % ring.length];
    if (event == null) {
      throw new IllegalStateException("no event at " + index + " of " + count);
    }
    return event;
  }
}
