package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import java.util.List;

/// A parameter of a request that cannot be: the refusal is about the options and not about the
/// object.
final class InvalidOptions extends ClusterException {
  private static final long serialVersionUID = 1;

  private final String kind;

  /// @param kind `CreateOptions`, `ListOptions` …
  InvalidOptions(String kind, String field, String reason, String message) {
    super(
        Reason.INVALID,
        "%s.meta.k8s.io \"\" is invalid: %s: %s".formatted(kind, field, message),
        List.of(new Cause(field, reason, message)));
    this.kind = kind;
  }

  static InvalidOptions unsupported(String kind, String field, String value, String supported) {
    return new InvalidOptions(
        kind,
        field,
        "FieldValueNotSupported",
        "Unsupported value: %s: supported values: %s".formatted(value, supported));
  }

  String kind() {
    return kind;
  }
}
