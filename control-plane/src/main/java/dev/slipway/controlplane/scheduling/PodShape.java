package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// All that placing a pod depends on. Pods of equal shape are interchangeable to the scheduler, as
/// the replicas of one template are: what was worked out for one holds for the next.
///
/// @param owner uid of the controller; empty when there is none
/// @param hostPorts protocol and number
record PodShape(
    String namespace,
    Map<String, String> labels,
    String owner,
    int priority,
    boolean preempts,
    boolean terminating,
    Resources requests,
    List<String> hostPorts,
    JsonNode nodeSelector,
    JsonNode affinity,
    JsonNode tolerations,
    JsonNode spread) {

  static PodShape of(KubeObject pod) {
    JsonNode spec = pod.spec();
    return new PodShape(
        pod.namespace(),
        pod.labels(),
        pod.controller().map(reference -> reference.uid()).orElse(""),
        priority(pod),
        !Json.string(spec, "preemptionPolicy", "").equals("Never"),
        pod.isTerminating(),
        Resources.requests(pod),
        hostPorts(spec),
        spec.path("nodeSelector"),
        spec.path("affinity"),
        spec.path("tolerations"),
        spec.path("topologySpreadConstraints"));
  }

  static int priority(KubeObject pod) {
    return Json.integer(pod.spec(), "priority", 0);
  }

  private static List<String> hostPorts(JsonNode spec) {
    List<String> ports = List.of();
    for (JsonNode container : Json.items(spec, "containers")) {
      for (JsonNode port : Json.items(container, "ports")) {
        int number = Json.integer(port, "hostPort", 0);
        if (number > 0) {
          ports = ports.isEmpty() ? new ArrayList<>() : ports;
          ports.add(Json.string(port, "protocol", "TCP") + number);
        }
      }
    }
    return List.copyOf(ports);
  }
}
