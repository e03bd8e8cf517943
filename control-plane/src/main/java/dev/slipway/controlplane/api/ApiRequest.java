package dev.slipway.controlplane.api;

import dev.slipway.controlplane.access.User;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/// One request, as far as the API cares.
///
/// @param path decoded and without query: `/api/v1/namespaces/default/pods`
/// @param query the values of each parameter
/// @param body reads the body, which must not be longer than the given number of bytes
/// @param user who asks, as authenticated
public record ApiRequest(
    String method,
    String path,
    Map<String, List<String>> query,
    String contentType,
    String accept,
    String userAgent,
    User user,
    IntFunction<byte[]> body) {
  /// How a client wants objects shown.
  enum Form {
    OBJECT,
    TABLE,
    METADATA
  }

  public ApiRequest {
    query = Map.copyOf(query);
  }

  Optional<String> parameter(String name) {
    List<String> values = query.getOrDefault(name, List.of());
    return values.isEmpty() || values.getFirst().isEmpty()
        ? Optional.empty()
        : Optional.of(values.getFirst());
  }

  List<String> parameters(String name) {
    return query.getOrDefault(name, List.of());
  }

  /// As Kubernetes reads it: whatever is stated means yes, but for `false` and `0`.
  boolean flag(String name) {
    List<String> values = query.get(name);
    return values != null
        && !values.isEmpty()
        && !values.getFirst().equalsIgnoreCase("false")
        && !values.getFirst().equals("0");
  }

  /// @throws ClusterException `BAD_REQUEST` when it is no whole number
  Optional<Integer> number(String name) {
    return parameter(name)
        .map(
            text -> {
              try {
                return Integer.valueOf(text);
              } catch (NumberFormatException e) {
                throw new ClusterException(
                    Reason.BAD_REQUEST, name + " must be a whole number, not \"" + text + "\"");
              }
            });
  }

  /// The kind of the body, without its parameters, in lower case.
  String mediaType() {
    return contentType.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
  }

  /// The first form among those accepted that is served here.
  Form form() {
    for (String range : accept.split(",", -1)) {
      if (range.contains("as=Table")) {
        return Form.TABLE;
      }
      if (range.contains("as=PartialObjectMetadata")) {
        return Form.METADATA;
      }
      if (range.strip().startsWith("application/json") && !range.contains("as=")) {
        return Form.OBJECT;
      }
    }
    return Form.OBJECT;
  }

  /// Whether an answer in JSON is among those accepted; of protobuf and of forms that are not known
  /// clients accept JSON too.
  boolean takesJson() {
    if (accept.isBlank()) {
      return true;
    }
    for (String range : accept.split(",", -1)) {
      String type = range.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
      if (type.equals("application/json") || type.equals("*/*") || type.equals("application/*")) {
        return true;
      }
    }
    return false;
  }

  /// What Kubernetes calls the parameters of this verb.
  private String options() {
    return switch (method) {
      case "POST" -> "CreateOptions";
      case "PUT" -> "UpdateOptions";
      case "PATCH" -> "PatchOptions";
      case "DELETE" -> "DeleteOptions";
      default -> "ListOptions";
    };
  }

  boolean isDryRun() {
    Optional<String> value = parameter("dryRun");
    if (value.isPresent() && !value.get().equals("All")) {
      throw InvalidOptions.unsupported(options(), "dryRun", "[\"" + value.get() + "\"]", "\"All\"");
    }
    return value.isPresent();
  }

  /// What is to become of fields that the schema does not know.
  enum Validation {
    STRICT,
    WARN,
    IGNORE
  }

  Validation validation() {
    return switch (parameter("fieldValidation").orElse("Warn")) {
      case "Strict" -> Validation.STRICT;
      case "Warn" -> Validation.WARN;
      case "Ignore" -> Validation.IGNORE;
      case String other ->
          throw InvalidOptions.unsupported(
              options(),
              "fieldValidation",
              "\"" + other + "\"",
              "\"\", \"Ignore\", \"Strict\", \"Warn\"");
    };
  }
}
