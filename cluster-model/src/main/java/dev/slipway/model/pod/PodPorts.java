package dev.slipway.model.pod;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The ports that a pod is reached by at its address. Where pods share the address of their host,
/// they are not those that the containers state: `status.hostPorts` says which.
public final class PodPorts {
  private static final String FIELD = "hostPorts";

  private PodPorts() {}

  /// @param port as a container of the pod states it
  public static int reached(KubeObject pod, int port) {
    for (JsonNode entry : Json.items(pod.status(), FIELD)) {
      if (Json.integer(entry, "containerPort", 0) == port) {
        return Json.integer(entry, "hostPort", port);
      }
    }
    return port;
  }

  /// @param ports of the host by those of the containers; those that differ are written
  public static void write(ObjectNode status, Map<Integer, Integer> ports) {
    var moved = new TreeMap<Integer, Integer>();
    ports.forEach(
        (own, there) -> {
          if (!own.equals(there)) {
            moved.put(own, there);
          }
        });
    status.remove(FIELD);
    if (!moved.isEmpty()) {
      ArrayNode list = status.putArray(FIELD);
      moved.forEach(
          (own, there) -> list.addObject().put("containerPort", own).put("hostPort", there));
    }
  }
}
