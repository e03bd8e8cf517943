package dev.slipway.controlplane.access;

/// What somebody wants to do: to objects, or to a path that is no object.
///
/// @param verb `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` …
///   in lower case
/// @param resource the plural; empty for a path
/// @param namespace empty for all namespaces and for kinds without one
/// @param name empty for a collection
/// @param path for what is no object; else empty
public record AccessRequest(
    String verb,
    String group,
    String resource,
    String subresource,
    String namespace,
    String name,
    String path) {
  public static AccessRequest path(String verb, String path) {
    return new AccessRequest(verb, "", "", "", "", "", path);
  }

  public static AccessRequest object(
      String verb,
      String group,
      String resource,
      String subresource,
      String namespace,
      String name) {
    return new AccessRequest(verb, group, resource, subresource, namespace, name, "");
  }

  boolean isPath() {
    return resource.isEmpty();
  }

  String fullResource() {
    return subresource.isEmpty() ? resource : resource + "/" + subresource;
  }

  /// As a refusal names it.
  public String text() {
    if (isPath()) {
      return "%s path \"%s\"".formatted(verb, path);
    }
    return "%s resource \"%s\" in API group \"%s\"%s"
        .formatted(
            verb,
            fullResource(),
            group,
            namespace.isEmpty()
                ? " at the cluster scope"
                : " in the namespace \"" + namespace + "\"");
  }
}
