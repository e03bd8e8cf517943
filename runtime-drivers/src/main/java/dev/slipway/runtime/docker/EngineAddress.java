package dev.slipway.runtime.docker;

import dev.slipway.runtime.spi.RuntimeFailedException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/// Where an engine listens.
public sealed interface EngineAddress {
  record Unix(Path socket) implements EngineAddress {
    @Override
    public String toString() {
      return "unix://" + socket;
    }
  }

  /// @param keys who we are and whom we trust; empty for a connection that anybody may read
  record Tcp(String host, int port, Optional<EngineKeys> keys) implements EngineAddress {
    @Override
    public String toString() {
      return "tcp://" + host + ":" + port;
    }
  }

  /// @param user empty for ssh's own choice
  /// @param port 0 for ssh's own choice
  /// @param key the private key; empty for ssh's own choice
  /// @param knownHosts whom to trust; empty for ssh's own choice
  record Ssh(String user, String host, int port, Optional<byte[]> key, Optional<byte[]> knownHosts)
      implements EngineAddress {
    @Override
    public String toString() {
      return "ssh://" + (user.isEmpty() ? "" : user + "@") + host + (port > 0 ? ":" + port : "");
    }
  }

  /// Reads `unix:///run/docker.sock`, `tcp://host:2376` or `ssh://user@host`.
  ///
  /// @param insecureAllowed lets TCP without TLS reach another host
  /// @throws RuntimeFailedException permanent, saying what would be right
  static EngineAddress parse(
      String text,
      Optional<EngineKeys> keys,
      Optional<byte[]> sshKey,
      Optional<byte[]> knownHosts,
      boolean insecureAllowed) {
    URI uri;
    try {
      uri = new URI(text.strip());
    } catch (URISyntaxException e) {
      throw wrong(text, "is no address");
    }
    String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
    return switch (scheme) {
      case "unix" -> {
        String path = uri.getPath();
        if (uri.getAuthority() != null || path == null || !path.startsWith("/")) {
          throw wrong(text, "does not name a socket by its whole path");
        }
        yield new Unix(Path.of(path));
      }
      case "tcp", "https" -> {
        if (uri.getHost() == null) {
          throw wrong(text, "names no host");
        }
        int port = uri.getPort() > 0 ? uri.getPort() : keys.isPresent() ? 2376 : 2375;
        if (keys.isEmpty() && !insecureAllowed && !isLoopback(uri.getHost())) {
          throw RuntimeFailedException.unsupported(
              "engine %s would be used without TLS: whoever reaches that port is root there. Give a Secret with ca.pem, cert.pem and key.pem, use ssh://, or allow it expressly"
                  .formatted(text));
        }
        yield new Tcp(uri.getHost(), port, keys);
      }
      case "ssh" -> {
        if (uri.getHost() == null || uri.getHost().startsWith("-")) {
          throw wrong(text, "names no host");
        }
        String user = uri.getUserInfo() == null ? "" : uri.getUserInfo();
        if (user.startsWith("-") || user.contains(":")) {
          throw wrong(text, "may name a user before the @, and nothing else");
        }
        yield new Ssh(user, uri.getHost(), Math.max(0, uri.getPort()), sshKey, knownHosts);
      }
      default -> throw wrong(text, "has an unknown form");
    };
  }

  private static RuntimeFailedException wrong(String text, String why) {
    return RuntimeFailedException.unsupported(
        "engine address \"%s\" %s; known are unix:///run/docker.sock, tcp://host:2376 and ssh://user@host"
            .formatted(text, why));
  }

  private static boolean isLoopback(String host) {
    if (host.equalsIgnoreCase("localhost")) {
      return true;
    }
    try {
      // A name is not looked up: what it means may change.
      return host.matches("[0-9.]+|\\[.*]") && InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
