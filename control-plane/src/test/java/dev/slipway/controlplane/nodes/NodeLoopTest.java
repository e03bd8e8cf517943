package dev.slipway.controlplane.nodes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class NodeLoopTest {
  private static final ObjectKey NODE = ObjectKey.core("Node", "", "n1");

  private final ManualTimeline timeline = new ManualTimeline();
  private final SeededChance chance = new SeededChance(1);
  private final FakeCluster cluster = new FakeCluster(timeline, chance);

  @Test
  void aNodeThatIsNewIsSilentOnlyAfterAWhile() {
    NodeLoop.start(cluster, new EventRecorder(cluster, timeline, "test"), timeline, chance);
    timeline.advance(Duration.ofHours(1));
    cluster.create(KubeObject.make("v1", "Node", "", "n1", _ -> {}));
    timeline.advance(Duration.ofSeconds(30));
    assertThat(taints()).isEmpty();
    timeline.advance(Duration.ofSeconds(30));
    assertThat(taints()).containsExactly("node.kubernetes.io/unreachable");
  }

  /// Its object is written every few minutes; between that its lease tells.
  @Test
  void aNodeIsSilentWhenItsLeaseIsNotRenewedThoughItsObjectSaysThatItIsWell() {
    NodeLoop.start(cluster, new EventRecorder(cluster, timeline, "test"), timeline, chance);
    cluster.createNamespace("kube-node-lease");
    cluster.create(
        KubeObject.make(
            "v1",
            "Node",
            "",
            "n1",
            json -> {
              Json.child(json, "metadata").putObject("annotations").put("slipway.dev/lease", "all");
              Json.child(json, "status")
                  .putArray("conditions")
                  .addObject()
                  .put("type", "Ready")
                  .put("status", "True")
                  .put("lastHeartbeatTime", Conditions.time(timeline.instant()));
            }));
    KubeObject lease =
        cluster.create(
            KubeObject.make("coordination.k8s.io/v1", "Lease", "kube-node-lease", "all", _ -> {}));
    for (int i = 0; i < 30; i++) {
      lease =
          cluster.replace(
              lease.with(
                  json ->
                      Json.child(json, "spec").put("renewTime", timeline.instant().toString())));
      timeline.advance(Duration.ofSeconds(10));
      assertThat(taints()).isEmpty();
    }
    timeline.advance(Duration.ofSeconds(29));
    assertThat(taints()).isEmpty();
    timeline.advance(Duration.ofSeconds(3));
    assertThat(taints()).containsExactly("node.kubernetes.io/unreachable");
    cluster.replace(
        lease.with(
            json -> Json.child(json, "spec").put("renewTime", timeline.instant().toString())));
    timeline.advance(Duration.ofSeconds(12));
    assertThat(taints()).isEmpty();
  }

  private void pod(String name, String node) {
    cluster.create(
        KubeObject.make(
            "v1", "Pod", "default", name, json -> Json.child(json, "spec").put("nodeName", node)));
  }

  private List<String> pods() {
    return cluster.list(ObjectQuery.all(GroupKind.core("Pod"))).items().stream()
        .map(KubeObject::name)
        .toList();
  }

  @Test
  void podsOfANodeThatIsDeletedGoAfterAWhile() {
    cluster.create(KubeObject.make("v1", "Node", "", "n1", _ -> {}));
    pod("there", "n1");
    pod("nowhere", "none");
    pod("waits", "");
    NodeLoop.start(cluster, new EventRecorder(cluster, timeline, "test"), timeline, chance);
    timeline.advance(Duration.ofSeconds(39));
    assertThat(pods()).containsExactlyInAnyOrder("there", "nowhere", "waits");
    timeline.advance(Duration.ofSeconds(2));
    assertThat(pods()).containsExactlyInAnyOrder("there", "waits");
    cluster.delete(NODE, DeleteOptions.BACKGROUND);
    timeline.advance(Duration.ofSeconds(39));
    assertThat(pods()).containsExactlyInAnyOrder("there", "waits");
    timeline.advance(Duration.ofSeconds(2));
    assertThat(pods()).containsExactly("waits");
    pod("late", "n1");
    timeline.advance(Duration.ofSeconds(39));
    assertThat(pods()).containsExactlyInAnyOrder("late", "waits");
    timeline.advance(Duration.ofSeconds(2));
    assertThat(pods()).containsExactly("waits");
  }

  @Test
  void podsOfANodeThatIsRegisteredAgainStay() {
    cluster.create(KubeObject.make("v1", "Node", "", "n1", _ -> {}));
    pod("there", "n1");
    NodeLoop.start(cluster, new EventRecorder(cluster, timeline, "test"), timeline, chance);
    for (int i = 0; i < 3; i++) {
      cluster.delete(NODE, DeleteOptions.BACKGROUND);
      timeline.advance(Duration.ofSeconds(30));
      cluster.create(KubeObject.make("v1", "Node", "", "n1", _ -> {}));
      timeline.advance(Duration.ofSeconds(20));
      assertThat(pods()).containsExactly("there");
    }
  }

  private List<String> taints() {
    JsonNode spec = cluster.get(NODE).orElseThrow().spec();
    return Json.items(spec, "taints").stream().map(each -> Json.string(each, "key", "")).toList();
  }
}
