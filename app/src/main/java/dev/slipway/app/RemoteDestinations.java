package dev.slipway.app;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.runtime.kubernetes.RemoteClusters;
import dev.slipway.sync.destination.Destination;
import dev.slipway.sync.destination.DestinationException;
import dev.slipway.sync.destination.Destinations;
import java.util.Optional;

/// Slipway's own cluster, and the remote ones beside it.
final class RemoteDestinations implements Destinations {
  /// More than any pace that is found: the connection itself says how many go at once.
  private static final Together MANY = Together.onThreads(128);

  private final Destination own;
  private final RemoteClusters remote;

  RemoteDestinations(Cluster home, Together together, RemoteClusters remote) {
    this.own = Destinations.own(home, together);
    this.remote = remote;
  }

  @Override
  public Destination find(String name, String server) {
    if (Destinations.isOwn(name, server)) {
      return own;
    }
    try {
      return new Remote(remote.find(name, server));
    } catch (ClusterException e) {
      throw new DestinationException(String.valueOf(e.getMessage()), e);
    }
  }

  /// Equal as long as the connection is the same.
  private record Remote(RemoteClusters.Connected connected) implements Destination {
    @Override
    public String name() {
      return connected.name();
    }

    @Override
    public boolean isOwn() {
      return false;
    }

    @Override
    public Cluster cluster() {
      return connected.cluster();
    }

    @Override
    public Together together() {
      return MANY;
    }

    @Override
    public Optional<ResourceType> type(GroupKind kind) {
      if (kind.equals(GroupKind.slipway("Rollout"))) {
        return ResourceTypes.KNOWN.find(kind);
      }
      try {
        return connected.remote().type(kind);
      } catch (ClusterException e) {
        throw new DestinationException(
            "cluster %s: %s".formatted(connected.name(), e.getMessage()), e);
      }
    }
  }
}
