package dev.slipway.runtime.docker;

import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.ExposedPort;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.InternetProtocol;
import com.github.dockerjava.api.model.LogConfig;
import com.github.dockerjava.api.model.Mount;
import com.github.dockerjava.api.model.PortBinding;
import com.github.dockerjava.api.model.Ports;
import com.github.dockerjava.api.model.RestartPolicy;
import com.github.dockerjava.api.model.Ulimit;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Says in Docker's words what a container or a pod's place is.
final class ContainerConfig {
  /// Both files of a log together.
  private static final String LOG_SIZE = "16m";

  private static final long NANOS_OF_MILLI = 1_000_000;

  private final DockerOptions options;

  ContainerConfig(DockerOptions options) {
    this.options = options;
  }

  /// Where a container is: alone in the pod, in the place that another holds, or on the host.
  ///
  /// @param network of the engine
  /// @param held the id of the container that holds the pod's place
  record Where(SandboxSpec pod, String address, String network, Optional<String> held) {}

  /// What goes for every container of ours.
  private static HostConfig base() {
    return HostConfig.newHostConfig()
        .withRestartPolicy(RestartPolicy.noRestart())
        .withLogConfig(
            new LogConfig(
                LogConfig.LoggingType.JSON_FILE, Map.of("max-size", LOG_SIZE, "max-file", "2")));
  }

  /// The container that holds the place of a pod.
  void place(CreateContainerCmd command, Where where, List<Mount> mounts) {
    HostConfig host = base().withMounts(mounts);
    host.withCapDrop(Capability.ALL).withSecurityOpts(List.of("no-new-privileges"));
    namespaces(command, host, where);
    if (!where.pod().host().ipc()) {
      host.withIpcMode("shareable");
    }
    command.withCmd(PauseImage.COMMAND).withHostConfig(host);
    address(command, where);
  }

  void container(
      CreateContainerCmd command,
      ContainerSpec spec,
      Where where,
      List<Mount> mounts,
      List<Bind> binds,
      String user) {
    HostConfig host = base().withMounts(mounts).withBinds(binds);
    limits(host, spec.limits());
    security(host, spec.security(), where.pod());
    if (where.held().isPresent()) {
      String join = "container:" + where.held().get();
      host.withNetworkMode(join).withIpcMode(join);
      if (where.pod().sharedProcesses()) {
        host.withPidMode(join);
      }
      if (where.pod().host().network()) {
        host.withNetworkMode("host");
      }
      if (where.pod().host().ipc()) {
        host.withIpcMode("host");
      }
      if (where.pod().host().processes()) {
        host.withPidMode("host");
      }
    } else {
      namespaces(command, host, where);
    }
    command
        .withHostConfig(host)
        .withEnv(
            spec.environment().entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .toList())
        .withTty(spec.terminal().tty())
        .withStdinOpen(spec.terminal().stdin())
        .withStdInOnce(spec.terminal().stdinOnce());
    if (!spec.command().isEmpty()) {
      command.withEntrypoint(spec.command());
    }
    if (!spec.arguments().isEmpty() || !spec.command().isEmpty()) {
      command.withCmd(spec.arguments());
    }
    if (!spec.workingDirectory().isEmpty()) {
      command.withWorkingDir(spec.workingDirectory());
    }
    if (!user.isEmpty()) {
      command.withUser(user);
    }
    if (where.held().isEmpty()) {
      address(command, where);
    }
  }

  private static void limits(HostConfig host, ContainerSpec.Limits limits) {
    limits.cpuMillis().ifPresent(millis -> host.withNanoCPUs(millis * NANOS_OF_MILLI));
    limits.memoryBytes().ifPresent(bytes -> host.withMemory(bytes).withMemorySwap(bytes));
    limits
        .cpuShareMillis()
        .ifPresent(
            millis ->
                host.withCpuShares(
                    Math.toIntExact(Math.clamp(millis * 1024 / 1000, 2L, 262_144L))));
    limits
        .memoryReservedBytes()
        .filter(bytes -> limits.memoryBytes().map(most -> bytes <= most).orElse(true))
        .ifPresent(host::withMemoryReservation);
    if (!limits.ulimits().isEmpty()) {
      host.withUlimits(
          limits.ulimits().entrySet().stream()
              .map(e -> new Ulimit(e.getKey(), e.getValue().soft(), e.getValue().hard()))
              .toList());
    }
  }

