package dev.slipway.model.service;

import java.util.List;

/// Everything that the data plane needs, whole: the last one that it was given is the one that
/// holds.
///
/// @param version grows with every change
public record RoutingTable(long version, List<Route> routes) {
  public RoutingTable {
    routes = List.copyOf(routes);
  }

  /// One address and port where a service listens.
  ///
  /// @param service `namespace/name:port`, for people
  /// @param affinityMillis connections of one client address go to one endpoint for this long after
  ///   the last; 0 for none
  public record Route(
      String service,
      String listenAddress,
      int listenPort,
      long affinityMillis,
      List<Endpoint> endpoints) {
    public Route {
      endpoints = List.copyOf(endpoints);
    }
  }

  /// One place to connect to. Weights are relative within a route; 0 takes no new connection.
  ///
  /// @param pod `namespace/name` of the pod behind it, or empty
  public record Endpoint(String address, int port, int weight, String pod) {}
}
