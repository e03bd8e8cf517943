package dev.slipway.controlplane.replication;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

class PodRankTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");

  private static KubeObject pod(
      String name, String node, String phase, boolean ready, int cost, int readyAt, int restarts) {
    return KubeObject.make(
        "v1",
        "Pod",
        "default",
        name,
        json -> {
          Json.child(Json.child(json, "metadata"), "annotations")
              .put("controller.kubernetes.io/pod-deletion-cost", Integer.toString(cost));
          Json.child(json, "metadata").put("creationTimestamp", Conditions.time(T0));
          Json.child(json, "spec").put("nodeName", node);
          ObjectNode status = Json.child(json, "status");
          status.put("phase", phase);
          if (ready) {
            Conditions.set(status, "Ready", true, "", "", T0.plusSeconds(readyAt));
          }
          status.putArray("containerStatuses").addObject().put("restartCount", restarts);
        });
  }

  /// Each row differs from the next in one rule, and every rule outweighs all that come after it.
  @Test
  void theOneThatIsMissedLeastGoesFirst() {
    List<KubeObject> wanted =
        List.of(
            pod("a-unassigned", "", "Pending", false, 9, 0, 0),
            pod("b-pending", "n1", "Pending", false, 9, 0, 0),
            pod("c-unknown", "n1", "Unknown", false, 9, 0, 0),
            pod("d-unready", "n1", "Running", false, 9, 0, 0),
            pod("e-cheap", "n2", "Running", true, -1, 0, 0),
            pod("f-crowded-young", "n1", "Running", true, 0, 9, 0),
            pod("g-crowded-restarts", "n1", "Running", true, 0, 5, 3),
            pod("h-crowded", "n1", "Running", true, 0, 5, 1),
            pod("i-alone", "n2", "Running", true, 0, 20, 7),
            pod("j-dear", "n1", "Running", true, 1, 30, 9));
    var random = new Random(1);
    for (int i = 0; i < 200; i++) {
      var shuffled = new ArrayList<>(wanted);
      Collections.shuffle(shuffled, random);
      assertThat(PodRank.firstToGo(shuffled)).containsExactlyElementsOf(wanted);
    }
  }
}
