package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Cause;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/// Reads what an API server says when it does not do what it was asked for.
final class Failures {
  private static final int EXCERPT = 200;

  private Failures() {}

  static ClusterException of(Wire.Answer answer) {
    JsonNode status;
    try {
      status = Json.parse(answer.body());
    } catch (IllegalArgumentException e) {
      status = Json.object();
    }
    if (!Json.string(status, "kind", "").equals("Status")) {
      String text = new String(answer.body(), StandardCharsets.UTF_8).strip();
      return new ClusterException(
          byCode(answer.status()),
          "HTTP %d%s"
              .formatted(
                  answer.status(),
                  text.isEmpty()
                      ? ""
                      : ": " + text.substring(0, Math.min(EXCERPT, text.length()))));
    }
    return of(status);
  }

  /// @param status a `v1` Status
  static ClusterException of(JsonNode status) {
    List<Cause> causes =
        Json.items(status.path("details"), "causes").stream()
            .map(
                cause ->
                    new Cause(
                        Json.string(cause, "field", ""),
                        Json.string(cause, "reason", ""),
                        Json.string(cause, "message", "")))
            .toList();
    String word = Json.string(status, "reason", "");
    String said = Json.string(status, "message", word);
    int code = Json.integer(status, "code", 500);
    return new ClusterException(
        isAboutOneObject(said) ? Reason.INTERNAL : reason(word, code),
        message(said, causes),
        causes);
  }

  /// A webhook that fails is no outage: other objects may be fine.
  private static boolean isAboutOneObject(String said) {
    return said.contains("failed calling webhook") || said.contains("failed to call webhook");
  }

  /// Who owns which field, when that is what stood in the way: the server's own sentence names the
  /// first few only.
  private static String message(String said, List<Cause> causes) {
    String owners =
        causes.stream()
            .filter(cause -> cause.reason().equals("FieldManagerConflict"))
            .map(cause -> cause.field() + ": " + cause.message())
            .collect(Collectors.joining("; "));
    return owners.isEmpty() ? said : "fields belong to others: " + owners;
  }

  private static Reason reason(String word, int code) {
    return switch (word) {
      case "NotFound" -> Reason.NOT_FOUND;
      case "AlreadyExists" -> Reason.ALREADY_EXISTS;
      case "Conflict" -> Reason.CONFLICT;
      case "Invalid" -> Reason.INVALID;
      case "BadRequest" -> Reason.BAD_REQUEST;
      case "Forbidden", "Unauthorized" -> Reason.FORBIDDEN;
      case "Gone", "Expired" -> Reason.EXPIRED;
      case "MethodNotAllowed" -> Reason.METHOD_NOT_ALLOWED;
      case "RequestEntityTooLarge" -> Reason.TOO_LARGE;
      case "UnsupportedMediaType", "NotAcceptable" -> Reason.UNSUPPORTED_MEDIA_TYPE;
      case "Timeout", "ServerTimeout" -> Reason.TIMEOUT;
      case "TooManyRequests" -> Reason.TOO_MANY_REQUESTS;
      default -> byCode(code);
    };
  }

  private static Reason byCode(int code) {
    return switch (code) {
      case 400 -> Reason.BAD_REQUEST;
      case 401, 403 -> Reason.FORBIDDEN;
      case 404 -> Reason.NOT_FOUND;
      case 405 -> Reason.METHOD_NOT_ALLOWED;
      case 409 -> Reason.CONFLICT;
      case 410 -> Reason.EXPIRED;
      case 413 -> Reason.TOO_LARGE;
      case 415, 406 -> Reason.UNSUPPORTED_MEDIA_TYPE;
      case 422 -> Reason.INVALID;
      case 429 -> Reason.TOO_MANY_REQUESTS;
      case 504 -> Reason.TIMEOUT;
      default -> Reason.UNAVAILABLE;
    };
  }
}
