package dev.slipway.controlplane.services;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Addresses and node ports that a service states, and another one has or nobody here can have.
public final class TakenPlaces {
  private TakenPlaces() {}

  /// @param before what it was: that was let in
  /// @param others every service; the one in question may be among them
  public static List<ClusterException.Cause> faults(
      Optional<KubeObject> before, KubeObject service, List<KubeObject> others) {
    List<ClusterException.Cause> faults =
        unreachable(before.map(KubeObject::spec).orElse(Json.object()), service.spec());
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

  private static List<ClusterException.Cause> unreachable(JsonNode before, JsonNode spec) {
    var faults = new ArrayList<ClusterException.Cause>();
    String address = Json.string(spec, "clusterIP", "");
    if (address.indexOf(':') >= 0) {
      faults.add(
          cause(
              "spec.clusterIPs[0]",
              "Invalid value: [\"%s\"]: IPv6 is not configured on this cluster"
                  .formatted(address)));
    } else if (!address.isEmpty()
        && !address.equals("None")
        && !address.equals(Json.string(before, "clusterIP", ""))
        && ServiceAddresses.DEFAULT.forContainers(address).isEmpty()) {
      faults.add(
          cause(
              "spec.clusterIPs",
              "Invalid value: [\"%s\"]: failed to allocate IP %s: the provided IP is not in the valid range. The range of valid IPs is %s"
                  .formatted(address, address, ServiceAddresses.RANGE)));
    }
    List<String> families = Json.strings(spec, "ipFamilies");
    for (int i = 0; i < families.size(); i++) {
      if (families.get(i).equals("IPv6")
          && !spec.path("ipFamilies").equals(before.path("ipFamilies"))) {
        faults.add(
            cause(
                "spec.ipFamilies[%d]".formatted(i),
                "Invalid value: \"IPv6\": not configured on this cluster"));
      }
    }
    if (Json.string(spec, "ipFamilyPolicy", "").equals("RequireDualStack")
        && !spec.path("ipFamilyPolicy").equals(before.path("ipFamilyPolicy"))) {
      faults.add(
          cause(
              "spec.ipFamilyPolicy",
              "Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services"));
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
