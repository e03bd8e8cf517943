package dev.slipway.sync;

import static dev.slipway.sync.Delivery.APP;
import static dev.slipway.sync.Delivery.config;
import static dev.slipway.sync.Delivery.configs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.SourceTree;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.source.Remote;
import dev.slipway.testing.FakeCluster;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

class DeliveryTest {
  private static final Duration SOON = Duration.ofSeconds(3);
  private final Delivery delivery = new Delivery();

  @Test
  void aCommitIsAppliedAndSaidSo() {
    String commit = delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application();
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2"));
    assertThat(delivery.sync()).isEqualTo("Synced " + commit);
    assertThat(delivery.phase()).isEqualTo("Succeeded");
    assertThat(delivery.status().path("inventory")).hasSize(2);
    assertThat(delivery.status().has("waiting")).isFalse();
  }

  @Test
  void aPushIsPickedUpWithinThePeriodAndWhatItDroppedIsPruned() {
    delivery.git.commit(configs("a", "1", "b", "2", "c", "3", "d", "4"));
    delivery.application();
    delivery.pass(SOON);
    String next = delivery.git.commit(configs("a", "9", "b", "2", "c", "3"));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "9", "b", "2", "c", "3"));
    assertThat(delivery.sync()).isEqualTo("Synced " + next);
  }

  @Test
  void aLiveChangeIsHealedWithinASecond() {
    delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application();
    delivery.pass(SOON);
    delivery.change(config("a"), json -> ((ObjectNode) json.path("data")).put("value", "edited"));
    delivery.delete(config("b"));
    delivery.pass(Duration.ofSeconds(1));

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2"));
    assertThat(delivery.status().path("inventory").toString())
        .contains(delivery.get("b").orElseThrow().uid());
  }

  @Test
  void nothingIsWrittenWhileNothingMoves() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    int before = delivery.cluster.writes().size();
    delivery.pass(Duration.ofMinutes(10));

    assertThat(delivery.cluster.writes()).hasSize(before);
    assertThat(delivery.git.refreshes()).isBetween(400, 800);
  }

  @Test
  void invalidManifestsChangeNothingAndAreAllTold() {
    String good = delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application();
    delivery.pass(SOON);
    var files = new TreeMap<>(configs("a", "2"));
    files.put("bad.yaml", "apiVersion: v1\nkind: ConfigMp\nmetadata: {name: x}\n");
    files.put("worse.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: UPPER}\n");
    delivery.git.commit(files);
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2"));
    assertThat(delivery.sync()).isEqualTo("Synced " + good);
    assertThat(delivery.status().path("conditions").toString())
        .contains("InvalidManifests", "bad.yaml", "worse.yaml");
  }

  @Test
  void anEmptyRenderPrunesNothing() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.commit(Map.of("README.md", "nothing here"));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.status().path("conditions").toString()).contains("EmptyRender");
  }

  @Test
  void manyPrunesWaitForAPerson() {
    delivery.git.commit(configs("a", "1", "b", "2", "c", "3"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.commit(configs("a", "1"));
    delivery.pass(SOON);

    assertThat(delivery.live()).hasSize(3);
    assertThat(delivery.phase()).isEqualTo("WaitingForConfirmation");
    assertThat(delivery.status().path("waiting").toString()).contains("2 of 3 objects");
    assertThat(delivery.sync()).startsWith("OutOfSync");
    int writes = delivery.cluster.writes().size();
    delivery.pass(Duration.ofMinutes(1));
    assertThat(delivery.cluster.writes()).hasSize(writes);

    delivery.request("sync", body -> body.put("confirmPrune", true));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.phase()).isEqualTo("Succeeded");
  }

  @Test
  void onlyWhatIsOwnedByUidIsPruned() {
    delivery.git.commit(configs("a", "1", "b", "2", "c", "3", "d", "4"));
    delivery.application(
        spec -> ((ObjectNode) spec.path("syncPolicy").path("automated")).put("selfHeal", false));
    delivery.pass(SOON);
    var label = delivery.get("d").orElseThrow().metadata().path("labels").deepCopy();
    delivery.delete(config("d"));
    delivery.cluster.create(
        delivery
            .get("a")
            .orElseThrow()
            .with(
                json -> {
                  var metadata = json.putObject("metadata");
                  metadata.put("name", "d").put("namespace", "default").set("labels", label);
                }));
    delivery.git.commit(configs("a", "1", "b", "2", "c", "3"));
    delivery.pass(SOON);

    assertThat(delivery.live()).containsKey("d");
    assertThat(delivery.phase()).isEqualTo("Succeeded");
  }

  @Test
  void aRollbackWorksWhileGitIsDownAndHoldsUntilANewerCommit() {
    String first = delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    String second = delivery.git.commit(configs("a", "2", "b", "2"));
    delivery.pass(SOON);
    delivery.git.down(true);
    delivery.request("rollback", body -> {});
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.trigger()).isEqualTo("rollback");
    assertThat(delivery.status().path("rejected").toString())
        .contains(second, "rolled back by ann");
    assertThat(Json.string(delivery.status().path("hold"), "revision")).contains(second);
    assertThat(delivery.sync()).isEqualTo("Synced " + first);
    delivery.git.down(false);
    delivery.pass(Duration.ofMinutes(11));
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));

    String third = delivery.git.commit(configs("a", "3"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "3"));
    assertThat(delivery.sync()).isEqualTo("Synced " + third);
    assertThat(delivery.status().has("hold")).isFalse();
  }

  @Test
  void aCommitThatIsFoundTogetherWithARollbackIsNewer() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    String second = delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);
    delivery.request("rollback", body -> {});
    String third = delivery.git.commit(configs("a", "3"));
    delivery.crash();
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "3"));
    assertThat(delivery.sync()).isEqualTo("Synced " + third);
    assertThat(delivery.status().path("rejected").toString()).contains(second);
  }

  @Test
  void aRollbackSurvivesARestart() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);
    delivery.request("rollback", body -> {});
    delivery.crash();
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    delivery.crash();
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
  }

  @Test
  void aFailedJobGoesBackByItselfAndTakesWhatItMadeAlong() {
    String first = delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    var files = new TreeMap<>(configs("a", "2", "new", "2"));
    files.put("job.yaml", Delivery.job("migrate", "one"));
    String second = delivery.git.commit(files);
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Running");
    assertThat(delivery.status().path("waiting").path("until").isString()).isTrue();
    var job = new ObjectKey("batch", "Job", "default", "migrate");
    delivery.cluster.replaceStatus(
        delivery
            .cluster
            .get(job)
            .orElseThrow()
            .with(
                json ->
                    Json.child(json, "status")
                        .putArray("conditions")
                        .addObject()
                        .put("type", "Failed")
                        .put("status", "True")
                        .put("reason", "BackoffLimitExceeded")
                        .put("message", "gave up")));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.cluster.get(job)).isEmpty();
    assertThat(delivery.trigger()).isEqualTo("auto-rollback");
    assertThat(delivery.status().path("rejected").toString()).contains(second);
    assertThat(delivery.sync()).isEqualTo("Synced " + first);
  }

  @Test
  void whatAFailingSyncMadeIsGoneAfterItsRollback() {
    delivery.git.commit(configs("b", "1"));
    delivery.application(spec -> Json.child(spec, "syncPolicy").putObject("retry").put("limit", 0));
    delivery.pass(SOON);
    delivery.cluster.interfere(refusing("z"));
    delivery.git.commit(configs("a", "2", "b", "2", "z", "2"));
    delivery.pass(Duration.ofSeconds(30));

    assertThat(delivery.live()).isEqualTo(Map.of("b", "1"));
    assertThat(delivery.trigger()).isEqualTo("auto-rollback");
  }

  @Test
  void whatASupersededSyncMadeIsGone() {
    delivery.git.commit(configs("b", "1", "c", "1", "d", "1", "e", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.cluster.interfere(refusing("z"));
    delivery.git.commit(configs("a", "2", "b", "2", "c", "1", "d", "1", "e", "1", "z", "2"));
    delivery.pass(SOON);
    assertThat(delivery.live()).containsKey("a");
    String third = delivery.git.commit(configs("b", "3", "c", "1", "d", "1", "e", "1"));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("b", "3", "c", "1", "d", "1", "e", "1"));
    assertThat(delivery.sync()).isEqualTo("Synced " + third);
  }

  private static FakeCluster.Interference refusing(String name) {
    return new FakeCluster.Interference() {
      @Override
      public void before(FakeCluster.Write write) {
        if (write.key().name().equals(name)) {
          throw new ClusterException(ClusterException.Reason.FORBIDDEN, name + " is refused");
        }
      }
    };
  }

  @Test
  void aNewerCommitSupersedesASyncThatWaits() {
    delivery.git.commit(Map.of("job.yaml", Delivery.job("one", "x")));
    delivery.application();
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Running");
    String second = delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);

    assertThat(delivery.sync()).isEqualTo("Synced " + second);
    assertThat(delivery.records())
        .anySatisfy(
            record -> assertThat(Json.string(record.status(), "phase")).contains("Superseded"));
  }

  @Test
  void aSyncThatOutlivesItsTimeSaysSoAndIsRejected() {
    String first = delivery.git.commit(Map.of("job.yaml", Delivery.job("one", "x")));
    delivery.application();
    delivery.pass(Duration.ofMinutes(11));

    assertThat(delivery.phase()).isEqualTo("Failed");
    assertThat(delivery.status().path("rejected").toString())
        .contains(first, "not healthy within 10m");
  }

  @Test
  void anObjectThatTakesItsTimeToGoIsWaitedForCalmly() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.change(
        config("a"), json -> Json.child(json, "metadata").putArray("finalizers").add("test/slow"));
    delivery.delete(config("a"));
    int before = delivery.cluster.writes().size();
    delivery.pass(Duration.ofSeconds(20));
    assertThat(delivery.cluster.writes().size() - before).isLessThan(60);
    delivery.change(config("a"), json -> ((ObjectNode) json.path("metadata")).remove("finalizers"));
    delivery.pass(Duration.ofSeconds(2));
    assertThat(delivery.get("a").orElseThrow().isTerminating()).isFalse();
  }

  @Test
  void aChangeThatSomebodyKeepsUndoingIsNotFoughtWithoutEnd() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.cluster.interfere(
        new FakeCluster.Interference() {
          private boolean inside;

          @Override
          public void after(FakeCluster.Write write) {
            if (write.verb().equals("apply") && !inside) {
              inside = true;
              delivery.change(
                  config("a"), json -> ((ObjectNode) json.path("data")).put("value", "undone"));
              inside = false;
            }
          }
        });
    delivery.change(config("a"), json -> ((ObjectNode) json.path("data")).put("value", "edited"));
    int before = delivery.cluster.writes().size();
    delivery.pass(Duration.ofMinutes(1));
    assertThat(delivery.cluster.writes().size() - before).isLessThan(300);
    assertThat(delivery.sync()).startsWith("OutOfSync");
  }

  @Test
  void withoutAutomationACommitIsShownAndNotApplied() {
    delivery.git.commit(configs("a", "1"));
    delivery.application(spec -> ((ObjectNode) spec.path("syncPolicy")).remove("automated"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEmpty();
    assertThat(delivery.sync()).startsWith("OutOfSync");
    delivery.request("sync", body -> {});
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.sync()).startsWith("Synced");
  }

  @Test
  void whatIsLeftOverWithoutPruningIsOutOfSyncFromTheStart() {
    delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application(
        spec -> ((ObjectNode) spec.path("syncPolicy").path("automated")).put("prune", false));
    delivery.pass(SOON);
    delivery.git.commit(configs("a", "1"));
    delivery.pass(SOON);
    assertThat(delivery.live()).hasSize(2);
    assertThat(delivery.sync()).startsWith("OutOfSync");
    assertThat(delivery.status().path("resources").toString()).contains("Extra");
  }

  @Test
  void aSuspendedApplicationIsLeftAloneAndThenCatchesUp() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    String until = delivery.time.instant().plusSeconds(60).toString();
    delivery.change(
        APP,
        json ->
            Json.child(json, "spec")
                .putObject("suspend")
                .put("reason", "fair")
                .put("until", until));
    delivery.git.commit(configs("a", "2"));
    delivery.pass(Duration.ofSeconds(30));
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    delivery.pass(Duration.ofSeconds(35));
    assertThat(delivery.live()).isEqualTo(Map.of("a", "2"));
  }

  @Test
  void deletingWithTheFinalizerDeletesWhatItOwns() {
    delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application();
    delivery.change(
        APP,
        json -> Json.child(json, "metadata").putArray("finalizers").add("slipway.dev/resources"));
    delivery.pass(SOON);
    delivery.delete(APP);
    delivery.pass(SOON);
    assertThat(delivery.live()).isEmpty();
    assertThat(delivery.cluster.get(APP)).isEmpty();
  }

  @Test
  void deletingWithoutItLeavesThem() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.delete(APP);
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
  }

  /// I1, I4, I9: whichever write is the last before a crash, and whether or not it took effect, all
  /// is as wanted in the end.
  @Test
  void aCrashAtAnyWriteIsMadeGood() {
    for (int at = 0; at < 60; at++) {
      for (boolean tookEffect : new boolean[] {false, true}) {
        var world = new Delivery(at);
        world.git.commit(configs("a", "1", "b", "1", "c", "1", "d", "1"));
        world.application();
        world.pass(SOON);
        world.cluster.interfere(dyingAt(at, tookEffect));
        String last = world.git.commit(configs("a", "2", "b", "1", "c", "2", "e", "2"));
        boolean died = false;
        try {
          world.pass(SOON);
        } catch (Died e) {
          died = true;
          world.crash();
        }
        world.pass(SOON);
        assertThat(world.live())
            .as("death at %d", at)
            .isEqualTo(Map.of("a", "2", "b", "1", "c", "2", "e", "2"));
        assertThat(world.sync()).isEqualTo("Synced " + last);
        assertThat(world.status().path("inventory")).hasSize(4);
        if (!died) {
          assertThat(at).isGreaterThan(5);
          return;
        }
      }
    }
  }

  private static final class Died extends Error {}

  private static FakeCluster.Interference dyingAt(int at, boolean tookEffect) {
    return new FakeCluster.Interference() {
      private int count;

      @Override
      public void before(FakeCluster.Write write) {
        if (!tookEffect && count++ == at) {
          throw new Died();
        }
      }

      @Override
      public void after(FakeCluster.Write write) {
        if (tookEffect && count++ == at) {
          throw new Died();
        }
      }
    };
  }

  @Test
  void filesThatAreInNoCommitAreComparedAndNothingIsKeptOfThem() {
    String commit = delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application();
    delivery.pass(SOON);
    var local = new ScriptedSource();
    String draft = local.commit(configs("a", "9", "c", "3"));
    int writes = delivery.cluster.writes().size();

    ObjectNode diff =
        delivery.engine().diff("default", "shop", local.tree(Remote.of("x"), draft, "."));

    assertThat(Json.string(diff, "revision", "")).isEqualTo("local files");
    assertThat(diff.path("objects").toString()).contains("\"9\"", "create", "prune");
    assertThat(delivery.cluster.writes()).hasSize(writes);
    delivery.pass(SOON);
    assertThat(delivery.sync()).isEqualTo("Synced " + commit);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2"));

    var broken = new ScriptedSource();
    String bad = broken.commit(Map.of("x.yaml", "kind: ["));
    assertThatThrownBy(
            () -> delivery.engine().diff("default", "shop", broken.tree(Remote.of("x"), bad, ".")))
        .isInstanceOf(ManifestException.class);
  }

  @Test
  void localFilesAreAppliedAndShownAsWhatTheyAre() {
    delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application(
        spec -> ((ObjectNode) spec.path("syncPolicy").path("automated")).put("enabled", false));
    delivery.request("sync", body -> {});
    delivery.pass(SOON);
    var local = new ScriptedSource();
    String draft = local.commit(configs("a", "9", "b", "2"));
    KubeObject plan =
        delivery.engine().plan("default", "shop", local.tree(Remote.of("x"), draft, "."), "ann");
    delivery.crash();

    delivery.request("sync", body -> body.put("plan", plan.name()));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "9", "b", "2"));
    assertThat(delivery.phase()).isEqualTo("Succeeded");
    assertThat(delivery.sync()).as("Git says something else").startsWith("OutOfSync");
    assertThat(Json.string(delivery.records().getLast().spec(), "revision", ""))
        .startsWith("local-");

    delivery.request("sync", body -> {});
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2"));
    delivery.request("rollback", body -> body.put("historyId", 2));
    delivery.pass(SOON);
    assertThat(delivery.live()).as("kept in the history").containsEntry("a", "9");
  }

  @Test
  void localFilesAreRefusedWhereGitWouldUndoThemOrCommitsMustBeSigned() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    var local = new ScriptedSource();
    String draft = local.commit(configs("a", "9"));
    SourceTree files = local.tree(Remote.of("x"), draft, ".");

    assertThatThrownBy(() -> delivery.engine().plan("default", "shop", files, "ann"))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("would take it back at once");

    delivery.change(
        APP,
        json ->
            ((ObjectNode) json.path("spec").path("syncPolicy").path("automated"))
                .put("enabled", false));
    KubeObject plan = delivery.engine().plan("default", "shop", files, "ann");
    delivery.cluster.create(KubeObject.make("v1", "Namespace", "", "kube-system", json -> {}));
    delivery.cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Repository",
            "kube-system",
            "signed",
            json -> {
              ObjectNode spec = json.putObject("spec").put("url", "file:///srv/shop.git");
              spec.putArray("signatureKeys").add("ssh-ed25519 AAAA");
            }));

    assertThatThrownBy(() -> delivery.engine().plan("default", "shop", files, "ann"))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("must be signed");
    delivery.request("sync", body -> body.put("plan", plan.name()));
    delivery.pass(SOON);
    assertThat(delivery.status().path("refused").toString()).contains("must be signed");
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
  }
}
