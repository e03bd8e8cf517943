package dev.slipway.cli;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Where a Docker Engine listens, as people write it.
final class EngineHost {
  static final String LOCAL = "unix:///var/run/docker.sock";

  private EngineHost() {}

  /// @throws CommandFailed saying what would be right
  static void check(String host, boolean certificate, boolean insecure) {
    URI uri;
    try {
      uri = new URI(host);
    } catch (URISyntaxException e) {
      throw new CommandFailed(2, "--host " + host + " is no URL: " + e.getReason());
    }
    String scheme = uri.getScheme() == null ? "" : uri.getScheme();
    switch (scheme) {
      case "unix" -> {
        if (uri.getPath() == null || uri.getPath().isEmpty() || uri.getHost() != null) {
          throw new CommandFailed(2, "--host must be unix:///PATH, with three slashes: " + host);
        }
      }
      case "tcp" -> {
        if (uri.getHost() == null || uri.getPort() < 0) {
          throw new CommandFailed(2, "--host must be tcp://HOST:PORT, not " + host);
        }
        if (!certificate && !insecure && !isLoopback(uri.getHost())) {
          throw new CommandFailed(
              2,
              "%s without TLS would let everybody who reaches it be root there: give --tls-ca, --tls-cert and --tls-key, use ssh://, or say --allow-insecure"
                  .formatted(host));
        }
      }
      case "ssh" -> {
        if (uri.getHost() == null) {
          throw new CommandFailed(2, "--host must be ssh://USER@HOST, not " + host);
        }
      }
      default ->
          throw new CommandFailed(
              2, "--host must begin with unix://, tcp:// or ssh://, not " + host);
    }
  }

  static boolean isLoopback(String host) {
    return host.equals("localhost") || host.equals("[::1]") || host.matches("127(\\.[0-9]+){3}");
  }

  /// A local engine's socket: `DOCKER_HOST` if that is one, else the usual places.
  static Optional<String> find(Map<String, String> environment) {
    String stated = environment.getOrDefault("DOCKER_HOST", "");
    if (!stated.isEmpty()) {
      return Optional.of(stated);
    }
    String runtime = environment.getOrDefault("XDG_RUNTIME_DIR", "/run/user/none");
    return List.of(
            "/var/run/docker.sock",
            runtime + "/docker.sock",
            "/run/podman/podman.sock",
            runtime + "/podman/podman.sock")
        .stream()
        .filter(socket -> Files.isWritable(Path.of(socket)))
        .map(socket -> "unix://" + socket)
        .findFirst();
  }
}
