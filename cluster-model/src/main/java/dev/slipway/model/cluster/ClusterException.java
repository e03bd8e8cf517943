package dev.slipway.model.cluster;

import java.util.List;

/// A call to a cluster that did not do what it was asked for, and why, in Kubernetes' own reasons.
public class ClusterException extends RuntimeException {
  /// What kind of failure; the HTTP code is the one that Kubernetes answers with.
  public enum Reason {
    NOT_FOUND("NotFound", 404),
    ALREADY_EXISTS("AlreadyExists", 409),
    CONFLICT("Conflict", 409),
    INVALID("Invalid", 422),
    BAD_REQUEST("BadRequest", 400),
    FORBIDDEN("Forbidden", 403),
    EXPIRED("Expired", 410),
    /// The kind or the path does not know this verb.
    METHOD_NOT_ALLOWED("MethodNotAllowed", 405),
    NOT_ACCEPTABLE("NotAcceptable", 406),
    TOO_LARGE("RequestEntityTooLarge", 413),
    UNSUPPORTED_MEDIA_TYPE("UnsupportedMediaType", 415),
    /// Worth repeating: what was asked for was not reached in time.
    TIMEOUT("Timeout", 504),
    TOO_MANY_REQUESTS("TooManyRequests", 429),
    INTERNAL("InternalError", 500),
    /// The cluster did not answer or could not: whether the call took effect is not known. Worth
    /// repeating.
    UNAVAILABLE("ServiceUnavailable", 503);

    private final String word;
    private final int code;

    Reason(String word, int code) {
      this.word = word;
      this.code = code;
    }

    public String word() {
      return word;
    }

    public int code() {
      return code;
    }
  }

  /// One fault in an object.
  ///
  /// @param field its path (`spec.template.spec.containers[0].image`)
  /// @param reason Kubernetes' word: `FieldValueInvalid`, `FieldValueRequired`,
  ///   `FieldManagerConflict` …
  public record Cause(String field, String reason, String message) {}

  private final Reason reason;
  private final transient List<Cause> causes;

  public ClusterException(Reason reason, String message, List<Cause> causes) {
    super(message);
    this.reason = reason;
    this.causes = List.copyOf(causes);
  }

  public ClusterException(Reason reason, String message) {
    this(reason, message, List.of());
  }

  public ClusterException(Reason reason, String message, Throwable cause) {
    super(message, cause);
    this.reason = reason;
    this.causes = List.of();
  }

  public Reason reason() {
    return reason;
  }

  public List<Cause> causes() {
    return causes;
  }
}
