package dev.slipway.bench;

import dev.slipway.app.Lent;
import dev.slipway.controlplane.archive.SqliteArchive;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.store.MemoryJournal;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.TimelineSchedules;
import dev.slipway.sync.SyncEngine;
import dev.slipway.sync.git.GitLimits;
import dev.slipway.sync.git.GitSource;
import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.Remote;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What an application of 10,000 objects costs when nothing has changed, and when one file has.
final class DeliveryBenchmark implements Benchmark {
  private static final int FILES = 10_000;
  private static final int LOOKS = 30;
  private static final int COMMITS = 30;
  private static final int WARM_UP = 10;

  @Override
  public String name() {
    return "delivery";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    report.accept(measure(true, (world, _, _) -> looks(world)));
    report.accept(measure(false, DeliveryBenchmark::commits));
    report.accept(measure(true, DeliveryBenchmark::deliveries));
  }

  @FunctionalInterface
  private interface Measurement {
    Figure take(World world, Sample sample, GitSource source) throws Exception;
  }

  /// @param simple only ConfigMaps, which are healthy as soon as they are there
  private static Figure measure(boolean simple, Measurement measurement) throws Exception {
    try (Folder folder = Folder.make("delivery");
        Sample sample = new Sample(folder.path().resolve("origin.git"), FILES, simple);
        var source =
            new GitSource(
                folder.path().resolve("mirrors"),
                remote -> Access.NONE,
                GitLimits.DEFAULT,
                new ManualTimeline());
        var world = new World(folder.path(), source, sample.url())) {
      world.deliver();
      return measurement.take(world, sample, source);
    }
  }

  private static Figure looks(World world) {
    var samples = new double[LOOKS];
    long writes = world.store.revision();
    for (int i = -WARM_UP; i < LOOKS; i++) {
      double start = Times.cpu();
      world.look();
      if (i >= 0) {
        samples[i] = 1_000 * (Times.cpu() - start);
      }
    }
    writes = world.store.revision() - writes;
    return new Figure(
        "a look at %,d ConfigMaps of 1 KB when nothing has changed: %d writes to the store"
            .formatted(FILES, writes),
        "median of %d after %d".formatted(LOOKS, WARM_UP),
        Times.median(samples),
        "ms of CPU",
        Goal.atMost(30),
        "");
  }

  private static Figure commits(World world, Sample sample, GitSource source) throws Exception {
    var samples = new double[COMMITS];
    for (int i = -WARM_UP; i < COMMITS; i++) {
      sample.commit(i + WARM_UP);
      source.refresh(Remote.of(sample.url()));
      double start = Times.wall();
      JsonNode diff = world.engine.diff("default", "shop", "main");
      double millis = 1_000 * (Times.wall() - start);
      if (!diff.toString().contains("round-" + (i + WARM_UP))) {
        throw new IllegalStateException("the change is not in " + diff);
      }
      if (i >= 0) {
        samples[i] = millis;
      }
    }
    Arrays.sort(samples);
    return new Figure(
        "a commit that changes one file of %,d, from detected to the list of changed objects"
            .formatted(FILES),
        "median of %d after %d".formatted(COMMITS, WARM_UP),
        Times.median(samples),
        "ms",
        Goal.atMost(10),
        "");
  }

  private static Figure deliveries(World world, Sample sample, GitSource source) throws Exception {
    var samples = new double[COMMITS];
    for (int i = -WARM_UP; i < COMMITS; i++) {
      String commit = sample.commit(i + WARM_UP).name();
      source.refresh(Remote.of(sample.url()));
      double start = Times.wall();
      world.deliver(commit);
      if (i >= 0) {
        samples[i] = 1_000 * (Times.wall() - start);
      }
    }
    Arrays.sort(samples);
    return new Figure(
        "a commit that changes one of %,d ConfigMaps, until it is applied, healthy and in the history"
            .formatted(FILES),
        "median of %d after %d".formatted(COMMITS, WARM_UP),
        Times.median(samples),
        "ms",
        Goal.NONE,
        "");
  }

  /// The sync engine on a cluster in memory, on time that stands still.
  private static final class World implements AutoCloseable {
    final ManualTimeline time = new ManualTimeline();
    final ObjectStore store = new ObjectStore(new MemoryJournal(), time, StoreLimits.DEFAULT);
    final EmbeddedCluster cluster =
        new EmbeddedCluster(store, Lent.admission(), time, new SeededChance(1))
            .withNamespaces("default");
    final SqliteArchive archive;
    final SyncEngine engine;

    World(Path folder, GitSource source, String url) {
      archive = SqliteArchive.open(folder.resolve("archive.db"));
      var events = new EventRecorder(cluster, time, "bench");
      engine =
          SyncEngine.start(
              cluster,
              archive,
              source,
              events,
              new TimelineSchedules(time, new SeededChance(3)),
              time,
              new SeededChance(2));
      cluster.create(
          KubeObject.make(
              "slipway.dev/v1",
              "Application",
              "default",
              "shop",
              json -> {
                ObjectNode spec = Json.child(json, "spec");
                spec.putObject("source")
                    .put("repoURL", url)
                    .put("path", ".")
                    .put("targetRevision", "main");
                spec.putObject("syncPolicy").putObject("automated").put("enabled", true);
              }));
    }

    void deliver() {
      for (int i = 0; i < 600; i++) {
        time.advance(Duration.ofSeconds(1));
        JsonNode status = status();
        if (Json.string(status.path("operation"), "phase", "").equals("Succeeded")
            || Json.string(status.path("sync"), "status", "").equals("Synced")) {
          return;
        }
      }
      throw new IllegalStateException("not delivered");
    }

    private JsonNode status() {
      return cluster
          .get(ObjectKey.slipway("Application", "default", "shop"))
          .orElseThrow()
          .status();
    }

    void deliver(String commit) {
      for (int i = 0; i < 100; i++) {
        look();
        JsonNode sync = status().path("sync");
        if (Json.string(sync, "status", "").equals("Synced")
            && Json.string(sync, "revision", "").equals(commit)) {
          return;
        }
      }
      throw new IllegalStateException("not delivered: " + status().path("operation"));
    }

    void look() {
      engine.look("default", "shop");
      time.runUntilIdle();
    }

    @Override
    public void close() {
      engine.close();
      archive.close();
      store.close();
    }
  }
}
