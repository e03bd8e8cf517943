package dev.slipway.runtime.nodes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.health.LastSign;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.ServingGate;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.FakeRuntime;
import dev.slipway.runtime.spi.NodeDeclaration;
import dev.slipway.runtime.spi.NodeDriver;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.NodePool;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Nodes that come and go by their objects, on fake engines.
class NodeFleetTest {
  private final ManualTimeline timeline = new ManualTimeline();
  private final SeededChance chance = new SeededChance(1);
  private final FakeCluster cluster = new FakeCluster(timeline, chance);
  private final EventRecorder events = new EventRecorder(cluster, timeline, "test");
  private final Engines engines = new Engines();
  private final NodeFleet fleet =
      NodeFleet.start(
          cluster,
          Map.of("docker", engines),
          ServingGate.OPEN,
          events,
          (pod, audiences, life) -> Optional.empty(),
          timeline,
          chance);

  /// Engines that can be away, and a list of who connected where.
  private final class Engines implements NodeDriver {
    final List<String> connects = new ArrayList<>();
    final Set<String> open = new HashSet<>();
    final Set<String> away = new HashSet<>();

    @Override
    public boolean needsPodSubnet() {
      return true;
    }

    @Override
    public Connection connect(NodeDeclaration declaration, NodePool pool) {
      if (!declaration.host().startsWith("unix://")) {
        throw RuntimeFailedException.unsupported("no such host: " + declaration.host());
      }
      connects.add(declaration.name() + " " + declaration.host());
      open.add(declaration.name());
      var runtime = new FakeRuntime(timeline);
      return new Connection() {
        @Override
        public Optional<ContainerRuntime> runtime() {
          return declaration.name().equals("pool") ? Optional.empty() : Optional.of(runtime);
        }

        @Override
        public NodeFacts facts() {
          return () -> {
            if (away.contains(declaration.name())) {
              throw new RuntimeFailedException("connection refused");
            }
            return reading(declaration.host());
          };
        }

        @Override
        public void close() {
          open.remove(declaration.name());
        }
      };
    }
  }

  private static NodeFacts.Reading reading() {
    return reading("");
  }

  private static NodeFacts.Reading reading(String machine) {
    return new NodeFacts.Reading(
        "10.0.0.1",
        Map.of("slipway.dev/runtime", "docker", "disk", "ssd"),
        Map.of("cpu", "4", "memory", "8Gi", "pods", "100"),
        Map.of("cpu", "3", "memory", "7Gi", "pods", "100"),
        "docker://20.10",
        new NodeFacts.Machine("Debian", "", "amd64", machine));
  }

  private void declare(String name, String host) {
    cluster.create(
        KubeObject.make(
            "v1",
            "Node",
            "",
            name,
            json -> {
              ObjectNode metadata = Json.child(json, "metadata");
              metadata
                  .putObject("annotations")
                  .put("slipway.dev/runtime", "docker")
                  .put("slipway.dev/host", host);
              metadata.putObject("labels").put("disk", "hdd");
              json.putObject("spec");
            }));
    timeline.runUntilIdle();
  }

  private KubeObject node(String name) {
    return cluster.get(ObjectKey.core("Node", "", name)).orElseThrow();
  }

  private JsonNode ready(String name) {
    return Conditions.find(node(name).status(), "Ready").orElseThrow();
  }

  private void found(String name, String through) {
    cluster.create(
        KubeObject.make(
            "v1",
            "Node",
            "",
            name,
            json ->
                Json.child(json, "metadata")
                    .putObject("annotations")
                    .put("slipway.dev/lease", LastSign.agentsOf(through))));
    timeline.runUntilIdle();
  }

  @Test
  void nodesThatWereFoundThroughAClusterGoWithItsDeclaration() {
    declare("pool", "unix:///pool");
    found("agent", "pool");
    assertThat(cluster.get(ObjectKey.core("Node", "", "agent"))).isPresent();
    cluster.delete(ObjectKey.core("Node", "", "pool"), DeleteOptions.BACKGROUND);
    timeline.runUntilIdle();
    assertThat(cluster.get(ObjectKey.core("Node", "", "agent"))).isEmpty();
    found("late", "pool");
    assertThat(cluster.get(ObjectKey.core("Node", "", "late"))).isEmpty();
  }

