package dev.slipway.sync;

import static dev.slipway.sync.Delivery.APP;
import static dev.slipway.sync.Delivery.configs;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.FakeCluster;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Waves, hooks, options, windows and dependencies, on the whole engine.
class OrderTest {
  private static final Duration SOON = Duration.ofSeconds(6);
  private final Delivery delivery = new Delivery();

  @Test
  void aWaveWaitsForTheOneBeforeToBeHealthy() {
    delivery.git.commit(
        Map.of(
            "a.yaml",
            job("first", "sync-wave: \"-1\""),
            "b.yaml",
            config("second", "argocd.argoproj.io/sync-wave: \"2\""),
            "c.yaml",
            config("base", "")));
    delivery.application();
    delivery.pass(SOON);

    assertThat(delivery.get("base")).isEmpty();
    assertThat(Json.string(delivery.status().path("operation"), "stage", ""))
        .isEqualTo("Sync wave -1");
    assertThat(delivery.status().path("waiting").toString()).contains("Job first", "until");
    finish("first", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.live()).containsKeys("base", "second");
    assertThat(delivery.phase()).isEqualTo("Succeeded");
  }

  @Test
  void aDifferenceSaysInWhichOrderItWouldBeDone() {
    var files = new TreeMap<>(configs("a", "1", "gone", "1", "last", "1"));
    files.put("last.yaml", config("last", "slipway.dev/sync-options: PruneLast=true"));
    delivery.git.commit(files);
    delivery.application();
    delivery.pass(SOON);
    files.remove("gone.yaml");
    files.remove("last.yaml");
    files.putAll(configs("a", "2"));
    files.put("b.yaml", config("b", "slipway.dev/sync-wave: \"-3\""));
    files.put("pre.yaml", job("pre", "slipway.dev/hook: PreSync"));
    files.put("during.yaml", job("during", "slipway.dev/hook: Sync"));
    files.put("post.yaml", job("post", "slipway.dev/hook: PostSync"));
    files.put("failed.yaml", job("failed", "slipway.dev/hook: SyncFail"));
    delivery.git.commit(files);

    delivery.engine().refresh("file:///srv/shop.git");
    JsonNode diff = delivery.engine().diff("default", "shop", "main");
    assertThat(
            Json.items(diff, "steps").stream()
                .map(
                    step ->
                        "%s: %s %s"
                            .formatted(
                                Json.string(step, "stage", ""),
                                Json.string(step, "action", ""),
                                Json.string(step, "name", ""))))
        .containsExactly(
            "PreSync: run pre",
            "Sync wave -3: create b",
            "Sync wave 0: change a",
            "Sync wave 0: run during",
            "Sync wave 0: prune gone",
            "PruneLast: prune last",
            "PostSync: run post");
    assertThat(Json.integer(diff.path("prune"), "count", 0)).isEqualTo(2);
    assertThat(Json.bool(diff.path("prune"), "automatic", false)).isTrue();
    assertThat(Json.string(diff.path("prune"), "confirmation", ""))
        .contains("2 of 3 objects would be deleted");
  }

  @Test
  void aWaveHasItsOwnDeadline() {
    delivery.git.commit(
        Map.of(
            "a.yaml",
            job("first", ""),
            "b.yaml",
            config("second", "slipway.dev/sync-wave: \"1\"")));
    delivery.application(spec -> Json.child(spec, "syncPolicy").put("waveTimeout", "1m"));
    delivery.pass(Duration.ofSeconds(50));
    assertThat(delivery.phase()).isEqualTo("Running");
    delivery.pass(Duration.ofSeconds(20));

    assertThat(delivery.phase()).isEqualTo("Failed");
    assertThat(message()).contains("Sync wave 0: not done within 1m", "Job first");
    assertThat(delivery.live()).doesNotContainKey("second");
  }

