package dev.slipway.controlplane.nodes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DrainLoopTest {
  private final ManualTimeline timeline = new ManualTimeline();
  private final SeededChance chance = new SeededChance(1);
  private final FakeCluster cluster = new FakeCluster(timeline, chance);

  @BeforeEach
  void aWorkloadOnTwoNodes() {
    cluster.createNamespace("d");
    node("n1");
    node("n2");
    KubeObject controller =
        cluster.create(
            KubeObject.make(
                "v1",
                "ReplicationController",
                "d",
                "web",
                json -> json.putObject("spec").put("replicas", 2)));
    cluster.replaceStatus(
        controller.with(
            json -> json.putObject("status").put("replicas", 2).put("readyReplicas", 2)));
    pod("web-1", "n1", controller);
    pod("web-2", "n2", controller);
    DrainLoop.start(cluster, new EventRecorder(cluster, timeline, "test"), timeline, chance);
    timeline.advance(Duration.ofMinutes(1));
  }

  private void node(String name) {
    cluster.create(KubeObject.make("v1", "Node", "", name, json -> json.putObject("spec")));
  }

  private void draining(String name, boolean draining) {
    KubeObject node = cluster.get(ObjectKey.core("Node", "", name)).orElseThrow();
    cluster.replaceStatus(
        node.with(
            json ->
                Conditions.set(
                    Json.child(json, "status"),
                    DrainLoop.DRAINING,
                    draining,
                    "Leaving",
                    "for maintenance",
                    timeline.instant())));
    timeline.advance(Duration.ofSeconds(3));
  }

  private void pod(String name, String node, KubeObject controller) {
    KubeObject pod =
        cluster.create(
            KubeObject.make(
                "v1",
                "Pod",
                "d",
                name,
                json -> {
                  Json.child(json, "metadata")
                      .putArray("ownerReferences")
                      .addObject()
                      .put("apiVersion", "v1")
                      .put("kind", "ReplicationController")
                      .put("name", controller.name())
                      .put("uid", controller.uid())
                      .put("controller", true);
                  json.putObject("spec").put("nodeName", node);
                }));
    cluster.replaceStatus(
        pod.with(
            json ->
                Conditions.set(
                    Json.child(json, "status"), "Ready", true, "", "", timeline.instant())));
  }

  private List<String> leaving() {
    return Stream.of("web-1", "web-2")
        .filter(
            name ->
                cluster
                    .get(ObjectKey.core("Pod", "d", name))
                    .map(KubeObject::isTerminating)
                    .orElse(true))
        .toList();
  }

  private boolean isTainted(String node) {
    return cluster
        .get(ObjectKey.core("Node", "", node))
        .orElseThrow()
        .spec()
        .toString()
        .contains(DrainLoop.TAINT);
  }

  @Test
  void nothingMovesFromNodesThatStay() {
    assertThat(leaving()).isEmpty();
    assertThat(isTainted("n1")).isFalse();
  }

  @Test
  void podsLeaveANodeThatDrainsAndNoneComesUntilItDrainsNoMore() {
    draining("n1", true);
    assertThat(leaving()).containsExactly("web-1");
    assertThat(isTainted("n1")).isTrue();
    assertThat(isTainted("n2")).isFalse();
    draining("n1", false);
    assertThat(isTainted("n1")).isFalse();
  }

  /// I2. The workload's own count may say for a while that it is whole.
  @Test
  void nodesThatDrainTogetherTakeOnePodOfAWorkloadAtATime() {
    draining("n1", true);
    draining("n2", true);
    assertThat(leaving()).containsExactly("web-1");
  }
}
