package dev.slipway.runtime.docker;

import com.github.dockerjava.api.model.AccessMode;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.LogConfig;
import com.github.dockerjava.api.model.RestartPolicy;
import com.github.dockerjava.api.model.Volume;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps the link to an engine on another host: a network device here, and there a container that
/// makes the other end and looks after it. Both go on while no daemon runs.
final class HostLink {
  private static final Logger log = LoggerFactory.getLogger(HostLink.class);
  private static final String LINK = "slipway.dev/link";
  private static final Duration MAKE = Duration.ofMinutes(1);
  private static final long LOCAL_SECONDS = 5;
  private static final int STOP_SECONDS = 5;

  private final Engine engine;
  private final DockerOptions options;
  private final Labels labels;
  private final LinkPlan.Services services;
  private final Timeline timeline;
  private @Nullable String said;

  HostLink(Engine engine, DockerOptions options, LinkPlan.Services services, Timeline timeline) {
    this.engine = engine;
    this.options = options;
    this.labels = new Labels(options);
    this.services = services;
    this.timeline = timeline;
  }

  /// Sees to it that the link is there, where one is needed.
  ///
  /// @return what is in the way; empty when nothing is
  synchronized Optional<String> keep() {
    Optional<String> problem;
    try {
      Optional<LinkPlan> plan = plan();
      problem = plan.isEmpty() ? Optional.empty() : keep(plan.get());
    } catch (IOException | RuntimeFailedException | Engine.Refused e) {
      problem = Optional.of(String.valueOf(e.getMessage()));
    }
    String word = problem.orElse(null);
    if (word != null && !word.equals(said)) {
      log.warn("no link to the host of a node node={} cause={}", options.node(), word);
    }
    said = word;
    return problem;
  }

  private Optional<LinkPlan> plan() throws IOException {
    Optional<String> there = LinkPlan.elsewhere(engine.address());
    if (there.isEmpty() || options.subnet().isEmpty()) {
      return Optional.empty();
    }
    try (var socket = new DatagramSocket()) {
      // Nothing is sent: the system says by which address it would.
      socket.connect(new InetSocketAddress(there.get(), LinkPlan.PORT));
      return Optional.of(
          new LinkPlan(
              options.node(),
              socket.getLocalAddress().getHostAddress(),
              there.get(),
              options.subnet().get(),
              services));
    }
  }

  private Optional<String> keep(LinkPlan plan) throws IOException {
    Optional<Container> known = Optional.empty();
    for (Container container : containers()) {
      if (plan.device().equals(container.getLabels().get(LINK))) {
        known = Optional.of(container);
      } else {
        remove(container);
      }
    }
    String id = known.map(Container::getId).orElseGet(() -> create(plan));
    if (known.filter(container -> "running".equals(container.getState())).isEmpty()) {
      engine.call("start a link", MAKE, client -> client.startContainerCmd(id).exec());
    }
    return ip(plan.localBatch());
  }

  private List<Container> containers() {
    Map<String, String> ours = labels.ours();
    return engine
        .call(
            "list links",
            client -> client.listContainersCmd().withShowAll(true).withLabelFilter(ours).exec())
        .stream()
        .filter(container -> container.getLabels().containsKey(LINK))
        .toList();
  }

  private String create(LinkPlan plan) {
    OwnImage.ensure(engine, timeline, EnterImage.NAME, EnterImage::archive);
    var marks = new HashMap<>(labels.ours());
    marks.put(LINK, plan.device());
    HostConfig host =
        HostConfig.newHostConfig()
            .withNetworkMode("host")
            .withRestartPolicy(RestartPolicy.alwaysRestart())
            .withBinds(new Bind("/", new Volume(EnterImage.HOST), AccessMode.ro))
            .withCapDrop(Capability.ALL)
            .withCapAdd(
                Capability.NET_ADMIN,
                Capability.NET_RAW,
                Capability.SYS_CHROOT,
                Capability.DAC_OVERRIDE)
            .withSecurityOpts(List.of("no-new-privileges"))
            .withLogConfig(
                new LogConfig(
                    LogConfig.LoggingType.JSON_FILE, Map.of("max-size", "1m", "max-file", "1")));
    log.info("link made node={} here={} there={}", plan.node(), plan.here(), plan.there());
    return engine.call(
        "make a link",
        MAKE,
        client ->
            client
                .createContainerCmd(EnterImage.NAME)
                .withName("slipway_LINK_" + plan.node() + "_" + plan.device())
                .withLabels(marks)
                .withEntrypoint(EnterImage.command("/bin/sh", "-c", plan.remoteScript()))
                .withHostConfig(host)
                .exec()
                .getId());
  }

  private void remove(Container container) {
    engine.callIfThere(
        "end a link",
        client -> client.stopContainerCmd(container.getId()).withTimeout(STOP_SECONDS).exec());
    engine.callIfThere(
        "remove a link",
        client -> client.removeContainerCmd(container.getId()).withForce(true).exec());
  }

  /// The node is no node any more.
  synchronized void end() {
    try {
      containers().forEach(this::remove);
      Optional<LinkPlan> plan = plan();
      if (plan.isPresent()) {
        Optional<String> _ = ip(List.of("link del " + plan.get().device()));
      }
    } catch (IOException | RuntimeFailedException | Engine.Refused e) {
      log.warn("a link stays node={} cause={}", options.node(), e.getMessage());
    }
  }

  /// @return what the last command that failed said, where the first may find its work done
  private static Optional<String> ip(List<String> batch) throws IOException {
    Process process =
        new ProcessBuilder("ip", "-4", "-force", "-batch", "-").redirectErrorStream(true).start();
    try {
      try (var in = process.getOutputStream()) {
        in.write((String.join("\n", batch) + "\n").getBytes(StandardCharsets.US_ASCII));
      }
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(LOCAL_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException("`ip` does not end");
      }
      return text.lines()
          .filter(line -> !line.contains("File exists") && !line.startsWith("Command failed"))
          .findFirst()
          .map(line -> "cannot link this host to the engine's: " + line.strip());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
