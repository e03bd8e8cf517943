package dev.slipway.runtime.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FailuresTest {
  /// What counts as an outage is tried without end; what is about one object is not.
  @ParameterizedTest(name = "{2}")
  @CsvSource({
    "InternalError, 500, etcdserver: request timed out, UNAVAILABLE",
    "'', 503, apiserver is shutting down, UNAVAILABLE",
    "TooManyRequests, 429, please try again later, TOO_MANY_REQUESTS",
    "InternalError, 500, 'Internal error occurred: failed calling webhook \"a.b\": refused', INTERNAL",
    "Forbidden, 403, admission webhook \"a.b\" denied the request, FORBIDDEN",
    "Conflict, 409, the object has been modified, CONFLICT"
  })
  void aStatusIsReadAsWhatItMeans(
      String word, int code, String message, ClusterException.Reason reason) {
    ClusterException failure =
        Failures.of(Json.object().put("reason", word).put("code", code).put("message", message));

    assertThat(failure.reason()).isEqualTo(reason);
    assertThat(failure).hasMessage(message);
  }
}
