package dev.slipway.controlplane.store;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One change to one object, that holds only as long as what it was decided upon has not moved.
///
/// @param base the very state it was decided upon; null when the object must not exist
/// @param next the state to store; null to remove the object; the base itself for what changes
///   nothing and is only put on record
/// @param guards other objects that must still be as they were read
public record Write(
    ObjectKey key,
    @Nullable KubeObject base,
    @Nullable KubeObject next,
    List<KubeObject> guards,
    String verb,
    Author author) {
  public Write {
    guards = List.copyOf(guards);
    if (base == null && next == null) {
      throw new IllegalArgumentException("a write that neither finds nor leaves anything: " + key);
    }
  }

  /// What became of a write.
  public sealed interface Result {
    record Stored(KubeObject object) implements Result {}

    /// @param last the last state, under the revision of its deletion
    record Removed(KubeObject last) implements Result {}

    /// Something has moved since: read again and decide again.
    record Stale() implements Result {}
  }
}
