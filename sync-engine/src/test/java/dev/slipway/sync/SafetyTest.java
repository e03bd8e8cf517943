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
import dev.slipway.sync.fleet.Fleet;
import dev.slipway.sync.source.Source;
import dev.slipway.testing.FakeCluster;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What keeps a bad day small: rewritten histories, mass deletes, freezes, limits over all
/// applications, and people who need an end now.
class SafetyTest {
  private static final Duration SOON = Duration.ofSeconds(5);
  private final Delivery delivery = new Delivery();

  private void other(String name, Consumer<ObjectNode> spec) {
    KubeObject first = delivery.cluster.get(APP).orElseThrow();
    delivery.cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Application",
            "default",
            name,
            json -> {
              json.set("spec", first.spec().deepCopy());
              spec.accept((ObjectNode) json.path("spec"));
            }));
  }

  private void fleet(Consumer<ObjectNode> spec) {
    delivery.cluster.create(
        KubeObject.make("v1", "Namespace", "", Fleet.KEY.namespace(), json -> {}));
    delivery.cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Fleet",
            Fleet.KEY.namespace(),
            Fleet.KEY.name(),
            json -> spec.accept(json.putObject("spec"))));
  }

  @Test
  void anUnrelatedHistoryIsNotFollowedByItself() {
    String good = delivery.git.commit(configs("a", "1", "b", "2"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.ancestry(Source.Ancestry.UNRELATED);
    String foreign = delivery.git.commit(configs("x", "1"));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "2"));
    assertThat(delivery.sync()).isEqualTo("Synced " + good);
    assertThat(delivery.status().path("waiting").toString()).contains("nothing in common");
    assertThat(delivery.status().path("conditions").toString()).contains("UnrelatedHistory");

    delivery.request("sync", body -> body.put("confirmPrune", true));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("x", "1"));
    assertThat(delivery.sync()).isEqualTo("Synced " + foreign);
    assertThat(Conditions.isTrue(delivery.status(), "UnrelatedHistory")).isFalse();
  }

  @Test
  void aRewrittenHistoryDeletesNothingByItself() {
    delivery.git.commit(configs("a", "1", "b", "2", "c", "3", "d", "4"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.ancestry(Source.Ancestry.REWRITTEN);
    delivery.git.commit(configs("a", "9", "b", "2", "c", "3"));
    delivery.pass(SOON);

    assertThat(delivery.live()).containsEntry("a", "9").containsKey("d");
    assertThat(delivery.phase()).isEqualTo("WaitingForConfirmation");
    assertThat(delivery.status().path("waiting").toString()).contains("history was rewritten");
    delivery.request("terminate", body -> {});
    delivery.pass(SOON);
    assertThat(Conditions.isTrue(delivery.status(), "PruneBlocked")).isFalse();
  }

  /// What was told of a commit is over when the branch is where it was.
  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"UnrelatedHistory", "EmptyRender"})
  void aDoubtAboutACommitEndsWithTheCommit(String doubt) {
    String good = delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    boolean empty = doubt.equals("EmptyRender");
    delivery.git.ancestry(empty ? Source.Ancestry.DESCENDANT : Source.Ancestry.UNRELATED);
    delivery.git.commit(empty ? Map.of() : configs("x", "1"));
    delivery.pass(SOON);
    assertThat(Conditions.isTrue(delivery.status(), doubt)).isTrue();
    JsonNode told = delivery.status().path("conditions");
    delivery.pass(Duration.ofMinutes(5));
    assertThat(delivery.status().path("conditions")).as("since when").isEqualTo(told);

    delivery.git.force(good);
    delivery.pass(SOON);
    assertThat(Conditions.isTrue(delivery.status(), doubt)).isFalse();
    assertThat(delivery.sync()).isEqualTo("Synced " + good);
  }

  @Test
  void aMassDeleteWaitsForASecondEqualRender() {
    String[] many = new String[60];
    for (int i = 0; i < 30; i++) {
      many[2 * i] = "c" + i;
      many[2 * i + 1] = "v";
    }
    delivery.git.commit(configs(many));
    delivery.application();
    delivery.pass(SOON);
    var fewer = new TreeMap<>(configs(many));
    for (int i = 0; i < 6; i++) {
      fewer.remove("c" + i + ".yaml");
    }
    delivery.git.commit(fewer);
    delivery.pass(Duration.ofMillis(1_500));
    assertThat(delivery.live()).hasSize(30);
    assertThat(delivery.status().path("waiting").toString()).contains("second render");
    delivery.pass(SOON);
    assertThat(delivery.live()).hasSize(24);
  }

  @Test
  void twoRendersThatDifferDeleteNothing() {
    String[] many = new String[60];
    for (int i = 0; i < 30; i++) {
      many[2 * i] = "c" + i;
      many[2 * i + 1] = "v";
    }
    delivery.git.commit(configs(many));
    delivery.application();
    delivery.pass(SOON);
    var fewer = new TreeMap<>(configs(many));
    for (int i = 0; i < 6; i++) {
      fewer.remove("c" + i + ".yaml");
    }
    String lying = delivery.git.commit(fewer);
    delivery.pass(Duration.ofMillis(1_500));
    delivery.git.lie(lying, configs(many));
    delivery.pass(SOON);
    assertThat(delivery.live()).hasSize(30);
    assertThat(delivery.records().stream().map(record -> record.status().toString()).toList())
        .asString()
        .contains("two renders of one commit differ");
  }

  @Test
  void aRepositoryThatIsDownIsToldWithSinceWhen() {
    String good = delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.down(true);
    delivery.pass(Duration.ofMinutes(2));
    assertThat(delivery.status().path("source").toString())
        .contains("\"Stale\"", "connection refused", good);
    String since = Json.string(delivery.status().path("source"), "since", "");
    delivery.pass(Duration.ofMinutes(5));
    assertThat(Json.string(delivery.status().path("source"), "since", "")).isEqualTo(since);
    delivery.change(config("a"), json -> ((ObjectNode) json.path("data")).put("value", "edited"));
    delivery.pass(Duration.ofSeconds(1));
    assertThat(delivery.live()).as("healing goes on").isEqualTo(Map.of("a", "1"));
    delivery.git.down(false);
    delivery.pass(Duration.ofMinutes(1));
    assertThat(delivery.status().path("source").toString()).contains("\"Ready\"");
  }

  @Test
  void aFreezeHoldsEverythingUntilItEnds() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    fleet(
        spec ->
            spec.putObject("freeze")
                .put("reason", "the fair")
                .put("until", delivery.time.instant().plusSeconds(600).toString()));
    delivery.git.commit(configs("a", "2"));
    delivery.change(config("a"), json -> ((ObjectNode) json.path("data")).put("value", "edited"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "edited"));
    assertThat(delivery.status().path("waiting").toString()).contains("frozen: the fair");
    delivery.request("sync", body -> {});
    delivery.pass(SOON);
    assertThat(delivery.status().path("refused").toString()).contains("frozen");
    delivery.pass(Duration.ofMinutes(11));
    assertThat(delivery.live()).isEqualTo(Map.of("a", "2"));
  }

  /// Two applications whose objects never become healthy: the second waits for the first.
  @Test
  void notMoreThanTheLimitChangeAtOnce() {
    fleet(spec -> spec.put("maxPerProject", 1));
    delivery.git.commit(Map.of("j.yaml", Delivery.job("work", "one")));
    delivery.application();
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Running");
    other("second", spec -> ((ObjectNode) spec.path("source")).put("path", "other"));
    other("third", spec -> spec.put("project", "another"));
    delivery.pass(SOON);
    assertThat(status("second").path("waiting").toString())
        .contains("1 application of project default changes on this cluster at once");
    assertThat(status("third").path("operation").path("phase").stringValue("")).isNotEmpty();
    delivery.request("terminate", body -> {});
    delivery.pass(SOON);
    assertThat(status("second").path("operation").path("phase").stringValue("")).isNotEmpty();
  }

  private JsonNode status(String name) {
    return delivery
        .cluster
        .get(ObjectKey.slipway("Application", "default", name))
        .orElseThrow()
        .status();
  }

  @Test
  void theFleetStopsAfterFailedRolloutsAndGoesOnWhenAPersonSaysSo() {
    fleet(spec -> spec.put("stopAfterFailures", 2).put("within", "1h"));
    ObjectKey job = new ObjectKey("batch", "Job", "default", "work");
    for (int i = 1; i < 5; i++) {
      delivery.git.commit(Map.of("j.yaml", Delivery.job("work", "word" + i)));
      if (i == 1) {
        delivery.application();
      }
      delivery.pass(SOON);
      KubeObject made = delivery.cluster.get(job).orElseThrow();
      ObjectNode status = Json.object();
      status.putArray("conditions").addObject().put("type", "Failed").put("status", "True");
      delivery.cluster.replaceStatus(made.withStatus(status));
      delivery.pass(SOON);
    }
    assertThat(failed()).isEqualTo(2);
    assertThat(delivery.status().path("waiting").toString()).contains("2 rollouts have failed");
    assertThat(delivery.cluster.get(job).orElseThrow().spec().toString()).contains("word2");

    delivery.change(
        Fleet.KEY,
        json ->
            ((ObjectNode) json.path("spec"))
                .put("resumedAt", delivery.time.instant().plusMillis(1).toString()));
    delivery.pass(SOON);
    assertThat(delivery.cluster.get(job).orElseThrow().spec().toString()).contains("word4");
  }

  private long failed() {
    return delivery.records().stream()
        .filter(record -> Json.string(record.status(), "phase", "").equals("Failed"))
        .count();
  }

  @Test
  void whatAClusterRefusesStopsNobodyElse() {
    fleet(spec -> spec.put("stopAfterFailures", 2).put("within", "1h"));
    delivery.git.commit(configs("a", "1"));
    delivery.application(
        spec -> ((ObjectNode) spec.path("syncPolicy")).putObject("retry").put("limit", 0));
    delivery.pass(SOON);
    delivery.cluster.interfere(
        new FakeCluster.Interference() {
          @Override
          public void before(FakeCluster.Write write) {
            if (write.verb().equals("apply") && write.key().equals(config("a"))) {
              throw new ClusterException(ClusterException.Reason.INVALID, "a poison object");
            }
          }
        });
    for (int i = 2; i < 6; i++) {
      delivery.git.commit(configs("a", Integer.toString(i)));
      delivery.pass(SOON);
    }
    assertThat(failed()).isEqualTo(4);
    delivery.cluster.interfere(new FakeCluster.Interference() {});
    delivery.git.commit(configs("a", "6"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "6"));
  }

  /// A sync that waits for ever, and a repository that does not answer.
  @Test
  void terminateEndsAnythingWithinFiveSeconds() {
    delivery.git.commit(Map.of("j.yaml", Delivery.job("work", "one")));
    delivery.application();
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Running");
    delivery.git.down(true);
    delivery.pass(Duration.ofMinutes(1));
    delivery.request("terminate", body -> {});
    delivery.pass(Duration.ofSeconds(5));
    assertThat(delivery.phase()).isEqualTo("Terminated");
  }

  @Test
  void forceMakesAnewWhatCannotBeChanged() {
    delivery.git.commit(configs("a", "1"));
    delivery.application(spec -> ((ObjectNode) spec.path("syncPolicy")).remove("automated"));
    delivery.request("sync", body -> {});
    delivery.pass(SOON);
    String uid = delivery.get("a").orElseThrow().uid();
    delivery.cluster.interfere(
        new FakeCluster.Interference() {
          @Override
          public void before(FakeCluster.Write write) {
            if (write.verb().equals("apply")
                && delivery.get("a").filter(o -> o.uid().equals(uid)).isPresent()) {
              throw new ClusterException(ClusterException.Reason.INVALID, "is immutable");
            }
          }
        });
    delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);
    delivery.request("sync", body -> body.put("force", true));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "2"));
    assertThat(delivery.get("a").orElseThrow().uid()).isNotEqualTo(uid);
  }

  /// Going back once more goes further back, and never to what was just taken back.
  @Test
  void aSecondRollbackGoesFurtherBack() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);
    delivery.git.commit(configs("a", "3"));
    delivery.pass(SOON);
    delivery.request("rollback", body -> {});
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "2"));
    delivery.request("rollback", body -> {});
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));

    delivery.request("rollback", body -> {});
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.status().path("refused").toString()).contains("no earlier healthy sync");
  }

  @Test
  void historyIsKeptByCountAndByAge() {
    delivery.git.commit(configs("a", "0"));
    delivery.application(
        spec -> spec.put("revisionHistoryLimit", 50).put("revisionHistoryAge", "2d"));
    delivery.pass(SOON);
    for (int i = 1; i <= 6; i++) {
      delivery.pass(Duration.ofDays(1));
      delivery.git.commit(configs("a", Integer.toString(i)));
      delivery.pass(SOON);
    }
    assertThat(delivery.records()).hasSize(2);
  }

  @Test
  void manySyncsOfOneCommitLeaveTheCommitsBeforeItToGoBackTo() {
    String first = delivery.git.commit(configs("a", "1"));
    delivery.application(spec -> spec.put("revisionHistoryLimit", 3));
    delivery.pass(SOON);
    String second = delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);
    for (int i = 0; i < 5; i++) {
      delivery.request("sync", _ -> {});
      delivery.pass(SOON);
    }
    assertThat(delivery.records())
        .extracting(record -> Json.string(record.spec(), "revision", ""))
        .containsExactlyInAnyOrder(first, second, second);
  }
}
