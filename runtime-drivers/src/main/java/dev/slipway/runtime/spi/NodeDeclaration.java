package dev.slipway.runtime.spi;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// A node as its object declares it, by annotations:
///
/// - `slipway.dev/runtime`: which driver, `docker` for one; this one makes it a declaration
/// - `slipway.dev/host`: where the engine listens
/// - `slipway.dev/credentials`: `namespace/name` of a Secret with what the engine asks for
/// - `slipway.dev/pod-subnet`: `10.112.3.0/24`, where the one that is allotted does not do
/// - `slipway.dev/allow-insecure`: `"true"` for an engine that anybody could talk to
///
/// @param host empty for the driver's own choice
/// @param podSubnet the addresses of its pods, which no other node has; empty where the driver
///   needs none
/// @param credentials the Secret's data, decoded
/// @param annotations all of the Node's, for what only one driver knows
public record NodeDeclaration(
    String name,
    String runtime,
    String host,
    Map<String, byte[]> credentials,
    boolean insecureAllowed,
    Optional<String> podSubnet,
    Map<String, String> annotations) {
  public static final String RUNTIME = "slipway.dev/runtime";
  public static final String HOST = "slipway.dev/host";
  public static final String CREDENTIALS = "slipway.dev/credentials";
  public static final String POD_SUBNET = "slipway.dev/pod-subnet";
  public static final String ALLOW_INSECURE = "slipway.dev/allow-insecure";

  public NodeDeclaration {
    credentials = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(credentials));
    annotations = Map.copyOf(annotations);
  }

  public Optional<byte[]> credential(String key) {
    return Optional.ofNullable(credentials.get(key));
  }

  /// Whether the same connection serves both.
  public boolean connectsAs(NodeDeclaration other) {
    return name.equals(other.name)
        && runtime.equals(other.runtime)
        && host.equals(other.host)
        && podSubnet.equals(other.podSubnet)
        && insecureAllowed == other.insecureAllowed
        && own(annotations).equals(own(other.annotations))
        && credentials.keySet().equals(other.credentials.keySet())
        && credentials.entrySet().stream()
            .allMatch(e -> Arrays.equals(e.getValue(), other.credentials.get(e.getKey())));
  }

  private static Map<String, String> own(Map<String, String> annotations) {
    var own = new LinkedHashMap<>(annotations);
    own.keySet().removeIf(key -> !key.startsWith("slipway.dev/"));
    return own;
  }

  /// Credentials are told by name only.
  @Override
  public String toString() {
    return "%s (%s at %s, credentials %s)".formatted(name, runtime, host, credentials.keySet());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof NodeDeclaration declaration && connectsAs(declaration);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, runtime, host);
  }
}
