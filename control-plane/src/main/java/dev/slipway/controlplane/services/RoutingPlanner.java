package dev.slipway.controlplane.services;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.RoutingTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The routing table that follows from the services and where their pods answer.
final class RoutingPlanner {
  private static final long AFFINITY_SECONDS = 10_800;

  private RoutingPlanner() {}

  /// @param conflicts places that an older service has already: `namespace/name:port: why`
  record Plan(RoutingTable table, List<String> conflicts) {
    Plan {
      conflicts = List.copyOf(conflicts);
    }
  }

  /// One place belongs to one service: the oldest that claims it.
  ///
  /// @param endpoints by the key of the Endpoints object
  /// @param slices EndpointSlices that neither of the cluster's own controllers made, by the key of
  ///   their service
  /// @param containers whether any pods run in containers
  static Plan plan(
      List<KubeObject> services,
      Map<ObjectKey, KubeObject> endpoints,
      Map<ObjectKey, List<KubeObject>> slices,
      ServiceAddresses addresses,
      boolean containers) {
    var routes = new LinkedHashMap<String, RoutingTable.Route>();
    var conflicts = new ArrayList<String>();
    List<KubeObject> oldestFirst =
        services.stream()
            .sorted(
                Comparator.comparing(
                        (KubeObject service) ->
                            service.creationTimestamp().orElse(java.time.Instant.EPOCH))
                    .thenComparing(KubeObject::namespace)
                    .thenComparing(KubeObject::name))
            .toList();
    for (KubeObject service : oldestFirst) {
      String address = Json.string(service.spec(), "clusterIP", "");
      if (service.isTerminating() || address.isEmpty() || address.equals("None")) {
        continue;
      }
      KubeObject own =
          endpoints.get(ObjectKey.core("Endpoints", service.namespace(), service.name()));
      for (JsonNode port : Json.items(service.spec(), "ports")) {
        if (!Json.string(port, "protocol", "TCP").equals("TCP")) {
          continue;
        }
        List<RoutingTable.Endpoint> targets =
            targets(
                own, slices.getOrDefault(service.key(), List.of()), Json.string(port, "name", ""));
        String name =
            service.namespace()
                + "/"
                + service.name()
                + ":"
                + Json.string(port, "name", "" + Json.integer(port, "port", 0));
        long affinity = affinityMillis(service);
        claim(
            new RoutingTable.Route(name, address, Json.integer(port, "port", 0), affinity, targets),
            routes,
            conflicts);
        if (containers) {
          addresses
              .forContainers(address)
              .ifPresent(
                  twin ->
                      claim(
                          new RoutingTable.Route(
                              name, twin, Json.integer(port, "port", 0), affinity, targets),
                          routes,
                          conflicts));
        }
        int nodePort = Json.integer(port, "nodePort", 0);
        if (nodePort > 0) {
          claim(
              new RoutingTable.Route(
                  name, addresses.nodePortAddress(), nodePort, affinity, targets),
              routes,
              conflicts);
        }
      }
    }
    return new Plan(
        new RoutingTable(
            0,
            List.copyOf(routes.values()),
            containers
                ? Optional.of(
                    new RoutingTable.Containers(addresses.containers(), addresses.resolver()))
                : Optional.empty(),
            containers ? names(services, endpoints, addresses) : List.of()),
        conflicts);
  }

  private static void claim(
      RoutingTable.Route route, Map<String, RoutingTable.Route> routes, List<String> conflicts) {
    String place = route.listenAddress() + ":" + route.listenPort();
    RoutingTable.Route owner = routes.putIfAbsent(place, route);
    if (owner != null) {
      conflicts.add("%s: %s belongs to %s".formatted(route.service(), place, owner.service()));
    }
  }

