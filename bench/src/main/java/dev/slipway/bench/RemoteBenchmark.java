package dev.slipway.bench;

import dev.slipway.app.Lent;
import dev.slipway.controlplane.archive.SqliteArchive;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.SqliteJournal;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.e2e.RealKubernetes;
import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import dev.slipway.model.time.TimelineSchedules;
import dev.slipway.rollout.RolloutController;
import dev.slipway.runtime.kubernetes.Endpoint;
import dev.slipway.runtime.kubernetes.RemoteCluster;
import dev.slipway.runtime.kubernetes.RemoteClusters;
import dev.slipway.sync.SyncEngine;
import dev.slipway.sync.git.GitLimits;
import dev.slipway.sync.git.GitSource;
import dev.slipway.sync.source.Access;
import dev.slipway.testing.RealTimeline;
import dev.slipway.testing.SeededChance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Delivery to a real kube-apiserver: 1,000 replication controllers and 1,000 services at once, all
/// of them changed, and what it costs to look at them when nothing has changed.
///
/// The controllers have no replicas, and nothing but etcd and the API server runs beside: what is
/// measured is Slipway and what it asks of that server. The raw load comes afterwards from the same
/// process, with as many requests at once as get the most done: the same objects under other names,
/// created, and then applied as Slipway does it, which costs the server more.
final class RemoteBenchmark implements Benchmark {
  private static final int PAIRS = 1_000;
  private static final int CONFIGS = 8_000;
  private static final int LOOKS = 20;
  private static final int WARM_UP = 10;

  @Override
  public String name() {
    return "remote";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    try (Folder folder = Folder.make("remote");
        var kubernetes = RealKubernetes.start(folder.path().resolve("kubernetes"));
        var world = new World(folder.path(), kubernetes.kubeconfig())) {
      Run first = world.deliver("pairs", pairs("1.0"));
      Run update = world.deliver("pairs", pairs("2.0"));
      world.deliver("configs", configs());
      report.accept(
          new Figure(
              "%,d RCs and %,d Services, first sync: wall time".formatted(PAIRS, PAIRS),
              "1, cold",
              first.wall(),
              "s",
              Goal.NONE,
              ""));
      report.accept(pace(world, first, "creates", Cluster::create));
      report.accept(
          pace(
              world,
              first,
              "applies",
              (cluster, object) -> cluster.apply(object, ApplyOptions.FORCE)));
      report.accept(cpu("first sync", first, "Flux 10 s, Argo CD 203 s (another day)"));
      report.accept(
          new Figure(
              "update of all (%,d requests): wall time".formatted(update.requests()),
              "1",
              update.wall(),
              "s",
              Goal.NONE,
              ""));
      report.accept(cpu("update of all", update, "Flux 14 s, Argo CD 203 s (another day)"));
      world.looks().forEach(report);
    }
  }

  private static Figure pace(
      World world, Run first, String requests, BiConsumer<Cluster, KubeObject> write)
      throws Exception {
    double raw = world.raw(requests, pairs("raw"), write);
    return new Figure(
        "the same: share of the pace of a raw load generator (%.2f s for its %,d %s, %d at once)"
            .formatted(raw, 2 * PAIRS, requests, world.bestConcurrency),
        "1",
        raw / first.wall(),
        "",
        Goal.atLeast(0.9),
        "");
  }

  private static Figure cpu(String what, Run run, String peers) {
    return new Figure(
        "%s (%,d requests): own processor time".formatted(what, run.requests()),
        "1",
        run.cpu(),
        "s",
        Goal.atMost(3),
        peers);
  }

  private record Run(double wall, double cpu, long requests) {}