  @Test
  void hooksRunBeforeAndAfterEachSyncOnce() {
    var files = new TreeMap<>(configs("a", "1"));
    files.put("before.yaml", job("before", "argocd.argoproj.io/hook: PreSync"));
    files.put(
        "after.yaml",
        job(
            "after",
            "slipway.dev/hook: PostSync\n    slipway.dev/hook-delete-policy: HookSucceeded"));
    delivery.git.commit(files);
    delivery.application();
    delivery.pass(SOON);
    assertThat(delivery.live()).isEmpty();
    assertThat(delivery.cluster.get(key("after"))).isEmpty();
    String first = delivery.cluster.get(key("before")).orElseThrow().uid();

    finish("before", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.live()).containsKey("a");
    assertThat(delivery.phase()).isEqualTo("Running");
    finish("after", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Succeeded");
    assertThat(delivery.cluster.get(key("after"))).as("deleted by its policy").isEmpty();
    assertThat(delivery.cluster.get(key("before"))).as("kept until the next sync").isPresent();
    assertThat(delivery.status().path("inventory").toString()).doesNotContain("before", "after");

    files.putAll(configs("a", "2"));
    delivery.git.commit(files);
    delivery.pass(SOON);
    KubeObject second = delivery.cluster.get(key("before")).orElseThrow();
    assertThat(second.uid()).isNotEqualTo(first);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    finish("before", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "2"));
  }

  @Test
  void aVanishedHookIsAFailedHook() {
    var files = new TreeMap<>(configs("a", "1"));
    files.put("before.yaml", job("before", "slipway.dev/hook: PreSync"));
    delivery.git.commit(files);
    delivery.application();
    delivery.pass(SOON);
    delivery.cluster.delete(key("before"), DeleteOptions.BACKGROUND);
    delivery.pass(SOON);

    assertThat(delivery.phase()).isEqualTo("Failed");
    assertThat(message()).contains("hook Job before: the hook vanished before it was done");
    assertThat(delivery.live()).isEmpty();
  }

  @Test
  void anotherObjectOfTheSameNameIsNotTheHook() {
    delivery.git.commit(Map.of("before.yaml", job("before", "slipway.dev/hook: PreSync")));
    delivery.application();
    delivery.pass(SOON);
    KubeObject hook = delivery.cluster.get(key("before")).orElseThrow();
    delivery.cluster.delete(key("before"), DeleteOptions.BACKGROUND);
    delivery.cluster.create(
        hook.with(
            json -> {
              json.putObject("metadata").put("name", "before").put("namespace", "default");
              json.putObject("status")
                  .putArray("conditions")
                  .addObject()
                  .put("type", "Complete")
                  .put("status", "True");
            }));
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Failed");
  }

  @Test
  void aForeignObjectIsNeverTakenForAHook() {
    delivery.cluster.create(
        KubeObject.make("batch/v1", "Job", "default", "before", json -> json.putObject("spec")));
    delivery.git.commit(Map.of("before.yaml", job("before", "slipway.dev/hook: PreSync")));
    delivery.application();
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Failed");
    assertThat(message()).contains("exists already");
    assertThat(delivery.cluster.get(key("before"))).isPresent();
  }

  @Test
  void aCrashStartsNoHookTwice() {
    delivery.git.commit(Map.of("before.yaml", job("before", "slipway.dev/hook: PreSync")));
    delivery.application();
    delivery.pass(SOON);
    String uid = delivery.cluster.get(key("before")).orElseThrow().uid();
    // As if the process died after the hook was made and before that was written down.
    delivery.cluster.replaceStatus(
        delivery
            .cluster
            .get(APP)
            .orElseThrow()
            .with(json -> ((ObjectNode) json.path("status")).remove("hooks")));
    delivery.crash();
    delivery.pass(SOON);
    assertThat(delivery.cluster.get(key("before")).orElseThrow().uid()).isEqualTo(uid);
    finish("before", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.phase()).isEqualTo("Succeeded");
  }

