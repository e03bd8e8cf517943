package dev.slipway.model.object;

import java.util.List;

/// A kind as the API serves it.
///
/// @param version the preferred version, without the group (`v1`)
/// @param plural the name in a URL (`replicationcontrollers`)
/// @param shortNames what people type instead (`rc`)
public record ResourceType(
    String group,
    String version,
    String kind,
    String plural,
    boolean namespaced,
    List<String> shortNames) {
  public ResourceType {
    shortNames = List.copyOf(shortNames);
  }

  public GroupKind groupKind() {
    return new GroupKind(group, kind);
  }

  public String apiVersion() {
    return group.isEmpty() ? version : group + "/" + version;
  }

  public String singular() {
    return kind.toLowerCase(java.util.Locale.ROOT);
  }
}