  /// As a driver of many does; whoever looks after the node does not register it again.
  @Test
  void nodesThatAreLookedAfterGoWithTheDeclarationOfTheirClusterForGood() {
    cluster.createNamespace(LastSign.LEASES);
    declare("pool", "unix:///pool");
    fleet.join(
        "agent",
        new FakeRuntime(timeline),
        new NodeFacts() {
          @Override
          public Reading read() {
            return reading();
          }

          @Override
          public Optional<String> heardThrough() {
            return Optional.of(LastSign.agentsOf("pool"));
          }
        });
    timeline.advance(Duration.ofSeconds(30));
    assertThat(LastSign.foundThrough(node("agent"))).contains("pool");
    cluster.delete(ObjectKey.core("Node", "", "pool"), DeleteOptions.BACKGROUND);
    timeline.advance(Duration.ofMinutes(1));
    assertThat(cluster.get(ObjectKey.core("Node", "", "agent"))).isEmpty();
  }

  @Test
  void oneEngineIsOneNode() {
    declare("b", "unix:///one");
    timeline.advance(Duration.ofSeconds(1));
    declare("a", "unix:///one");
    timeline.advance(Duration.ofSeconds(15));
    assertThat(Json.string(ready("b"), "status", "")).isEqualTo("True");
    assertThat(Json.string(ready("a"), "status", "")).isEqualTo("Unknown");
    assertThat(Json.string(ready("a"), "reason", "")).isEqualTo("EngineInUse");
    assertThat(Json.string(ready("a"), "message", "")).contains("node b already");

    cluster.delete(ObjectKey.core("Node", "", "b"), DeleteOptions.BACKGROUND);
    timeline.advance(Duration.ofSeconds(15));
    assertThat(Json.string(ready("a"), "status", "")).isEqualTo("True");
  }

  @Test
  void aDeclaredNodeShowsWhatItsEngineSaysAndKeepsWhatSomebodyElseSaid() {
    declare("a", "unix:///a");

    assertThat(Json.string(ready("a"), "status", "")).isEqualTo("True");
    assertThat(Json.string(node("a").status().path("allocatable"), "cpu", "")).isEqualTo("3");
    assertThat(Json.string(node("a").status().path("capacity"), "cpu", "")).isEqualTo("4");
    assertThat(node("a").labels())
        .containsEntry("slipway.dev/runtime", "docker")
        .containsEntry("kubernetes.io/hostname", "a")
        .containsEntry("disk", "hdd");
    assertThat(Json.string(node("a").status().path("nodeInfo"), "osImage", "")).isEqualTo("Debian");
    assertThat(Conditions.find(node("a").status(), "MemoryPressure")).isPresent();
  }

  @Test
  void aNodeHasALeaseThatItsHeartbeatRenews() {
    cluster.create(KubeObject.make("v1", "Namespace", "", "kube-node-lease", json -> {}));
    declare("a", "unix:///a");
    var key = new ObjectKey("coordination.k8s.io", "Lease", "kube-node-lease", "a");
    String first = renewed(key);
    assertThat(first).matches("[0-9-]+T[0-9:]+\\.[0-9]{6}Z");
    assertThat(cluster.get(key).orElseThrow().metadata().path("ownerReferences").toString())
        .contains(node("a").uid());
    timeline.advance(Duration.ofSeconds(11));
    assertThat(renewed(key)).isGreaterThan(first);
    engines.away.add("a");
    timeline.advance(Duration.ofSeconds(11));
    String last = renewed(key);
    timeline.advance(Duration.ofSeconds(40));
    assertThat(renewed(key)).isEqualTo(last);
  }

  /// Of many nodes of one connection; each of them wrote twice every ten seconds.
  @Test
  void aThousandNodesOfOneConnectionAreHeardOfByOneLeaseAndHardlyAWrite() {
    int nodes = 1_000;
    cluster.create(KubeObject.make("v1", "Namespace", "", "kube-node-lease", json -> {}));
    for (int i = 0; i < nodes; i++) {
      fleet.join("agent-" + i, new FakeRuntime(timeline), new Agent(new AtomicBoolean(true)));
      timeline.advance(Duration.ofMillis(10));
    }
    timeline.advance(Duration.ofMinutes(1));
    var lease = new ObjectKey("coordination.k8s.io", "Lease", "kube-node-lease", "all");
    assertThat(cluster.list(ObjectQuery.all(lease.groupKind())).items()).hasSize(1);
    assertThat(node("agent-7").annotations()).containsEntry("slipway.dev/lease", "all");
    String before = renewed(lease);
    int writes = cluster.writes().size();
    int minutes = 10;
    timeline.advance(Duration.ofMinutes(minutes));
    assertThat(renewed(lease)).isGreaterThan(before);
    assertThat(cluster.writes().size() - writes)
        .as("the lease, and each node every five minutes")
        .isLessThanOrEqualTo(1 + minutes * 60 / 9 + nodes * minutes / 5)
        .isGreaterThanOrEqualTo(nodes);
  }