  @Test
  void afterAFailureTheFailHooksRunAndThenItGoesBack() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    var files = new TreeMap<>(configs("a", "2"));
    files.put("migrate.yaml", job("migrate", "slipway.dev/hook: PreSync"));
    files.put("sorry.yaml", job("sorry", "slipway.dev/hook: SyncFail"));
    delivery.git.commit(files);
    delivery.pass(SOON);
    finish("migrate", "Failed");
    delivery.pass(SOON);
    assertThat(delivery.cluster.get(key("sorry"))).isPresent();
    assertThat(delivery.phase()).isEqualTo("Running");
    finish("sorry", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.trigger()).isEqualTo("auto-rollback");
    assertThat(delivery.phase()).isEqualTo("Succeeded");
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aNewerCommitOrAPersonEndsAHook(boolean byCommit) {
    var files = new TreeMap<>(configs("a", "1"));
    files.put("before.yaml", job("before", "slipway.dev/hook: PreSync"));
    delivery.git.commit(files);
    delivery.application();
    delivery.pass(SOON);
    if (byCommit) {
      delivery.git.commit(configs("a", "2"));
    } else {
      delivery.request("terminate", body -> {});
    }
    delivery.pass(Duration.ofSeconds(5));
    assertThat(delivery.cluster.get(key("before"))).isEmpty();
    assertThat(Json.string(delivery.records().getFirst().status(), "phase", ""))
        .isEqualTo(byCommit ? "Superseded" : "Terminated");
    assertThat(delivery.live()).isEqualTo(byCommit ? Map.of("a", "2") : Map.of());
  }

  @Test
  void deletionHooksRunAroundTheDeletion() {
    var files = new TreeMap<>(configs("a", "1"));
    files.put("bye.yaml", job("bye", "slipway.dev/hook: PreDelete"));
    files.put("gone.yaml", job("gone", "slipway.dev/hook: PostDelete"));
    delivery.git.commit(files);
    delivery.application();
    delivery.change(
        APP,
        json -> Json.child(json, "metadata").putArray("finalizers").add("slipway.dev/resources"));
    delivery.pass(SOON);
    delivery.delete(APP);
    delivery.pass(SOON);
    assertThat(delivery.live()).containsKey("a");
    finish("bye", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.live()).isEmpty();
    assertThat(delivery.cluster.get(APP)).isPresent();
    finish("gone", "Failed");
    delivery.pass(SOON);
    assertThat(delivery.cluster.get(APP)).as("a failed hook does not hold it for ever").isEmpty();
    assertThat(delivery.cluster.get(key("bye"))).isEmpty();
    assertThat(delivery.cluster.get(key("gone"))).isEmpty();
  }

  @ParameterizedTest(name = "{0}: pruned without a word {1}, confirmed {2}")
  @CsvSource({"Prune=true, true, true", "Prune=false, false, false", "Prune=confirm, false, true"})
  void anObjectSaysWhetherItIsPruned(String option, boolean pruned, boolean confirmed) {
    var files = new TreeMap<>(configs("a", "1", "b", "1", "c", "1", "d", "1"));
    files.put("x.yaml", config("x", "argocd.argoproj.io/sync-options: " + option));
    delivery.git.commit(files);
    delivery.application();
    delivery.pass(SOON);
    files.remove("x.yaml");
    delivery.git.commit(files);
    delivery.pass(SOON);
    assertThat(delivery.get("x").isEmpty()).isEqualTo(pruned);
    delivery.request("sync", body -> body.put("confirmPrune", true));
    delivery.pass(SOON);
    assertThat(delivery.get("x").isEmpty()).isEqualTo(confirmed);
    assertThat(delivery.phase()).isEqualTo("Succeeded");
  }

  @Test
  void pruneLastWaitsForEverythingElse() {
    var files = new TreeMap<>(configs("a", "1", "b", "1", "c", "1", "d", "1"));
    delivery.git.commit(files);
    delivery.application(
        spec -> Json.child(spec, "syncPolicy").putArray("syncOptions").add("PruneLast=true"));
    delivery.pass(SOON);
    files.remove("a.yaml");
    files.put("job.yaml", job("slow", ""));
    delivery.git.commit(files);
    delivery.pass(SOON);
    assertThat(delivery.get("a")).isPresent();
    finish("slow", "Complete");
    delivery.pass(SOON);
    assertThat(delivery.get("a")).isEmpty();
  }

