package dev.slipway.runtime.mesos;

import dev.slipway.model.health.LastSign;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.NodeDeclaration;
import dev.slipway.runtime.spi.NodeDriver;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.NodePool;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// Connects to Mesos clusters: a declared node is a cluster, its agents become nodes by themselves.
///
/// Beside the host and the credentials (`principal`, `secret`, `ca.crt`) a declaration may carry
/// the annotations `slipway.dev/mesos-role` (several by commas), `slipway.dev/mesos-user`,
/// `slipway.dev/mesos-framework` (its name), `slipway.dev/mesos-path` (`PATH` of commands) and
/// `slipway.dev/mesos-images` (`"true"` where the agents provide container images).
public final class MesosDriver implements NodeDriver {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /// How long before its maintenance begins pods move away from an agent.
  static final Duration MOVES_BEFORE = Duration.ofMinutes(30);

  private static final int PODS = 1_000;
  private static final String PREFIX = "slipway.dev/mesos-";

  private final Path folder;
  private final Timeline timeline;
  private final Chance chance;
  private final Map<String, Framework> frameworks = new ConcurrentHashMap<>();

  /// @param folder for what is durable of its frameworks, one below it for each
  public MesosDriver(Path folder, Timeline timeline, Chance chance) {
    this.folder = folder;
    this.timeline = timeline;
    this.chance = chance;
  }

  @Override
  public Connection connect(NodeDeclaration declaration, NodePool pool) {
    FrameworkSettings settings = settings(declaration);
    var http = new MesosHttp(trust(declaration));
    var joined = new Framework[1];
    var runtimes = new ConcurrentHashMap<String, MesosRuntime>();
    var framework =
        new Framework(
            settings,
            PodLog.in(folder.resolve(declaration.name())),
            http,
            (agent, there) ->
                agentChanged(declaration.name(), joined[0], runtimes, agent, there, pool),
            timeline,
            chance);
    joined[0] = framework;
    frameworks.put(declaration.name(), framework);
    framework.start();
    return new Cluster(declaration.name(), framework);
  }

  private void agentChanged(
      String name,
      Framework framework,
      Map<String, MesosRuntime> runtimes,
      AgentInfo agent,
      boolean there,
      NodePool pool) {
    String node = agent.nodeName();
    // Joining writes objects: the master's events must not wait for that.
    timeline.execute(
        () -> {
          if (frameworks.get(name) != framework) {
            return;
          }
          if (there) {
            pool.join(
                node,
                runtimes.computeIfAbsent(node, _ -> new MesosRuntime(framework, node)),
                new AgentFacts(name, framework, node, timeline));
          } else {
            pool.leave(node);
          }
        });
  }

  private record AgentFacts(String cluster, Framework framework, String node, Timeline timeline)
      implements NodeFacts {
    @Override
    public Reading read() {
      return reading(framework, node);
    }

    @Override
    public Optional<String> heardThrough() {
      return Optional.of(LastSign.agentsOf(cluster));
    }

    @Override
    public Optional<String> leaving() {
      return framework
          .view(node)
          .flatMap(Framework.AgentView::leaves)
          .filter(from -> !timeline.instant().plus(MOVES_BEFORE).isBefore(from))
          .map(from -> "its operator wants the Mesos agent for himself from " + from);
    }
  }

  private final class Cluster implements Connection {
    private final String name;
    private final Framework framework;

    Cluster(String name, Framework framework) {
      this.name = name;
      this.framework = framework;
    }

    @Override
    public Optional<ContainerRuntime> runtime() {
      return Optional.empty();
    }

    @Override
    public NodeFacts facts() {
      return () -> cluster(framework);
    }

    /// Tasks go on until the cluster is declared again: its framework is the same one then.
    @Override
    public void close() {
      frameworks.remove(name, framework);
      framework.close();
    }
  }

