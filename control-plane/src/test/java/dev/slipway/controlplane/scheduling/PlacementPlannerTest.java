package dev.slipway.controlplane.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.testing.SeededChance;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

class PlacementPlannerTest {
  private static KubeObject node(String name, int milli, int pods) {
    return KubeObject.make(
        "v1",
        "Node",
        "",
        name,
        json -> {
          ObjectNode labels = Json.child(Json.child(json, "metadata"), "labels");
          labels.put("kubernetes.io/hostname", name);
          Json.child(json, "status")
              .putObject("allocatable")
              .put("cpu", milli + "m")
              .put("memory", "1Gi")
              .put("pods", Integer.toString(pods));
        });
  }

  private static KubeObject pod(String name, int milli, int priority, String node) {
    return KubeObject.make(
        "v1",
        "Pod",
        "default",
        name,
        json -> {
          Json.child(Json.child(json, "metadata"), "labels").put("app", "web");
          ObjectNode spec = Json.child(json, "spec");
          spec.put("priority", priority);
          if (!node.isEmpty()) {
            spec.put("nodeName", node);
          }
          spec.putArray("containers")
              .addObject()
              .putObject("resources")
              .putObject("requests")
              .put("cpu", milli + "m");
        });
  }

  @Test
  void aClaimOnAVolumeThatIsNotThereIsNamed() {
    KubeObject pod =
        pod("web", 10, 0, "")
            .with(
                json ->
                    Json.child(json, "spec")
                        .putArray("volumes")
                        .addObject()
                        .put("name", "v")
                        .putObject("persistentVolumeClaim")
                        .put("claimName", "data"));
    assertThat(PlacementPlanner.plan(List.of(node("n1", 100, 10)), List.of(pod)))
        .containsExactly(
            new PlacementPlanner.Decision.Unschedulable(
                pod, "0/1 nodes are available: persistentvolumeclaim \"data\" not found."));
  }

  private static KubeObject apart(KubeObject pod) {
    return pod.with(
        json -> {
          ObjectNode term =
              Json.child(Json.child(Json.child(json, "spec"), "affinity"), "podAntiAffinity")
                  .putArray("requiredDuringSchedulingIgnoredDuringExecution")
                  .addObject();
          term.put("topologyKey", "kubernetes.io/hostname");
          term.putObject("labelSelector").putObject("matchLabels").put("app", "web");
        });
  }

  @Test
  void randomBatchesNeverOvercommit() {
    for (int seed = 0; seed < 300; seed++) {
      var chance = new SeededChance(seed);
      var nodes = new ArrayList<KubeObject>();
      Map<String, int[]> room = new HashMap<>();
      for (int i = 0; i < 1 + chance.below(5); i++) {
        int milli = 500 + chance.below(4) * 500;
        int pods = 1 + chance.below(6);
        nodes.add(node("n" + i, milli, pods));
        room.put("n" + i, new int[] {milli, pods});
      }
      var pods = new ArrayList<KubeObject>();
      for (int i = 0; i < chance.below(25); i++) {
        pods.add(pod("p" + i, 100 * (1 + chance.below(9)), chance.below(3), ""));
      }
      for (PlacementPlanner.Decision decision : PlacementPlanner.plan(nodes, pods)) {
        if (decision instanceof PlacementPlanner.Decision.Bind(KubeObject pod, String name)) {
          int[] left = Objects.requireNonNull(room.get(name));
          left[0] -= (int) Resources.requests(pod).of("cpu");
          left[1]--;
          assertThat(left[0]).as("cpu of %s, seed %d", name, seed).isNotNegative();
          assertThat(left[1]).as("pods of %s, seed %d", name, seed).isNotNegative();
        }
      }
    }
  }

  @Test
  void aVictimIsAlwaysOfLowerPriority() {
    var nodes = List.of(node("n1", 1000, 10));
    var low = pod("low", 600, 0, "n1");
    var mid = pod("mid", 400, 5, "n1");
    assertThat(PlacementPlanner.plan(nodes, List.of(low, mid, pod("high", 500, 9, ""))))
        .singleElement()
        .isInstanceOfSatisfying(
            PlacementPlanner.Decision.Preempt.class,
            preempt -> assertThat(preempt.victims()).containsExactly(low));
    assertThat(PlacementPlanner.plan(nodes, List.of(low, mid, pod("equal", 500, 0, ""))))
        .singleElement()
        .isInstanceOf(PlacementPlanner.Decision.Unschedulable.class);
  }

  @Test
  void podsThatRepelEachOtherShareNoNode() {
    var nodes = List.of(node("n1", 1000, 10), node("n2", 1000, 10));
    var decisions =
        PlacementPlanner.plan(
            nodes,
            List.of(
                apart(pod("a", 100, 0, "")), apart(pod("b", 100, 0, "")), pod("c", 100, 0, "")));
    assertThat(decisions)
        .filteredOn(PlacementPlanner.Decision.Bind.class::isInstance)
        .map(decision -> ((PlacementPlanner.Decision.Bind) decision).node())
        .containsExactlyInAnyOrder("n1", "n2");
    assertThat(decisions.getLast())
        .isInstanceOfSatisfying(
            PlacementPlanner.Decision.Unschedulable.class,
            refused -> assertThat(refused.message()).contains("existing pods anti-affinity"));
  }

  @Test
  void aRefusalNamesWhatIsShort() {
    assertThat(
            PlacementPlanner.plan(
                List.of(node("n1", 500, 10), node("n2", 500, 0)), List.of(pod("big", 600, 0, ""))))
        .singleElement()
        .isInstanceOfSatisfying(
            PlacementPlanner.Decision.Unschedulable.class,
            refused ->
                assertThat(refused.message())
                    .startsWith("0/2 nodes are available: ")
                    .contains("2 Insufficient cpu")
                    .contains("1 Too many pods"));
  }
}
