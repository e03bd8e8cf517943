package dev.slipway.model.object;

import dev.slipway.model.json.Shared;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/// Which object: its group and kind without a version, its namespace (empty for kinds of the whole
/// cluster), its name.
public record ObjectKey(String group, String kind, String namespace, String name)
    implements Comparable<ObjectKey> {
  // Keys are compared for every object of long lists.
  private static final Shared<String> WORDS = new Shared<>(10);

  private static final Comparator<ObjectKey> ORDER =
      Comparator.comparing(ObjectKey::group)
          .thenComparing(ObjectKey::kind)
          .thenComparing(ObjectKey::namespace)
          .thenComparing(ObjectKey::name);

  public ObjectKey {
    if (kind.isEmpty() || name.isEmpty()) {
      throw new IllegalArgumentException("an object key needs a kind and a name");
    }
    group = WORDS.one(group);
    kind = WORDS.one(kind);
    namespace = WORDS.one(namespace);
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

  /// By hand, as [#hashCode()]: what the compiler makes for a record goes through method handles,
  /// which cost several times as much before the optimising compiler, and keys are compared for
  /// every object that is looked up.
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ObjectKey that
        && name.equals(that.name)
        && namespace.equals(that.namespace)
        && kind.equals(that.kind)
        && group.equals(that.group);
  }

  @Override
  public int hashCode() {
    return ((group.hashCode() * 31 + kind.hashCode()) * 31 + namespace.hashCode()) * 31
        + name.hashCode();
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