  /// The declaration itself is no place for pods.
  private static NodeFacts.Reading cluster(Framework framework) {
    framework
        .stoppedBecause()
        .ifPresent(
            why -> {
              throw new RuntimeFailedException(why);
            });
    if (!framework.isConnected()) {
      throw new RuntimeFailedException(framework.trouble());
    }
    Map<String, String> nothing = Map.of("cpu", "0", "memory", "0", "pods", "0");
    return new NodeFacts.Reading(
        "",
        Map.of("slipway.dev/runtime", "mesos-cluster"),
        nothing,
        nothing,
        "mesos://" + framework.masterVersion(),
        "Mesos cluster",
        "");
  }

  static NodeFacts.Reading reading(Framework framework, String node) {
    framework
        .stoppedBecause()
        .ifPresent(
            why -> {
              throw new RuntimeFailedException(why);
            });
    Framework.AgentView view =
        framework
            .view(node)
            .orElseThrow(() -> new RuntimeFailedException("the agent has left the cluster"));
    // While the master is away or has lost the agent, the agent itself may answer well.
    if ((!framework.isConnected() || view.lost()) && !framework.agent().isAlive(view.info())) {
      throw new RuntimeFailedException(
          view.lost()
              ? "the Mesos master has lost the agent, and it does not answer"
              : "neither a Mesos master nor the agent answers");
    }
    Amounts all = framework.taken(node).plus(view.leaving() ? Amounts.NONE : view.free());
    var amounts = new TreeMap<String, String>();
    amounts.put("cpu", all.cpuMillis() + "m");
    amounts.put("memory", all.memoryMiB() + "Mi");
    amounts.put("ephemeral-storage", all.diskMiB() + "Mi");
    amounts.put("pods", Integer.toString(PODS));
    var labels = new TreeMap<>(view.info().labels());
    labels.put("slipway.dev/runtime", "mesos");
    return new NodeFacts.Reading(
        view.info().ip(),
        labels,
        amounts,
        amounts,
        "mesos://" + framework.masterVersion(),
        "Mesos agent " + view.info().id(),
        "");
  }

  private static FrameworkSettings settings(NodeDeclaration declaration) {
    Map<String, String> annotations = declaration.annotations();
    String principal = text(declaration, "principal");
    String secret = text(declaration, "secret");
    if (principal.isEmpty() != secret.isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "a principal and its secret belong together: give --principal-file and --secret-file");
    }
    List<String> roles =
        Arrays.stream(annotations.getOrDefault(PREFIX + "role", "*").split(",", -1))
            .map(String::strip)
            .filter(role -> !role.isEmpty())
            .toList();
    return new FrameworkSettings(
        Masters.parse(declaration.host()),
        principal.isEmpty()
            ? MesosHttp.Credentials.NONE
            : new MesosHttp.Credentials(principal, secret),
        annotations.getOrDefault(PREFIX + "framework", "slipway"),
        annotations.getOrDefault(PREFIX + "user", System.getProperty("user.name", "root")),
        roles,
        FrameworkSettings.WEEKS,
        annotations.getOrDefault(PREFIX + "images", "").equals("true"),
        annotations.getOrDefault(PREFIX + "path", ""),
        PATIENCE,
        FrameworkSettings.CALL_DEADLINE);
  }

  private static String text(NodeDeclaration declaration, String key) {
    return declaration
        .credential(key)
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8).strip())
        .orElse("");
  }

  /// The authority that signed the masters' and the agents' certificates, when it is not one that
  /// Java knows.
  static Optional<SSLContext> trust(NodeDeclaration declaration) {
    if (declaration.credential("ca.crt").isEmpty()) {
      return Optional.empty();
    }
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      int number = 0;
      for (Certificate certificate :
          CertificateFactory.getInstance("X.509")
              .generateCertificates(
                  new ByteArrayInputStream(declaration.credential("ca.crt").get()))) {
        store.setCertificateEntry("ca-" + number++, certificate);
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, factory.getTrustManagers(), null);
      return Optional.of(context);
    } catch (GeneralSecurityException | IOException e) {
      throw RuntimeFailedException.unsupported(
          "the file of --tls-ca holds no certificate: " + e.getMessage());
    }
  }

  /// What each framework has done since this program began: counts by name, by declared node.
  public Map<String, Map<String, Long>> figures() {
    var all = new TreeMap<String, Map<String, Long>>();
    frameworks.forEach((name, framework) -> all.put(name, framework.figures().all()));
    return all;
  }
}
