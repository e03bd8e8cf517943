package dev.slipway.sync.destination;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Finds the cluster that an application names.
@FunctionalInterface
public interface Destinations {
  /// The name of Slipway's own cluster.
  String OWN = "in-cluster";

  /// Its address, for those who name destinations by that.
  String OWN_SERVER = "https://kubernetes.default.svc";

  /// @param name as in `destination.name`; empty when the server says it
  /// @param server as in `destination.server`; empty when the name says it
  /// @throws DestinationException when there is none, or it cannot be reached now
  Destination find(String name, String server);

  /// @throws DestinationException as [#find]
  default Destination of(KubeObject application) {
    JsonNode destination = application.spec().path("destination");
    return find(
        Json.string(destination, "name", ""), removeSlash(Json.string(destination, "server", "")));
  }

  /// Nothing but Slipway's own cluster.
  static Destinations only(Cluster cluster, Together together) {
    Destination own = own(cluster, together);
    return (name, server) -> {
      if (isOwn(name, server)) {
        return own;
      }
      throw new DestinationException(
          "there is no cluster %s".formatted(name.isEmpty() ? server : name));
    };
  }

  static boolean isOwn(String name, String server) {
    return name.isEmpty() ? server.isEmpty() || server.equals(OWN_SERVER) : name.equals(OWN);
  }

  static Destination own(Cluster cluster, Together together) {
    return new Destination() {
      @Override
      public String name() {
        return OWN;
      }

      @Override
      public boolean isOwn() {
        return true;
      }

      @Override
      public Cluster cluster() {
        return cluster;
      }

      @Override
      public Together together() {
        return together;
      }

      @Override
      public Optional<ResourceType> type(GroupKind kind) {
        return ResourceTypes.KNOWN.find(kind);
      }
    };
  }

  private static String removeSlash(String server) {
    return server.endsWith("/") ? server.substring(0, server.length() - 1) : server;
  }
}
