package dev.slipway.runtime.kubernetes;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/// Where an API server is, whom we trust there, and who we are.
///
/// @param server without a slash at its end
/// @param tls empty for plain HTTP
/// @param bearer asked before each request; must be cheap
public record Endpoint(URI server, Optional<SSLContext> tls, Bearer bearer) {
  /// @param server `https://HOST:PORT`
  /// @param authorities PEM certificates; empty for those that the JDK trusts
  /// @param certificate of the client, PEM, with its key: both or neither
  /// @param insecure trusts whoever answers
  /// @throws IllegalArgumentException naming the part that cannot be read
  public static Endpoint of(
      String server,
      Optional<byte[]> authorities,
      Optional<byte[]> certificate,
      Optional<byte[]> key,
      boolean insecure,
      Bearer bearer) {
    URI uri;
    try {
      uri = new URI(server.endsWith("/") ? server.substring(0, server.length() - 1) : server);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("\"%s\" is no address of a server".formatted(server), e);
    }
    String scheme = uri.getScheme() == null ? "" : uri.getScheme();
    if (!scheme.equals("https") && !scheme.equals("http") || uri.getHost() == null) {
      throw new IllegalArgumentException(
          "\"%s\" is no address of a server: expected https://HOST:PORT".formatted(server));
    }
    return new Endpoint(
        uri,
        scheme.equals("https")
            ? Optional.of(Trust.context(authorities, certificate, key, insecure))
            : Optional.empty(),
        bearer);
  }

  /// Gives the token to show, if any.
  @FunctionalInterface
  public interface Bearer {
    Bearer NONE = Optional::empty;

    /// @throws dev.slipway.model.cluster.ClusterException when there should be one and is none
    Optional<String> token();

    static Bearer fixed(String token) {
      return () -> Optional.of(token);
    }
  }
}
