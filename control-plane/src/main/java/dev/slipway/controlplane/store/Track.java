package dev.slipway.controlplane.store;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The changes of one kind, as a chain that is read without a lock: whoever follows it holds its
/// own place. Written under the store's lock.
final class Track {
  /// Who wants to hear of more.
  interface Follower {
    /// @param events what is new, of this kind and of others
    void wake(List<Event> events);
  }

  private Event before;
  private Event last;
  private final Set<Follower> followers = new LinkedHashSet<>();
  private volatile int count;

  /// @param since every change of this kind after that revision comes into this track
  Track(long since) {
    this.before = Event.mark(since);
    this.last = before;
  }

  void add(Event event) {
    last.follow(event);
    last = event;
  }

  /// Forgets the oldest change. Who has not read it yet finds that out.
  void dropFirst() {
    Event first = before.next();
    if (first == null) {
      throw new IllegalStateException("nothing to drop");
    }
    before.follow(Event.FORGOTTEN);
    before = first;
  }

  /// The place after which every change after this revision comes; empty when some of them are
  /// forgotten.
  Optional<Event> after(long revision) {
    if (revision < before.revision()) {
      return Optional.empty();
    }
    if (revision >= last.revision()) {
      return Optional.of(last);
    }
    Event at = before;
    for (@Nullable Event next = at.next();
        next != null && next.revision() <= revision;
        next = at.next()) {
      at = next;
    }
    return Optional.of(at);
  }

  void join(Follower follower) {
    followers.add(follower);
    count = followers.size();
  }

  void leave(Follower follower) {
    followers.remove(follower);
    count = followers.size();
  }

  /// How many follow it; without a lock.
  int followers() {
    return count;
  }

  void addFollowersTo(List<Follower> all) {
    all.addAll(followers);
  }

  void leaveAll() {
    followers.clear();
    count = 0;
  }
}