  @Test
  void aNodeThatIsLostSaysSoAtOnceWhateverItsSharedLeaseSays() {
    cluster.create(KubeObject.make("v1", "Namespace", "", "kube-node-lease", json -> {}));
    var answers = new AtomicBoolean(true);
    fleet.join("agent-1", new FakeRuntime(timeline), new Agent(answers));
    fleet.join("agent-2", new FakeRuntime(timeline), new Agent(new AtomicBoolean(true)));
    timeline.advance(Duration.ofSeconds(100));
    answers.set(false);
    String lost = Conditions.time(timeline.instant());
    timeline.advance(Duration.ofSeconds(12));
    assertThat(Json.string(ready("agent-1"), "status", "")).isEqualTo("Unknown");
    // Its silence counts from its last answer, not from when its object was written.
    assertThat(Json.string(ready("agent-1"), "lastHeartbeatTime", ""))
        .isBetween(Conditions.time(Instant.parse(lost).minusSeconds(10)), lost);
    assertThat(Json.string(ready("agent-2"), "status", "")).isEqualTo("True");
    answers.set(true);
    timeline.advance(Duration.ofSeconds(3));
    assertThat(Json.string(ready("agent-1"), "status", "")).isEqualTo("True");
  }

  @Test
  void aNodeThatIsToLeaveSaysSoWhenItsDriverHasNews() {
    var agent = new Agent(new AtomicBoolean(true));
    var runtime = new FakeRuntime(timeline);
    fleet.join("agent-1", runtime, agent);
    timeline.advance(Duration.ofSeconds(1));
    assertThat(Conditions.find(node("agent-1").status(), "Draining")).isEmpty();
    agent.leaving = Optional.of("for maintenance");
    fleet.join("agent-1", runtime, agent);
    assertThat(Conditions.isTrue(node("agent-1").status(), "Draining")).isTrue();
    agent.leaving = Optional.empty();
    fleet.join("agent-1", runtime, agent);
    assertThat(Conditions.isTrue(node("agent-1").status(), "Draining")).isFalse();
  }

  /// One of many that are heard of through one connection.
  private static final class Agent implements NodeFacts {
    private final AtomicBoolean answers;
    Optional<String> leaving = Optional.empty();

    Agent(AtomicBoolean answers) {
      this.answers = answers;
    }

    @Override
    public Reading read() {
      if (!answers.get()) {
        throw new RuntimeFailedException("the agent does not answer");
      }
      return reading();
    }

    @Override
    public Optional<String> heardThrough() {
      return Optional.of("all");
    }

    @Override
    public Optional<String> leaving() {
      return leaving;
    }
  }

  private String renewed(ObjectKey lease) {
    return Json.string(cluster.get(lease).orElseThrow().spec(), "renewTime", "");
  }

  @Test
  void anEngineThatGoesAwayLeavesItsNodeUnknownWithTheReasonAndComesBack() {
    declare("a", "unix:///a");
    declare("b", "unix:///b");
    String beat = Json.string(ready("a"), "lastHeartbeatTime", "");
    engines.away.add("a");
    timeline.advance(Duration.ofSeconds(30));

    assertThat(Json.string(ready("a"), "status", "")).isEqualTo("Unknown");
    assertThat(Json.string(ready("a"), "message", "")).contains("connection refused");
    assertThat(Json.string(ready("a"), "lastHeartbeatTime", ""))
        .isLessThanOrEqualTo(Json.string(ready("b"), "lastHeartbeatTime", ""))
        .isGreaterThanOrEqualTo(beat);
    assertThat(Json.string(ready("b"), "status", "")).isEqualTo("True");

    engines.away.clear();
    timeline.advance(Duration.ofSeconds(3));
    assertThat(Json.string(ready("a"), "status", "")).isEqualTo("True");
  }

  @Test
  void aNodeThatIsDeletedIsDisconnectedAndStaysAway() {
    declare("a", "unix:///a");
    assertThat(engines.open).contains("a");
    cluster.delete(ObjectKey.core("Node", "", "a"), DeleteOptions.BACKGROUND);
    timeline.advance(Duration.ofMinutes(1));

    assertThat(engines.open).isEmpty();
    assertThat(cluster.get(ObjectKey.core("Node", "", "a"))).isEmpty();
  }

