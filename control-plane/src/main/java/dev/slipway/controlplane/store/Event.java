package dev.slipway.controlplane.store;

import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import org.jspecify.annotations.Nullable;

/// One change as it happened: what was before, what is after. Every watch gets the same instances.
final class Event {
  private final long revision;
  private final @Nullable KubeObject before;
  private final @Nullable KubeObject after;
  private final long size;
  private @Nullable KubeObject gone;
  private volatile @Nullable Event next;

  /// Stands where changes were dropped.
  static final Event FORGOTTEN = mark(Long.MAX_VALUE);

  /// @param gone the last state under the revision of the deletion, when there is no `after`
  Event(
      long revision,
      @Nullable KubeObject before,
      @Nullable KubeObject after,
      @Nullable KubeObject gone) {
    this.revision = revision;
    this.before = before;
    this.after = after;
    KubeObject object = after != null ? after : before;
    this.size = object == null ? 0 : object.bytes().length;
    this.gone = gone;
  }

  /// No change: a place to begin at.
  static Event mark(long revision) {
    return new Event(revision, null, null, null);
  }

  /// The next change of the same kind; null while there is none, [#FORGOTTEN] when it was dropped.
  @Nullable Event next() {
    return next;
  }

  void follow(Event event) {
    next = event;
  }

  long revision() {
    return revision;
  }

  GroupKind kind() {
    KubeObject object = after != null ? after : before;
    if (object == null) {
      throw new IllegalStateException("a mark has no kind");
    }
    return object.key().groupKind();
  }

  @Nullable KubeObject before() {
    return before;
  }

  @Nullable KubeObject after() {
    return after;
  }

  /// The encoded size that this event keeps alive, roughly.
  long size() {
    return size;
  }

  /// It is not told to anybody any more: what was encoded for those who heard of it may go.
  void forgetBytes() {
    if (after != null) {
      after.forgetBytes();
    }
  }

  /// How a watch with this query sees the change; null when it does not.
  @Nullable WatchEvent seenBy(ObjectQuery query) {
    KubeObject any = after != null ? after : before;
    if (any == null || !any.key().groupKind().equals(query.kind())) {
      return null;
    }
    boolean was = before != null && Shelf.matches(before, query);
    if (after != null && Shelf.matches(after, query)) {
      return was ? new WatchEvent.Modified(after) : new WatchEvent.Added(after);
    }
    return was ? new WatchEvent.Deleted(gone()) : null;
  }

  /// Made at the first call; two threads may both make it, and both results are good.
  private KubeObject gone() {
    KubeObject known = gone;
    if (known == null) {
      KubeObject last = before;
      if (last == null) {
        throw new IllegalStateException("nothing went at revision " + revision);
      }
      known = Draft.gone(last, revision);
      gone = known;
    }
    return known;
  }
}
