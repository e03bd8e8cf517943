package dev.slipway.bench;

import dev.slipway.app.Lent;
import dev.slipway.controlplane.Controllers;
import dev.slipway.controlplane.archive.SqliteArchive;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.SqliteJournal;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Schedules;
import dev.slipway.model.time.Timeline;
import dev.slipway.rollout.RolloutController;
import dev.slipway.sync.SyncEngine;
import dev.slipway.sync.destination.Destinations;
import dev.slipway.sync.git.GitLimits;
import dev.slipway.sync.git.GitSource;
import dev.slipway.sync.source.Access;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Delivery to Slipway's own cluster in large numbers: one application of 1,000 controllers; and
/// thousands of applications of 1,000 repositories that are polled each second, of which one
/// changes, and which are there again after a restart.
///
/// Everything that the daemon runs for delivery runs here, in one process, on a durable store; pods
/// run on nodes that only say so.
final class ApplicationsBenchmark implements Benchmark {
  private static final int CONTROLLERS = 1_000;
  private static final int NODES = 10;
  private static final int REPOSITORIES = 1_000;
  private static final int OBJECTS = 10;
  private static final int PUSHES = 5;
  private static final double POLLED = 20;
  private static final double PATIENCE = 1_800;

  private final int applications;

  /// @param full the 10,000 applications of 100,000 objects that the goals name, instead of a fifth
  ApplicationsBenchmark(boolean full) {
    this.applications = full ? 10_000 : 2_000;
  }

  @Override
  public String name() {
    return "applications";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    Lent.watchHeap(Lent.timeline());
    report.accept(controllers());
    many(report);
  }

  private static Figure controllers() throws Exception {
    try (Folder folder = Folder.make("controllers")) {
      String url = Repositories.commit(folder.path().resolve("web.git"), manifests());
      try (var world = new World(folder.path())) {
        for (int i = 0; i < NODES; i++) {
          world.cluster.create(ReplicationBenchmark.node("node-" + i, world.time));
        }
        try (var _ =
            new ReplicationBenchmark.Agent(
                world.cluster, world.time, new CountDownLatch(CONTROLLERS))) {
          double start = Times.wall();
          world.application("web", url, "default");
          world.awaitSynced("web", Repositories.head(folder.path().resolve("web.git")));
          return new Figure(
              "%,d controllers of one pod each on %d no-op nodes, from the push to all healthy"
                  .formatted(CONTROLLERS, NODES),
              "1, cold",
              Times.wall() - start,
              "s",
              Goal.atMost(3),
              "");
        }
      }
    }
  }

  private static List<String> manifests() {
    var documents = new ArrayList<String>();
    for (int i = 0; i < CONTROLLERS; i++) {
      documents.add(
          """
          apiVersion: v1
          kind: ReplicationController
          metadata: {name: app-%1$d}
          spec:
            replicas: 1
            selector: {app: app-%1$d}
            template:
              metadata: {labels: {app: app-%1$d}}
              spec:
                containers: [{name: main, image: none, resources: {requests: {cpu: 100m}}}]
          """
              .formatted(i));
    }
    return documents;
  }

  private void many(Consumer<Figure> report) throws Exception {
    try (Folder folder = Folder.make("applications")) {
      var urls = new ArrayList<String>();
      for (int i = 0; i < REPOSITORIES; i++) {
        urls.add(Repositories.commit(repository(folder, i), configs(i, "start")));
      }
      String what =
          "%,d applications of %,d objects from %,d repositories"
              .formatted(applications, applications * OBJECTS, REPOSITORIES);
      deliver(folder, urls, what, report);
      restart(folder, what, report);
    }
  }

