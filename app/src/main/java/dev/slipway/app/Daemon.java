package dev.slipway.app;

import dev.slipway.controlplane.Controllers;
import dev.slipway.controlplane.access.Access;
import dev.slipway.controlplane.access.BootstrapRoles;
import dev.slipway.controlplane.access.ServiceAccountTokens;
import dev.slipway.controlplane.api.KubernetesApi;
import dev.slipway.controlplane.archive.SqliteArchive;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.proxy.ProxyClient;
import dev.slipway.controlplane.services.ApiService;
import dev.slipway.controlplane.services.GuardedDataPlane;
import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.SqliteJournal;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.home.CertificateAuthority;
import dev.slipway.home.DataDirectory;
import dev.slipway.manifest.yaml.YamlDocument;
import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.health.LastSign;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.rollout.RolloutController;
import dev.slipway.runtime.agent.PodTokens;
import dev.slipway.runtime.docker.DockerDriver;
import dev.slipway.runtime.kubernetes.RemoteClusters;
import dev.slipway.runtime.mesos.MesosDriver;
import dev.slipway.runtime.nodes.NodeFleet;
import dev.slipway.runtime.process.ProcessRuntime;
import dev.slipway.runtime.spi.NodeDriver;
import dev.slipway.sync.SyncEngine;
import dev.slipway.sync.git.GitLimits;
import dev.slipway.sync.git.GitSource;
import dev.slipway.sync.report.ReportLoop;
import dev.slipway.sync.report.StatusSender;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.web.ApiServer;
import dev.slipway.web.Authenticator;
import dev.slipway.web.DaemonRoutes;
import dev.slipway.web.KubernetesRoutes;
import dev.slipway.web.Routes;
import dev.slipway.web.stream.PodSockets;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.KeyPair;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/// Everything that a daemon is made of, wired together. Closing it stops the control plane; pods
/// and services go on.
public final class Daemon implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Daemon.class);
  private static final int WRITES_AT_ONCE = 64;
  private static final int REMOTE_ROLLOUTS_AT_ONCE = 64;
  private static final int HTTPS = 443;

  /// Jars by the beginning of their names that the proxy does without. Each jar on a class path
  /// costs memory, whether something of it is used or not.
  private static final List<String> NOT_FOR_PROXY =
      List.of(
          "JavaEWAH",
          "bc",
          "commons-",
          "docker-java",
          "guava",
          "httpc",
          "jna",
          "jakarta.",
          "jetty-",
          "manifest-parser",
          "org.eclipse.jgit",
          "picocli",
          "quartz",
          "rollout",
          "runtime-drivers",
          "snakeyaml",
          "sqlite-jdbc",
          "sshd-",
          "sync-engine");

  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final String address;

  private Daemon(String address) {
    this.address = address;
  }

  /// The address of its API, for people.
  public String address() {
    return address;
  }

  /// @throws IllegalStateException naming the daemon that has the data directory already
  static Daemon start(DaemonOptions options, Timeline timeline, Chance chance) {
    DataDirectory data = options.data().create();
    FileChannel lock = lock(data);
    ServiceAddresses addresses =
        new ServiceAddresses(
            ServiceAddresses.DEFAULT.first(),
            ServiceAddresses.DEFAULT.second(),
            options.containerServices(),
            options.nodePortAddress());
    var keys = new FutureTask<>(() -> Keys.of(data, options, addresses, timeline.instant()));
    Thread.ofPlatform().daemon().name("keys").start(keys);
    SqliteJournal journal = SqliteJournal.open(data.store().resolve("objects.db"));
    var store = new ObjectStore(journal, timeline, StoreLimits.DEFAULT);
    var cluster =
        new EmbeddedCluster(store, new ObjectAdmission(), timeline, chance)
            .withNamespaces("default", "kube-system", LastSign.LEASES);
    SqliteArchive archive = SqliteArchive.open(data.store().resolve("archive.db"));
    var events = new EventRecorder(cluster, timeline, "slipway");
    var proxy = new ProxyClient(data.proxy(), proxyCommand(), Version.TEXT, timeline);
    var dataPlane = new GuardedDataPlane(cluster, proxy, proxy);
    Controllers controllers =
        Controllers.start(
            cluster,
            dataPlane,
            addresses,
            () -> Optional.of(made(keys).authority()),
            Together.onThreads(WRITES_AT_ONCE),
            timeline,
            chance);
    RolloutController rollouts = RolloutController.start(cluster, events, timeline, chance);
    ProcessRuntime runtime = ProcessRuntime.open(data.pods(), podPath(), timeline);
    var docker =
        new DockerDriver(
            data.identity(chance), addresses.containers(), addresses.resolver(), false, timeline);
    var mesos = new MesosDriver(data.root().resolve("mesos"), timeline, chance);
    var tokens = new ServiceAccountTokens(cluster, () -> made(keys).accounts());
    NodeFleet nodes =
        NodeFleet.start(
            cluster,
            drivers(docker, mesos),
            dataPlane,
            events,
            (pod, audiences, life) ->
                tokens
                    .issue(pod, audiences, life, chance.uid(), timeline.instant())
                    .map(issued -> new PodTokens.Token(issued.token(), issued.expires())),
            timeline,
            chance);
    nodes.join(LocalNode.name(), runtime, new LocalNode(runtime));
    var source = new GitSource(data.git(), new Repositories(cluster), GitLimits.DEFAULT, timeline);
    QuartzSchedules schedules = QuartzSchedules.start(timeline, chance);
    RemoteClusters clusters =
        RemoteClusters.start(
            cluster,
            new RemoteClusters.Surroundings(
                Daemon::yaml,
                name -> Optional.ofNullable(System.getenv(name)),
                "true".equals(System.getenv("SLIPWAY_ALLOW_EXEC_PLUGINS")),
                (name, remote) ->
                    RolloutController.start(
                        remote,
                        new EventRecorder(remote, timeline, "slipway"),
                        REMOTE_ROLLOUTS_AT_ONCE,
                        timeline,
                        chance)),
            timeline,
            chance);
    SyncEngine sync =
        SyncEngine.start(
            cluster,
            new RemoteDestinations(cluster, Together.onThreads(WRITES_AT_ONCE), clusters),
            archive,
            source,
            events,
            schedules,
            timeline,
            chance);

    ReportLoop reports = ReportLoop.start(cluster, new StatusSender(), events, timeline, chance);

    BootstrapRoles.install(cluster);
    var access = new Access(cluster);
    Keys made = made(keys);
    var api =
        new KubernetesApi(
            cluster,
            ResourceTypes.KNOWN,
            access,
            tokens,
            nodes,
            nodes,
            timeline,
            chance,
            Daemon::yaml,
            Version.TEXT);
    var routes = new Routes();
    KubernetesRoutes.add(routes, api, new PodSockets(nodes));
    DaemonRoutes.add(
        routes,
        cluster,
        sync,
        journal,
        store::counts,
        mesos::figures,
        options.webhookSecret(),
        timeline,
        Version.TEXT);
    routes.on("GET", "/slipway/v1/status", new StatusPage(api, timeline)::answer);
    var server =
        new ApiServer(
            data.socket(),
            made.listen(),
            new Authenticator(data.token(chance), tokens, access, timeline),
            access,
            routes);
    server.start();
    String address =
        server
            .port()
            .map(port -> "https://" + host(options.listen().orElseThrow()) + ":" + port)
            .orElse("unix:" + data.socket());
    DataDirectory.writePrivate(data.addressFile(), address + "\n");
    ApiService ofPods =
        ApiService.keep(
            cluster,
            server
                .port()
                .map(
                    port ->
                        new ApiService.Place(
                            address(options.listen().orElseThrow()),
                            port,
                            addresses.api(),
                            mayListenAnywhere() ? HTTPS : port)),
            timeline,
            chance);

    var daemon = new Daemon(address);
    for (AutoCloseable part :
        List.of(
            lock,
            store,
            archive,
            events,
            controllers,
            rollouts,
            runtime,
            nodes,
            source,
            clusters,
            schedules,
            sync,
            reports,
            server,
            ofPods)) {
      daemon.parts.push(part);
    }
    OldHeap.watch(timeline);
    log.info("daemon serves address={} data={} version={}", address, data.root(), Version.TEXT);
    return daemon;
  }

  /// What takes as much of a cold start as the store, and needs nothing of it: made beside it.
  private record Keys(Optional<ApiServer.Listen> listen, KeyPair accounts, String authority) {
    static Keys of(
        DataDirectory data, DaemonOptions options, ServiceAddresses addresses, Instant now) {
      CertificateAuthority authority = CertificateAuthority.in(data.tls(), now);
      return new Keys(
          options
              .listen()
              .map(where -> listen(where, options.plainHttp(), addresses, authority, now)),
          CertificateAuthority.keys(data.tls().resolve("service-accounts.key")),
          authority.pem());
    }

    private static ApiServer.Listen listen(
        InetSocketAddress where,
        boolean plainHttp,
        ServiceAddresses addresses,
        CertificateAuthority authority,
        Instant now) {
      var hosts =
          new ArrayList<>(
              List.of(
                  "localhost",
                  "127.0.0.1",
                  "::1",
                  "kubernetes",
                  "kubernetes.default",
                  "kubernetes.default.svc",
                  "kubernetes.default.svc.cluster.local",
                  addresses.api()));
      addresses.forContainers(addresses.api()).ifPresent(hosts::add);
      if (!where.getAddress().isAnyLocalAddress()) {
        hosts.add(where.getHostString());
      }
      try {
        hosts.add(InetAddress.getLocalHost().getHostName());
      } catch (IOException e) {
        log.debug("this host has no name cause={}", e.toString());
      }
      return new ApiServer.Listen(
          where, authority.serverKeys(hosts, now), authority.trust(), plainHttp);
    }
  }

  private static Keys made(Future<Keys> keys) {
    try {
      return keys.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /// Where a process of this host reaches the API.
  private static String address(InetSocketAddress where) {
    return where.getAddress().isAnyLocalAddress()
        ? "127.0.0.1"
        : where.getAddress().getHostAddress();
  }

  /// Whether the proxy may take ports below 1024.
  private static boolean mayListenAnywhere() {
    try {
      return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    } catch (IOException e) {
      return false;
    }
  }

  private static String host(InetSocketAddress where) {
    String host = where.getAddress().isAnyLocalAddress() ? "127.0.0.1" : where.getHostString();
    return host.contains(":") ? "[" + host + "]" : host;
  }

  private static FileChannel lock(DataDirectory data) {
    try {
      FileChannel channel =
          FileChannel.open(
              data.lockFile(),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      FileLock lock;
      try {
        lock = channel.tryLock();
      } catch (OverlappingFileLockException e) {
        lock = null;
      }
      if (lock == null) {
        String holder = Files.readString(data.lockFile()).strip();
        channel.close();
        throw new IllegalStateException(
            "another daemon (process %s) already uses the data directory %s"
                .formatted(holder, data.root()));
      }
      // Through this very channel: closing any other descriptor of the file would give the lock up.
      channel.truncate(0);
      channel.write(
          ByteBuffer.wrap(
              (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)),
          0);
      return channel;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot lock " + data.lockFile() + ": " + e.getMessage(), e);
    }
  }

  /// A process that is always there: it gets no more than it needs.
  static List<String> proxyCommand() {
    String classPath =
        Stream.of(System.getProperty("java.class.path").split(":", -1))
            .filter(
                place -> {
                  String name = place.substring(place.lastIndexOf('/') + 1);
                  return !name.endsWith(".jar")
                      || NOT_FOR_PROXY.stream().noneMatch(name::startsWith);
                })
            .collect(Collectors.joining(":"));
    var command = new ArrayList<>(List.of(java().toString()));
    command.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xms4m",
            // 10,000 services take 50 MB; what is not needed is not kept. Were it not enough, a new
            // process would serve, while one that goes on without its thread would not.
            "-Xmx160m",
            "-XX:MinHeapFreeRatio=10",
            "-XX:MaxHeapFreeRatio=20",
            "-XX:+ExitOnOutOfMemoryError",
            "-Xss256k",
            "-XX:ReservedCodeCacheSize=16m",
            "-XX:MaxMetaspaceSize=48m",
            "-XX:MaxDirectMemorySize=16m"));
    // `./slipway` names the cache of classes here that it has prepared.
    String options = System.getenv("SLIPWAY_PROXY_OPTIONS");
    if (options != null && !options.isBlank()) {
      command.addAll(List.of(options.strip().split(" +", -1)));
    }
    command.addAll(List.of("-cp", classPath, "dev.slipway.controlplane.proxy.ProxyMain"));
    return command;
  }

  private static Path java() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /// Pods find the JDK of the daemon first: so a pod needs nothing installed but what the daemon
  /// needs.
  private static String podPath() {
    return Path.of(System.getProperty("java.home"), "bin")
        + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  }

  /// Every way to run pods on engines elsewhere, by the name that a Node declares. The process
  /// runtime is not among them: it is always there.
  private static Map<String, NodeDriver> drivers(DockerDriver docker, MesosDriver mesos) {
    return Map.of("docker", docker, "mesos", mesos);
  }

  private static ObjectNode yaml(byte[] bytes) {
    try {
      List<YamlDocument> documents = YamlReader.read(bytes);
      if (documents.size() == 1 && documents.getFirst().tree() instanceof ObjectNode object) {
        return object;
      }
      throw new IllegalArgumentException("expected one object");
    } catch (YamlReader.Failure e) {
      throw new IllegalArgumentException("line " + e.line() + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        log.warn("a part did not close cleanly cause={}", e.toString());
      }
    }
  }
}
