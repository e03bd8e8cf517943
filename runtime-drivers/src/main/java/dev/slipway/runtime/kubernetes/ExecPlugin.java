package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Timeline;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A program that gives a token, as kubeconfigs of clouds name one. It runs with the rights of
/// Slipway: only where the operator allows it.
final class ExecPlugin implements Endpoint.Bearer {
  private static final Duration LONGEST = Duration.ofSeconds(30);
  private static final Duration EARLY = Duration.ofSeconds(30);
  private static final int MAX_ANSWER = 1 << 20;

  private final List<String> command;
  private final Map<String, String> environment;
  private final String apiVersion;
  private final Timeline timeline;
  private @Nullable String token;
  private Optional<Instant> expires = Optional.empty();

  ExecPlugin(
      List<String> command, Map<String, String> environment, String apiVersion, Timeline timeline) {
    this.command = List.copyOf(command);
    this.environment = Map.copyOf(environment);
    this.apiVersion = apiVersion;
    this.timeline = timeline;
  }

  @Override
  public synchronized Optional<String> token() {
    if (token == null
        || expires.filter(at -> !at.minus(EARLY).isAfter(timeline.instant())).isPresent()) {
      run();
    }
    return Optional.ofNullable(token);
  }

  private void run() {
    var builder = new ProcessBuilder(new ArrayList<>(command));
    builder.environment().putAll(environment);
    builder
        .environment()
        .put(
            "KUBERNETES_EXEC_INFO",
            Json.text(
                Json.object()
                    .put("apiVersion", apiVersion)
                    .put("kind", "ExecCredential")
                    .set("spec", Json.object().put("interactive", false))));
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      timeline.schedule(LONGEST, process::destroyForcibly);
      byte[] said = process.getInputStream().readNBytes(MAX_ANSWER);
      if (!process.waitFor(LONGEST.toSeconds(), TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new ClusterException(
            Reason.UNAVAILABLE, "the credential plug-in %s failed".formatted(command.getFirst()));
      }
      JsonNode status = Json.parse(said).path("status");
      token = Json.string(status, "token").orElse(null);
      expires = KubeObject.instant(status, "expirationTimestamp");
      if (token == null) {
        throw new ClusterException(
            Reason.UNAVAILABLE,
            "the credential plug-in %s gave no token".formatted(command.getFirst()));
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new ClusterException(
          Reason.UNAVAILABLE,
          "the credential plug-in %s failed: %s".formatted(command.getFirst(), e.getMessage()),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterException(Reason.UNAVAILABLE, "interrupted", e);
    }
  }
}
