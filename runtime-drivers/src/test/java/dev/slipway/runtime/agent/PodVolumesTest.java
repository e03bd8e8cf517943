package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.ServingGate;
import dev.slipway.runtime.spi.FakeRuntime;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.VolumeSpec;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

/// What the volumes of a running pod hold, while the objects that they show change.
class PodVolumesTest {
  private static final ObjectKey CONFIG = ObjectKey.core("ConfigMap", "default", "config");
  private static final ObjectKey POD = ObjectKey.core("Pod", "default", "web");

  private final ManualTimeline timeline = new ManualTimeline();
  private final SeededChance chance = new SeededChance(1);
  private final FakeCluster cluster = new FakeCluster(timeline, chance);
  private final EventRecorder events = new EventRecorder(cluster, timeline, "test");
  private final FakeRuntime runtime = new FakeRuntime(timeline);
  private final List<Instant> issued = new ArrayList<>();

  @BeforeEach
  void aRunningPod() {
    start();
    config("ConfigMap", "config", "1");
    config("ConfigMap", "other", "1");
    cluster.create(
        KubeObject.make(
            "v1",
            "Pod",
            "default",
            "web",
            json -> {
              Json.child(json, "metadata").putObject("labels").put("app", "web");
              ObjectNode spec = json.putObject("spec").put("nodeName", "n1");
              spec.putArray("containers")
                  .addObject()
                  .put("name", "web")
                  .put("image", "i")
                  .putArray("command")
                  .add("run");
              var sources =
                  spec.putArray("volumes")
                      .addObject()
                      .put("name", "v")
                      .putObject("projected")
                      .putArray("sources");
              sources.addObject().putObject("configMap").put("name", "config");
              sources.addObject().putObject("secret").put("name", "later").put("optional", true);
              sources
                  .addObject()
                  .putObject("downwardAPI")
                  .putArray("items")
                  .addObject()
                  .put("path", "labels")
                  .putObject("fieldRef")
                  .put("fieldPath", "metadata.labels");
              sources
                  .addObject()
                  .putObject("serviceAccountToken")
                  .put("path", "token")
                  .put("audience", "vault")
                  .put("expirationSeconds", 1_000);
            }));
    timeline.runUntilIdle();
  }

  private void start() {
    NodeAgent.start(
        cluster,
        runtime,
        ServingGate.OPEN,
        events,
        new NodeAgent.Settings("n1", PodVolumesTest::facts, true),
        new NodeAgent.Sources(this::token, SourceChanges.follow(cluster, timeline)),
        timeline,
        chance);
  }

  private Optional<PodTokens.Token> token(KubeObject pod, List<String> audiences, Duration life) {
    Instant now = timeline.instant();
    issued.add(now);
    return Optional.of(
        new PodTokens.Token(
            "%s for %s, %d".formatted(pod.name(), audiences, issued.size()), now.plus(life)));
  }

  private static NodeFacts.Reading facts() {
    Map<String, String> amounts = Map.of("cpu", "4", "memory", "8Gi", "pods", "10");
    return new NodeFacts.Reading("10.0.0.1", Map.of(), amounts, amounts, "fake://1", "Linux", "x");
  }

  private void config(String kind, String name, String value) {
    cluster.create(
        KubeObject.make(
            "v1",
            kind,
            "default",
            name,
            json -> json.putObject("data").put(kind.equals("Secret") ? "s" : "c", value)));
  }

  private Map<String, String> held() {
    var held = new TreeMap<String, String>();
    String uid = cluster.get(POD).orElseThrow().uid();
    for (VolumeSpec volume : runtime.volumes(uid)) {
      ((VolumeSpec.Files) volume)
          .files()
          .forEach(
              (path, file) -> held.put(path, new String(file.bytes(), StandardCharsets.UTF_8)));
    }
    return held;
  }

  @Test
  void volumesFollowTheirSourcesAndNothingElse() {
    assertThat(held())
        .isEqualTo(Map.of("c", "1", "labels", "app=\"web\"\n", "token", "web for [vault], 1"));
    change(CONFIG, json -> json.putObject("data").put("c", "2"));
    assertThat(held()).containsEntry("c", "2").containsEntry("token", "web for [vault], 1");
    config("Secret", "later", "czM=");
    timeline.runUntilIdle();
    assertThat(held()).containsEntry("s", "s3");
    change(POD, json -> Json.child(Json.child(json, "metadata"), "labels").put("app", "shop"));
    assertThat(held()).containsEntry("labels", "app=\"shop\"\n");
  }

  @Test
  void whatIsGoneStaysUntilItIsThereAgain() {
    cluster.delete(CONFIG, DeleteOptions.BACKGROUND);
    timeline.runUntilIdle();
    change(POD, json -> Json.child(Json.child(json, "metadata"), "labels").put("app", "shop"));
    assertThat(held()).containsEntry("c", "1");
    config("ConfigMap", "config", "3");
    timeline.runUntilIdle();
    assertThat(held()).containsEntry("c", "3").containsEntry("labels", "app=\"shop\"\n");
  }

  @Test
  void aTokenIsRenewedInTimeForAsLongAsThePodLives() {
    timeline.advance(Duration.ofSeconds(740));
    assertThat(issued).hasSize(1);
    timeline.advance(Duration.ofSeconds(2_300));
    assertThat(held()).containsEntry("token", "web for [vault], " + issued.size());
    for (int i = 1; i < issued.size(); i++) {
      assertThat(Duration.between(issued.get(i - 1), issued.get(i)))
          .isBetween(Duration.ofSeconds(750), Duration.ofSeconds(790));
    }
    assertThat(issued).hasSize(5);
    cluster.delete(POD, DeleteOptions.BACKGROUND.withGrace(Duration.ZERO));
    timeline.advance(Duration.ofSeconds(2_000));
    assertThat(issued).hasSize(5);
  }

  @Test
  void anAgentThatStartsLooksAtWhatItMissed() {
    cluster.replace(
        cluster.get(CONFIG).orElseThrow().with(json -> json.putObject("data").put("c", "4")));
    start();
    timeline.runUntilIdle();
    assertThat(held()).containsEntry("c", "4");
  }

  private void change(ObjectKey key, java.util.function.Consumer<ObjectNode> change) {
    cluster.replace(cluster.get(key).orElseThrow().with(change));
    timeline.runUntilIdle();
  }
}
