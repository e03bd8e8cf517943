package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.object.GroupKind;
import java.util.List;

/// A parameter of a request that cannot be: the refusal is about the options and not about the
/// object.
final class InvalidOptions extends ClusterException {
  private static final long serialVersionUID = 1;

  private final String group;
  private final String kind;
  private final String name;

  /// @param kind `CreateOptions`, `ListOptions` …
  InvalidOptions(String kind, String field, String reason, String message) {
    this("meta.k8s.io", kind, "", List.of(new Cause(field, reason, message)));
  }

  /// @param name of the object that is asked with these options
  private InvalidOptions(String group, String kind, String name, List<Cause> causes) {
    super(
        Reason.INVALID,
        "%s \"%s\" is invalid: %s".formatted(new GroupKind(group, kind), name, words(causes)),
        causes);
    this.group = group;
    this.kind = kind;
    this.name = name;
  }

  static InvalidOptions ofLog(String pod, List<Cause> causes) {
    return new InvalidOptions("", "PodLogOptions", pod, causes);
  }

  private static String words(List<Cause> causes) {
    List<String> words =
        causes.stream().map(cause -> cause.field() + ": " + cause.message()).toList();
    return words.size() == 1 ? words.getFirst() : "[" + String.join(", ", words) + "]";
  }

  static InvalidOptions forbidden(String kind, String field, String why) {
    return new InvalidOptions(kind, field, "FieldValueForbidden", "Forbidden: " + why);
  }

  static InvalidOptions unsupported(String kind, String field, String value, String supported) {
    return new InvalidOptions(
        kind,
        field,
        "FieldValueNotSupported",
        "Unsupported value: %s: supported values: %s".formatted(value, supported));
  }

  String group() {
    return group;
  }

  String kind() {
    return kind;
  }

  String name() {
    return name;
  }
}