  private void deliver(Folder folder, List<String> urls, String what, Consumer<Figure> report)
      throws Exception {
    try (var world = new World(folder.path())) {
      for (int i = 0; i < applications; i += REPOSITORIES) {
        world.namespace("space-" + i / REPOSITORIES);
      }
      double start = Times.wall();
      double cpu = Times.cpu();
      for (int i = 0; i < applications; i++) {
        world.application("app-" + i, urls.get(i % REPOSITORIES), "space-" + i / REPOSITORIES);
      }
      world.awaitAllSynced();
      report.accept(
          new Figure(what + ": first sync", "1", Times.wall() - start, "s", Goal.NONE, ""));
      report.accept(
          new Figure(
              what + ": first sync, processor time of the whole process",
              "1",
              Times.cpu() - cpu,
              "s",
              Goal.NONE,
              ""));
      report.accept(change(world, folder, urls));
      double wall = Times.wall();
      cpu = Times.cpu();
      LockSupport.parkNanos((long) (POLLED * 1e9));
      report.accept(
          new Figure(
              "%,d repositories polled each second, nothing new".formatted(REPOSITORIES),
              "%.0f s".formatted(POLLED),
              100 * (Times.cpu() - cpu) / (Times.wall() - wall),
              "% of a core",
              Goal.atMost(20),
              ""));
      report.accept(
          new Figure(
              what + ": memory of the process, as the system counts it",
              "1",
              residentMegabytes(),
              "MB",
              Goal.atMost(1_024),
              ""));
    }
  }

  /// From the push, told by a webhook, to the sync's end.
  private Figure change(World world, Folder folder, List<String> urls) throws Exception {
    var samples = new double[PUSHES];
    for (int i = 0; i < PUSHES; i++) {
      int which = 17 * i + 3;
      double start = Times.wall();
      Repositories.commit(repository(folder, which), configs(which, "change-" + i));
      world.engine.hint(urls.get(which));
      for (int app = which; app < applications; app += REPOSITORIES) {
        world.awaitSynced("app-" + app, Repositories.head(repository(folder, which)));
      }
      samples[i] = Times.wall() - start;
    }
    return new Figure(
        "one of %,d repositories changes, and with it %d of %,d applications: from the push to all applied and healthy"
            .formatted(REPOSITORIES, applications / REPOSITORIES, applications),
        "median of %d".formatted(PUSHES),
        Times.median(samples),
        "s",
        Goal.atMost(1),
        "");
  }

  /// A commit came while nothing ran: the time until it is applied, and the heap that it takes
  /// until all is quiet.
  private static void restart(Folder folder, String what, Consumer<Figure> report)
      throws Exception {
    Repositories.commit(repository(folder, 500), configs(500, "while away"));
    System.gc();
    ManagementFactory.getMemoryPoolMXBeans().forEach(MemoryPoolMXBean::resetPeakUsage);
    double start = Times.wall();
    try (var world = new World(folder.path())) {
      world.awaitSynced("app-500", Repositories.head(repository(folder, 500)));
      report.accept(
          new Figure(
              what + ", a restart: until the commit that came meanwhile is applied",
              "1",
              Times.wall() - start,
              "s",
              Goal.atMost(10),
              ""));
      while (!world.engine.isIdle()) {
        LockSupport.parkNanos(10_000_000);
      }
      double peak = heap(MemoryPoolMXBean::getPeakUsage);
      System.gc();
      double left = heap(MemoryPoolMXBean::getUsage);
      report.accept(
          new Figure(
              what
                  + ", a restart: most heap until all is quiet (%.0f MB), times what is left then"
                      .formatted(peak / 1e6),
              "1",
              peak / left,
              "times",
              Goal.atMost(1.3),
              ""));
    }
  }

