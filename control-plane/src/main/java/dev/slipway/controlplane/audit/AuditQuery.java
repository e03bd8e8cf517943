package dev.slipway.controlplane.audit;

import java.util.Optional;

/// Which audit records: by kind, namespace and name where given, the newest first.
///
/// @param before only records below this revision; for reading on, page by page
/// @param limit at most so many
public record AuditQuery(
    Optional<String> kind,
    Optional<String> namespace,
    Optional<String> name,
    long before,
    int limit) {
  public static AuditQuery newest(int limit) {
    return new AuditQuery(
        Optional.empty(), Optional.empty(), Optional.empty(), Long.MAX_VALUE, limit);
  }

  public AuditQuery of(String kindName, String namespaceName, String objectName) {
    return new AuditQuery(
        Optional.of(kindName), Optional.of(namespaceName), Optional.of(objectName), before, limit);
  }

  public boolean matches(AuditRecord entry) {
    return entry.revision() < before
        && kind.filter(k -> !k.equals(entry.object().kind())).isEmpty()
        && namespace.filter(n -> !n.equals(entry.object().namespace())).isEmpty()
        && name.filter(n -> !n.equals(entry.object().name())).isEmpty();
  }
}
