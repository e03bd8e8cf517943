package dev.slipway.runtime.mesos;

import dev.slipway.app.Lent;
import dev.slipway.bench.Benchmark;
import dev.slipway.bench.Folder;
import dev.slipway.bench.Times;
import dev.slipway.cli.MesosDelivery;
import dev.slipway.controlplane.Controllers;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.SqliteJournal;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.service.ServingGate;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.nodes.NodeFleet;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.NodeDeclaration;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.testing.mesos.IdleExecutors;
import dev.slipway.testing.mesos.RealMesos;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/// A framework at a stand-in for a Mesos master, which is a process of its own: 10,000 agents, and
/// how much of the work for an offer grows with their number; and all of the program above it, from
/// a controller to running tasks.
public final class MesosBenchmark implements Benchmark {
  private static final int FEW = 100;
  private static final int MANY = 10_000;
  private static final int ROUNDS = 20;
  private static final int WARM_UP = 10;
  private static final int AGENTS = 50;
  private static final int GROUPS = 2_000;

  /// As many as a small machine starts in a minute.
  private static final int SOME = 500;

  private static final long PATIENCE_SECONDS = 600;
  private static final GroupKind POD = GroupKind.core("Pod");

  private final boolean full;

  /// @param full on a real Mesos as many groups as on the stand-in
  public MesosBenchmark(boolean full) {
    this.full = full;
  }

  @Override
  public String name() {
    return "mesos";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    offers(FEW, report);
    offers(MANY, report);
    String of =
        "%,d task groups of one no-op task on %d agents of the stand-in".formatted(GROUPS, AGENTS);
    driver(of + ", the driver alone", report);
    try (FakeMaster master = FakeMaster.start(AGENTS, 4, 4096)) {
      report.accept(
          figure(
              of + ": from a controller's creation until all are running",
              "1, cold",
              controller(master.url(), GROUPS),
              "s"));
    }
    if (RealMesos.missing().isPresent()) {
      System.err.println(RealMesos.missing().get());
      return;
    }
    int groups = full ? GROUPS : SOME;
    String real =
        "%,d task groups of idle executors on %d agents of a real Mesos in one process: "
            .formatted(groups, AGENTS);
    double raw = onRealMesos(master -> RawLaunches.seconds(master, AGENTS, groups));
    String peer = "%.1f s for a framework that decides nothing".formatted(raw);
    report.accept(
        new Figure(
            real + "from a controller's creation until all are running",
            "1, cold",
            onRealMesos(master -> controller(master, groups)),
            "s",
            Goal.NONE,
            peer));
    report.accept(
        new Figure(
            real + "from the push until all are available, the program as it is",
            "1, cold",
            onRealMesos(master -> MesosDelivery.pushToRunning(master, AGENTS, groups)),
            "s",
            Goal.NONE,
            peer + "; Marathon 0.15.2, published: 2,000 in 28 to 38 s on 189 machines"));
  }

  private interface Measure {
    double seconds(URI master) throws Exception;
  }

  /// Each on one of its own: what ran before goes on there without its framework, and holds its
  /// resources.
  private static double onRealMesos(Measure measure) throws Exception {
    try (Folder folder = Folder.make("real-mesos");
        RealMesos mesos = RealMesos.in(folder.path());
        var executors =
            IdleExecutors.in(mesos.home().toAbsolutePath(), folder.path().resolve("programs"))) {
      // So many processes, started at once on one machine, may take longer than its usual minute.
      mesos.local(
          "local",
          AGENTS,
          "cpus:4;mem:4096;disk:4096;ports:[31000-31999]",
          executors.flag(),
          "--executor_registration_timeout=10mins");
      return measure.seconds(mesos.url("local"));
    }
  }

  private static Figure figure(String what, String samples, double value, String unit) {
    return new Figure(what, samples, value, unit, Goal.NONE, "");
  }

  // Offers

