package dev.slipway.app;

import dev.slipway.cli.StatusText;
import dev.slipway.controlplane.access.User;
import dev.slipway.controlplane.api.ApiAnswer;
import dev.slipway.controlplane.api.ApiRequest;
import dev.slipway.controlplane.api.KubernetesApi;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.web.Exchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// `GET /slipway/v1/status`: the text of `slipway status`, of what the caller may see.
final class StatusPage {
  private final KubernetesApi api;
  private final InstantSource clock;

  StatusPage(KubernetesApi api, InstantSource clock) {
    this.api = api;
    this.clock = clock;
  }

  void answer(Exchange exchange) {
    exchange.answerText(
        200,
        StatusText.of(
                (path, accept) -> objects(path, accept, exchange.user()),
                exchange.query("namespace").orElse("default"),
                exchange.query("name").orElse(""),
                exchange.flag("colours"),
                clock)
            .orElseThrow(
                () ->
                    new ClusterException(
                        ClusterException.Reason.NOT_FOUND, "there is nothing to show")));
  }

  private StatusText.Objects.Answer objects(URI path, String accept, User user) {
    var request =
        new ApiRequest(
            "GET", path.getPath(), query(path), "", accept, "slipway", user, _ -> new byte[0]);
    return switch (api.answer(request)) {
      case ApiAnswer.Whole(int code, _, byte[] bytes, _) ->
          new StatusText.Objects.Answer(code, bytes);
      case ApiAnswer.Sized(int code, _, _, var writer) ->
          new StatusText.Objects.Answer(code, written(writer));
      case ApiAnswer.Streamed(_, var writer) -> new StatusText.Objects.Answer(200, written(writer));
    };
  }

  private static byte[] written(ApiAnswer.Writer writer) {
    var bytes = new ByteArrayOutputStream();
    try {
      writer.writeTo(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static Map<String, List<String>> query(URI path) {
    var query = new LinkedHashMap<String, List<String>>();
    if (path.getRawQuery() != null) {
      for (String parameter : path.getRawQuery().split("&", -1)) {
        String[] halves = parameter.split("=", 2);
        query
            .computeIfAbsent(decoded(halves[0]), _ -> new ArrayList<>())
            .add(halves.length > 1 ? decoded(halves[1]) : "");
      }
    }
    return query;
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}
