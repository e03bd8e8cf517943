package dev.slipway.manifest;

import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.Map;
import java.util.Optional;

/// The kinds that a cluster serves.
@FunctionalInterface
public interface Kinds {
  /// Those of Slipway's own cluster.
  Kinds OWN = ResourceTypes.KNOWN::find;

  Optional<ResourceType> find(GroupKind kind);

  /// These and some more.
  default Kinds and(Map<GroupKind, ResourceType> more) {
    return more.isEmpty() ? this : kind -> find(kind).or(() -> Optional.ofNullable(more.get(kind)));
  }
}
