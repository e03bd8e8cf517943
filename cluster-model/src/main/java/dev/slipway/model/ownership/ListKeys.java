package dev.slipway.model.ownership;

import dev.slipway.model.json.Json;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Which lists are maps by some of their items' fields. Every other list is one value.
///
/// Source: `x-kubernetes-list-map-keys` and the patch merge keys of Kubernetes' published schema. A
/// list is known by the name of its field, which is the same wherever it occurs in the kinds served
/// here.
final class ListKeys {
  private static final Map<String, List<String>> KEYS =
      Map.ofEntries(
          Map.entry("containers", List.of("name")),
          Map.entry("initContainers", List.of("name")),
          Map.entry("ephemeralContainers", List.of("name")),
          Map.entry("env", List.of("name")),
          Map.entry("volumes", List.of("name")),
          Map.entry("volumeMounts", List.of("mountPath")),
          Map.entry("volumeDevices", List.of("devicePath")),
          Map.entry("imagePullSecrets", List.of("name")),
          Map.entry("hostAliases", List.of("ip")),
          Map.entry("topologySpreadConstraints", List.of("topologyKey", "whenUnsatisfiable")),
          Map.entry("conditions", List.of("type")),
          Map.entry("ownerReferences", List.of("uid")),
          Map.entry("secrets", List.of("name")));
  private static final List<String> CONTAINER_PORT = List.of("containerPort", "protocol");
  private static final List<String> SERVICE_PORT = List.of("port", "protocol");

  /// Objects that have one owner as a whole (`x-kubernetes-map-type: atomic`).
  private static final Set<String> ATOMIC =
      Set.of(
          "selector",
          "nodeSelector",
          "labelSelector",
          "namespaceSelector",
          "fieldRef",
          "resourceFieldRef",
          "configMapKeyRef",
          "secretKeyRef",
          "roleRef",
          "targetRef",
          "involvedObject");

  private ListKeys() {}

  static boolean isAtomic(String field) {
    return ATOMIC.contains(field);
  }

  /// The keys of a list, or nothing when it is one value: when the field is not known as a map or
  /// an item lacks a key.
  static Optional<List<String>> of(String field, JsonNode list) {
    List<String> keys = KEYS.get(field);
    if (field.equals("ports") && !list.isEmpty()) {
      keys = list.get(0).has("containerPort") ? CONTAINER_PORT : SERVICE_PORT;
    }
    if (keys == null) {
      return Optional.empty();
    }
    for (JsonNode item : list) {
      if (!(item instanceof ObjectNode) || !item.has(keys.getFirst())) {
        return Optional.empty();
      }
    }
    if (repeats(keys, list)) {
      return Optional.empty();
    }
    return Optional.of(keys);
  }

  /// A list in which a key comes twice (environment variables may) can only be one value.
  private static boolean repeats(List<String> keys, JsonNode list) {
    if (list.size() < 2) {
      return false;
    }
    var seen = new HashSet<JsonNode>();
    for (JsonNode item : list) {
      if (!seen.add(keys.size() == 1 ? item.path(keys.getFirst()) : key(keys, item))) {
        return true;
      }
    }
    return false;
  }

  /// The item's key as Kubernetes writes it in `k:{…}`.
  static ObjectNode key(List<String> keys, JsonNode item) {
    ObjectNode key = Json.object();
    for (String name : keys) {
      JsonNode value = item.path(name);
      if (!value.isMissingNode()) {
        key.set(name, value);
      } else if (name.equals("protocol")) {
        key.put(name, "TCP");
      }
    }
    return key;
  }

  /// The item of a list that has this key.
  static Optional<ObjectNode> find(ArrayNode list, List<String> keys, ObjectNode key) {
    for (JsonNode item : list) {
      if (item instanceof ObjectNode object && key(keys, object).equals(key)) {
        return Optional.of(object);
      }
    }
    return Optional.empty();
  }
}
