package dev.slipway.model.cluster;

import dev.slipway.model.object.KubeObject;

/// One change, or a word about the watch itself.
public sealed interface WatchEvent {
  record Added(KubeObject object) implements WatchEvent {}

  record Modified(KubeObject object) implements WatchEvent {}

  /// The last state before the object went, with the resourceVersion of its deletion.
  record Deleted(KubeObject object) implements WatchEvent {}

  /// Nothing up to this resourceVersion was left out: a watch may resume from here.
  record Bookmark(String resourceVersion) implements WatchEvent {}

  /// The watch has ended and cannot be resumed from where it was: list again.
  record Expired(String why) implements WatchEvent {}
}
