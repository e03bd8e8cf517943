package dev.slipway.manifest;

import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.Optional;

/// The kinds that a cluster serves.
@FunctionalInterface
public interface Kinds {
  /// Those of Slipway's own cluster.
  Kinds OWN = ResourceTypes.KNOWN::find;

  Optional<ResourceType> find(GroupKind kind);
}