  @Test
  void aPartialSyncTouchesOnlyWhatIsNamed() {
    delivery.git.commit(configs("a", "1", "b", "1"));
    delivery.application(
        spec -> ((ObjectNode) spec.path("syncPolicy").path("automated")).put("enabled", false));
    delivery.pass(SOON);
    var said = new TreeSet<String>();
    delivery.cluster.interfere(
        new FakeCluster.Interference() {
          @Override
          public void after(FakeCluster.Write write) {
            said.add(delivery.sync());
          }
        });
    delivery.request("sync", body -> body.putArray("resources").add("ConfigMap/b"));
    delivery.pass(SOON);
    assertThat(said).as("what is said meanwhile").noneMatch(word -> word.startsWith("Synced"));
    assertThat(delivery.live()).isEqualTo(Map.of("b", "1"));
    assertThat(delivery.phase()).isEqualTo("Succeeded");
    assertThat(delivery.sync()).startsWith("OutOfSync");
    assertThat(delivery.records().getFirst().spec().path("selection").toString())
        .contains("ConfigMap/b");
    delivery.request("sync", body -> body.putArray("resources").add("Secret/none"));
    delivery.pass(SOON);
    assertThat(delivery.status().path("refused").toString()).contains("matches Secret/none");
  }

  @Test
  void aClosedWindowHoldsCommitsAndHealingAndAPersonMayOverrideIt() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.change(
        APP,
        json ->
            Json.child(Json.child(json, "spec"), "syncPolicy")
                .putArray("windows")
                .addObject()
                .put("kind", "deny")
                .put("schedule", "0 0 0 * * ?")
                .put("duration", "24h"));
    delivery.pass(SOON);
    String next = delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.status().path("waiting").toString())
        .contains("deny window", "syncs to " + next.substring(0, 8));
    delivery.change(
        Delivery.config("a"), json -> ((ObjectNode) json.path("data")).put("value", "edited"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "edited"));

    delivery.request("sync", body -> {});
    delivery.pass(SOON);
    assertThat(delivery.status().path("refused").toString()).contains("--override-window");
    delivery.request("sync", body -> body.put("overrideWindow", true));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "2"));
    assertThat(delivery.records().getLast().spec().path("overridesWindow").booleanValue()).isTrue();
    delivery.git.commit(configs("a", "3"));
    delivery.change(
        APP, json -> Json.child(Json.child(json, "spec"), "syncPolicy").remove("windows"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEqualTo(Map.of("a", "3"));
  }

  @Test
  void aWindowThatCannotBeReadIsToldBeforeAnythingIsDue() {
    delivery.git.commit(configs("a", "1"));
    delivery.application();
    delivery.pass(SOON);
    delivery.change(
        APP,
        json ->
            Json.child(Json.child(json, "spec"), "syncPolicy")
                .putArray("windows")
                .addObject()
                .put("kind", "allow")
                .put("schedule", "0 9 31 2 *")
                .put("duration", "1h"));
    delivery.pass(SOON);
    assertThat(delivery.status().path("conditions").toString())
        .contains("InvalidWindow", "\\\"0 9 31 2 *\\\" is no schedule");

    delivery.change(
        APP, json -> Json.child(Json.child(json, "spec"), "syncPolicy").remove("windows"));
    delivery.pass(SOON);
    assertThat(Conditions.isTrue(delivery.status(), "InvalidWindow")).isFalse();
  }

  @Test
  void twoWritersOfOneFieldAreNamedAndHealingBacksOff() {
    delivery.git.commit(configs("a", "1", "b", "1"));
    delivery.application();
    delivery.pass(SOON);
    int edits = 0;
    for (int second = 0; second < 120; second++) {
      if ("1".equals(delivery.live().get("a"))) {
        edits++;
        delivery
            .cluster
            .as(new dev.slipway.model.cluster.Author("other-operator", "tester", ""))
            .apply(
                KubeObject.make(
                    "v1",
                    "ConfigMap",
                    "default",
                    "a",
                    json -> json.putObject("data").put("value", "2")),
                dev.slipway.model.cluster.ApplyOptions.FORCE);
      }
      delivery.pass(Duration.ofSeconds(1));
    }
    assertThat(edits).as("healed at once at first, then after 2, 4, 8, … s").isBetween(10, 16);
    assertThat(delivery.status().path("conditions").toString())
        .contains(
            "Thrashing", "slipway and somebody else change .data.value in turn", "healed every");
    delivery.change(
        Delivery.config("b"), json -> ((ObjectNode) json.path("data")).put("value", "edited"));
    delivery.pass(Duration.ofSeconds(1));
    assertThat(delivery.live()).as("another object is healed as ever").containsEntry("b", "1");
    delivery.pass(Duration.ofMinutes(20));
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1", "b", "1"));
  }

  @Test
  void aPlanIsCarriedOutAsItIsOrRefused() {
    delivery.git.commit(configs("a", "1", "b", "1"));
    delivery.application(
        spec -> ((ObjectNode) spec.path("syncPolicy").path("automated")).put("enabled", false));
    delivery.request("sync", body -> {});
    delivery.pass(SOON);
    delivery.git.commit(configs("a", "2"));
    delivery.pass(SOON);
    KubeObject plan = delivery.engine().plan("default", "shop", "", "ann");
    assertThat(delivery.engine().plan("default", "shop", "", "bob").uid())
        .as("the same plan is one object")
        .isEqualTo(plan.uid());
    assertThat(plan.spec().path("steps")).hasSize(2);

    delivery.change(
        Delivery.config("a"), json -> ((ObjectNode) json.path("data")).put("value", "edited"));
    delivery.request("sync", body -> body.put("plan", plan.name()));
    delivery.pass(SOON);
    assertThat(delivery.status().path("refused").toString())
        .contains("live objects moved", "ConfigMap default/a is not what it was");
    assertThat(delivery.live()).isEqualTo(Map.of("a", "edited", "b", "1"));

    delivery.change(
        Delivery.config("a"), json -> ((ObjectNode) json.path("data")).put("value", "1"));
    delivery.git.commit(configs("a", "3"));
    delivery.pass(SOON);
    delivery.request("sync", body -> body.put("plan", plan.name()));
    delivery.pass(SOON);
    assertThat(delivery.status().path("refused").toString()).contains("Git moved: main is");

    KubeObject next = delivery.engine().plan("default", "shop", "", "ann");
    delivery.request("sync", body -> body.put("plan", next.name()));
    delivery.pass(SOON);
    assertThat(delivery.live())
        .as("the prune was in the plan, so nobody has to confirm it")
        .isEqualTo(Map.of("a", "3"));
    assertThat(Json.string(delivery.records().getLast().spec(), "reason", ""))
        .isEqualTo("plan " + next.name());
  }

  @Test
  void anApplicationOfApplicationsSaysWhyOneIsNotSynced() {
    delivery.git.commit(
        Map.of(
            "child.yaml",
            """
            apiVersion: slipway.dev/v1
            kind: Application
            metadata: {name: child}
            spec:
              source: {repoURL: "file:///srv/shop.git", targetRevision: main}
              destination: {namespace: child}
              syncPolicy: {automated: {}}
              dependsOn: [{name: database}]
            """));
    delivery.application();
    delivery.pass(SOON);
    assertThat(Json.string(delivery.status().path("health"), "message", ""))
        .isEqualTo(
            "Application child: not synced yet: application default/database: it does not exist");
  }

  @Test
  void anApplicationWaitsForThoseItDependsOn() {
    delivery.git.commit(configs("a", "1"));
    delivery.application(spec -> spec.putArray("dependsOn").addObject().put("name", "database"));
    delivery.pass(SOON);
    assertThat(delivery.live()).isEmpty();
    assertThat(delivery.status().path("waiting").toString())
        .contains("default/database: it does not exist");
    KubeObject other =
        delivery.cluster.create(
            KubeObject.make(
                "slipway.dev/v1",
                "Application",
                "default",
                "database",
                json -> {
                  ObjectNode spec = json.putObject("spec");
                  spec.putObject("source").put("repoURL", "file:///srv/none.git");
                  spec.putArray("dependsOn").addObject().put("name", "shop");
                }));
    delivery.pass(SOON);
    assertThat(delivery.status().path("conditions").toString())
        .contains("DependencyCycle", "default/shop → default/database → default/shop");
    delivery.change(other.key(), json -> ((ObjectNode) json.path("spec")).remove("dependsOn"));
    delivery.cluster.replaceStatus(
        delivery
            .cluster
            .get(other.key())
            .orElseThrow()
            .with(
                json -> {
                  Json.child(json, "status")
                      .put("observedGeneration", 9)
                      .putObject("health")
                      .put("status", "Healthy");
                  Json.child(json, "status").putObject("sync").put("status", "Synced");
                }));
    delivery.pass(Duration.ofSeconds(1));
    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
  }

  /// Of a chain the last must not go because the one before it is healthy as it was.
  @Test
  void aCommitForSeveralApplicationsGoesThroughThemInTheirOrder() {
    delivery.git.commit(Map.of("job.yaml", job("work", "")));
    delivery.application(spec -> spec.putArray("dependsOn").addObject().put("name", "database"));
    KubeObject shop = delivery.cluster.get(APP).orElseThrow();
    for (String name : new String[] {"database", "web"}) {
      delivery.cluster.create(
          KubeObject.make(
              "slipway.dev/v1",
              "Application",
              "default",
              name,
              json -> {
                ObjectNode spec = shop.spec().deepCopy().asObject();
                spec.remove("dependsOn");
                spec.putObject("destination").put("namespace", name);
                if (name.equals("web")) {
                  spec.putArray("dependsOn").addObject().put("name", "shop");
                }
                json.set("spec", spec);
              }));
    }
    delivery.pass(SOON);
    for (String namespace : new String[] {"database", "default", "web"}) {
      finish(new ObjectKey("batch", "Job", namespace, "work"), "Complete");
      delivery.pass(SOON);
    }
    assertThat(words()).isEqualTo("work work work");

    delivery.git.commit(
        Map.of("job.yaml", job("work", "").replace("[echo, work]", "[echo, more]")));
    delivery.pass(Duration.ofSeconds(40));
    assertThat(words()).isEqualTo("more work work");
    assertThat(
            Json.string(
                delivery
                    .cluster
                    .get(ObjectKey.slipway("Application", "default", "web"))
                    .orElseThrow()
                    .status()
                    .path("waiting"),
                "for",
                ""))
        .contains("default/shop to be synced to", "which waits for application default/database");
    finish(new ObjectKey("batch", "Job", "database", "work"), "Complete");
    delivery.pass(SOON);
    assertThat(words()).isEqualTo("more more work");
    finish(new ObjectKey("batch", "Job", "default", "work"), "Complete");
    delivery.pass(SOON);
    assertThat(words()).isEqualTo("more more more");
  }

  /// What the Jobs of the three namespaces say, in the order of their applications.
  private String words() {
    var words = new ArrayList<String>();
    for (String namespace : new String[] {"database", "default", "web"}) {
      delivery
          .cluster
          .get(new ObjectKey("batch", "Job", namespace, "work"))
          .map(job -> job.spec().path("template").path("spec").path("containers").path(0))
          .ifPresent(container -> words.add(container.path("command").path(1).asString()));
    }
    return String.join(" ", words);
  }

  private String message() {
    return delivery.records().stream()
        .filter(record -> Json.string(record.status(), "phase", "").equals("Failed"))
        .map(record -> Json.string(record.status(), "message", ""))
        .findFirst()
        .orElse("");
  }

  private void finish(String name, String condition) {
    finish(key(name), condition);
  }

  private void finish(ObjectKey job, String condition) {
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
                        .put("type", condition)
                        .put("status", "True")
                        .put("message", "it " + condition)));
  }

  private static ObjectKey key(String job) {
    return new ObjectKey("batch", "Job", "default", job);
  }

  private static String config(String name, String annotation) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n%sdata: {value: \"1\"}\n"
        .formatted(name, annotation.isEmpty() ? "" : "  annotations:\n    " + annotation + "\n");
  }

  private static String job(String name, String annotation) {
    String full = annotation.startsWith("sync-wave") ? "slipway.dev/" + annotation : annotation;
    return Delivery.job(name, name)
        .replace(
            "metadata: {name: " + name + "}",
            "metadata:\n  name: " + name + (full.isEmpty() ? "" : "\n  annotations:\n    " + full));
  }
}
