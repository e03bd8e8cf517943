package dev.slipway.controlplane.services;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What a service has by its type, and loses with it when nobody states otherwise.
///
/// Source: `dropTypeDependentFields` of Kubernetes' `pkg/registry/core/service`.
public final class ServiceTypes {
  private static final List<String> OF_ADDRESSES =
      List.of("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy");
  private static final List<String> OF_BALANCERS =
      List.of("allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort");

  private ServiceTypes() {}

  /// What is left of a service whose type has changed.
  public static KubeObject left(KubeObject before, KubeObject after) {
    String old = type(before.spec());
    String now = type(after.spec());
    if (old.equals(now)) {
      return after;
    }
    return after.with(
        json -> {
          ObjectNode spec = Json.child(json, "spec");
          if (now.equals("ExternalName")) {
            OF_ADDRESSES.forEach(field -> drop(field, before.spec(), spec));
          }
          if (old.equals("LoadBalancer")) {
            OF_BALANCERS.forEach(field -> drop(field, before.spec(), spec));
          }
          if (isOutside(old) && !isOutside(now)) {
            drop("externalTrafficPolicy", before.spec(), spec);
            if (nodePorts(before.spec()).equals(nodePorts(spec))) {
              for (JsonNode port : spec.path("ports")) {
                if (port instanceof ObjectNode entry) {
                  entry.remove("nodePort");
                }
              }
            }
          }
        });
  }

  private static String type(JsonNode spec) {
    return Json.string(spec, "type", "ClusterIP");
  }

  private static boolean isOutside(String type) {
    return type.equals("NodePort") || type.equals("LoadBalancer");
  }

  private static List<Integer> nodePorts(JsonNode spec) {
    return Json.items(spec, "ports").stream()
        .map(port -> Json.integer(port, "nodePort", 0))
        .toList();
  }

  private static void drop(String field, JsonNode before, ObjectNode spec) {
    if (spec.path(field).equals(before.path(field))) {
      spec.remove(field);
    }
  }
}