  private static void offers(int agents, Consumer<Figure> report) throws Exception {
    String with = " with %,d agents".formatted(agents);
    long before = used();
    try (FakeMaster master = FakeMaster.start(agents, 4, 4096);
        Folder folder = Folder.make("mesos");
        Part part = Part.start(folder, master.url())) {
      double start = Times.wall();
      await(() -> part.framework.nodes().size() == agents);
      report.accept(
          figure(
              "from the subscription until all are known," + with, "1", Times.wall() - start, "s"));
      int launched = 0;
      for (int i = 0; i < WARM_UP; i++) {
        part.launch(launched++, agents);
      }
      long offers = part.framework.figures().get(Figures.OFFERS);
      double cpu = Times.cpu();
      for (int i = 0; i < ROUNDS; i++) {
        part.launch(launched++, agents);
      }
      double took = Times.cpu() - cpu;
      offers = part.framework.figures().get(Figures.OFFERS) - offers;
      report.accept(
          figure(
              "offers decided a second of processor time, each REVIVE for one pod," + with,
              "%,d after %d rounds".formatted(offers, WARM_UP),
              offers / took,
              "/s"));
      double statuses = Times.cpu();
      int batch = 500;
      part.launchAll(launched, batch, agents);
      report.accept(
          figure(
              "processor time from the wish to the acknowledged RUNNING of a group, %d at once,"
                      .formatted(batch)
                  + with,
              Integer.toString(batch),
              (Times.cpu() - statuses) * 1e6 / batch,
              "µs"));
      report.accept(
          figure("heap that is in use afterwards" + with, "1", (used() - before) / 1e6, "MB"));
    }
  }

  private static long used() {
    var memory = java.lang.management.ManagementFactory.getMemoryMXBean();
    memory.gc();
    memory.gc();
    return memory.getHeapMemoryUsage().getUsed();
  }

  private static void driver(String what, Consumer<Figure> report) throws Exception {
    try (FakeMaster master = FakeMaster.start(AGENTS, 32, 32_768);
        Folder folder = Folder.make("mesos");
        Part part = Part.start(folder, master.url())) {
      await(() -> part.framework.nodes().size() == AGENTS);
      part.launchAll(0, GROUPS, AGENTS);
      part.launchAll(GROUPS, GROUPS, AGENTS);
      double start = Times.wall();
      double cpu = Times.cpu();
      part.launchAll(2 * GROUPS, GROUPS, AGENTS);
      report.accept(figure(what, "1 after 2", GROUPS / (Times.wall() - start), "/s"));
      report.accept(
          figure(
              what + ": processor time of each",
              "1 after 2",
              (Times.cpu() - cpu) * 1e6 / GROUPS,
              "µs"));
    }
  }

  /// A framework without the program above it.
  private record Part(Framework framework, Set<String> nodes) implements AutoCloseable {
    static Part start(Folder folder, URI master) {
      Set<String> nodes = ConcurrentHashMap.newKeySet();
      var framework =
          new Framework(
              FrameworkSettings.of(new Masters.Listed(List.of(master)), MesosHttp.Credentials.NONE),
              PodLog.in(folder.path()),
              new MesosHttp(Optional.empty()),
              (agent, _) -> nodes.add(agent.nodeName()),
              Lent.timeline(),
              Lent.chance());
      framework.start();
      return new Part(framework, nodes);
    }

    void launch(int number, int agents) {
      launchAll(number, 1, agents);
    }

    /// And waits until all of them run.
    void launchAll(int first, int count, int agents) {
      List<String> names = framework.nodes();
      var wishes = new ArrayList<Runnable>();
      for (int i = first; i < first + count; i++) {
        // A prime apart, so that they fall on all of them.
        String node = names.get((int) (i * 7919L % agents));
        String uid = "pod-" + i;
        wishes.add(
            () -> {
              framework.prepare(node, SandboxSpec.plain(uid, "default", uid));
              framework.launch(group(uid));
            });
      }
      Together.onThreads(64).run(wishes);
      long wanted = (long) first + count;
      await(() -> framework.figures().get(Figures.RUNNING) >= wanted);
    }

