package dev.slipway.sync;

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
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.node.ObjectNode;

/// Another cluster that does not answer for longer than a sync may take: no revision is given up
/// for that, and a person can end what waits for it.
class SilentClusterTest {
  private static final Duration SOON = Duration.ofSeconds(5);
  private static final Duration HOUR = Duration.ofHours(1);
  private final Delivery delivery = new Delivery();

  private void application() {
    delivery.application(spec -> spec.putObject("destination").put("name", "remote"));
    delivery.pass(SOON);
  }

  private Map<String, String> live() {
    return Delivery.live(delivery.remote);
  }

  private void refuse(ClusterException.Reason reason) {
    delivery.remote.interfere(
        new FakeCluster.Interference() {
          @Override
          public void before(FakeCluster.Write write) {
            throw new ClusterException(reason, "not today");
          }
        });
  }

  private void answer() {
    delivery.remoteProblem = null;
    delivery.remote.interfere(new FakeCluster.Interference() {});
  }

  private boolean isUnavailable() {
    return Conditions.isTrue(delivery.status(), "DestinationUnavailable");
  }

  @ParameterizedTest
  @EnumSource(
      value = ClusterException.Reason.class,
      names = {"TOO_MANY_REQUESTS", "UNAVAILABLE", "TIMEOUT"})
  void aLongOutageCostsARevisionNothing(ClusterException.Reason reason) {
    delivery.git.commit(configs("a", "1", "b", "1"));
    application();
    refuse(reason);
    String next = delivery.git.commit(configs("a", "2", "c", "2"));
    delivery.pass(SOON);
    String since =
        Json.string(
            Conditions.find(delivery.status(), "DestinationUnavailable").orElseThrow(),
            "lastTransitionTime",
            "");
    delivery.pass(HOUR);

    assertThat(isUnavailable()).isTrue();
    assertThat(delivery.status().path("waiting").toString()).contains("not today");
    assertThat(
            Json.string(
                Conditions.find(delivery.status(), "DestinationUnavailable").orElseThrow(),
                "lastTransitionTime",
                ""))
        .isEqualTo(since)
        .isNotEmpty();
    assertThat(live()).isEqualTo(Map.of("a", "1", "b", "1"));
    assertThat(delivery.status().has("rejected")).isFalse();

    answer();
    delivery.pass(Duration.ofMinutes(1));
    assertThat(live()).isEqualTo(Map.of("a", "2", "c", "2"));
    assertThat(delivery.sync()).isEqualTo("Synced " + next);
    assertThat(isUnavailable()).isFalse();
  }

  @Test
  void aWaveThatAnOutageCameUponHasItsTimeAfterwards() {
    var files = new TreeMap<>(configs("a", "1"));
    files.put("job.yaml", Delivery.job("work", "one"));
    delivery.git.commit(files);
    delivery.application(
        spec -> {
          spec.putObject("destination").put("name", "remote");
          ((ObjectNode) spec.path("syncPolicy")).put("waveTimeout", "2m");
        });
    delivery.pass(Duration.ofMinutes(1));
    delivery.remoteProblem = "cluster remote: no route to host";
    delivery.change(
        Delivery.APP, json -> Json.child(Json.child(json, "metadata"), "labels").put("x", "y"));
    delivery.pass(HOUR);
    assertThat(delivery.phase()).isEqualTo("Running");
    answer();
    delivery.pass(Duration.ofSeconds(30));
    assertThat(delivery.phase()).isEqualTo("Running");

    delivery.pass(Duration.ofMinutes(2));
    assertThat(delivery.phase()).as("a minute before, a minute after").isEqualTo("Failed");
  }

  @Test
  void whatWaitsForASilentClusterIsEndedAndSettledLater() {
    var files = new TreeMap<>(configs("a", "1"));
    files.put(
        "before.yaml",
        Delivery.job("before", "one")
            .replace("{name: before}", "{name: before, annotations: {slipway.dev/hook: PreSync}}"));
    delivery.git.commit(files);
    application();
    ObjectKey hook = new ObjectKey("batch", "Job", "default", "before");
    assertThat(delivery.remote.get(hook)).isPresent();
    delivery.remoteProblem = "cluster remote: no route to host";
    delivery.request("terminate", body -> {});
    delivery.pass(SOON);

    assertThat(delivery.phase()).isEqualTo("Terminated");
    assertThat(delivery.records().getLast().status().path("phase").stringValue(""))
        .isEqualTo("Terminated");
    assertThat(delivery.remote.get(hook)).as("nobody can reach it").isPresent();

    answer();
    delivery.pass(Duration.ofMinutes(1));
    assertThat(delivery.remote.get(hook)).isEmpty();
    assertThat(delivery.phase()).isEqualTo("Terminated");
    assertThat(live()).isEmpty();
  }

  /// The second write takes for ever, and a person ends the sync meanwhile.
  @Test
  void aSyncThatIsEndedInTheMiddleOfItsWritesMakesNoMore() {
    delivery.git.commit(configs("a", "1", "b", "1", "c", "1", "d", "1"));
    delivery.remote.interfere(
        new FakeCluster.Interference() {
          @Override
          public void after(FakeCluster.Write write) {
            if (write.key().name().equals("b")) {
              delivery.request("terminate", body -> {});
              delivery.pass(Duration.ofSeconds(4));
              assertThat(delivery.phase()).isEqualTo("Terminated");
            }
          }
        });
    application();

    assertThat(live()).isEqualTo(Map.of("a", "1", "b", "1"));
    assertThat(delivery.phase()).isEqualTo("Terminated");
    assertThat(delivery.status().path("inventory")).as("what was made is known").hasSize(2);
  }

  @Test
  void oneClusterDoesNotHoldAllWorkers() {
    delivery.git.commit(configs("a", "1"));
    int[] depth = {0};
    int[] deepest = {0};
    delivery.remote.interfere(
        new FakeCluster.Interference() {
          @Override
          public void before(FakeCluster.Write write) {
            // As if each write took a while: others are looked at within it.
            deepest[0] = Math.max(deepest[0], ++depth[0]);
            delivery.pass(Duration.ofMillis(50));
            depth[0]--;
          }
        });
    for (int i = 0; i < 40; i++) {
      String name = "app-" + i;
      delivery.cluster.create(
          KubeObject.make(
              "slipway.dev/v1",
              "Application",
              "default",
              name,
              json -> {
                ObjectNode body = json.putObject("spec");
                body.putObject("destination").put("name", "remote").put("namespace", name);
                body.putObject("source")
                    .put("repoURL", "file:///srv/shop.git")
                    .put("path", ".")
                    .put("targetRevision", "main");
                body.putObject("syncPolicy").putObject("automated").put("prune", true);
              }));
    }
    delivery.pass(Duration.ofMinutes(1));

    assertThat(deepest[0]).isBetween(2, 8);
    for (int i = 0; i < 40; i++) {
      Optional<KubeObject> object =
          delivery.remote.get(new ObjectKey("", "ConfigMap", "app-" + i, "a"));
      assertThat(object).as("app-%d", i).isPresent();
    }
  }
}
