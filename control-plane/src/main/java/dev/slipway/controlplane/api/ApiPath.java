package dev.slipway.controlplane.api;

import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.List;
import java.util.Optional;

/// A path below `/api/v1` or `/apis/GROUP/VERSION`, taken apart.
///
/// @param namespace empty for all namespaces and for kinds without one
/// @param name empty for a collection
/// @param subresource `status`, `log`, `binding` …; empty for the object itself
record ApiPath(ResourceType type, String namespace, String name, String subresource) {
  /// Empty when the path names nothing that is served.
  static Optional<ApiPath> parse(String path, ResourceTypes types) {
    List<String> segments = List.of(path.substring(1).split("/", -1));
    String apiVersion;
    int at;
    if (segments.size() >= 3 && segments.get(0).equals("api") && segments.get(1).equals("v1")) {
      apiVersion = "v1";
      at = 2;
    } else if (segments.size() >= 4 && segments.get(0).equals("apis")) {
      apiVersion = segments.get(1) + "/" + segments.get(2);
      at = 3;
    } else {
      return Optional.empty();
    }
    List<String> rest = segments.subList(at, segments.size());
    if (rest.getLast().isEmpty()) {
      return Optional.empty();
    }
    if (rest.getFirst().equals("namespaces") && rest.size() >= 3) {
      Optional<ResourceType> inNamespace =
          type(types, apiVersion, rest.get(2)).filter(ResourceType::namespaced);
      if (inNamespace.isPresent()) {
        return rest(inNamespace.get(), rest.get(1), rest.subList(3, rest.size()));
      }
    }
    return type(types, apiVersion, rest.getFirst())
        .flatMap(type -> rest(type, "", rest.subList(1, rest.size())));
  }

  private static Optional<ApiPath> rest(ResourceType type, String namespace, List<String> rest) {
    if (rest.size() > 2 || (type.namespaced() && namespace.isEmpty() && !rest.isEmpty())) {
      return Optional.empty();
    }
    return Optional.of(
        new ApiPath(
            type,
            namespace,
            rest.isEmpty() ? "" : rest.get(0),
            rest.size() < 2 ? "" : rest.get(1)));
  }

  private static Optional<ResourceType> type(
      ResourceTypes types, String apiVersion, String plural) {
    return types.all().stream()
        .filter(type -> type.plural().equals(plural) && type.apiVersion().equals(apiVersion))
        .findFirst();
  }

  /// The kind as refusals name it: `pods`, `deployments.apps`.
  String resource() {
    return type.group().isEmpty() ? type.plural() : type.plural() + "." + type.group();
  }

  ApiPath named(String other) {
    return new ApiPath(type, namespace, other, subresource);
  }

  ObjectKey key() {
    return new ObjectKey(type.group(), type.kind(), namespace, name);
  }

  GroupKind kind() {
    return type.groupKind();
  }
}
