package dev.slipway.bench;

import dev.slipway.app.Lent;
import dev.slipway.controlplane.Controllers;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.SqliteJournal;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/// A replication controller from 0 to 1,000 pods, created, bound and reported running, each write
/// on the disk before it is acknowledged. The nodes do nothing but report.
final class ReplicationBenchmark implements Benchmark {
  private static final int PODS = 1_000;
  private static final int NODES = 10;
  private static final int WARM_UP = 4;
  private static final int SAMPLES = 5;
  private static final GroupKind POD = GroupKind.core("Pod");

  @Override
  public String name() {
    return "replication";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    double first = 0;
    var samples = new double[SAMPLES];
    for (int i = -WARM_UP; i < SAMPLES; i++) {
      double seconds = once();
      if (i == -WARM_UP) {
        first = seconds;
      } else if (i >= 0) {
        samples[i] = seconds;
      }
    }
    String what =
        "a controller from 0 to %,d running pods on %d no-op nodes".formatted(PODS, NODES);
    report.accept(
        new Figure(
            what,
            "median of %d after %d".formatted(SAMPLES, WARM_UP),
            Times.median(samples),
            "s",
            Goal.atMost(0.5),
            ""));
    report.accept(
        new Figure(what + ", the first time in a process", "1", first, "s", Goal.NONE, ""));
  }

  private static double once() throws Exception {
    Timeline timeline = Lent.timeline();
    Chance chance = Lent.chance();
    try (Folder folder = Folder.make("replication");
        var store =
            new ObjectStore(
                SqliteJournal.open(folder.path().resolve("objects.db")),
                timeline,
                StoreLimits.DEFAULT)) {
      var cluster =
          new EmbeddedCluster(store, Lent.admission(), timeline, chance).withNamespaces("default");
      for (int i = 0; i < NODES; i++) {
        cluster.create(node("node-" + i, timeline));
      }
      var running = new CountDownLatch(PODS);
      try (var _ = new Agent(cluster, timeline, running);
          var _ =
              Controllers.start(
                  cluster,
                  _ -> List.of(),
                  ServiceAddresses.DEFAULT,
                  Optional::empty,
                  Together.onThreads(64),
                  timeline,
                  chance)) {
        double start = Times.wall();
        cluster.create(controller());
        if (!running.await(60, TimeUnit.SECONDS)) {
          throw new IllegalStateException(running.getCount() + " pods do not run");
        }
        return Times.wall() - start;
      }
    }
  }

  /// Says of every pod that is bound that it runs.
  static final class Agent implements AutoCloseable {
    private final Cluster cluster;
    private final Timeline timeline;
    private final CountDownLatch running;
    private final Set<String> seen = ConcurrentHashMap.newKeySet();
    private final Semaphore permits = new Semaphore(64);
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Follower follower;

    Agent(Cluster cluster, Timeline timeline, CountDownLatch running) {
      this.cluster = cluster.as(Author.controller("agent"));
      this.timeline = timeline;
      this.running = running;
      this.follower =
          Follower.start(
              cluster,
              ObjectQuery.all(POD),
              timeline,
              (_, after) -> {
                if (after != null
                    && !Json.string(after.spec(), "nodeName", "").isEmpty()
                    && seen.add(after.uid())) {
                  threads.execute(() -> report(after));
                }
              });
    }

    private void report(KubeObject pod) {
      permits.acquireUninterruptibly();
      try {
        ObjectNode status = Json.object().put("phase", "Running");
        Conditions.set(status, "Ready", true, "", "", timeline.instant());
        cluster.replaceStatus(pod.withStatus(status));
        running.countDown();
      } catch (ClusterException e) {
        seen.remove(pod.uid());
        cluster.get(pod.key()).ifPresent(now -> threads.execute(() -> report(now)));
      } finally {
        permits.release();
      }
    }

    @Override
    public void close() {
      follower.close();
      threads.close();
    }
  }

  /// A node whose sign of life lasts for as long as any run.
  static KubeObject node(String name, Timeline timeline) {
    return KubeObject.make(
        "v1",
        "Node",
        "",
        name,
        json -> {
          ObjectNode status = Json.child(json, "status");
          Conditions.set(status, "Ready", true, "KubeletReady", "", timeline.instant());
          if (status.path("conditions").path(0) instanceof ObjectNode ready) {
            ready.put(
                "lastHeartbeatTime", Conditions.time(timeline.instant().plus(Duration.ofHours(2))));
          }
          status
              .putObject("allocatable")
              .put("cpu", "640")
              .put("memory", "640Gi")
              .put("pods", "1000");
        });
  }

  private static KubeObject controller() {
    return KubeObject.make(
        "v1",
        "ReplicationController",
        "default",
        "web",
        json -> {
          ObjectNode spec = Json.child(json, "spec");
          spec.put("replicas", PODS).putObject("selector").put("app", "web");
          ObjectNode template = spec.putObject("template");
          template.putObject("metadata").putObject("labels").put("app", "web");
          ObjectNode container = template.putObject("spec").putArray("containers").addObject();
          container.put("name", "main").put("image", "none");
          container.putObject("resources").putObject("requests").put("cpu", "100m");
        });
  }
}
