package dev.slipway.model.object;

import org.jspecify.annotations.Nullable;

/// A kind within its API group, whatever the version. The core group is the empty text.
public record GroupKind(String group, String kind) implements Comparable<GroupKind> {
  public static GroupKind core(String kind) {
    return new GroupKind("", kind);
  }

  public static GroupKind slipway(String kind) {
    return new GroupKind("slipway.dev", kind);
  }

  /// The group of an `apiVersion`: `apps/v1` gives `apps`, `v1` gives the empty text.
  public static String groupOf(String apiVersion) {
    int slash = apiVersion.indexOf('/');
    return slash < 0 ? "" : apiVersion.substring(0, slash);
  }

  /// By hand, as [#hashCode()], for the reason given at [ObjectKey#equals].
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof GroupKind that && kind.equals(that.kind) && group.equals(that.group);
  }

  @Override
  public int hashCode() {
    return group.hashCode() * 31 + kind.hashCode();
  }

  @Override
  public int compareTo(GroupKind other) {
    int byGroup = group.compareTo(other.group);
    return byGroup != 0 ? byGroup : kind.compareTo(other.kind);
  }

  @Override
  public String toString() {
    return group.isEmpty() ? kind : kind + "." + group;
  }
}
