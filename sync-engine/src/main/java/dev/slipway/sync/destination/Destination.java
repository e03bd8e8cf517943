package dev.slipway.sync.destination;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import java.util.Optional;

/// One cluster that applications are delivered to.
public interface Destination {
  /// What an application calls it.
  String name();

  /// Whether it is Slipway's own cluster, where the applications are too.
  boolean isOwn();

  Cluster cluster();

  /// How many writes go to it side by side.
  Together together();

  /// What the cluster knows of a kind, now; empty when it does not serve it.
  ///
  /// @throws DestinationException when it has to be asked and does not answer
  Optional<ResourceType> type(GroupKind kind);
}
