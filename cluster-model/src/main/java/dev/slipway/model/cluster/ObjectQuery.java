package dev.slipway.model.cluster;

import dev.slipway.model.object.FieldSelector;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.LabelSelector;
import java.util.Optional;

/// Which objects: one kind, all namespaces or one, by labels, by fields, by owner, by node.
///
/// @param namespace empty for all namespaces
/// @param ownerUid only objects with an owner reference to this UID
/// @param nodeName only pods bound to this node
public record ObjectQuery(
    GroupKind kind,
    Optional<String> namespace,
    LabelSelector labels,
    FieldSelector fields,
    Optional<String> ownerUid,
    Optional<String> nodeName) {
  public static ObjectQuery all(GroupKind kind) {
    return new ObjectQuery(
        kind,
        Optional.empty(),
        LabelSelector.EVERYTHING,
        FieldSelector.EVERYTHING,
        Optional.empty(),
        Optional.empty());
  }

  public static ObjectQuery in(GroupKind kind, String namespace) {
    return all(kind).inNamespace(namespace);
  }

  public ObjectQuery inNamespace(String name) {
    return new ObjectQuery(kind, Optional.of(name), labels, fields, ownerUid, nodeName);
  }

  public ObjectQuery labelled(LabelSelector selector) {
    return new ObjectQuery(kind, namespace, selector, fields, ownerUid, nodeName);
  }

  /// `metadata.name`, `metadata.namespace` and `spec.nodeName` are looked up, the others compared
  /// one by one.
  public ObjectQuery where(FieldSelector selector) {
    return new ObjectQuery(
        kind,
        namespace.or(() -> selector.exact("metadata", "namespace")),
        labels,
        selector,
        ownerUid,
        kind.equals(GroupKind.core("Pod"))
            ? nodeName.or(() -> selector.exact("spec", "nodeName").filter(name -> !name.isEmpty()))
            : nodeName);
  }

  public ObjectQuery ownedBy(String uid) {
    return new ObjectQuery(kind, namespace, labels, fields, Optional.of(uid), nodeName);
  }

  public ObjectQuery onNode(String name) {
    return new ObjectQuery(kind, namespace, labels, fields, ownerUid, Optional.of(name));
  }
}