  private static double heap(Function<MemoryPoolMXBean, MemoryUsage> usage) {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getType() == MemoryType.HEAP)
        .mapToDouble(pool -> usage.apply(pool).getUsed())
        .sum();
  }

  private static Path repository(Folder folder, int number) {
    return folder.path().resolve("origin-" + number + ".git");
  }

  private static List<String> configs(int repository, String word) {
    var documents = new ArrayList<String>();
    for (int i = 0; i < OBJECTS; i++) {
      documents.add(
          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-%d-%d}\ndata: {word: \"%s\"}\n"
              .formatted(repository, i, word));
    }
    return documents;
  }

  private static double residentMegabytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1_024)
        .findFirst()
        .orElse(0);
  }

  private static final class World implements AutoCloseable {
    final Timeline time = Lent.timeline();
    private final Chance chance = Lent.chance();
    private final ObjectStore store;
    final EmbeddedCluster cluster;
    private final SqliteArchive archive;
    private final GitSource source;
    private final Schedules schedules;
    private final Controllers controllers;
    private final RolloutController rollouts;
    final SyncEngine engine;

    World(Path folder) throws Exception {
      store =
          new ObjectStore(
              SqliteJournal.open(folder.resolve("objects.db")), time, StoreLimits.DEFAULT);
      cluster =
          new EmbeddedCluster(store, Lent.admission(), time, chance).withNamespaces("default");
      archive = SqliteArchive.open(folder.resolve("archive.db"));
      source =
          new GitSource(folder.resolve("mirrors"), remote -> Access.NONE, GitLimits.DEFAULT, time);
      schedules = Lent.schedules(time, chance);
      var events = new EventRecorder(cluster, time, "bench");
      controllers =
          Controllers.start(
              cluster,
              _ -> List.of(),
              ServiceAddresses.DEFAULT,
              Optional::empty,
              Together.onThreads(64),
              time,
              chance);
      rollouts = RolloutController.start(cluster, events, time, chance);
      engine =
          SyncEngine.start(
              cluster,
              Destinations.only(cluster, Together.onThreads(64)),
              archive,
              source,
              events,
              schedules,
              time,
              chance);
    }

    void application(String name, String url, String namespace) {
      cluster.create(
          KubeObject.make(
              "slipway.dev/v1",
              "Application",
              "default",
              name,
              json -> {
                ObjectNode spec = Json.child(json, "spec");
                spec.putObject("source").put("repoURL", url).put("targetRevision", "main");
                spec.putObject("destination").put("namespace", namespace);
                spec.putObject("syncPolicy").put("timeout", "1h").putObject("automated");
              }));
    }

    void namespace(String name) {
      cluster.create(KubeObject.make("v1", "Namespace", "", name, json -> {}));
    }

    void awaitSynced(String name, String commit) {
      ObjectKey key = ObjectKey.slipway("Application", "default", name);
      double end = Times.wall() + PATIENCE;
      while (!isSynced(cluster.get(key).orElseThrow().status(), commit)) {
        if (Times.wall() > end) {
          throw new IllegalStateException(
              "not delivered: " + cluster.get(key).orElseThrow().status());
        }
        LockSupport.parkNanos(5_000_000);
      }
    }

    private static boolean isSynced(JsonNode status, String commit) {
      JsonNode operation = status.path("operation");
      return Json.string(operation, "phase", "").equals("Succeeded")
          && (commit.isEmpty() || Json.string(operation, "revision", "").equals(commit))
          && Json.string(status.path("sync"), "status", "").equals("Synced");
    }

    /// Says on the standard error how far it is.
    void awaitAllSynced() {
      double end = Times.wall() + PATIENCE;
      double told = Times.wall();
      while (true) {
        List<KubeObject> all =
            cluster.list(ObjectQuery.all(GroupKind.slipway("Application"))).items();
        long left = all.stream().filter(app -> !isSynced(app.status(), "")).count();
        if (left == 0) {
          return;
        }
        if (Times.wall() > end) {
          throw new IllegalStateException(left + " applications are not delivered");
        }
        if (Times.wall() > told + 5) {
          told = Times.wall();
          System.err.printf(
              "  %,d of %,d applications are delivered%n", all.size() - left, all.size());
        }
        LockSupport.parkNanos(500_000_000);
      }
    }

    @Override
    public void close() {
      engine.close();
      rollouts.close();
      controllers.close();
      Lent.close(schedules);
      source.close();
      archive.close();
      store.close();
      Lent.close(time);
    }
  }
}
