package dev.slipway.controlplane.store;

import dev.slipway.model.object.GroupKind;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The last changes, bounded by number and size, in a track for each kind. Guarded by the store's
/// lock.
final class History {
  private final StoreLimits limits;
  private final long since;
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private final Map<GroupKind, Track> tracks = new HashMap<>();
  private long bytes;
  private long dropped;

  /// @param since the revision of the content that the store begins with
  History(StoreLimits limits, long since) {
    this.limits = limits;
    this.since = since;
    this.dropped = since;
  }

  Track track(GroupKind kind) {
    return tracks.computeIfAbsent(kind, _ -> new Track(since));
  }

  void add(Event event) {
    events.add(event);
    track(event.kind()).add(event);
    bytes += event.size();
    while (events.size() > limits.historyEvents()
        || (bytes > limits.historyBytes() && events.size() > 1)) {
      Event oldest = events.remove();
      oldest.forgetBytes();
      track(oldest.kind()).dropFirst();
      bytes -= oldest.size();
      dropped = oldest.revision();
    }
  }

  /// The changes of all kinds after a revision, in order; empty when some of them have been
  /// dropped.
  Optional<List<Event>> after(long revision) {
    if (revision < dropped) {
      return Optional.empty();
    }
    return Optional.of(events.stream().filter(event -> event.revision() > revision).toList());
  }

  /// Nobody hears of anything any more.
  void leaveAll() {
    tracks.values().forEach(Track::leaveAll);
  }
}
