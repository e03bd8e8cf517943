package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.pod.PodStreams;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/// What is asked of a running pod through plain HTTP.
record PodRequests(PodStreams pods, InstantSource clock) {
  ApiAnswer log(ApiPath path, ApiRequest request) {
    Optional<Instant> since =
        request
            .number("sinceSeconds")
            .map(seconds -> clock.instant().minusSeconds(seconds))
            .or(() -> request.parameter("sinceTime").map(PodRequests::time));
    var wanted =
        new PodStreams.LogRequest(
            path.namespace(),
            path.name(),
            request.parameter("container").orElse(""),
            request.flag("previous"),
            request.flag("follow"),
            request.flag("timestamps"),
            request.number("tailLines"),
            since);
    int limit = request.number("limitBytes").orElse(Integer.MAX_VALUE);
    if (limit <= 0) {
      throw new ClusterException(Reason.INVALID, "limitBytes must be at least 1");
    }
    if (!wanted.follow()) {
      var whole = new ByteArrayOutputStream();
      pods.logs(wanted, whole);
      byte[] bytes = whole.toByteArray();
      byte[] shown = bytes.length <= limit ? bytes : java.util.Arrays.copyOf(bytes, limit);
      return new ApiAnswer.Whole(200, "text/plain", shown, java.util.List.of());
    }
    return new ApiAnswer.Streamed("text/plain", out -> pods.logs(wanted, new Flushing(out)));
  }

  /// What follows a log wants each piece at once.
  private static final class Flushing extends FilterOutputStream {
    Flushing(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      out.flush();
    }
  }

  private static Instant time(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new ClusterException(Reason.BAD_REQUEST, "no RFC 3339 time: \"" + text + "\"");
    }
  }
}
