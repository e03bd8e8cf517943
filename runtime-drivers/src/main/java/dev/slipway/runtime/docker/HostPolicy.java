package dev.slipway.runtime.docker;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What a pod may ask of its host only where the node allows it, since it makes a container as
/// mighty as the host's root.
final class HostPolicy {
  /// What Docker gives every container.
  private static final Set<String> USUAL_CAPABILITIES =
      Set.of(
          "AUDIT_WRITE",
          "CHOWN",
          "DAC_OVERRIDE",
          "FOWNER",
          "FSETID",
          "KILL",
          "MKNOD",
          "NET_BIND_SERVICE",
          "NET_RAW",
          "SETFCAP",
          "SETGID",
          "SETPCAP",
          "SETUID",
          "SYS_CHROOT");

  /// Those that Kubernetes calls safe: they end at the pod's own namespaces.
  private static final Set<String> SAFE_SYSCTLS =
      Set.of(
          "kernel.shm_rmid_forced",
          "net.ipv4.ip_local_port_range",
          "net.ipv4.ip_local_reserved_ports",
          "net.ipv4.ip_unprivileged_port_start",
          "net.ipv4.ping_group_range",
          "net.ipv4.tcp_fin_timeout",
          "net.ipv4.tcp_keepalive_intvl",
          "net.ipv4.tcp_keepalive_probes",
          "net.ipv4.tcp_keepalive_time",
          "net.ipv4.tcp_syncookies");

  private HostPolicy() {}

  /// The fields that need the node's permission, sorted.
  static List<String> beyond(SandboxSpec pod) {
    var beyond = new ArrayList<String>();
    if (pod.host().network()) {
      beyond.add("hostNetwork");
    }
    if (pod.host().processes()) {
      beyond.add("hostPID");
    }
    if (pod.host().ipc()) {
      beyond.add("hostIPC");
    }
    for (VolumeSpec volume : pod.volumes()) {
      if (volume instanceof VolumeSpec.HostPath(String name, String path, _)) {
        beyond.add("volume %s (hostPath %s)".formatted(name, path));
      }
    }
    pod.sysctls().keySet().stream()
        .filter(name -> !SAFE_SYSCTLS.contains(name))
        .forEach(name -> beyond.add("sysctl " + name));
    return beyond.stream().sorted().toList();
  }

  /// As [#beyond(SandboxSpec)].
  static List<String> beyond(ContainerSpec spec) {
    var beyond = new ArrayList<String>();
    ContainerSpec.Security security = spec.security();
    if (security.privileged()) {
      beyond.add("privileged");
    }
    security.addedCapabilities().stream()
        .map(HostPolicy::plainCapability)
        .filter(name -> !USUAL_CAPABILITIES.contains(name))
        .forEach(name -> beyond.add("capability " + name));
    for (Map.Entry<String, String> profile : security.profiles().entrySet()) {
      if (profile.getValue().equals("unconfined")) {
        beyond.add(profile.getKey() + " unconfined");
      }
    }
    return beyond.stream().sorted().toList();
  }

  static String plainCapability(String name) {
    String upper = name.toUpperCase(java.util.Locale.ROOT);
    return upper.startsWith("CAP_") ? upper.substring(4) : upper;
  }
}