  private static List<String> pairs(String version) {
    var documents = new ArrayList<String>();
    for (int i = 0; i < PAIRS; i++) {
      documents.add(
          """
          apiVersion: v1
          kind: ReplicationController
          metadata: {name: app-%1$d, labels: {app: app-%1$d}}
          spec:
            replicas: 0
            selector: {app: app-%1$d}
            template:
              metadata: {labels: {app: app-%1$d}}
              spec:
                containers:
                - name: main
                  image: registry.example.com/shop/app:%2$s
                  ports: [{containerPort: 8080}]
                  resources: {requests: {cpu: 100m, memory: 64Mi}}
          ---
          apiVersion: v1
          kind: Service
          metadata: {name: app-%1$d, labels: {app: app-%1$d}, annotations: {version: "%2$s"}}
          spec: {selector: {app: app-%1$d}, ports: [{port: 80, targetPort: 8080}]}
          """
              .formatted(i, version));
    }
    return documents;
  }

  private static List<String> configs() {
    var documents = new ArrayList<String>();
    for (int i = 0; i < CONFIGS; i++) {
      documents.add(
          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-%d}\ndata: {word: start, more: \"%s\"}\n"
              .formatted(i, "text ".repeat(40)));
    }
    return documents;
  }

  private static final class World implements AutoCloseable {
    private final Path folder;
    private final RealTimeline time = new RealTimeline();
    private final ObjectStore store;
    private final EmbeddedCluster home;
    private final SqliteArchive archive;
    private final GitSource source;
    private final RemoteClusters clusters;
    private final SyncEngine engine;
    private final Path kubeconfig;
    int bestConcurrency;

    World(Path folder, Path kubeconfig) throws Exception {
      this.folder = folder;
      this.kubeconfig = kubeconfig;
      store =
          new ObjectStore(
              SqliteJournal.open(folder.resolve("objects.db")), time, StoreLimits.DEFAULT);
      home =
          new EmbeddedCluster(store, Lent.admission(), time, new SeededChance(1))
              .withNamespaces("default");
      archive = SqliteArchive.open(folder.resolve("archive.db"));
      source =
          new GitSource(folder.resolve("mirrors"), remote -> Access.NONE, GitLimits.DEFAULT, time);
      clusters = RemoteClusters.start(home, surroundings(time), time, new SeededChance(2));
      engine =
          SyncEngine.start(
              home,
              Lent.destinations(home, Together.onThreads(64), clusters),
              archive,
              source,
              new EventRecorder(home, time, "bench"),
              new TimelineSchedules(time, new SeededChance(6)),
              time,
              new SeededChance(3));
      ObjectNode config = Json.object();
      config.put("current-context", "real");
      config.setAll(config());
      home.create(
          KubeObject.make(
              "v1",
              "Secret",
              "default",
              "real",
              json ->
                  json.putObject("data")
                      .put("kubeconfig", Base64.getEncoder().encodeToString(Json.write(config)))));
      home.create(
          KubeObject.make(
              "slipway.dev/v1",
              "Cluster",
              "",
              "real",
              json ->
                  json.putObject("spec")
                      .putObject("kubeconfig")
                      .putObject("secretRef")
                      .put("name", "real")));
    }

    private ObjectNode config() throws IOException {
      try {
        var config = (ObjectNode) YamlReader.read(Files.readAllBytes(kubeconfig)).getFirst().tree();
        var cluster = (ObjectNode) config.path("clusters").path(0).path("cluster");
        byte[] authority =
            Files.readAllBytes(Path.of(Json.string(cluster, "certificate-authority", "")));
        cluster.remove("certificate-authority");
        cluster.put("certificate-authority-data", Base64.getEncoder().encodeToString(authority));
        return config;
      } catch (YamlReader.Failure e) {
        throw new IOException(e);
      }
    }

    private static RemoteClusters.Surroundings surroundings(Timeline time) {
      return new RemoteClusters.Surroundings(
          bytes -> Json.parseObject(bytes),
          _ -> Optional.empty(),
          false,
          (_, remote) ->
              RolloutController.start(
                  remote, new EventRecorder(remote, time, "bench"), 64, time, new SeededChance(4)));
    }

