package dev.slipway.controlplane.proxy;

import dev.slipway.model.json.Json;
import dev.slipway.model.service.RoutingTable;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A routing table as JSON: on the disk and between daemon and proxy.
final class TableCodec {
  private TableCodec() {}

  static ObjectNode write(RoutingTable table) {
    ObjectNode json = Json.object();
    json.put("version", table.version());
    ArrayNode routes = json.putArray("routes");
    for (RoutingTable.Route route : table.routes()) {
      ObjectNode one = routes.addObject();
      one.put("service", route.service())
          .put("address", route.listenAddress())
          .put("port", route.listenPort());
      one.put("affinityMillis", route.affinityMillis());
      ArrayNode endpoints = one.putArray("endpoints");
      for (RoutingTable.Endpoint endpoint : route.endpoints()) {
        endpoints
            .addObject()
            .put("address", endpoint.address())
            .put("port", endpoint.port())
            .put("weight", endpoint.weight())
            .put("pod", endpoint.pod());
      }
    }
    return json;
  }

  static RoutingTable read(JsonNode json) {
    var routes = new ArrayList<RoutingTable.Route>();
    for (JsonNode route : Json.items(json, "routes")) {
      List<RoutingTable.Endpoint> endpoints = new ArrayList<>();
      for (JsonNode endpoint : Json.items(route, "endpoints")) {
        endpoints.add(
            new RoutingTable.Endpoint(
                Json.string(endpoint, "address", ""),
                Json.integer(endpoint, "port", 0),
                Json.integer(endpoint, "weight", 1),
                Json.string(endpoint, "pod", "")));
      }
      routes.add(
          new RoutingTable.Route(
              Json.string(route, "service", ""),
              Json.string(route, "address", ""),
              Json.integer(route, "port", 0),
              Json.number(route, "affinityMillis", 0),
              endpoints));
    }
    return new RoutingTable(Json.number(json, "version", 0), routes);
  }
}
