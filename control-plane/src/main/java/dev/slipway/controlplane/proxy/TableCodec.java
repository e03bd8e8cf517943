package dev.slipway.controlplane.proxy;

import dev.slipway.model.json.Json;
import dev.slipway.model.service.RoutingTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
    table
        .containers()
        .ifPresent(
            containers ->
                json.putObject("containers")
                    .put("range", containers.range())
                    .put("resolver", containers.resolver()));
    ArrayNode names = json.putArray("names");
    table.names().forEach(name -> write(name, names.addObject()));
    return json;
  }

  private static void write(RoutingTable.Name name, ObjectNode json) {
    json.put("service", name.service()).put("alias", name.alias());
    name.addresses().forEach(json.putArray("addresses")::add);
    ArrayNode ports = json.putArray("ports");
    for (RoutingTable.NamedPort port : name.ports()) {
      ports
          .addObject()
          .put("name", port.name())
          .put("protocol", port.protocol())
          .put("number", port.number());
    }
    ArrayNode hosts = json.putArray("hosts");
    for (RoutingTable.Host host : name.hosts()) {
      hosts.addObject().put("name", host.name()).put("address", host.address());
    }
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
    JsonNode containers = json.path("containers");
    return new RoutingTable(
        Json.number(json, "version", 0),
        routes,
        containers.isObject()
            ? Optional.of(
                new RoutingTable.Containers(
                    Json.string(containers, "range", ""), Json.string(containers, "resolver", "")))
            : Optional.empty(),
        Json.items(json, "names").stream().map(TableCodec::name).toList());
  }

  private static RoutingTable.Name name(JsonNode json) {
    return new RoutingTable.Name(
        Json.string(json, "service", ""),
        Json.strings(json, "addresses"),
        Json.string(json, "alias", ""),
        Json.items(json, "ports").stream()
            .map(
                port ->
                    new RoutingTable.NamedPort(
                        Json.string(port, "name", ""),
                        Json.string(port, "protocol", ""),
                        Json.integer(port, "number", 0)))
            .toList(),
        Json.items(json, "hosts").stream()
            .map(
                host ->
                    new RoutingTable.Host(
                        Json.string(host, "name", ""), Json.string(host, "address", "")))
            .toList());
  }
}
