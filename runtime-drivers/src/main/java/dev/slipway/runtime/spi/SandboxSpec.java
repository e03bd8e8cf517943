package dev.slipway.runtime.spi;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What the containers of a pod share: its place.
///
/// @param hostname empty for the pod's name
/// @param containers how many it has in all, those of its beginning too
/// @param sharedProcesses its containers see each other's processes
/// @param sysctls kernel settings of its own namespaces
/// @param group owns the files of its volumes beside root
public record SandboxSpec(
    String podUid,
    String namespace,
    String name,
    String hostname,
    int containers,
    boolean sharedProcesses,
    HostAccess host,
    Names names,
    List<HostPort> hostPorts,
    Map<String, String> sysctls,
    Optional<Long> group,
    List<VolumeSpec> volumes) {
  public SandboxSpec {
    hostPorts = List.copyOf(hostPorts);
    sysctls = Map.copyOf(sysctls);
    volumes = List.copyOf(volumes);
  }

  /// A pod of one container that asks for nothing.
  public static SandboxSpec plain(String podUid, String namespace, String name) {
    return new SandboxSpec(
        podUid,
        namespace,
        name,
        "",
        1,
        false,
        HostAccess.NONE,
        Names.DEFAULT,
        List.of(),
        Map.of(),
        Optional.empty(),
        List.of());
  }

  public SandboxSpec withVolumes(List<VolumeSpec> others) {
    return new SandboxSpec(
        podUid,
        namespace,
        name,
        hostname,
        containers,
        sharedProcesses,
        host,
        names,
        hostPorts,
        sysctls,
        group,
        others);
  }

  /// Which of the node's own namespaces the pod uses instead of its own.
  public record HostAccess(boolean network, boolean processes, boolean ipc) {
    public static final HostAccess NONE = new HostAccess(false, false, false);

    public boolean any() {
      return network || processes || ipc;
    }
  }

  /// How names become addresses in the pod.
  ///
  /// @param policy `ClusterFirst`, `Default` (as on the node) or `None` (only what is stated here)
  /// @param hosts further lines of `/etc/hosts`: names by address
  public record Names(
      String policy,
      List<String> servers,
      List<String> searches,
      List<String> options,
      Map<String, List<String>> hosts) {
    public static final Names DEFAULT =
        new Names("ClusterFirst", List.of(), List.of(), List.of(), Map.of());

    public Names {
      servers = List.copyOf(servers);
      searches = List.copyOf(searches);
      options = List.copyOf(options);
      hosts = Map.copyOf(hosts);
    }
  }

  /// A port of the node that leads into the pod.
  ///
  /// @param hostAddress of the node; empty for all
  /// @param protocol `TCP`, `UDP` or `SCTP`
  public record HostPort(String hostAddress, int hostPort, int containerPort, String protocol) {}
}