  @Test
  void aChangedHostIsConnectedAnewAndAnEqualOneIsLeftAlone() {
    declare("a", "unix:///a");
    timeline.advance(Duration.ofMinutes(2));
    assertThat(engines.connects).containsExactly("a unix:///a");
    cluster.replace(
        node("a")
            .with(
                json ->
                    Json.child(Json.child(json, "metadata"), "annotations")
                        .put("slipway.dev/host", "unix:///other")));
    timeline.advance(Duration.ofSeconds(1));
    assertThat(engines.connects).containsExactly("a unix:///a", "a unix:///other");
  }

  @Test
  void aDeclarationThatCannotMeanAnythingSaysWhy() {
    declare("a", "gopher://a");
    assertThat(Json.string(ready("a"), "reason", "")).isEqualTo("InvalidDeclaration");
    assertThat(Json.string(ready("a"), "message", "")).contains("no such host: gopher://a");
  }

  @Test
  void credentialsComeFromASecretAndAChangedOneConnectsAnew() {
    cluster.createNamespace("kube-system");
    cluster.create(
        KubeObject.make(
            "v1",
            "Node",
            "",
            "a",
            json ->
                Json.child(json, "metadata")
                    .putObject("annotations")
                    .put("slipway.dev/runtime", "docker")
                    .put("slipway.dev/host", "unix:///a")
                    .put("slipway.dev/credentials", "kube-system/node-a")));
    timeline.runUntilIdle();
    assertThat(Json.string(ready("a"), "message", "")).contains("kube-system/node-a");
    assertThat(engines.connects).isEmpty();
    ObjectKey secret = ObjectKey.core("Secret", "kube-system", "node-a");
    cluster.create(
        KubeObject.make(
            "v1",
            "Secret",
            "kube-system",
            "node-a",
            json -> json.putObject("data").put("tls.key", "a2V5")));
    timeline.advance(Duration.ofSeconds(40));
    assertThat(engines.connects).hasSize(1);
    cluster.replace(
        cluster
            .get(secret)
            .orElseThrow()
            .with(json -> Json.child(json, "data").put("tls.key", "bmV3")));
    timeline.advance(Duration.ofSeconds(40));
    assertThat(engines.connects).hasSize(2);
  }

  @Test
  void everyNodeHasAPodSubnetOfItsOwnAndKeepsIt() {
    declare("a", "unix:///a");
    declare("b", "unix:///b");
    String first = Json.string(node("a").spec(), "podCIDR", "");
    String second = Json.string(node("b").spec(), "podCIDR", "");
    assertThat(first).startsWith("10.").endsWith(".0/24").isNotEqualTo(second);
    timeline.advance(Duration.ofMinutes(1));
    assertThat(Json.string(node("b").spec(), "podCIDR", "")).isEqualTo(second);

    cluster.delete(ObjectKey.core("Node", "", "a"), DeleteOptions.BACKGROUND);
    timeline.runUntilIdle();
    declare("a", "unix:///a");
    assertThat(Json.string(node("a").spec(), "podCIDR", "")).isEqualTo(first);
    assertThat(engines.connects).hasSize(3);
  }

  @Test
  void aDriverAddsAndRemovesNodesOfItsOwn() {
    declare("pool", "unix:///pool");
    assertThat(Json.string(ready("pool"), "status", "")).isEqualTo("True");
    var runtime = new FakeRuntime(timeline);
    fleet.join("agent-1", runtime, NodeFleetTest::reading);
    fleet.join("agent-1", runtime, NodeFleetTest::reading);
    timeline.runUntilIdle();
    assertThat(Json.string(ready("agent-1"), "status", "")).isEqualTo("True");

    fleet.leave("agent-1");
    timeline.advance(Duration.ofMinutes(1));
    assertThat(cluster.get(ObjectKey.core("Node", "", "agent-1"))).isEmpty();
  }

  @Test
  void aNodeOfADriverThatConnectedAnewIsAskedThroughItsNewRuntime() {
    declare("pool", "unix:///pool");
    var answers = new java.util.concurrent.atomic.AtomicBoolean(true);
    fleet.join(
        "agent-1",
        new FakeRuntime(timeline),
        () -> {
          if (!answers.get()) {
            throw new RuntimeFailedException("its framework is closed");
          }
          return reading();
        });
    timeline.runUntilIdle();
    answers.set(false);
    timeline.advance(Duration.ofMinutes(1));
    assertThat(Json.string(ready("agent-1"), "status", "")).isEqualTo("Unknown");

    fleet.join("agent-1", new FakeRuntime(timeline), NodeFleetTest::reading);
    timeline.advance(Duration.ofMinutes(1));
    assertThat(Json.string(ready("agent-1"), "status", "")).isEqualTo("True");
  }
}