  private static void security(HostConfig host, ContainerSpec.Security security, SandboxSpec pod) {
    host.withReadonlyRootfs(security.readOnlyRoot()).withPrivileged(security.privileged());
    host.withCapAdd(capabilities(security.addedCapabilities()));
    host.withCapDrop(capabilities(security.droppedCapabilities()));
    var groups = new LinkedHashSet<String>();
    security.groups().forEach(group -> groups.add(Long.toString(group)));
    pod.group().ifPresent(group -> groups.add(Long.toString(group)));
    if (!groups.isEmpty()) {
      host.withGroupAdd(List.copyOf(groups));
    }
    var opts = new ArrayList<String>();
    if (security.noNewPrivileges()) {
      opts.add("no-new-privileges");
    }
    security.profiles().forEach((kind, profile) -> opts.add(kind + "=" + profile));
    host.withSecurityOpts(opts);
  }

  private static Capability[] capabilities(List<String> names) {
    return names.stream()
        .map(HostPolicy::plainCapability)
        .map(
            name -> {
              try {
                return Capability.valueOf(name);
              } catch (IllegalArgumentException e) {
                throw RuntimeFailedException.unsupported("no capability is called " + name);
              }
            })
        .toArray(Capability[]::new);
  }

  private void namespaces(CreateContainerCmd command, HostConfig host, Where where) {
    SandboxSpec pod = where.pod();
    if (pod.host().network()) {
      host.withNetworkMode("host");
    } else {
      host.withNetworkMode(where.network());
      String name = pod.hostname().isEmpty() ? pod.name() : pod.hostname();
      command.withHostName(name.substring(0, Math.min(63, name.length())));
      var exposed = new ArrayList<ExposedPort>();
      var bindings = new ArrayList<PortBinding>();
      for (SandboxSpec.HostPort port : pod.hostPorts()) {
        var inside =
            new ExposedPort(
                port.containerPort(),
                InternetProtocol.parse(port.protocol().toLowerCase(Locale.ROOT)));
        exposed.add(inside);
        bindings.add(
            new PortBinding(
                port.hostAddress().isEmpty()
                    ? Ports.Binding.bindPort(port.hostPort())
                    : Ports.Binding.bindIpAndPort(port.hostAddress(), port.hostPort()),
                inside));
      }
      command.withExposedPorts(exposed);
      host.withPortBindings(bindings);
    }
    if (pod.host().processes()) {
      host.withPidMode("host");
    }
    if (pod.host().ipc()) {
      host.withIpcMode("host");
    }
    if (!pod.sysctls().isEmpty()) {
      host.withSysctls(pod.sysctls());
    }
    names(host, pod);
  }

  private void names(HostConfig host, SandboxSpec pod) {
    SandboxSpec.Names names = pod.names();
    var servers = new ArrayList<String>();
    var searches = new ArrayList<String>();
    var resolverOptions = new ArrayList<>(names.options());
    boolean cluster =
        !options.dnsServers().isEmpty()
            && (names.policy().equals("ClusterFirstWithHostNet")
                || (names.policy().equals("ClusterFirst") && !pod.host().network()));
    if (cluster) {
      servers.addAll(options.dnsServers());
      searches.add(pod.namespace() + ".svc." + options.clusterDomain());
      searches.add("svc." + options.clusterDomain());
      searches.add(options.clusterDomain());
      if (resolverOptions.stream().noneMatch(option -> option.startsWith("ndots"))) {
        resolverOptions.add("ndots:5");
      }
    }
    servers.addAll(names.servers());
    searches.addAll(names.searches());
    if (!servers.isEmpty()) {
      host.withDns(servers);
    }
    if (!searches.isEmpty()) {
      host.withDnsSearch(searches);
    }
    if (!resolverOptions.isEmpty()) {
      host.withDnsOptions(resolverOptions);
    }
    var lines = new ArrayList<String>();
    names
        .hosts()
        .forEach((address, hosts) -> hosts.forEach(name -> lines.add(name + ":" + address)));
    if (!lines.isEmpty()) {
      host.withExtraHosts(lines.stream().sorted().toArray(String[]::new));
    }
  }

  private static void address(CreateContainerCmd command, Where where) {
    if (!where.pod().host().network()) {
      command.withIpv4Address(where.address());
    }
  }
}
