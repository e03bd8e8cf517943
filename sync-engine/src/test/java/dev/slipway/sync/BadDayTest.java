package dev.slipway.sync;

import static dev.slipway.sync.Delivery.APP;
import static dev.slipway.sync.Delivery.config;
import static dev.slipway.sync.Delivery.configs;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.FakeCluster;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.node.ObjectNode;

/// Bad days: nothing is deleted, the status says what is wrong, other applications go on, and when
/// it is over everything is as Git says within a minute.
class BadDayTest {
  private static final Duration SOON = Duration.ofSeconds(5);
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private final Delivery delivery = new Delivery();

  private void refuse(ClusterException.Reason reason, String name) {
    delivery.cluster.interfere(
        new FakeCluster.Interference() {
          @Override
          public void before(FakeCluster.Write write) {
            if (write.key().kind().equals("ConfigMap")
                && (name.isEmpty() || write.key().name().equals(name))) {
              throw new ClusterException(reason, "not today");
            }
          }
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = ClusterException.Reason.class,
      names = {"CONFLICT", "TOO_MANY_REQUESTS", "UNAVAILABLE", "TIMEOUT"})
  void aClusterThatRefusesForAWhileIsTriedUntilItTakesIt(ClusterException.Reason reason) {
    delivery.git.commit(configs("a", "1", "b", "2", "c", "3"));
    delivery.application();
    delivery.pass(SOON);
    refuse(reason, "");
    String next = delivery.git.commit(configs("a", "9", "b", "2"));
    delivery.pass(Duration.ofSeconds(20));
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2", "c", "3"));
    assertThat(delivery.sync()).isNotEqualTo("Synced " + next);
    delivery.cluster.interfere(new FakeCluster.Interference() {});
    delivery.pass(MINUTE);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "9", "b", "2"));
    assertThat(delivery.sync()).isEqualTo("Synced " + next);
  }

