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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What is asked of a running pod through plain HTTP.
record PodRequests(PodStreams pods, InstantSource clock) {
  ApiAnswer log(ApiPath path, ApiRequest request) {
    List<ClusterException.Cause> faults = faults(request);
    if (!faults.isEmpty()) {
      throw InvalidOptions.ofLog(path.name(), faults);
    }
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
    if (!wanted.follow()) {
      var whole = new ByteArrayOutputStream();
      pods.logs(wanted, whole);
      byte[] bytes = whole.toByteArray();
      byte[] shown = bytes.length <= limit ? bytes : java.util.Arrays.copyOf(bytes, limit);
      return new ApiAnswer.Whole(200, "text/plain", shown, List.of());
    }
    return new ApiAnswer.Streamed("text/plain", out -> pods.logs(wanted, new Flushing(out)));
  }

  private static List<ClusterException.Cause> faults(ApiRequest request) {
    var faults = new ArrayList<ClusterException.Cause>();
    tooSmall(request, "tailLines", 0, "must be greater than or equal to 0").ifPresent(faults::add);
    tooSmall(request, "limitBytes", 1, "must be greater than 0").ifPresent(faults::add);
    if (request.number("sinceSeconds").isPresent() && request.parameter("sinceTime").isPresent()) {
      faults.add(
          new ClusterException.Cause(
              "",
              "FieldValueForbidden",
              "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"));
    } else {
      tooSmall(request, "sinceSeconds", 1, "must be greater than 0").ifPresent(faults::add);
    }
    return faults;
  }

  private static Optional<ClusterException.Cause> tooSmall(
      ApiRequest request, String name, int least, String rule) {
    return request
        .number(name)
        .filter(number -> number < least)
        .map(
            number ->
                new ClusterException.Cause(
                    name, "FieldValueInvalid", "Invalid value: %d: %s".formatted(number, rule)));
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
