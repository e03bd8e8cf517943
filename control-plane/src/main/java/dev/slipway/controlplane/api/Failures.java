package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Refusals as the `Status` objects that Kubernetes' clients read.
public final class Failures {
  private Failures() {}

  /// A refusal that is about no object.
  public static ObjectNode status(int code, String reason, String message) {
    ObjectNode status = Json.object();
    status.put("kind", "Status").put("apiVersion", "v1").putObject("metadata");
    status.put("status", "Failure");
    return status.put("message", message).put("reason", reason).put("code", code);
  }

  public static ObjectNode status(ClusterException failure) {
    return status(failure, Optional.empty());
  }

  /// @param path what the request was about
  static ObjectNode status(ClusterException failure, Optional<ApiPath> path) {
    ClusterException.Reason reason = failure.reason();
    ObjectNode status = status(reason.code(), reason.word(), message(failure, path));
    ObjectNode details = Json.object();
    if (failure instanceof InvalidOptions options) {
      if (!options.name().isEmpty()) {
        details.put("name", options.name());
      }
      if (!options.group().isEmpty()) {
        details.put("group", options.group());
      }
      details.put("kind", options.kind());
    } else if (!isAboutTheRequest(failure)) {
      path.ifPresent(
          at -> {
            if (!at.name().isEmpty()) {
              details.put("name", at.name());
            }
            if (!at.type().group().isEmpty()) {
              details.put("group", at.type().group());
            }
            boolean judged = reason == ClusterException.Reason.INVALID;
            details.put("kind", judged ? at.type().kind() : at.type().plural());
          });
    }
    if (!failure.causes().isEmpty()) {
      ArrayNode causes = details.putArray("causes");
      for (var cause : failure.causes()) {
        causes
            .addObject()
            .put("reason", cause.reason())
            .put("message", cause.message())
            .put("field", cause.field());
      }
    }
    if (reason == ClusterException.Reason.TOO_MANY_REQUESTS
        || reason == ClusterException.Reason.TIMEOUT) {
      details.put("retryAfterSeconds", 1);
    }
    if (!details.isEmpty()
        || (isAboutTheRequest(failure)
            && reason != ClusterException.Reason.BAD_REQUEST
            && !failure.causes().isEmpty() == (reason == ClusterException.Reason.CONFLICT))) {
      status.set("details", details);
    }
    return status;
  }

  /// Then the answer does not name the object.
  private static boolean isAboutTheRequest(ClusterException failure) {
    return switch (failure.reason()) {
      case CONFLICT ->
          failure.causes().stream()
              .anyMatch(cause -> cause.reason().equals("FieldManagerConflict"));
      case INVALID -> failure.causes().isEmpty();
      case BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE, METHOD_NOT_ALLOWED -> true;
      case NOT_FOUND -> KubernetesApi.NO_SUCH_PATH.equals(failure.getMessage());
      default -> false;
    };
  }

  private static String message(ClusterException failure, Optional<ApiPath> path) {
    String message = String.valueOf(failure.getMessage());
    if (path.isEmpty() || path.get().name().isEmpty()) {
      return message;
    }
    String what = path.get().resource() + " \"" + path.get().name() + "\"";
    return switch (failure.reason()) {
      case CONFLICT ->
          failure.causes().isEmpty()
              ? "Operation cannot be fulfilled on %s: %s".formatted(what, message)
              : message;
      default -> message;
    };
  }
}
