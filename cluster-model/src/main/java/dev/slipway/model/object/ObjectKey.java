package dev.slipway.model.object;

import java.util.Comparator;

/// Which object: its group and kind without a version, its namespace (empty for kinds of the whole
/// cluster), its name.
public record ObjectKey(String group, String kind, String namespace, String name)
    implements Comparable<ObjectKey> {
  private static final Comparator<ObjectKey> ORDER =
      Comparator.comparing(ObjectKey::group)
          .thenComparing(ObjectKey::kind)
          .thenComparing(ObjectKey::namespace)
          .thenComparing(ObjectKey::name);

  public ObjectKey {
    if (kind.isEmpty() || name.isEmpty()) {
      throw new IllegalArgumentException("an object key needs a kind and a name");
    }
  }

  /// A key of the core group (`v1`).
  public static ObjectKey core(String kind, String namespace, String name) {
    return new ObjectKey("", kind, namespace, name);
  }

  /// A key of Slipway's own group (`slipway.dev`).
  public static ObjectKey slipway(String kind, String namespace, String name) {
    return new ObjectKey("slipway.dev", kind, namespace, name);
  }

  public GroupKind groupKind() {
    return new GroupKind(group, kind);
  }

  public ObjectKey named(String otherName) {
    return new ObjectKey(group, kind, namespace, otherName);
  }

  @Override
  public int compareTo(ObjectKey other) {
    return ORDER.compare(this, other);
  }

  /// As people write it: `Deployment.apps shop/web`, `Namespace shop`.
  @Override
  public String toString() {
    return groupKind() + " " + (namespace.isEmpty() ? name : namespace + "/" + name);
  }
}
