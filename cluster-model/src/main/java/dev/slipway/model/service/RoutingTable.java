package dev.slipway.model.service;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Everything that the data plane needs, whole: the last one that it was given is the one that
/// holds.
///
/// @param version grows with every change
/// @param containers present when pods run in containers, which cannot reach this host's loopback
/// @param names what the resolver of those pods answers
public record RoutingTable(
    long version, List<Route> routes, Optional<Containers> containers, List<Name> names) {
  public RoutingTable {
    routes = List.copyOf(routes);
    names = List.copyOf(names);
  }

  public RoutingTable as(long otherVersion) {
    return new RoutingTable(otherVersion, routes, containers, names);
  }

  /// Without the endpoints of any other pod; those that belong to no pod have an empty name.
  public RoutingTable onlyTo(Set<String> pods) {
    return new RoutingTable(
        version, routes.stream().map(route -> route.onlyTo(pods)).toList(), containers, names);
  }

  /// What is left on a host that can do nothing for containers.
  public RoutingTable withoutContainers() {
    return containers
        .map(
            away ->
                new RoutingTable(
                    version,
                    routes.stream().filter(route -> !away.covers(route.listenAddress())).toList(),
                    Optional.empty(),
                    List.of()))
        .orElse(this);
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

    Route onlyTo(Set<String> pods) {
      return endpoints.stream().allMatch(endpoint -> pods.contains(endpoint.pod()))
          ? this
          : new Route(
              service,
              listenAddress,
              listenPort,
              affinityMillis,
              endpoints.stream().filter(endpoint -> pods.contains(endpoint.pod())).toList());
    }
  }

  /// One place to connect to. Weights are relative within a route; 0 takes no new connection.
  ///
  /// @param pod `namespace/name` of the pod behind it, or empty
  public record Endpoint(String address, int port, int weight, String pod) {}

  /// What a host offers the containers on it.
  ///
  /// @param range the addresses of services as containers see them, `10.96.0.0/12`; the host takes
  ///   all of them for itself
  /// @param resolver the one of them where names are resolved
  public record Containers(String range, String resolver) {
    boolean covers(String address) {
      String[] base = range.split("\\.", -1);
      String[] bytes = address.split("\\.", -1);
      return bytes.length == 4
          && bytes[0].equals(base[0])
          && (Integer.parseInt(bytes[1]) & 0xf0) == Integer.parseInt(base[1]);
    }
  }

  /// A service's name in the domain of the cluster.
  ///
  /// @param service `name.namespace`
  /// @param addresses its own as containers see it, or those of its pods when it has none
  /// @param alias the name outside that it stands for; empty for none
  /// @param hosts its pods by their own names, for a service without an address
  public record Name(
      String service,
      List<String> addresses,
      String alias,
      List<NamedPort> ports,
      List<Host> hosts) {
    public Name {
      addresses = List.copyOf(addresses);
      ports = List.copyOf(ports);
      hosts = List.copyOf(hosts);
    }
  }

  /// @param protocol `tcp` or `udp`
  public record NamedPort(String name, String protocol, int number) {}

  public record Host(String name, String address) {}
}