    /// From the push to the end of the sync, everything healthy.
    Run deliver(String application, List<String> documents) throws Exception {
      String url = Repositories.commit(folder.resolve(application + ".git"), documents);
      ObjectKey key = ObjectKey.slipway("Application", "default", application);
      double wall = Times.wall();
      double cpu = Times.cpu();
      long requests = requests();
      if (home.get(key).isEmpty()) {
        home.create(
            KubeObject.make(
                "slipway.dev/v1",
                "Application",
                "default",
                application,
                json -> {
                  ObjectNode spec = Json.child(json, "spec");
                  spec.putObject("source").put("repoURL", url).put("targetRevision", "main");
                  spec.putObject("destination").put("name", "real").put("namespace", application);
                  spec.putObject("syncPolicy").put("timeout", "30m").putObject("automated");
                }));
      } else {
        engine.refresh(url);
      }
      String commit = Repositories.head(folder.resolve(application + ".git"));
      awaitSynced(key, commit);
      return new Run(Times.wall() - wall, Times.cpu() - cpu, requests() - requests);
    }

    private void awaitSynced(ObjectKey key, String commit) {
      double end = Times.wall() + 1_800;
      while (true) {
        JsonNode status = home.get(key).orElseThrow().status();
        JsonNode operation = status.path("operation");
        if (Json.string(operation, "phase", "").equals("Succeeded")
            && Json.string(operation, "revision", "").equals(commit)
            && Json.string(status.path("sync"), "status", "").equals("Synced")) {
          return;
        }
        if (Times.wall() > end || Json.string(operation, "phase", "").equals("Failed")) {
          throw new IllegalStateException("not delivered: " + status.path("operation"));
        }
        LockSupport.parkNanos(20_000_000);
      }
    }

    private long requests() {
      try {
        return clusters.find("real", "").remote().requests();
      } catch (dev.slipway.model.cluster.ClusterException e) {
        return 0;
      }
    }

    List<Figure> looks() {
      var samples = new double[LOOKS];
      awaitIdle();
      long requests = requests();
      for (int i = -WARM_UP; i < LOOKS; i++) {
        double start = Times.cpu();
        engine.look("default", "pairs");
        engine.look("default", "configs");
        awaitIdle();
        if (i >= 0) {
          samples[i] = 1_000 * (Times.cpu() - start);
        }
      }
      String objects =
          "a look at %,d objects when nothing has changed".formatted(2 * PAIRS + CONFIGS);
      return List.of(
          new Figure(
              objects + ": processor time",
              "median of %d after %d".formatted(LOOKS, WARM_UP),
              Times.median(samples),
              "ms",
              Goal.atMost(30),
              ""),
          new Figure(
              objects + ": requests",
              "sum of %d".formatted(LOOKS + WARM_UP),
              requests() - requests,
              "requests",
              Goal.atMost(0),
              ""));
    }

    private void awaitIdle() {
      LockSupport.parkNanos(1_000_000);
      while (!engine.isIdle()) {
        LockSupport.parkNanos(200_000);
      }
    }

    /// The shortest time for the same objects under other names, over several numbers of requests
    /// at once.
    double raw(String requests, List<String> documents, BiConsumer<Cluster, KubeObject> write)
        throws Exception {
      ObjectNode config = config();
      JsonNode cluster = config.path("clusters").path(0).path("cluster");
      double best = Double.MAX_VALUE;
      for (int concurrency : new int[] {16, 48}) {
        try (var remote =
            RemoteCluster.open(
                Endpoint.of(
                    Json.string(cluster, "server", ""),
                    Optional.of(
                        Base64.getDecoder()
                            .decode(Json.string(cluster, "certificate-authority-data", ""))),
                    Optional.empty(),
                    Optional.empty(),
                    false,
                    Endpoint.Bearer.fixed(
                        Json.string(config.path("users").path(0).path("user"), "token", ""))),
                time,
                new SeededChance(5))) {
          double wall =
              RawLoad.run(
                  remote,
                  requests + "-" + concurrency,
                  documents,
                  concurrency,
                  object -> write.accept(remote, object));
          if (wall < best) {
            best = wall;
            bestConcurrency = concurrency;
          }
        }
      }
      return best;
    }

    @Override
    public void close() {
      engine.close();
      clusters.close();
      source.close();
      archive.close();
      store.close();
      time.close();
    }
  }
}
