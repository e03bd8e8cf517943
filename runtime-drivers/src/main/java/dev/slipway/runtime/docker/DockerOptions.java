package dev.slipway.runtime.docker;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// How pods run on one engine.
///
/// @param owner tells our containers from those of another Slipway on the same engine; must outlive
///   the daemon and its database
/// @param node its name; one engine may be several nodes
/// @param subnet of the pods' addresses, as `10.64.3.0/24`; empty lets the engine choose one
/// @param dnsServers answer names of services in pods; empty for the engine's own
/// @param clusterDomain ends the names of services
/// @param hostAllowed pods may be privileged and use namespaces and paths of the host
/// @param atOnce how many containers are made, started or removed at the same time
/// @param patience how long an ordinary call may take
/// @param compareEvery the safety net beside the engine's events
public record DockerOptions(
    String owner,
    String node,
    Optional<String> subnet,
    List<String> dnsServers,
    String clusterDomain,
    boolean hostAllowed,
    int atOnce,
    Duration patience,
    Duration compareEvery) {
  public DockerOptions {
    dnsServers = List.copyOf(dnsServers);
    if (owner.isEmpty() || node.isEmpty()) {
      throw new IllegalArgumentException("owner and node must be named");
    }
  }

  public static DockerOptions of(String owner, String node) {
    return new DockerOptions(
        owner,
        node,
        Optional.empty(),
        List.of(),
        "cluster.local",
        true,
        20,
        Duration.ofSeconds(30),
        Duration.ofSeconds(30));
  }

  public DockerOptions withSubnet(String cidr) {
    return new DockerOptions(
        owner,
        node,
        Optional.of(cidr),
        dnsServers,
        clusterDomain,
        hostAllowed,
        atOnce,
        patience,
        compareEvery);
  }

  public DockerOptions withDns(List<String> servers, String domain) {
    return new DockerOptions(
        owner, node, subnet, servers, domain, hostAllowed, atOnce, patience, compareEvery);
  }

  public DockerOptions withHostAllowed(boolean allowed) {
    return new DockerOptions(
        owner, node, subnet, dnsServers, clusterDomain, allowed, atOnce, patience, compareEvery);
  }

  public DockerOptions withPatience(Duration limit) {
    return new DockerOptions(
        owner, node, subnet, dnsServers, clusterDomain, hostAllowed, atOnce, limit, compareEvery);
  }

  public DockerOptions withAtOnce(int many) {
    return new DockerOptions(
        owner, node, subnet, dnsServers, clusterDomain, hostAllowed, many, patience, compareEvery);
  }

  public DockerOptions withCompareEvery(Duration period) {
    return new DockerOptions(
        owner, node, subnet, dnsServers, clusterDomain, hostAllowed, atOnce, patience, period);
  }
}