  private static List<RoutingTable.Name> names(
      List<KubeObject> services, Map<ObjectKey, KubeObject> endpoints, ServiceAddresses addresses) {
    var names = new ArrayList<RoutingTable.Name>();
    for (KubeObject service : services) {
      if (service.isTerminating()) {
        continue;
      }
      String address = Json.string(service.spec(), "clusterIP", "");
      boolean external = Json.string(service.spec(), "type", "").equals("ExternalName");
      List<RoutingTable.Host> hosts =
          address.equals("None")
              ? hosts(
                  endpoints.get(ObjectKey.core("Endpoints", service.namespace(), service.name())))
              : List.of();
      names.add(
          new RoutingTable.Name(
              service.name() + "." + service.namespace(),
              address.equals("None")
                  ? hosts.stream().map(RoutingTable.Host::address).toList()
                  : addresses.forContainers(address).stream().toList(),
              external ? Json.string(service.spec(), "externalName", "") : "",
              Json.items(service.spec(), "ports").stream()
                  .filter(port -> !Json.string(port, "name", "").isEmpty())
                  .map(
                      port ->
                          new RoutingTable.NamedPort(
                              Json.string(port, "name", ""),
                              Json.string(port, "protocol", "TCP").toLowerCase(Locale.ROOT),
                              Json.integer(port, "port", 0)))
                  .toList(),
              hosts));
    }
    return names;
  }

  private static List<RoutingTable.Host> hosts(@Nullable KubeObject endpoints) {
    var hosts = new ArrayList<RoutingTable.Host>();
    if (endpoints != null) {
      for (JsonNode subset : Json.items(endpoints.json(), "subsets")) {
        for (JsonNode address : Json.items(subset, "addresses")) {
          String ip = Json.string(address, "ip", "");
          hosts.add(
              new RoutingTable.Host(Json.string(address, "hostname", ip.replace('.', '-')), ip));
        }
      }
    }
    return hosts;
  }

  private static long affinityMillis(KubeObject service) {
    if (!Json.string(service.spec(), "sessionAffinity", "None").equals("ClientIP")) {
      return 0;
    }
    return 1_000
        * Json.number(
            service.spec().path("sessionAffinityConfig").path("clientIP"),
            "timeoutSeconds",
            AFFINITY_SECONDS);
  }

  private static List<RoutingTable.Endpoint> targets(
      @Nullable KubeObject endpoints, List<KubeObject> slices, String portName) {
    List<RoutingTable.Endpoint> targets = targets(endpoints, portName);
    for (KubeObject slice : slices) {
      for (RoutingTable.Endpoint more : ofSlice(slice, portName)) {
        if (targets.stream()
            .noneMatch(one -> one.address().equals(more.address()) && one.port() == more.port())) {
          targets.add(more);
        }
      }
    }
    return targets;
  }

  /// An endpoint that does not say whether it is ready is.
  private static List<RoutingTable.Endpoint> ofSlice(KubeObject slice, String portName) {
    var targets = new ArrayList<RoutingTable.Endpoint>();
    if (!Json.string(slice.json(), "addressType", "").startsWith("IPv")) {
      return targets;
    }
    for (JsonNode port : Json.items(slice.json(), "ports")) {
      int number = Json.integer(port, "port", 0);
      if (number == 0 || !Json.string(port, "name", "").equals(portName)) {
        continue;
      }
      for (JsonNode endpoint : Json.items(slice.json(), "endpoints")) {
        List<String> addresses = Json.strings(endpoint, "addresses");
        if (!addresses.isEmpty() && Json.bool(endpoint.path("conditions"), "ready", true)) {
          targets.add(
              new RoutingTable.Endpoint(
                  addresses.getFirst(), number, 1, pod(endpoint.path("targetRef"))));
        }
      }
    }
    return targets;
  }

  private static String pod(JsonNode target) {
    return target.isObject()
        ? Json.string(target, "namespace", "") + "/" + Json.string(target, "name", "")
        : "";
  }

  private static List<RoutingTable.Endpoint> targets(
      @Nullable KubeObject endpoints, String portName) {
    var targets = new ArrayList<RoutingTable.Endpoint>();
    if (endpoints == null) {
      return targets;
    }
    for (JsonNode subset : Json.items(endpoints.json(), "subsets")) {
      for (JsonNode port : Json.items(subset, "ports")) {
        if (!Json.string(port, "name", "").equals(portName)) {
          continue;
        }
        for (JsonNode address : Json.items(subset, "addresses")) {
          targets.add(
              new RoutingTable.Endpoint(
                  Json.string(address, "ip", ""),
                  Json.integer(port, "port", 0),
                  1,
                  pod(address.path("targetRef"))));
        }
      }
    }
    return targets;
  }
}
