package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.ClusterException;
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
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eclipse.jgit.util.FileUtils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What delivery does is the same wherever it goes: to Slipway's own cluster and to a real
/// kube-apiserver, by one daemon, from real repositories.
///
/// These are the scripts of `DeliveryTest`, which runs them on virtual time, and those of
/// `OrderTest` that depend on the destination. Pods on a real Kubernetes are
/// `RemoteDeliveryTest`'s.
class BothDestinationsTest {
  private static final RealTimeline TIME = new RealTimeline();
  private static final GroupKind CONFIG = GroupKind.core("ConfigMap");

  @TempDir static Path folder;
  private static RealKubernetes kubernetes;
  private static RealDaemon daemon;
  private static Commands slipway;
  private static RemoteCluster home;
  private static RemoteCluster real;

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"in-cluster", "real"})
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.METHOD)
  private @interface OnBoth {}

  private String space = "";
  private RemoteCluster there;
  private TestRepository repository;

  @BeforeAll
  static void aKubernetesAndADaemon() throws Exception {
    kubernetes =
        RealKubernetes.start(
            folder.resolve("kubernetes"),
            "--controllers",
            "--",
            "--disable-admission-plugins=ServiceAccount");
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
    change(there, key(name), json -> ((ObjectNode) json.path("data")).put("value", value));
  }

  /// What each script of `DeliveryTest` is here; after an exclamation mark, why it is not.
  private static final String SCRIPTS =
      """
      aCommitIsAppliedAndSaidSo                               | aCommitIsAppliedAndWhatTheNextDroppedIsPruned
      aPushIsPickedUpWithinThePeriodAndWhatItDroppedIsPruned  | aCommitIsAppliedAndWhatTheNextDroppedIsPruned
      aLiveChangeIsHealedWithinASecond                        | aLiveChangeIsHealedAndAForeignFieldIsLeft
      nothingIsWrittenWhileNothingMoves                       | nothingIsWrittenWhileNothingMoves
      invalidManifestsChangeNothingAndAreAllTold              | whatIsWrongOrEmptyChangesNothing
      anEmptyRenderPrunesNothing                              | whatIsWrongOrEmptyChangesNothing
      manyPrunesWaitForAPerson                                | manyPrunesWaitForAPerson
      onlyWhatIsOwnedByUidIsPruned                            | onlyWhatIsOwnedByUidIsPruned
      aRollbackWorksWhileGitIsDownAndHoldsUntilANewerCommit   | aRollbackWorksWhileGitIsGoneAndHoldsUntilANewerCommit
      aCommitThatIsFoundTogetherWithARollbackIsNewer          | aCommitThatIsFoundTogetherWithARollbackIsNewer
      aRollbackSurvivesARestart                               | aRollbackSurvivesARestart
      aFailedJobGoesBackByItselfAndTakesWhatItMadeAlong       | aFailedJobGoesBackByItselfAndTakesWhatItMadeAlong
      whatAFailingSyncMadeIsGoneAfterItsRollback              | whatAFailingSyncMadeIsGoneAfterItsRollback
      whatASupersededSyncMadeIsGone                           | whatASupersededSyncMadeIsGone
      aNewerCommitSupersedesASyncThatWaits                    | aNewerCommitSupersedesASyncThatWaits
      aSyncThatOutlivesItsTimeSaysSoAndIsRejected             | aSyncThatOutlivesItsTimeSaysSoAndIsRejected
      anObjectThatTakesItsTimeToGoIsWaitedForCalmly           | anObjectThatTakesItsTimeToGoIsWaitedForCalmly
      aChangeThatSomebodyKeepsUndoingIsNotFoughtWithoutEnd    | aChangeThatSomebodyKeepsUndoingIsNotFoughtWithoutEnd
      withoutAutomationACommitIsShownAndNotApplied            | withoutAutomationAPersonDecidesAndMayTryLocalFiles
      whatIsLeftOverWithoutPruningIsOutOfSyncFromTheStart     | whatIsLeftOverWithoutPruningIsOutOfSync
      aSuspendedApplicationIsLeftAloneAndThenCatchesUp        | aSuspendedApplicationIsLeftAloneAndThenCatchesUp
      deletingWithTheFinalizerDeletesWhatItOwns               | deletingAnApplicationDeletesWhatItOwnsAndNothingElse
      deletingWithoutItLeavesThem                             | deletingAnApplicationWithoutItsObjectsLeavesThem
      aCrashAtAnyWriteIsMadeGood                              | ! a write of a process cannot be numbered from outside; aDaemonThatIsKilledGoesOn is killed in the middle
      filesThatAreInNoCommitAreComparedAndNothingIsKeptOfThem | filesThatAreInNoCommitAreComparedAndNothingIsKeptOfThem
      localFilesAreAppliedAndShownAsWhatTheyAre               | withoutAutomationAPersonDecidesAndMayTryLocalFiles
      localFilesAreRefusedWhereGitWouldUndoThemOrCommitsMustBeSigned | localFilesAreRefusedWhereGitWouldUndoThemOrCommitsMustBeSigned
      """;

  @Test
  void everyScriptOfDeliveryRunsOnBothOrSaysWhyNot() throws IOException {
    var here =
        Stream.of(BothDestinationsTest.class.getDeclaredMethods())
            .filter(method -> method.isAnnotationPresent(OnBoth.class))
            .map(Method::getName)
            .toList();
    var told = new TreeSet<String>();
    for (String line : SCRIPTS.lines().toList()) {
      String[] columns = line.split("\\|", 2);
      told.add(columns[0].strip());
      String how = columns[1].strip();
      assertThat(how.startsWith("! ") || here.contains(how)).as(line).isTrue();
    }
    String source =
        Files.readString(
            RealKubernetes.root()
                .resolve("sync-engine/src/test/java/dev/slipway/sync/DeliveryTest.java"));
    assertThat(
            Pattern.compile("@Test\\s+void (\\w+)\\(")
                .matcher(source)
                .results()
                .map(m -> m.group(1)))
        .containsExactlyInAnyOrderElementsOf(told);
  }

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
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

  @OnBoth
  void nothingIsWrittenWhileNothingMoves(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    KubeObject before = there.get(key("a")).orElseThrow();
    for (int i = 0; i < 3; i++) {
      repository.write("README.md", "read me, " + i);
      synced(commit());
    }

    assertThat(there.get(key("a")).orElseThrow()).isEqualTo(before);
  }

  @OnBoth
  void aCommitThatIsFoundTogetherWithARollbackIsNewer(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    String second = push("a", "2");
    synced(second);
    slipway.succeed("rollback", space, "--async");
    daemon.kill();
    String third = push("a", "3");
    daemon.startAgain();

    synced(third);
    assertThat(live()).isEqualTo(Map.of("a", "3"));
    assertThat(status().path("rejected").toString()).contains(second);
  }

  @OnBoth
  void aRollbackSurvivesARestart(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    synced(push("a", "1", "b", "1"));
    synced(push("a", "2", "b", "1"));
    slipway.succeed("rollback", space, "--async");
    daemon.kill();
    daemon.startAgain();
    becomes(Map.of("a", "1", "b", "1"));
    says("\"hold\"");

    daemon.kill();
    daemon.startAgain();
    edit("b", "edited");
    becomes(Map.of("a", "1", "b", "1"));
  }

  /// A Job whose pods find no node, and that has no time for it.
  private static String job(String name, String annotations, int seconds) {
    return """
        apiVersion: batch/v1
        kind: Job
        metadata: {name: %s, annotations: {%s}}
        spec:
          activeDeadlineSeconds: %d
          template:
            spec:
              restartPolicy: Never
              nodeSelector: {disk: none}
              containers: [{name: main, image: "shop/job:1", command: [/bin/true]}]
        """
        .formatted(name, annotations, seconds);
  }

  private Optional<KubeObject> job(String name) {
    return there.get(new ObjectKey("batch", "Job", space, name));
  }

  @OnBoth
  void aFailedJobGoesBackByItselfAndTakesWhatItMadeAlong(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    String first = push("a", "1");
    synced(first);
    repository.write("job.yaml", job("migrate", "", 1));
    repository.write("new.yaml", config(new String[] {"new", "2"}, 0));
    repository.write("a.yaml", config(new String[] {"a", "2"}, 0));
    String second = commit();

    RealDaemon.await(
        () -> status().path("rejected").toString().contains(second), () -> "rejected: " + status());
    becomes(Map.of("a", "1"));
    synced(first);
    assertThat(Json.string(status().path("operation"), "trigger", "")).isEqualTo("auto-rollback");
    RealDaemon.await(() -> job("migrate").isEmpty(), "the Job goes");
  }

  /// Two ConfigMaps of which one cannot be changed.
  private void immutable(String value) throws IOException {
    repository.write("z.yaml", config(new String[] {"z", value}, 0) + "immutable: true\n");
  }

  private void noRetries() {
    change(
        home,
        ObjectKey.slipway("Application", "default", space),
        json ->
            Json.child(Json.child(json, "spec"), "syncPolicy").putObject("retry").put("limit", 0));
  }

  /// Against somebody who writes the same object.
  private static void change(RemoteCluster cluster, ObjectKey key, Consumer<ObjectNode> edit) {
    RealDaemon.await(
        () -> {
          try {
            cluster.replace(cluster.get(key).orElseThrow().with(edit));
            return true;
          } catch (ClusterException e) {
            if (e.reason() != ClusterException.Reason.CONFLICT) {
              throw e;
            }
            return false;
          }
        },
        key + " is changed");
  }

  @OnBoth
  void whatAFailingSyncMadeIsGoneAfterItsRollback(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    noRetries();
    immutable("1");
    repository.write("b.yaml", config(new String[] {"b", "1"}, 0));
    String first = commit();
    synced(first);
    immutable("2");
    repository.write("a.yaml", config(new String[] {"a", "2"}, 0));
    repository.write("b.yaml", config(new String[] {"b", "2"}, 0));
    commit();

    says("auto-rollback");
    synced(first);
    assertThat(live()).isEqualTo(Map.of("b", "1", "z", "1"));
  }

  @OnBoth
  void whatASupersededSyncMadeIsGone(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    push("b", "1", "c", "1", "d", "1");
    immutable("1");
    synced(commit());
    push("a", "2", "b", "2", "c", "1", "d", "1");
    immutable("2");
    commit();
    says("the cluster to accept a change");
    assertThat(live()).containsEntry("a", "2");

    push("b", "3", "c", "1", "d", "1");
    immutable("1");
    synced(commit());
    assertThat(live()).isEqualTo(Map.of("b", "3", "c", "1", "d", "1", "z", "1"));
  }

  @OnBoth
  void aNewerCommitSupersedesASyncThatWaits(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    repository.write("job.yaml", job("one", "", 600));
    commit();
    says("wait-healthy");
    Files.delete(repository.folder().resolve("job.yaml"));
    synced(push("a", "2"));

    assertThat(slipway.succeed("history", space)).contains("Superseded");
    RealDaemon.await(() -> job("one").isEmpty(), "the Job goes");
  }

  @OnBoth
  void aSyncThatOutlivesItsTimeSaysSoAndIsRejected(String destination, TestInfo test)
      throws Exception {
    deliver(test, destination, "--auto-sync", "--timeout", "2s");
    repository.write("job.yaml", job("one", "", 600));
    String commit = commit();

    RealDaemon.await(() -> phase().equals("Failed"), () -> "failed: " + status());
    assertThat(status().path("rejected").toString()).contains(commit, "not healthy within 2s");
  }

  @OnBoth
  void anObjectThatTakesItsTimeToGoIsWaitedForCalmly(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    KubeObject a = there.get(key("a")).orElseThrow();
    there.replace(
        a.withMetadata(metadata -> metadata.putArray("finalizers").add("test.example/slow")));
    there.delete(key("a"), DeleteOptions.BACKGROUND);
    KubeObject leaving = there.get(key("a")).orElseThrow();
    String next = push("a", "2", "b", "1");
    says("to be gone");
    assertThat(there.get(key("a"))).contains(leaving);

    there.replace(leaving.withMetadata(metadata -> metadata.remove("finalizers")));
    synced(next);
    assertThat(live()).isEqualTo(Map.of("a", "2", "b", "1"));
    assertThat(there.get(key("a")).orElseThrow().uid()).isNotEqualTo(leaving.uid());
  }

  @OnBoth
  void aChangeThatSomebodyKeepsUndoingIsNotFoughtWithoutEnd(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1", "b", "1"));
    var undoing = new AtomicBoolean(true);
    Thread somebody =
        Thread.ofVirtual()
            .start(
                () -> {
                  while (undoing.get()) {
                    try {
                      if (!live().getOrDefault("a", "").equals("undone")) {
                        edit("a", "undone");
                      }
                    } catch (ClusterException e) {
                      assertThat(e.reason()).isEqualTo(ClusterException.Reason.CONFLICT);
                    }
                  }
                });
    says("Thrashing");
    edit("b", "edited");
    RealDaemon.await(() -> live().getOrDefault("b", "").equals("1"), "all else is healed as ever");
    assertThat(status().path("conditions").toString()).contains("ConfigMap", "data.value");

    undoing.set(false);
    somebody.join();
    becomes(Map.of("a", "1", "b", "1"));
  }

  @OnBoth
  void whatIsLeftOverWithoutPruningIsOutOfSync(String destination, TestInfo test) throws Exception {
    deliver(test, destination, "--auto-sync", "--no-prune", "--self-heal");
    synced(push("a", "1", "b", "2"));
    push("a", "1");
    says("Extra");
    assertThat(live()).hasSize(2);
    assertThat(Json.string(status().path("sync"), "status", "")).isEqualTo("OutOfSync");
  }

  @OnBoth
  void deletingAnApplicationWithoutItsObjectsLeavesThem(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    slipway.succeed("app", "delete", space);
    RealDaemon.await(
        () -> home.get(ObjectKey.slipway("Application", "default", space)).isEmpty(),
        () -> "the application is gone");
    assertThat(live()).isEqualTo(Map.of("a", "1"));
  }

  private Path local(String... namesAndValues) throws IOException {
    Path local = Files.createTempDirectory(folder, "local");
    for (int i = 0; i < namesAndValues.length; i += 2) {
      Files.writeString(local.resolve(namesAndValues[i] + ".yaml"), config(namesAndValues, i));
    }
    return local;
  }

  @OnBoth
  void filesThatAreInNoCommitAreComparedAndNothingIsKeptOfThem(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    String commit = push("a", "1", "b", "2");
    synced(commit);
    Commands.Said said =
        slipway.run("diff", space, "--local", local("a", "9", "c", "3").toString());

    assertThat(said.code()).isOne();
    assertThat(said.text()).contains("ConfigMap", "9");
    assertThat(isSynced(commit)).isTrue();
    assertThat(live()).isEqualTo(Map.of("a", "1", "b", "2"));
  }

  @OnBoth
  void localFilesAreRefusedWhereGitWouldUndoThemOrCommitsMustBeSigned(
      String destination, TestInfo test) throws Exception {
    automated(test, destination);
    synced(push("a", "1"));
    String files = local("a", "9").toString();
    assertThat(slipway.run("sync", space, "--local", files).text())
        .contains("would take it back at once");

    slipway.succeed("app", "set", space, "--no-auto-sync");
    home.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Repository",
            "default",
            space,
            json ->
                json.putObject("spec")
                    .put("url", repository.url())
                    .putArray("signatureKeys")
                    .add("ssh-ed25519 AAAA")));
    assertThat(slipway.run("sync", space, "--local", files).text()).contains("must be signed");
    assertThat(live()).isEqualTo(Map.of("a", "1"));
  }

  private static String annotated(String name, String value, String annotations) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, annotations: {%s}}\ndata: {value: \"%s\"}\n"
        .formatted(name, annotations, value);
  }

  @OnBoth
  void hooksAndWavesComeInTheirOrder(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    repository.write("before.yaml", annotated("before", "1", "slipway.dev/hook: PreSync"));
    repository.write(
        "after.yaml",
        annotated(
            "after",
            "1",
            "slipway.dev/hook: PostSync, slipway.dev/hook-delete-policy: HookSucceeded"));
    repository.write("a.yaml", annotated("a", "1", "slipway.dev/sync-wave: \"1\""));
    repository.write("b.yaml", annotated("b", "1", "slipway.dev/sync-wave: \"2\""));
    repository.write("job.yaml", job("gate", "slipway.dev/sync-wave: \"1\"", 600));
    commit();
    says("wait-healthy");
    assertThat(live()).isEqualTo(Map.of("before", "1", "a", "1"));
    String hook = there.get(key("before")).orElseThrow().uid();

    Files.delete(repository.folder().resolve("job.yaml"));
    synced(commit());
    assertThat(live()).isEqualTo(Map.of("before", "1", "a", "1", "b", "1"));
    assertThat(there.get(key("before")).orElseThrow().uid()).isNotEqualTo(hook);
    assertThat(status().path("hooks").toString()).contains("after", "Succeeded");
    assertThat(status().path("inventory").toString()).doesNotContain("before", "after");
  }

  @OnBoth
  void aVanishedHookIsAFailedHookAndTheFailHooksRun(String destination, TestInfo test)
      throws Exception {
    automated(test, destination);
    repository.write("before.yaml", job("before", "slipway.dev/hook: PreSync", 600));
    repository.write("failed.yaml", annotated("failed", "1", "slipway.dev/hook: SyncFail"));
    repository.write("a.yaml", config(new String[] {"a", "1"}, 0));
    commit();
    says("hook Job before");
    there.delete(job("before").orElseThrow().key(), DeleteOptions.BACKGROUND);

    RealDaemon.await(() -> phase().equals("Failed"), () -> "failed: " + status());
    says("the hook vanished before it was done");
    assertThat(live()).isEqualTo(Map.of("failed", "1"));
  }

  @OnBoth
  void aPersonEndsAHookAndItsJobGoes(String destination, TestInfo test) throws Exception {
    deliver(test, destination, "--auto-sync");
    repository.write("before.yaml", job("before", "slipway.dev/hook: PreSync", 600));
    repository.write("a.yaml", config(new String[] {"a", "1"}, 0));
    commit();
    says("hook Job before");
    slipway.succeed("terminate", space);

    RealDaemon.await(() -> phase().equals("Terminated"), () -> "terminated: " + status());
    RealDaemon.await(() -> job("before").isEmpty(), "its Job goes");
    assertThat(live()).isEmpty();
  }

  @OnBoth
  void deletionHooksRunAroundTheDeletion(String destination, TestInfo test) throws Exception {
    automated(test, destination);
    repository.write("first.yaml", annotated("first", "1", "slipway.dev/hook: PreDelete"));
    repository.write("last.yaml", annotated("last", "1", "slipway.dev/hook: PostDelete"));
    repository.write("kept.yaml", annotated("kept", "1", "slipway.dev/sync-options: Delete=false"));
    repository.write("a.yaml", config(new String[] {"a", "1"}, 0));
    synced(commit());
    assertThat(live()).isEqualTo(Map.of("a", "1", "kept", "1"));
    slipway.succeed("app", "delete", space, "--cascade");

    RealDaemon.await(
        () -> home.get(ObjectKey.slipway("Application", "default", space)).isEmpty(),
        () -> "the application is gone: " + status());
    becomes(Map.of("kept", "1"));
  }

  @OnBoth
  void aPartOfARevisionIsSyncedAlone(String destination, TestInfo test) throws Exception {
    deliver(test, destination, "--no-auto-sync");
    push("a", "1", "b", "1");
    says("OutOfSync");
    slipway.succeed("sync", space, "--resource", "ConfigMap/b");
    assertThat(live()).isEqualTo(Map.of("b", "1"));
    slipway.succeed("sync", space);
    assertThat(live()).isEqualTo(Map.of("a", "1", "b", "1"));
  }

  @OnBoth
  void aPlanIsCarriedOutAsItIsOrRefused(String destination, TestInfo test) throws Exception {
    deliver(test, destination, "--no-auto-sync");
    push("a", "1", "b", "1");
    says("OutOfSync");
    slipway.succeed("sync", space);
    push("a", "2", "b", "1");
    says("OutOfSync");
    String stale = plan();
    edit("a", "edited");
    assertThat(slipway.run("apply", stale).text()).contains("make a new plan");
    assertThat(live()).containsEntry("a", "edited");

    slipway.succeed("apply", plan());
    assertThat(live()).isEqualTo(Map.of("a", "2", "b", "1"));
  }

  /// The name of a new one.
  private String plan() {
    Commands.Said said = slipway.run("plan", space, "--revision", "main", "-o", "name");
    assertThat(said.code()).as("something is to be done: %s", said.text()).isOne();
    return said.text().strip();
  }
}
