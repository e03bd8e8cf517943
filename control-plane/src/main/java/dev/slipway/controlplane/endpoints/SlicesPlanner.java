package dev.slipway.controlplane.endpoints;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Chance;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The EndpointSlices of a service: the pods that it selects, by the ports that they answer on, up
/// to a hundred in each slice.
///
/// A pod stays in the slice that it is in, so that a change of one pod changes one slice. One that
/// is being deleted stays with `terminating` until it is gone: proxies may still drain it.
///
/// Source: the page on EndpointSlices of Kubernetes' documentation.
final class SlicesPlanner {
  static final String SERVICE = "kubernetes.io/service-name";
  static final String MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
  static final String ME = "endpointslice-controller.k8s.io";
  static final int MOST = 100;

  record Plan(List<KubeObject> create, List<KubeObject> update, List<KubeObject> delete) {}

  private SlicesPlanner() {}

  /// @param pods those that the service selects
  /// @param known the slices that this controller made for the service
  static Plan plan(
      KubeObject service, List<KubeObject> pods, List<KubeObject> known, Chance chance) {
    var groups = new LinkedHashMap<ArrayNode, Map<String, ObjectNode>>();
    pods.stream()
        .filter(pod -> !EndpointsPlanner.isFinished(pod))
        .filter(pod -> !Json.string(pod.status(), "podIP", "").isEmpty())
        .sorted(Comparator.comparing(KubeObject::name))
        .forEach(
            pod -> {
              ArrayNode ports = ports(service, pod);
              if (!ports.isEmpty() || Json.items(service.spec(), "ports").isEmpty()) {
                groups
                    .computeIfAbsent(ports, _ -> new LinkedHashMap<>())
                    .put(pod.uid(), endpoint(service, pod));
              }
            });
    var create = new ArrayList<KubeObject>();
    var contents = new LinkedHashMap<KubeObject, ArrayNode>();
    groups.forEach(
        (ports, endpoints) -> {
          var mine = new ArrayList<ArrayNode>();
          for (KubeObject slice : known) {
            if (slice.json().path("ports").equals(ports)) {
              ArrayNode kept = kept(slice, endpoints);
              contents.put(slice, kept);
              mine.add(kept);
            }
          }
          var left = new ArrayList<>(endpoints.values());
          mine.forEach(list -> fill(list, left));
          while (!left.isEmpty()) {
            ArrayNode list = Json.array();
            fill(list, left);
            create.add(slice(service, ports, list, chance));
          }
        });
    contents.values().removeIf(ArrayNode::isEmpty);
    if (contents.isEmpty() && create.isEmpty()) {
      // Readers tell "no endpoints" from "nobody looked yet" by an empty slice.
      if (known.isEmpty()) {
        create.add(slice(service, Json.array(), Json.array(), chance));
      } else {
        contents.put(known.getFirst(), Json.array());
      }
    }
    var update = new ArrayList<KubeObject>();
    contents.forEach(
        (slice, list) -> {
          if (!Json.items(slice.json(), "endpoints").equals(List.copyOf(list.values()))
              || !slice.labels().equals(labels(service))) {
            update.add(
                slice.with(
                    json -> {
                      json.set("endpoints", list);
                      labels(Json.child(json, "metadata"), service);
                    }));
          }
        });
    return new Plan(
        create, update, known.stream().filter(slice -> !contents.containsKey(slice)).toList());
  }

  private static void fill(ArrayNode list, List<ObjectNode> left) {
    while (list.size() < MOST && !left.isEmpty()) {
      list.add(left.removeFirst());
    }
  }

  /// The endpoints of a slice that stay, as they are now; they leave the map.
  private static ArrayNode kept(KubeObject slice, Map<String, ObjectNode> endpoints) {
    ArrayNode list = Json.array();
    for (JsonNode endpoint : Json.items(slice.json(), "endpoints")) {
      ObjectNode now = endpoints.remove(Json.string(endpoint.path("targetRef"), "uid", ""));
      if (now != null) {
        list.add(now);
      }
    }
    return list;
  }

  private static Map<String, String> labels(KubeObject service) {
    var labels = new HashMap<>(service.labels());
    labels.put(SERVICE, service.name());
    labels.put(MANAGED_BY, ME);
    return labels;
  }

  private static void labels(ObjectNode metadata, KubeObject service) {
    ObjectNode labels = metadata.putObject("labels");
    labels(service).entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(label -> labels.put(label.getKey(), label.getValue()));
  }

  private static KubeObject slice(
      KubeObject service, ArrayNode ports, ArrayNode endpoints, Chance chance) {
    return KubeObject.make(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        service.namespace(),
        service.name() + "-" + chance.suffix(5),
        json -> {
          ObjectNode metadata = Json.child(json, "metadata");
          metadata.put("generateName", service.name() + "-");
          labels(metadata, service);
          metadata.putArray("ownerReferences").add(OwnerReference.controlledBy(service).toJson());
          json.put("addressType", "IPv4");
          json.set("endpoints", endpoints);
          json.set("ports", ports);
        });
  }

  private static ArrayNode ports(KubeObject service, KubeObject pod) {
    ArrayNode ports = Json.array();
    for (EndpointsPlanner.Port port : EndpointsPlanner.ports(service, pod)) {
      ports
          .addObject()
          .put("name", port.name())
          .put("protocol", port.protocol())
          .put("port", port.number());
    }
    return ports;
  }

  private static ObjectNode endpoint(KubeObject service, KubeObject pod) {
    boolean serving = Conditions.isTrue(pod.status(), "Ready");
    boolean ready =
        !pod.isTerminating()
            && (serving || Json.bool(service.spec(), "publishNotReadyAddresses", false));
    ObjectNode endpoint = Json.object();
    endpoint.putArray("addresses").add(Json.string(pod.status(), "podIP", ""));
    endpoint
        .putObject("conditions")
        .put("ready", ready)
        .put("serving", serving)
        .put("terminating", pod.isTerminating());
    endpoint
        .putObject("targetRef")
        .put("kind", "Pod")
        .put("namespace", pod.namespace())
        .put("name", pod.name())
        .put("uid", pod.uid());
    String node = Json.string(pod.spec(), "nodeName", "");
    if (!node.isEmpty()) {
      endpoint.put("nodeName", node);
    }
    return endpoint;
  }
}
