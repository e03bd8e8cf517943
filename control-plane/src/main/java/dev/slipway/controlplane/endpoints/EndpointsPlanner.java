package dev.slipway.controlplane.endpoints;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.pod.PodPorts;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The `subsets` of a service: the pods that it selects, grouped by the ports that they answer on.
///
/// A pod that is being deleted takes no new work and is left out at once.
final class EndpointsPlanner {
  record Port(String name, int number, String protocol) {}

  private EndpointsPlanner() {}

  /// @param pods those that the service selects
  static ArrayNode subsets(KubeObject service, List<KubeObject> pods) {
    boolean withUnready = Json.bool(service.spec(), "publishNotReadyAddresses", false);
    Map<List<Port>, List<KubeObject>> groups = new LinkedHashMap<>();
    pods.stream()
        .filter(pod -> !pod.isTerminating() && !isFinished(pod))
        .filter(pod -> !Json.string(pod.status(), "podIP", "").isEmpty())
        .sorted(java.util.Comparator.comparing(KubeObject::name))
        .forEach(
            pod -> groups.computeIfAbsent(ports(service, pod), _ -> new ArrayList<>()).add(pod));
    ArrayNode subsets = Json.array();
    groups.forEach(
        (ports, members) -> {
          if (ports.isEmpty() && !Json.items(service.spec(), "ports").isEmpty()) {
            return;
          }
          ObjectNode subset = subsets.addObject();
          ArrayNode ready = Json.array();
          ArrayNode unready = Json.array();
          for (KubeObject pod : members) {
            boolean answers = withUnready || Conditions.isTrue(pod.status(), "Ready");
            (answers ? ready : unready).add(address(pod));
          }
          if (!ready.isEmpty()) {
            subset.set("addresses", ready);
          }
          if (!unready.isEmpty()) {
            subset.set("notReadyAddresses", unready);
          }
          ArrayNode list = subset.putArray("ports");
          for (Port port : ports) {
            ObjectNode entry = list.addObject();
            if (!port.name().isEmpty()) {
              entry.put("name", port.name());
            }
            entry.put("port", port.number()).put("protocol", port.protocol());
          }
        });
    return subsets;
  }

  private static ObjectNode address(KubeObject pod) {
    ObjectNode address = Json.object();
    address.put("ip", Json.string(pod.status(), "podIP", ""));
    String node = Json.string(pod.spec(), "nodeName", "");
    if (!node.isEmpty()) {
      address.put("nodeName", node);
    }
    address
        .putObject("targetRef")
        .put("kind", "Pod")
        .put("namespace", pod.namespace())
        .put("name", pod.name())
        .put("uid", pod.uid());
    return address;
  }

  static List<Port> ports(KubeObject service, KubeObject pod) {
    var ports = new ArrayList<Port>();
    for (JsonNode port : Json.items(service.spec(), "ports")) {
      String protocol = Json.string(port, "protocol", "TCP");
      targetPort(port, pod)
          .ifPresent(
              number ->
                  ports.add(
                      new Port(
                          Json.string(port, "name", ""), PodPorts.reached(pod, number), protocol)));
    }
    return List.copyOf(ports);
  }

  /// A named port is looked up in this very pod: two revisions may answer on different numbers.
  private static Optional<Integer> targetPort(JsonNode port, KubeObject pod) {
    JsonNode target = port.path("targetPort");
    if (target.isIntegralNumber() && target.intValue() > 0) {
      return Optional.of(target.intValue());
    }
    if (!target.isString() || target.stringValue().isEmpty()) {
      return Optional.of(Json.integer(port, "port", 0));
    }
    for (JsonNode container : Json.items(pod.spec(), "containers")) {
      for (JsonNode candidate : Json.items(container, "ports")) {
        if (Json.string(candidate, "name", "").equals(target.stringValue())) {
          return Optional.of(Json.integer(candidate, "containerPort", 0));
        }
      }
    }
    return Optional.empty();
  }

  static boolean isFinished(KubeObject pod) {
    String phase = Json.string(pod.status(), "phase", "");
    return phase.equals("Failed") || phase.equals("Succeeded");
  }
}
