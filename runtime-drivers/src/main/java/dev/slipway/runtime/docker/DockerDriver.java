package dev.slipway.runtime.docker;

import com.github.dockerjava.api.model.Info;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.NodeDeclaration;
import dev.slipway.runtime.spi.NodeDriver;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.NodePool;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Makes a node of each engine that a Node object declares. Beside what every declaration has, it
/// reads this annotation:
///
/// - `slipway.dev/allow-host-access`: `"true"` for pods that are privileged or use what is the
///   host's
/// - `slipway.dev/link`: `"none"` where the routes between the hosts are somebody else's work
///
/// and of the credentials `ca.pem`, `cert.pem` and `key.pem` (TLS), `ssh-privatekey` and
/// `known_hosts` (ssh).
public final class DockerDriver implements NodeDriver {
  public static final String ALLOW_HOST_ACCESS = "slipway.dev/allow-host-access";
  public static final String LINK = "slipway.dev/link";
  private static final String LOCAL = "unix:///var/run/docker.sock";
  private static final String CLUSTER_DOMAIN = "cluster.local";
  private static final Duration ANSWER = Duration.ofSeconds(5);
  private static final int PODS = 250;
  private static final Pattern WORD =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?");
  private static final Pattern KEY =
      Pattern.compile("([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?" + WORD.pattern());

  private final String owner;
  private final LinkPlan.Services services;
  private final boolean hostAllowed;
  private final Timeline timeline;

  /// @param owner as [DockerOptions#owner]
  /// @param services the range of the services' addresses for containers
  /// @param resolver the one of them where names are resolved
  /// @param hostAllowed what holds for nodes without [#ALLOW_HOST_ACCESS]
  public DockerDriver(
      String owner, String services, String resolver, boolean hostAllowed, Timeline timeline) {
    this.owner = owner;
    this.services = new LinkPlan.Services(services, resolver);
    this.hostAllowed = hostAllowed;
    this.timeline = timeline;
  }

  /// Engines on one host would choose the same subnet.
  @Override
  public boolean needsPodSubnet() {
    return true;
  }

  @Override
  public Connection connect(NodeDeclaration declaration, NodePool pool) {
    EngineAddress address =
        EngineAddress.parse(
            declaration.host().isEmpty() ? LOCAL : declaration.host(),
            keys(declaration),
            declaration.credential("ssh-privatekey"),
            declaration.credential("known_hosts"),
            declaration.insecureAllowed());
    DockerOptions options =
        DockerOptions.of(owner, declaration.name())
            .withDns(List.of(services.resolver()), CLUSTER_DOMAIN)
            .withHostAllowed(
                Boolean.parseBoolean(
                    declaration
                        .annotations()
                        .getOrDefault(ALLOW_HOST_ACCESS, Boolean.toString(hostAllowed))));
    DockerOptions placed = declaration.podSubnet().map(options::withSubnet).orElse(options);
    DockerRuntime runtime = DockerRuntime.open(address, placed, timeline);
    Optional<HostLink> link =
        "none".equals(declaration.annotations().get(LINK))
            ? Optional.empty()
            : Optional.of(new HostLink(runtime.engine(), placed, services, timeline));
    return new Engines(
        runtime, address, link, timeline, new AtomicBoolean(), new AtomicReference<>(""));
  }

  private static Optional<EngineKeys> keys(NodeDeclaration declaration) {
    Optional<String> ca = text(declaration, "ca.pem");
    Optional<String> certificate = text(declaration, "cert.pem");
    Optional<String> key = text(declaration, "key.pem");
    if (ca.isEmpty() && certificate.isEmpty() && key.isEmpty()) {
      return Optional.empty();
    }
    if (ca.isEmpty() || certificate.isEmpty() || key.isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "the credentials of node %s lack one of ca.pem, cert.pem and key.pem"
              .formatted(declaration.name()));
    }
    return Optional.of(EngineKeys.of(ca.get(), certificate.get(), key.get()));
  }

  private static Optional<String> text(NodeDeclaration declaration, String key) {
    return declaration.credential(key).map(bytes -> new String(bytes, StandardCharsets.UTF_8));
  }

  /// @param linking whether somebody looks after the link just now
  /// @param unlinked what was in its way at the last look
  private record Engines(
      DockerRuntime docker,
      EngineAddress address,
      Optional<HostLink> link,
      Timeline timeline,
      AtomicBoolean linking,
      AtomicReference<String> unlinked)
      implements Connection, NodeFacts {
    @Override
    public Optional<ContainerRuntime> runtime() {
      return Optional.of(docker);
    }

    @Override
    public NodeFacts facts() {
      return this;
    }

    @Override
    public Optional<String> networkProblem() {
      return Optional.of(unlinked.get()).filter(word -> !word.isEmpty());
    }

    /// Takes longer than a heartbeat may.
    private void keepLink() {
      if (link.isPresent() && linking.compareAndSet(false, true)) {
        timeline.execute(
            () -> {
              try {
                unlinked.set(link.get().keep().orElse(""));
              } finally {
                linking.set(false);
              }
            });
      }
    }

    @Override
    public void leave() {
      link.ifPresent(HostLink::end);
      docker.leave();
    }

    @Override
    public NodeFacts.Reading read() {
      Info info;
      String id;
      try {
        info = docker.engine().call("describe itself", ANSWER, client -> client.infoCmd().exec());
        id = EngineMark.of(docker.engine(), info, ANSWER);
      } catch (Engine.Refused e) {
        throw new RuntimeFailedException("engine %s: %s".formatted(address, e.getMessage()), e);
      }
      keepLink();
      String architecture = NodeFacts.Machine.architecture(String.valueOf(info.getArchitecture()));
      int processors = info.getNCPU() == null ? 1 : info.getNCPU();
      long memory = info.getMemTotal() == null ? 0 : info.getMemTotal();
      Map<String, String> amounts =
          Map.of(
              "cpu", Integer.toString(processors),
              "memory", memory / 1024 + "Ki",
              "pods", Integer.toString(PODS));
      Map<String, String> labels = own(info.getLabels());
      labels.put("kubernetes.io/arch", architecture);
      labels.put("slipway.dev/runtime", "docker");
      return new NodeFacts.Reading(
          docker.hostAddress(),
          labels,
          amounts,
          amounts,
          "docker://" + info.getServerVersion(),
          new NodeFacts.Machine(
              String.valueOf(info.getOperatingSystem()),
              info.getKernelVersion() == null ? "" : info.getKernelVersion(),
              architecture,
              id));
    }

    /// The engine's labels, of those that a Node may carry: an engine allows more.
    private static Map<String, String> own(String @Nullable [] stated) {
      var labels = new TreeMap<String, String>();
      for (String label : stated == null ? new String[0] : stated) {
        int equals = label.indexOf('=');
        String key = equals < 0 ? label : label.substring(0, equals);
        String value = equals < 0 ? "" : label.substring(equals + 1);
        if (KEY.matcher(key).matches() && (value.isEmpty() || WORD.matcher(value).matches())) {
          labels.put(key, value);
        }
      }
      return labels;
    }

    @Override
    public void close() {
      docker.close();
    }
  }
}
