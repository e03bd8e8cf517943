package dev.slipway.controlplane.services;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Addresses and node ports that a service states and another one has.
public final class TakenPlaces {
  private TakenPlaces() {}

  /// @param others every service; the one in question may be among them
  public static List<ClusterException.Cause> faults(KubeObject service, List<KubeObject> others) {
    var faults = new ArrayList<ClusterException.Cause>();
    String address = Json.string(service.spec(), "clusterIP", "");
    var own = new HashSet<String>();
    List<JsonNode> ports = Json.items(service.spec(), "ports");
    for (KubeObject other : others) {
      if (other.key().equals(service.key())) {
        continue;
      }
      if (!address.isEmpty()
          && !address.equals("None")
          && address.equals(Json.string(other.spec(), "clusterIP", ""))) {
        faults.add(cause("spec.clusterIP", address + " is the address of service " + name(other)));
      }
      for (JsonNode taken : Json.items(other.spec(), "ports")) {
        for (int i = 0; i < ports.size(); i++) {
          if (nodePort(ports.get(i)) > 0 && place(ports.get(i)).equals(place(taken))) {
            faults.add(
                cause(
                    "spec.ports[%d].nodePort".formatted(i),
                    "port %d belongs to service %s".formatted(nodePort(taken), name(other))));
          }
        }
      }
    }
    for (int i = 0; i < ports.size(); i++) {
      if (nodePort(ports.get(i)) > 0 && !own.add(place(ports.get(i)))) {
        faults.add(
            cause(
                "spec.ports[%d].nodePort".formatted(i),
                "port %d is here twice".formatted(nodePort(ports.get(i)))));
      }
    }
    return faults;
  }

  private static ClusterException.Cause cause(String field, String message) {
    return new ClusterException.Cause(field, "FieldValueInvalid", message);
  }

  private static int nodePort(JsonNode port) {
    return Json.integer(port, "nodePort", 0);
  }

  private static String place(JsonNode port) {
    return Json.string(port, "protocol", "TCP") + " " + nodePort(port);
  }

  private static String name(KubeObject service) {
    return service.namespace() + "/" + service.name();
  }
}
