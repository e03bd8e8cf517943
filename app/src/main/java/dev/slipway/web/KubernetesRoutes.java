package dev.slipway.web;

import dev.slipway.controlplane.api.ApiAnswer;
import dev.slipway.controlplane.api.ApiRequest;
import dev.slipway.controlplane.api.KubernetesApi;
import dev.slipway.controlplane.api.PodChannel;
import dev.slipway.web.stream.PodSockets;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Optional;

/// Puts the Kubernetes API onto the paths where its clients look for it.
public final class KubernetesRoutes {
  private KubernetesRoutes() {}

  public static void add(Routes routes, KubernetesApi api, PodSockets sockets) {
    for (String path :
        new String[] {
          "/api",
          "/api/",
          "/api/v1",
          "/api/v1/**",
          "/apis",
          "/apis/**",
          "/version",
          "/version/",
          "/openapi/**"
        }) {
      routes.guarded(path, exchange -> answer(api, sockets, exchange));
    }
  }

  private static void answer(KubernetesApi api, PodSockets sockets, Exchange exchange) {
    var request =
        new ApiRequest(
            exchange.method(),
            exchange.fullPath(),
            exchange.parameters(),
            exchange.header("Content-Type").orElse(""),
            exchange.header("Accept").orElse(""),
            exchange.header("User-Agent").orElse(""),
            exchange.user(),
            exchange::body);
    Optional<PodChannel> channel = api.channel(request);
    if (channel.isPresent()) {
      exchange.upgrade(
          (from, to, callback, ended) -> sockets.upgrade(channel.get(), from, to, callback, ended));
      return;
    }
    switch (api.answer(request)) {
      case ApiAnswer.Whole(int code, String type, byte[] bytes, var warnings) -> {
        exchange.warn(warnings);
        exchange.answer(code, type, bytes);
      }
      case ApiAnswer.Sized(int code, String type, long length, var writer) ->
          exchange.answer(code, type, length, writer);
      case ApiAnswer.Streamed(String type, var writer) -> {
        if (type.equals("application/json") && exchange.asksForSocket()) {
          exchange.upgrade(
              (from, to, callback, ended) -> PodSockets.watch(writer, from, to, callback, ended));
          return;
        }
        try (OutputStream out = exchange.stream(type)) {
          writer.writeTo(out);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }
}
