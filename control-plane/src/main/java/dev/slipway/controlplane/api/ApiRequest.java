package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/// One request, as far as the API cares.
///
/// @param path decoded and without query: `/api/v1/namespaces/default/pods`
/// @param query the first value of each parameter
/// @param body reads the body, which must not be longer than the given number of bytes
/// @param user who asks, as authenticated
public record ApiRequest(
    String method,
    String path,
    Map<String, String> query,
    String contentType,
    String accept,
    String userAgent,
    String user,
    IntFunction<byte[]> body) {
  public ApiRequest {
    query = Map.copyOf(query);
  }

  Optional<String> parameter(String name) {
    return Optional.ofNullable(query.get(name)).filter(value -> !value.isEmpty());
  }

  boolean flag(String name) {
    String value = query.get(name);
    return value != null && (value.equals("true") || value.equals("1") || value.isEmpty());
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
                    ClusterException.Reason.BAD_REQUEST,
                    name + " must be a whole number, not \"" + text + "\"");
              }
            });
  }

  /// Whether the client would rather have a table than objects.
  boolean wantsTable() {
    return accept.contains("as=Table");
  }
}