  @Test
  void aPoisonObjectStopsItsApplicationAndNoOther() {
    String another = delivery.git.commit(configs("z", "1"));
    delivery.git.commit(configs("a", "1"));
    delivery.application(
        spec -> ((ObjectNode) spec.path("syncPolicy")).putObject("retry").put("limit", 1));
    delivery.pass(SOON);
    KubeObject first = delivery.cluster.get(APP).orElseThrow();
    refuse(ClusterException.Reason.INVALID, "a");
    delivery.git.commit(configs("a", "2"));
    delivery.cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Application",
            "default",
            "other",
            json -> {
              json.set("spec", first.spec().deepCopy());
              ((ObjectNode) json.path("spec").path("source")).put("targetRevision", another);
            }));
    delivery.pass(MINUTE);
    assertThat(delivery.live()).containsEntry("a", "1");
    assertThat(delivery.status().path("rejected").toString()).contains("not today");
    assertThat(delivery.get("z")).isPresent();
    assertThat(
            Json.string(
                delivery
                    .cluster
                    .get(ObjectKey.slipway("Application", "default", "other"))
                    .orElseThrow()
                    .status()
                    .path("sync"),
                "status",
                ""))
        .isEqualTo("Synced");
  }

  /// A webhook of the cluster may write what it likes: who waits for the sync shall know why.
  @Test
  void anObjectThatDoesNotStayAsItIsAppliedIsNamed() {
    delivery.cluster.interfere(
        new FakeCluster.Interference() {
          @Override
          public void after(FakeCluster.Write write) {
            if (write.author().manager().equals("slipway") && write.key().equals(config("a"))) {
              delivery.change(
                  config("a"), json -> ((ObjectNode) json.path("data")).put("value", "other"));
            }
          }
        });
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(MINUTE);
    assertThat(delivery.phase()).isEqualTo("Running");
    assertThat(delivery.status().path("waiting").toString())
        .contains("ConfigMap default/a, which does not stay as it is applied", "applies it again");
    String since = Json.string(delivery.status().path("waiting"), "since", "");
    delivery.pass(MINUTE);
    assertThat(Json.string(delivery.status().path("waiting"), "since", "")).isEqualTo(since);

    delivery.cluster.interfere(new FakeCluster.Interference() {});
    delivery.pass(MINUTE);
    assertThat(delivery.phase()).isEqualTo("Succeeded");
    assertThat(delivery.status().has("waiting")).isFalse();
  }

  @Test
  void aFlawOfOurOwnIsToldAndOverWhenItIs() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.cluster.interfere(
        new FakeCluster.Interference() {
          @Override
          public void before(FakeCluster.Write write) {
            if (write.key().kind().equals("ConfigMap")) {
              throw new IllegalStateException("nobody thought of this");
            }
          }
        });
    delivery.git.commit(configs("a", "2"));
    delivery.pass(MINUTE);
    assertThat(delivery.status().path("conditions").toString())
        .contains("InternalError", "a flaw of Slipway itself: nobody thought of this");

    delivery.cluster.interfere(new FakeCluster.Interference() {});
    delivery.pass(MINUTE);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "2"));
    assertThat(Conditions.isTrue(delivery.status(), "InternalError")).isFalse();
  }

  @Test
  void aVanishedFolderDeletesNothingAndIsTold() {
    delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.vanish(true);
    delivery.git.commit(configs("x", "1"));
    delivery.pass(MINUTE);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2"));
    assertThat(delivery.status().path("source").toString()).contains("Stale", "has no folder");
    assertThat(Json.string(delivery.status().path("source"), "since", "")).isNotEmpty();
    delivery.git.vanish(false);
    delivery.git.commit(configs("a", "1", "b", "2", "c", "3"));
    delivery.pass(MINUTE);
    assertThat(delivery.status().path("source").toString()).contains("Ready");
  }

  @Test
  void theFirstCommitOfARepositoryThatWasEmptyIsDelivered() {
    delivery.application();
    delivery.pass(SOON);
    assertThat(delivery.status().path("source").toString()).contains("is empty");
    String first = delivery.git.commit(configs("a", "1"));
    delivery.pass(SOON);
    assertThat(delivery.sync()).isEqualTo("Synced " + first);
  }

  /// 10,000 hints in a minute are some hundred questions, whoever sends them.
  @Test
  void aStormOfHintsIsFewQuestions() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    int before = delivery.git.refreshes();
    for (int i = 0; i < 10_000; i++) {
      delivery.engine().hint("file:///srv/shop.git");
      if (i % 10 == 0) {
        delivery.pass(Duration.ofMillis(60));
      }
    }
    assertThat(delivery.git.refreshes() - before).isLessThanOrEqualTo(60 * 5 + 60 + 10);
    String next = delivery.git.commit(configs("a", "2"));
    delivery.engine().hint("file:///srv/shop.git");
    delivery.pass(Duration.ofMillis(500));
    assertThat(delivery.sync()).isEqualTo("Synced " + next);
  }

  /// What a person suspended stays so, also when the application that owns it replaces everything.
  @Test
  void anAppOfAppsDoesNotEndASuspension() {
    String child =
        """
        apiVersion: slipway.dev/v1
        kind: Application
        metadata: {name: child, annotations: {slipway.dev/sync-options: Replace=true}}
        spec: {source: {repoURL: "file:///srv/shop.git", path: nothing, targetRevision: %s}}
        """;
    delivery.git.commit(Map.of("child.yaml", child.formatted("one")));
    delivery.application();
    delivery.pass(SOON);
    ObjectKey key = ObjectKey.slipway("Application", "default", "child");
    delivery.change(
        key, json -> Json.child(Json.child(json, "spec"), "suspend").put("reason", "by hand"));
    delivery.git.commit(Map.of("child.yaml", child.formatted("two")));
    delivery.pass(SOON);
    KubeObject now = delivery.cluster.get(key).orElseThrow();
    assertThat(now.spec().path("source").path("targetRevision").stringValue("")).isEqualTo("two");
    assertThat(now.spec().path("suspend").path("reason").stringValue("")).isEqualTo("by hand");
  }
}
