package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.kubernetes.Endpoint;
import dev.slipway.runtime.kubernetes.RemoteCluster;
import dev.slipway.testing.ClusterContract;
import dev.slipway.testing.RealTimeline;
import dev.slipway.testing.SeededChance;
import dev.slipway.testing.wire.FaultyWire;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

/// The driver of remote clusters against a real kube-apiserver.
class RemoteClusterTest {
  private static final GroupKind CONFIG = GroupKind.core("ConfigMap");
  private static final RealTimeline TIME = new RealTimeline();

  @TempDir static Path folder;
  private static RealKubernetes kubernetes;
  private static RemoteCluster cluster;

  @BeforeAll
  static void start() throws Exception {
    kubernetes =
        RealKubernetes.start(
            folder.resolve("kubernetes"), "--", "--disable-admission-plugins=ServiceAccount");
    cluster = open(kubernetes, TIME);
  }

  static RemoteCluster open(RealKubernetes kubernetes, RealTimeline time) throws Exception {
    return RemoteCluster.open(
        endpoint(kubernetes, UnaryOperator.identity()), time, new SeededChance(1));
  }

  /// @param through another address of the server
  private static Endpoint endpoint(RealKubernetes kubernetes, UnaryOperator<String> through)
      throws Exception {
    var config =
        (ObjectNode) YamlReader.read(Files.readAllBytes(kubernetes.kubeconfig())).getFirst().tree();
    var server = config.path("clusters").path(0).path("cluster");
    String token = config.path("users").path(0).path("user").path("token").stringValue();
    return Endpoint.of(
        through.apply(server.path("server").stringValue()),
        Optional.of(
            Files.readAllBytes(Path.of(server.path("certificate-authority").stringValue()))),
        Optional.empty(),
        Optional.empty(),
        false,
        Endpoint.Bearer.fixed(token));
  }

  @AfterAll
  static void stop() throws Exception {
    cluster.close();
    kubernetes.close();
    TIME.close();
  }

