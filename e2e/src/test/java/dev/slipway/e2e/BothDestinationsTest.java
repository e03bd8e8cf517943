package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.runtime.kubernetes.Endpoint;
import dev.slipway.runtime.kubernetes.RemoteCluster;
import dev.slipway.testing.RealTimeline;
import dev.slipway.testing.SeededChance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.eclipse.jgit.util.FileUtils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What delivery does is the same wherever it goes: to Slipway's own cluster and to a real
/// kube-apiserver, by one daemon, from real repositories.
///
/// These are the scripts of `DeliveryTest`, which runs all of them on virtual time, as far as they
/// say something about the destination. Pods on a real Kubernetes are `RemoteDeliveryTest`'s.
class BothDestinationsTest {
  private static final RealTimeline TIME = new RealTimeline();
  private static final GroupKind CONFIG = GroupKind.core("ConfigMap");

  @TempDir static Path folder;
  private static RealKubernetes kubernetes;
  private static RealDaemon daemon;
  private static Commands slipway;
  private static RemoteCluster home;
  private static RemoteCluster real;

  private String space = "";
  private RemoteCluster there;
  private TestRepository repository;

  @BeforeAll
  static void aKubernetesAndADaemon() throws Exception {
    kubernetes =
        RealKubernetes.start(
            folder.resolve("kubernetes"), "--", "--disable-admission-plugins=ServiceAccount");
    real = RemoteClusterTest.open(kubernetes, TIME);
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    home =
        RemoteCluster.open(
            Endpoint.of(
                "http://127.0.0.1:" + daemon.target().port(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                Endpoint.Bearer.fixed(daemon.target().token())),
            TIME,
            new SeededChance(1));
    slipway.succeed("cluster", "add", "real", "--kubeconfig", kubernetes.kubeconfig().toString());
    RealDaemon.await(
        () -> slipway.run("cluster", "get", "real").code() == 0, "the cluster is connected");
  }

  @AfterAll
  static void nothingIsLeft() throws Exception {
    home.close();
    real.close();
    daemon.close();
    kubernetes.close();
    TIME.close();
  }

  @BeforeEach
  void aRepository() throws Exception {
    there = home;
    repository = TestRepository.in(Files.createTempDirectory(folder, "repository"));
  }

  @AfterEach
  void close() {
    repository.close();
  }

  /// An application and a namespace of its own for each script and destination.
  private void deliver(TestInfo test, String destination, String... options) throws Exception {
    there = destination.equals("real") ? real : home;
    String script = test.getTestMethod().orElseThrow().getName().toLowerCase(Locale.ROOT);
    space = script.substring(0, Math.min(40, script.length())) + "-" + destination;
    var command =
        new ArrayList<>(
            List.of("app", "create", space, "--repo", repository.url(), "--revision", "main"));
    command.addAll(List.of("--dest-cluster", destination, "--dest-namespace", space));
    command.addAll(List.of(options));
    slipway.succeed(command.toArray(String[]::new));
  }

  private void automated(TestInfo test, String destination) throws Exception {
    deliver(test, destination, "--auto-sync", "--prune", "--self-heal");
  }

  /// A commit of just these ConfigMaps.
  private String push(String... namesAndValues) throws Exception {
    for (Path file : files(repository.folder())) {
      Files.delete(file);
    }
    for (int i = 0; i < namesAndValues.length; i += 2) {
      repository.write(namesAndValues[i] + ".yaml", config(namesAndValues, i));
    }
    return commit();
  }

  private static String config(String[] namesAndValues, int at) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {value: \"%s\"}\n"
        .formatted(namesAndValues[at], namesAndValues[at + 1]);
  }

  private String commit() throws Exception {
    return repository.commit("next");
  }

  private static List<Path> files(Path folder) throws IOException {
    try (var all = Files.list(folder)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }

  private JsonNode status() {
    return home.get(ObjectKey.slipway("Application", "default", space)).orElseThrow().status();
  }

  private boolean isSynced(String commit) {
    JsonNode sync = status().path("sync");
    return Json.string(sync, "status", "").equals("Synced")
        && Json.string(sync, "revision", "").equals(commit)
        && phase().equals("Succeeded");
  }

  private String phase() {
    return Json.string(status().path("operation"), "phase", "");
  }

  private void synced(String commit) {
    RealDaemon.await(() -> isSynced(commit), () -> space + " at " + commit + ": " + status());
  }

  private void says(String words) {
    RealDaemon.await(() -> status().toString().contains(words), () -> words + " in " + status());
  }

  private ObjectKey key(String name) {
    return ObjectKey.core("ConfigMap", space, name);
  }

  private Map<String, String> live() {
    var live = new TreeMap<String, String>();
    for (KubeObject object : there.list(ObjectQuery.in(CONFIG, space)).items()) {
      if (!object.name().equals("kube-root-ca.crt")) {
        live.put(object.name(), Json.string(object.json().path("data"), "value", ""));
      }
    }
    return live;
  }

  private void becomes(Map<String, String> wanted) {
    RealDaemon.await(() -> live().equals(wanted), () -> wanted + ", is " + live());
  }

  private void edit(String name, String value) {
    KubeObject object = there.get(key(name)).orElseThrow();
    there.replace(object.with(json -> ((ObjectNode) json.path("data")).put("value", value)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void aCommitIsAppliedAndWhatTheNextDroppedIsPruned(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1", "b", "2", "c", "3", "d", "4"));
    assertThat(live()).isEqualTo(Map.of("a", "1", "b", "2", "c", "3", "d", "4"));
    String kept = there.get(key("b")).orElseThrow().uid();

    synced(push("a", "9", "b", "2", "c", "3"));
    assertThat(live()).isEqualTo(Map.of("a", "9", "b", "2", "c", "3"));
    assertThat(there.get(key("b")).orElseThrow().uid()).isEqualTo(kept);
    assertThat(status().path("inventory").toString()).contains(kept);
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void aLiveChangeIsHealedAndAForeignFieldIsLeft(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1", "b", "2"));
    KubeObject a = there.get(key("a")).orElseThrow();
    there.replace(
        a.with(
            json -> {
              ((ObjectNode) json.path("data")).put("value", "edited");
              ((ObjectNode) json.path("data")).put("theirs", "stays");
            }));
    there.delete(key("b"), DeleteOptions.BACKGROUND);

    becomes(Map.of("a", "1", "b", "2"));
    assertThat(Json.string(there.get(key("a")).orElseThrow().json().path("data"), "theirs", ""))
        .isEqualTo("stays");
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void whatIsWrongOrEmptyChangesNothing(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    String good = push("a", "1", "b", "2");
    synced(good);
    repository.write("bad.yaml", "apiVersion: v1\nkind: ConfigMp\nmetadata: {name: x}\n");
    commit();
    says("bad.yaml");
    assertThat(live()).isEqualTo(Map.of("a", "1", "b", "2"));

    push();
    says("EmptyRender");
    assertThat(live()).isEqualTo(Map.of("a", "1", "b", "2"));
    assertThat(Json.string(status().path("operation"), "revision", "")).isEqualTo(good);
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void manyPrunesWaitForAPerson(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    synced(push("a", "1", "b", "2", "c", "3"));
    String next = push("a", "1");
    says("WaitingForConfirmation");
    assertThat(live()).hasSize(3);

    slipway.succeed("sync", space, "--confirm-prune");
    synced(next);
    assertThat(live()).isEqualTo(Map.of("a", "1"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void onlyWhatIsOwnedByUidIsPruned(String destination, TestInfo test) throws Exception {
    deliver(test, destination, "--auto-sync", "--prune", "--no-self-heal");
    synced(push("a", "1", "b", "2", "c", "3", "d", "4"));
    KubeObject d = there.get(key("d")).orElseThrow();
    there.delete(key("d"), DeleteOptions.BACKGROUND);
    there.create(
        KubeObject.make(
            "v1",
            "ConfigMap",
            space,
            "d",
            json -> {
              Json.child(json, "metadata").set("labels", d.metadata().path("labels").deepCopy());
              json.putObject("data").put("value", "somebody's");
            }));

    push("a", "1", "b", "2", "c", "9");
    becomes(Map.of("a", "1", "b", "2", "c", "9", "d", "somebody's"));
    RealDaemon.await(() -> phase().equals("Succeeded"), () -> "done: " + status());
    assertThat(live()).containsEntry("d", "somebody's");
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void aRollbackWorksWhileGitIsGoneAndHoldsUntilANewerCommit(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    synced(push("a", "2", "b", "2"));
    Path away = repository.folder().resolveSibling(space + "-away");
    Files.move(repository.folder(), away);
    slipway.succeed("rollback", space);
    becomes(Map.of("a", "1"));

    FileUtils.delete(repository.folder().toFile(), FileUtils.RECURSIVE | FileUtils.SKIP_MISSING);
    Files.move(away, repository.folder());
    says("\"hold\"");
    assertThat(live()).isEqualTo(Map.of("a", "1"));
    synced(push("a", "3"));
    assertThat(live()).isEqualTo(Map.of("a", "3"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void withoutAutomationAPersonDecidesAndMayTryLocalFiles(String destination, TestInfo test)
      throws Exception {
    deliver(test, destination, "--no-auto-sync");
    push("a", "1");
    says("OutOfSync");
    assertThat(live()).isEmpty();
    slipway.succeed("sync", space);
    assertThat(live()).isEqualTo(Map.of("a", "1"));

    Path local = Files.createDirectories(folder.resolve("local").resolve(space));
    Files.writeString(local.resolve("a.yaml"), config(new String[] {"a", "draft"}, 0));
    slipway.succeed("sync", space, "--local", local.toString());
    assertThat(live()).isEqualTo(Map.of("a", "draft"));
    assertThat(slipway.run("diff", space).code()).isOne();
    slipway.succeed("sync", space);
    assertThat(live()).isEqualTo(Map.of("a", "1"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void aSuspendedApplicationIsLeftAloneAndThenCatchesUp(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    slipway.succeed("suspend", space, "--for", "1h", "--reason", "a look");
    edit("a", "edited");
    String next = push("a", "2");
    says(next);
    assertThat(live()).isEqualTo(Map.of("a", "edited"));

    slipway.succeed("resume", space);
    synced(next);
    assertThat(live()).isEqualTo(Map.of("a", "2"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void aDaemonThatIsKilledGoesOn(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    push("a", "2", "b", "1");
    daemon.kill();
    String last = push("a", "3", "b", "1");
    daemon.startAgain();

    synced(last);
    assertThat(live()).isEqualTo(Map.of("a", "3", "b", "1"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void deletingAnApplicationDeletesWhatItOwnsAndNothingElse(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1", "b", "2"));
    there.create(
        KubeObject.make(
            "v1", "ConfigMap", space, "other", json -> json.putObject("data").put("value", "x")));
    slipway.succeed("app", "delete", space, "--cascade");

    becomes(Map.of("other", "x"));
    RealDaemon.await(
        () -> home.get(ObjectKey.slipway("Application", "default", space)).isEmpty(),
        () -> "the application is gone");
  }

  @ParameterizedTest
  @ValueSource(strings = {"in-cluster", "real"})
  void whatNeverBecomesHealthyIsEndedByAPerson(String destination, TestInfo test) throws Exception {
    deliver(test, destination, "--no-auto-sync");
    repository.write(
        "web.yaml",
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              nodeSelector: {disk: none}
              containers: [{name: web, image: "shop/web:1"}]
        """);
    commit();
    says("OutOfSync");
    slipway.succeed("sync", space, "--async");
    says("wait-healthy");

    slipway.succeed("terminate", space);
    RealDaemon.await(() -> phase().equals("Terminated"), () -> "terminated: " + status());
  }
}
