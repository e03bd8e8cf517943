package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.quantity.Quantity;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// Fields and resources of a pod that its own containers ask for.
final class FieldReferences extends Rules {
  private static final List<String> OF_VARIABLES =
      List.of(
          "metadata.name",
          "metadata.namespace",
          "metadata.uid",
          "spec.nodeName",
          "spec.serviceAccountName",
          "status.hostIP",
          "status.hostIPs",
          "status.podIP",
          "status.podIPs");
  private static final List<String> OF_VOLUMES =
      List.of(
          "metadata.annotations",
          "metadata.labels",
          "metadata.name",
          "metadata.namespace",
          "metadata.uid");
  private static final Set<String> LABELS =
      Set.of(
          "metadata.annotations",
          "metadata.labels",
          "metadata.name",
          "metadata.namespace",
          "metadata.uid",
          "spec.nodeName",
          "spec.restartPolicy",
          "spec.serviceAccountName",
          "spec.schedulerName",
          "spec.hostNetwork",
          "status.phase",
          "status.hostIP",
          "status.hostIPs",
          "status.podIP",
          "status.podIPs",
          "status.nominatedNodeName");
  private static final List<String> RESOURCES =
      List.of(
          "limits.cpu",
          "limits.ephemeral-storage",
          "limits.memory",
          "requests.cpu",
          "requests.ephemeral-storage",
          "requests.memory");
  private static final String HUGE_PAGES = "hugepages-";
  private static final BigDecimal MILLI = new BigDecimal("0.001");

  FieldReferences(List<Fault> faults) {
    super(faults);
  }

  void ofVariable(JsonNode reference, List<Object> base) {
    field(reference, base, OF_VARIABLES);
  }

  void ofVolume(JsonNode reference, List<Object> base) {
    field(reference, base, OF_VOLUMES);
  }

  private void field(JsonNode reference, List<Object> base, List<String> supported) {
    String field = Json.string(reference, "fieldPath", "");
    String version = Json.string(reference, "apiVersion", "v1");
    if (field.isEmpty()) {
      required(path(base, "fieldPath"));
      return;
    }
    if (!version.equals("v1")) {
      unconvertible(field, "unsupported pod version: " + version, base);
      return;
    }
    int bracket = field.indexOf("['");
    if (bracket >= 0 && field.endsWith("']") && field.length() > bracket + 3) {
      String map = field.substring(0, bracket);
      if (!map.equals("metadata.labels") && !map.equals("metadata.annotations")) {
        unconvertible(field, "field label does not support subscript: " + field, base);
        return;
      }
      named(field.substring(bracket + 2, field.length() - 2), Names::qualified, base);
      return;
    }
    if (!LABELS.contains(field)) {
      unconvertible(field, "field label not supported: " + field, base);
    } else if (!supported.contains(field)) {
      notSupported(path(base, "fieldPath"), field, supported);
    }
  }

  private void unconvertible(String field, String why, List<Object> base) {
    invalid(path(base, "fieldPath"), field, "error converting fieldPath: " + why);
  }

  void resource(JsonNode reference, List<Object> base) {
    String resource = Json.string(reference, "resource", "");
    if (resource.isEmpty()) {
      required(path(base, "resource"));
      return;
    }
    String name = resource.substring(resource.indexOf('.') + 1);
    if (!RESOURCES.contains(resource)
        && !(name.startsWith(HUGE_PAGES)
            && (resource.startsWith("limits.") || resource.startsWith("requests.")))) {
      notSupported(path(base, "resource"), resource, RESOURCES);
      return;
    }
    Optional<Quantity> divisor = Quantity.find(reference.path("divisor").asString(""));
    if (name.equals("cpu")
        && divisor.isPresent()
        && divisor.get().amount().signum() != 0
        && divisor.get().amount().compareTo(BigDecimal.ONE) != 0
        && divisor.get().amount().compareTo(MILLI) != 0) {
      invalid(
          path(base, "divisor"),
          resource,
          "only divisor's values 1m and 1 are supported with the cpu resource");
    }
  }
}