  @TestFactory
  Stream<DynamicTest> aRealKubernetesKeepsTheContract() {
    return ClusterContract.checks().entrySet().stream()
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      clear();
                      check
                          .getValue()
                          .accept(new ClusterContract.Subject(cluster, Thread::onSpinWait));
                    }));
  }

  private static void clear() {
    for (GroupKind kind : List.of(CONFIG, GroupKind.core("Pod"))) {
      for (KubeObject object : cluster.list(ObjectQuery.in(kind, "default")).items()) {
        if (!object.finalizers().isEmpty()) {
          cluster.replace(object.withMetadata(metadata -> metadata.remove("finalizers")));
        }
        cluster.delete(object.key(), DeleteOptions.BACKGROUND.withGrace(Duration.ZERO));
      }
    }
  }

  @Test
  void whoOwnsAFieldIsNamed() {
    clear();
    cluster.as(new Author("somebody", "tester", "")).apply(config("one", "a"), ApplyOptions.PLAIN);
    Assertions.assertThatThrownBy(
            () ->
                cluster
                    .as(new Author("slipway", "tester", ""))
                    .apply(config("one", "b"), ApplyOptions.PLAIN))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining(".data.value")
        .hasMessageContaining("somebody");
  }

  @Test
  void whatIsOursIsReadWithoutARequestAndNeverOlderThanOurWrites() {
    clear();
    for (int i = 0; i < 20; i++) {
      cluster.apply(config("ours-" + i, "0"), ApplyOptions.FORCE);
    }
    ObjectQuery ours =
        ObjectQuery.all(CONFIG).labelled(LabelSelector.parse("slipway.dev/application"));
    assertThat(cluster.list(ours).items()).hasSize(20);
    long before = cluster.requests();
    for (int round = 1; round <= 3; round++) {
      for (int i = 0; i < 20; i++) {
        ObjectKey key = ObjectKey.core("ConfigMap", "default", "ours-" + i);
        KubeObject written =
            cluster.apply(config("ours-" + i, Integer.toString(round)), ApplyOptions.FORCE);
        assertThat(cluster.get(key)).contains(written);
        assertThat(cluster.list(ours).items()).contains(written);
      }
    }
    cluster.delete(ObjectKey.core("ConfigMap", "default", "ours-3"), DeleteOptions.BACKGROUND);
    assertThat(cluster.list(ours).items()).hasSize(19);
    assertThat(cluster.requests() - before).isEqualTo(61);
  }

  @Test
  void missingOnesAreListedOnceInsteadOfAskedForOneByOne() {
    clear();
    cluster.create(config("plain", "x").withMetadata(metadata -> metadata.remove("labels")));
    Set<ObjectKey> keys = new TreeSet<>();
    keys.add(ObjectKey.core("ConfigMap", "default", "plain"));
    for (int i = 0; i < 100; i++) {
      keys.add(ObjectKey.core("ConfigMap", "default", "missing-" + i));
    }
    cluster.getAll(keys);
    long before = cluster.requests();
    Map<ObjectKey, KubeObject> found = cluster.getAll(keys);

    assertThat(found.keySet()).containsExactly(ObjectKey.core("ConfigMap", "default", "plain"));
    assertThat(cluster.requests() - before).isEqualTo(2);
  }

  /// Time that a test can let pass ten times as fast.
  private static final class Haste implements Timeline {
    private static final int TIMES = 10;
    private volatile long since;

    void begin() {
      since = System.nanoTime();
    }

    @Override
    public Instant instant() {
      return TIME.instant();
    }

    @Override
    public long nanos() {
      long now = System.nanoTime();
      return since == 0 ? now : since + (now - since) * TIMES;
    }

    @Override
    public void execute(Runnable task) {
      TIME.execute(task);
    }

    @Override
    public Scheduled schedule(Duration delay, Runnable task) {
      return TIME.schedule(since == 0 ? delay : delay.dividedBy(TIMES), task);
    }
  }

  /// The connection of the watches stands and says nothing any more, and nobody says so.
  @Test
  void aHalfOpenWatchIsFoundOutAndGoesOnFromWhereItWas() throws Exception {
    clear();
    var haste = new Haste();
    var relays = new ArrayList<FaultyWire>();
    Endpoint endpoint =
        endpoint(
            kubernetes,
            server -> {
              FaultyWire relay = FaultyWire.toPort(URI.create(server).getPort(), 1);
              relays.add(relay);
              return "https://127.0.0.1:" + relay.port();
            });
    try (FaultyWire relay = relays.getFirst();
        RemoteCluster behind =
            RemoteCluster.open(endpoint, Duration.ofSeconds(10), haste, new SeededChance(1))) {
      ObjectKey key = ObjectKey.core("ConfigMap", "default", "half");
      ObjectQuery ours =
          ObjectQuery.all(CONFIG).labelled(LabelSelector.parse("slipway.dev/application"));
      var told = new CopyOnWriteArrayList<String>();
      cluster.apply(config("half", "1"), ApplyOptions.FORCE);
      var listing = behind.list(ours);
      try (var _ = behind.watch(ours, listing.resourceVersion(), event -> told.add(value(event)))) {
        cluster.apply(config("half", "2"), ApplyOptions.FORCE);
        RealDaemon.await(() -> told.equals(List.of("2")), () -> "the watch is open: " + told);

        assertThat(relay.strand()).isPositive();
        cluster.apply(config("half", "3"), ApplyOptions.FORCE);
        cluster.apply(config("half", "4"), ApplyOptions.FORCE);
        haste.begin();
        RealDaemon.await(
            Duration.ofSeconds(120),
            () -> told.equals(List.of("2", "3", "4")),
            () -> "nothing is missed and nothing comes twice: " + told);
        assertThat(behind.get(key)).map(RemoteClusterTest::value).contains("4");
      }
    }
  }

  private static String value(WatchEvent event) {
    return switch (event) {
      case WatchEvent.Added(KubeObject object) -> value(object);
      case WatchEvent.Modified(KubeObject object) -> value(object);
      case WatchEvent.Deleted(KubeObject object) -> "deleted " + object.name();
      case WatchEvent.Bookmark _ -> "bookmark";
      case WatchEvent.Expired(String why) -> why;
    };
  }

  private static String value(KubeObject object) {
    return Json.string(object.json().path("data"), "value", "");
  }

  private static KubeObject config(String name, String value) {
    return KubeObject.make(
        "v1",
        "ConfigMap",
        "default",
        name,
        json -> {
          ((ObjectNode) json.path("metadata"))
              .putObject("labels")
              .put("slipway.dev/application", "default.test");
          json.putObject("data").put("value", value);
        });
  }
}
