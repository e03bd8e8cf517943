package dev.slipway.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

/// A Deployment and the Rollout behind it; the test plays the garbage collector.
class DeploymentMirrorTest {
  private static final ObjectKey DEPLOYMENT = new ObjectKey("apps", "Deployment", "default", "web");
  private static final ObjectKey ROLLOUT = ObjectKey.slipway("Rollout", "default", "web");
  private static final GroupKind RC = GroupKind.core("ReplicationController");

  private final ManualTimeline timeline = new ManualTimeline();
  private final SeededChance chance = new SeededChance(1);
  private final FakeCluster cluster = new FakeCluster(timeline, chance);

  @BeforeEach
  void start() {
    RolloutController.start(
        cluster, new EventRecorder(cluster, timeline, "test"), timeline, chance);
  }

  @Test
  void aDeploymentThatComesAgainTakesOverWhatItsPredecessorLeft() {
    deployment("web:1", "web");
    String revision = revisions().getFirst().name();
    String uid = cluster.get(ROLLOUT).orElseThrow().uid();
    orphan();
    assertThat(revisions().getFirst().annotation("slipway.dev/deployment-uid"))
        .as("it is for nobody now")
        .hasValue("");
    deployment("web:1", "web");
    KubeObject deployment = cluster.get(DEPLOYMENT).orElseThrow();
    KubeObject rollout = cluster.get(ROLLOUT).orElseThrow();
    assertThat(rollout.uid()).isEqualTo(uid);
    assertThat(rollout.isControlledBy(deployment)).isTrue();
    assertThat(deployment.observedGeneration()).isEqualTo(deployment.generation());
    assertThat(revisions()).extracting(KubeObject::name).containsExactly(revision);
    assertThat(revisions().getFirst().annotation("slipway.dev/deployment-uid"))
        .hasValue(deployment.uid());
  }

  @Test
  void podsThatTheNewOneDoesNotSelectAreLeftAlone() {
    deployment("web:1", "web");
    KubeObject left = revisions().getFirst();
    orphan();
    deployment("web:1", "other");
    assertThat(cluster.get(left.key()).orElseThrow().owners()).isEmpty();
    assertThat(Json.integer(cluster.get(left.key()).orElseThrow().spec(), "replicas", 0))
        .isEqualTo(2);
    assertThat(revisions())
        .as("and a revision of its own begins")
        .anyMatch(rc -> rc.isControlledBy(cluster.get(ROLLOUT).orElseThrow()));
  }

  @Test
  void aRolloutOfSomebodyElseIsNotTakenAway() {
    cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Rollout",
            "default",
            "web",
            json -> {
              ObjectNode entry = Json.child(json, "metadata").putArray("managedFields").addObject();
              entry.put("manager", "slipway").put("operation", "Apply");
              entry.putObject("fieldsV1").putObject("f:spec").putObject("f:template");
              fill("web:1", "web").accept(json);
            }));
    timeline.advance(Duration.ofSeconds(1));
    deployment("web:2", "web");
    assertThat(cluster.get(ROLLOUT).orElseThrow().owners()).isEmpty();
    KubeObject deployment = cluster.get(DEPLOYMENT).orElseThrow();
    assertThat(deployment.observedGeneration()).isEqualTo(deployment.generation());
    String message =
        "Failed to create new replica set \"web\": Rollout \"web\" belongs to \"slipway\"";
    assertThat(
            Conditions.find(deployment.status(), "Progressing")
                .map(it -> Json.string(it, "reason", "") + " " + Json.string(it, "message", "")))
        .hasValue("ReplicaSetCreateError " + message);
    assertThat(cluster.list(ObjectQuery.all(GroupKind.core("Event"))).items())
        .anyMatch(event -> Json.string(event.json(), "message", "").equals(message));
    cluster.delete(ROLLOUT, DeleteOptions.BACKGROUND);
    timeline.advance(Duration.ofSeconds(1));
    assertThat(cluster.get(ROLLOUT).orElseThrow().isControlledBy(deployment))
        .as("it goes on when the name is free")
        .isTrue();
  }

  @Test
  void whatEarlierVersionsMadeIsFoundByItsHashToo() {
    deployment("web:1", "web");
    KubeObject revision = revisions().getFirst();
    String hash = revision.label("slipway.dev/template-hash").orElseThrow();
    assertThat(hashOf(revision)).hasValue(hash);
    cluster.create(
        KubeObject.make(
            "v1",
            "Pod",
            "default",
            "old",
            json ->
                Json.child(json, "metadata")
                    .putArray("ownerReferences")
                    .add(OwnerReference.controlledBy(revision).toJson())));
    cluster.replace(
        revision.with(
            json ->
                Json.child(
                        Json.child(Json.child(Json.child(json, "spec"), "template"), "metadata"),
                        "labels")
                    .remove("pod-template-hash")));
    timeline.advance(Duration.ofSeconds(1));
    assertThat(hashOf(revisions().getFirst())).hasValue(hash);
    assertThat(revisions()).as("nothing is rolled out for it").hasSize(1);
    assertThat(cluster.get(ObjectKey.core("Pod", "default", "old")).orElseThrow().labels())
        .containsEntry("pod-template-hash", hash);
  }

  private static Optional<String> hashOf(KubeObject revision) {
    return Json.string(
        revision.spec().path("template").path("metadata").path("labels"), "pod-template-hash");
  }

  private void deployment(String image, String app) {
    cluster.create(KubeObject.make("apps/v1", "Deployment", "default", "web", fill(image, app)));
    timeline.advance(Duration.ofSeconds(1));
  }

  private static Consumer<ObjectNode> fill(String image, String app) {
    return json -> {
      ObjectNode spec = Json.child(json, "spec").put("replicas", 2);
      spec.putObject("selector").putObject("matchLabels").put("app", app);
      ObjectNode template = spec.putObject("template");
      template.putObject("metadata").putObject("labels").put("app", app);
      template.putObject("spec").putArray("containers").addObject().put("image", image);
    };
  }

  /// As `kubectl delete --cascade=orphan`.
  private void orphan() {
    cluster.delete(DEPLOYMENT, DeleteOptions.BACKGROUND);
    cluster.replace(
        cluster
            .get(ROLLOUT)
            .orElseThrow()
            .withMetadata(metadata -> metadata.remove("ownerReferences")));
    timeline.advance(Duration.ofSeconds(1));
  }

  private List<KubeObject> revisions() {
    return cluster.list(ObjectQuery.in(RC, "default")).items();
  }
}