    private static PodLaunch group(String uid) {
      var spec =
          new ContainerSpec(
              uid,
              "web",
              0,
              0,
              "none",
              List.of("sleep", "1000"),
              List.of(),
              "",
              Map.of(),
              List.of(),
              ContainerSpec.Limits.NONE,
              ContainerSpec.Security.DEFAULT,
              ContainerSpec.Terminal.NONE,
              "");
      return new PodLaunch(
          uid,
          List.of(new PodLaunch.Part(spec, false, List.of(), Optional.empty())),
          java.time.Duration.ofSeconds(2));
    }

    @Override
    public void close() {
      framework.close();
    }
  }

  private static void await(BooleanSupplier condition) {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > until) {
        throw new IllegalStateException("it never came true");
      }
      LockSupport.parkNanos(2_000_000);
    }
  }

  // All of the program

  /// @return seconds from the creation of a controller until as many pods run
  static double controller(URI master, int pods) throws Exception {
    Timeline timeline = Lent.timeline();
    Chance chance = Lent.chance();
    try (Folder folder = Folder.make("mesos");
        var store =
            new ObjectStore(
                SqliteJournal.open(folder.path().resolve("objects.db")),
                timeline,
                StoreLimits.DEFAULT)) {
      var cluster =
          new EmbeddedCluster(store, Lent.admission(), timeline, chance).withNamespaces("default");
      var driver = new MesosDriver(folder.path().resolve("mesos"), timeline, chance);
      var running = new CountDownLatch(pods);
      Set<String> seen = ConcurrentHashMap.newKeySet();
      try (var events = new EventRecorder(cluster, timeline, "bench");
          var _ =
              NodeFleet.start(
                  cluster,
                  Map.of("mesos", driver),
                  ServingGate.OPEN,
                  events,
                  (_, _, _) -> Optional.empty(),
                  timeline,
                  chance);
          var _ =
              Controllers.start(
                  cluster,
                  _ -> List.of(),
                  ServiceAddresses.DEFAULT,
                  Optional::empty,
                  Together.onThreads(64),
                  timeline,
                  chance);
          var _ =
              Follower.start(
                  cluster,
                  ObjectQuery.all(POD),
                  timeline,
                  (_, after) -> {
                    if (after != null
                        && Json.string(after.status(), "phase", "").equals("Running")
                        && seen.add(after.uid())) {
                      running.countDown();
                    }
                  })) {
        cluster.create(declaration(master));
        await(() -> ready(cluster) >= AGENTS);
        double start = Times.wall();
        cluster.create(rc(pods));
        if (!running.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
          throw new IllegalStateException(running.getCount() + " pods do not run");
        }
        return Times.wall() - start;
      }
    }
  }

  private static long ready(Cluster cluster) {
    return cluster.list(ObjectQuery.all(GroupKind.core("Node"))).items().stream()
        .filter(node -> node.annotation(NodeDeclaration.RUNTIME).isEmpty())
        .count();
  }

  private static KubeObject declaration(URI master) {
    return KubeObject.make(
        "v1",
        "Node",
        "",
        "mesos",
        json ->
            Json.child(json, "metadata")
                .putObject("annotations")
                .put(NodeDeclaration.RUNTIME, "mesos")
                .put(NodeDeclaration.HOST, master.toString()));
  }

  private static KubeObject rc(int replicas) {
    return KubeObject.make(
        "v1",
        "ReplicationController",
        "default",
        "web",
        json -> {
          ObjectNode spec = Json.child(json, "spec");
          spec.put("replicas", replicas).putObject("selector").put("app", "web");
          ObjectNode template = spec.putObject("template");
          template.putObject("metadata").putObject("labels").put("app", "web");
          ObjectNode container = template.putObject("spec").putArray("containers").addObject();
          container.put("name", "main").put("image", "none");
          container.putArray("command").add("sleep").add("1000000");
          ObjectNode requests = container.putObject("resources").putObject("requests");
          requests.put("cpu", "20m").put("memory", "64Mi");
        });
  }
}
