package dev.slipway.controlplane.services;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.RoutingTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// The routing table that follows from the services and where their pods answer.
final class RoutingPlanner {
  private static final long AFFINITY_SECONDS = 10_800;

  private RoutingPlanner() {}

  /// @param endpoints by the key of the Endpoints object
  static List<RoutingTable.Route> routes(
      List<KubeObject> services, Map<ObjectKey, KubeObject> endpoints, ServiceAddresses addresses) {
    var routes = new ArrayList<RoutingTable.Route>();
    for (KubeObject service : services) {
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
        List<RoutingTable.Endpoint> targets = targets(own, Json.string(port, "name", ""));
        String name =
            service.namespace()
                + "/"
                + service.name()
                + ":"
                + Json.string(port, "name", "" + Json.integer(port, "port", 0));
        long affinity = affinityMillis(service);
        routes.add(
            new RoutingTable.Route(
                name, address, Json.integer(port, "port", 0), affinity, targets));
        int nodePort = Json.integer(port, "nodePort", 0);
        if (nodePort > 0) {
          routes.add(
              new RoutingTable.Route(
                  name, addresses.nodePortAddress(), nodePort, affinity, targets));
        }
      }
    }
    return routes;
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
      @org.jspecify.annotations.Nullable KubeObject endpoints, String portName) {
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
          JsonNode pod = address.path("targetRef");
          targets.add(
              new RoutingTable.Endpoint(
                  Json.string(address, "ip", ""),
                  Json.integer(port, "port", 0),
                  1,
                  pod.isObject()
                      ? Json.string(pod, "namespace", "") + "/" + Json.string(pod, "name", "")
                      : ""));
        }
      }
    }
    return targets;
  }
}
