package dev.slipway.controlplane.endpoints;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Chance;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The EndpointSlices that say what the Endpoints of a service without a selector say: whoever made
/// these by hand is so heard by readers of slices.
///
/// Source: the page on EndpointSlices of Kubernetes' documentation, section on mirroring.
final class MirrorPlanner {
  static final String ME = "endpointslicemirroring-controller.k8s.io";
  private static final String SKIP = "endpointslice.kubernetes.io/skip-mirror";
  private static final String LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
  private static final int MOST = 1_000;

  /// What one slice holds.
  private record Content(String addressType, ArrayNode ports, List<ObjectNode> endpoints) {}

  private MirrorPlanner() {}

  /// Whether a service's Endpoints are somebody's own, and to be mirrored.
  static boolean mirrors(KubeObject endpoints) {
    return !endpoints.label(SKIP).map(Boolean::parseBoolean).orElse(false);
  }

  /// @param endpoints nothing when there are none to mirror
  /// @param known the slices that were made as mirrors of them
  static SlicesPlanner.Plan plan(
      Optional<KubeObject> endpoints, List<KubeObject> known, Chance chance) {
    List<Content> wanted = endpoints.map(MirrorPlanner::contents).orElse(List.of());
    var free = new ArrayList<>(known);
    var create = new ArrayList<KubeObject>();
    var update = new ArrayList<KubeObject>();
    for (Content content : wanted) {
      KubeObject source = endpoints.orElseThrow();
      Optional<KubeObject> slice = free.stream().filter(one -> fits(one, content)).findFirst();
      if (slice.isEmpty()) {
        create.add(
            fill(
                KubeObject.make(
                    "discovery.k8s.io/v1",
                    "EndpointSlice",
                    source.namespace(),
                    source.name() + "-" + chance.suffix(5),
                    json -> Json.child(json, "metadata").put("generateName", source.name() + "-")),
                source,
                content));
      } else {
        free.remove(slice.get());
        KubeObject filled = fill(slice.get(), source, content);
        if (!filled.json().equals(slice.get().json())) {
          update.add(filled);
        }
      }
    }
    return new SlicesPlanner.Plan(create, update, free);
  }

  private static boolean fits(KubeObject slice, Content content) {
    return Json.string(slice.json(), "addressType", "").equals(content.addressType())
        && slice.json().path("ports").equals(content.ports());
  }

  private static List<Content> contents(KubeObject endpoints) {
    var contents = new ArrayList<Content>();
    for (JsonNode subset : Json.items(endpoints.json(), "subsets")) {
      ArrayNode ports = ports(subset);
      Map<String, List<ObjectNode>> byType = new LinkedHashMap<>();
      for (String field : List.of("addresses", "notReadyAddresses")) {
        for (JsonNode address : Json.items(subset, field)) {
          String ip = Json.string(address, "ip", "");
          List<ObjectNode> same =
              byType.computeIfAbsent(ip.contains(":") ? "IPv6" : "IPv4", _ -> new ArrayList<>());
          same.add(endpoint(ip, address, field.equals("addresses")));
        }
      }
      byType.forEach(
          (type, all) -> {
            for (int from = 0; from < all.size(); from += MOST) {
              contents.add(
                  new Content(type, ports, all.subList(from, Math.min(all.size(), from + MOST))));
            }
          });
    }
    return contents;
  }

  private static ArrayNode ports(JsonNode subset) {
    ArrayNode ports = Json.array();
    for (JsonNode port : Json.items(subset, "ports")) {
      ports
          .addObject()
          .put("name", Json.string(port, "name", ""))
          .put("protocol", Json.string(port, "protocol", "TCP"))
          .put("port", Json.integer(port, "port", 0));
    }
    return ports;
  }

  private static ObjectNode endpoint(String ip, JsonNode address, boolean ready) {
    ObjectNode endpoint = Json.object();
    endpoint.putArray("addresses").add(ip);
    endpoint.putObject("conditions").put("ready", ready);
    for (String field : List.of("hostname", "nodeName", "targetRef")) {
      JsonNode value = address.path(field);
      if (!value.isMissingNode()) {
        endpoint.set(field, value.deepCopy());
      }
    }
    return endpoint;
  }

  private static KubeObject fill(KubeObject slice, KubeObject source, Content content) {
    return slice.with(
        json -> {
          ObjectNode metadata = Json.child(json, "metadata");
          var labels = new TreeMap<>(source.labels());
          labels.put(SlicesPlanner.SERVICE, source.name());
          labels.put(SlicesPlanner.MANAGED_BY, ME);
          put(metadata, "labels", labels);
          var annotations = new TreeMap<>(source.annotations());
          annotations.remove(LAST_APPLIED);
          put(metadata, "annotations", annotations);
          metadata.putArray("ownerReferences").add(OwnerReference.controlledBy(source).toJson());
          json.put("addressType", content.addressType());
          ArrayNode endpoints = json.putArray("endpoints");
          content.endpoints().forEach(endpoints::add);
          json.set("ports", content.ports());
        });
  }

  private static void put(ObjectNode metadata, String field, Map<String, String> map) {
    if (map.isEmpty()) {
      metadata.remove(field);
    } else {
      ObjectNode node = metadata.putObject(field);
      map.forEach(node::put);
    }
  }
}
