package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.runtime.kubernetes.RemoteCluster;
import dev.slipway.testing.RealTimeline;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Bad days of a real kube-apiserver: the status says what is wrong and since when, nothing is
/// changed or doubled, what is delivered elsewhere goes on, and when it is over everything is as
/// Git says by itself.
class SpoiledServerTest {
  private static final RealTimeline TIME = new RealTimeline();

  @TempDir static Path folder;
  private static RealKubernetes kubernetes;
  private static SpoiledServer server;
  private static RemoteCluster there;
  private static RealDaemon daemon;
  private static Commands slipway;
  private static TestRepository elsewhere;
  private static int apps;

  private String space = "";
  private TestRepository repository;

  @BeforeAll
  static void aServerAndADaemon() throws Exception {
    kubernetes =
        RealKubernetes.start(
            folder.resolve("kubernetes"), "--", "--disable-admission-plugins=ServiceAccount");
    there = RemoteClusterTest.open(kubernetes, TIME);
    var config =
        (ObjectNode) YamlReader.read(Files.readAllBytes(kubernetes.kubeconfig())).getFirst().tree();
    var cluster = (ObjectNode) config.path("clusters").path(0).path("cluster");
    server =
        SpoiledServer.before(
            cluster.path("server").stringValue(),
            Path.of(cluster.path("certificate-authority").stringValue()));
    cluster.put("server", server.url()).remove("certificate-authority");
    Path spoiled = Files.writeString(folder.resolve("spoiled"), Json.text(config));
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    slipway.succeed("cluster", "add", "real", "--kubeconfig", spoiled.toString());
    RealDaemon.await(
        () -> slipway.run("cluster", "get", "real").code() == 0,
        () -> "the cluster is connected: " + slipway.run("cluster", "list").text());
    elsewhere = TestRepository.in(folder.resolve("elsewhere"));
    String commit = elsewhere.commitValue("0");
    slipway.succeed("app", "create", "elsewhere", "--repo", elsewhere.url());
    slipway.succeed("wait", "elsewhere", "--revision", commit, "--timeout", "60");
  }

  @AfterAll
  static void nothingIsLeft() throws Exception {
    daemon.close();
    server.close();
    there.close();
    kubernetes.close();
    elsewhere.close();
    TIME.close();
  }

  @BeforeEach
  void anApplication() throws Exception {
    space = "shop-" + ++apps;
    repository = TestRepository.in(folder.resolve(space));
    synced(first());
  }

  private String first() throws Exception {
    write("a", "1");
    write("b", "1");
    write("c", "1");
    write("d", "1");
    String commit = repository.commit("first");
    slipway.succeed(
        "app",
        "create",
        space,
        "--repo",
        repository.url(),
        "--dest-cluster",
        "real",
        "--dest-namespace",
        space);
    return commit;
  }

  @AfterEach
  void heal() {
    server.heal();
    repository.close();
  }

  private void write(String name, String value) throws Exception {
    repository.write(
        name + ".yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {value: \"%s\"}\n"
            .formatted(name, value));
  }

  private String second() throws Exception {
    write("a", "2");
    write("e", "2");
    Files.delete(repository.folder().resolve("d.yaml"));
    return repository.commit("second");
  }

  private static final Map<String, String> FIRST = Map.of("a", "1", "b", "1", "c", "1", "d", "1");
  private static final Map<String, String> SECOND = Map.of("a", "2", "b", "1", "c", "1", "e", "2");

  private JsonNode status() {
    return Json.parseObject(
            slipway.succeed("app", "get", space, "-o", "json").getBytes(StandardCharsets.UTF_8))
        .path("status");
  }

  private void synced(String commit) {
    RealDaemon.await(
        () ->
            Json.string(status().path("sync"), "status", "").equals("Synced")
                && Json.string(status().path("sync"), "revision", "").equals(commit)
                && phase().equals("Succeeded"),
        () -> space + " at " + commit + ": " + status());
  }

  private String phase() {
    return Json.string(status().path("operation"), "phase", "");
  }

  private void says(String words) {
    RealDaemon.await(
        () -> status().path("waiting").toString().contains(words),
        () -> words + " in " + status() + daemon.log());
  }

  private Map<String, String> live() {
    var live = new TreeMap<String, String>();
    for (KubeObject object :
        there.list(ObjectQuery.in(GroupKind.core("ConfigMap"), space)).items()) {
      live.put(object.name(), Json.string(object.json().path("data"), "value", ""));
    }
    return live;
  }

  private KubeObject get(String name) {
    return there.get(ObjectKey.core("ConfigMap", space, name)).orElseThrow();
  }

  private void edit(String name) {
    there.replace(get(name).with(json -> ((ObjectNode) json.path("data")).put("value", "edited")));
  }

  private static void elsewhereGoesOn(String value) throws Exception {
    String commit = elsewhere.commitValue(value);
    slipway.succeed("wait", "elsewhere", "--revision", commit, "--timeout", "120");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "CONFLICT, the object has been modified",
    "TOO_MANY_REQUESTS, too many requests",
    "INTERNAL_ERROR, etcdserver: request timed out",
    "UNAVAILABLE, no healthy upstream",
    "PAGE, text/html",
    "SILENT, no answer within"
  })
  void whatIsWrongIsSaidAndMadeGood(SpoiledServer.Fault fault, String words) throws Exception {
    String kept = get("b").uid();
    server.spoil(fault);
    String next = second();
    says(words);
    assertThat(Json.string(status().path("waiting"), "since", "")).isNotEmpty();
    elsewhereGoesOn(fault.name());
    assertThat(live()).isEqualTo(FIRST);

    server.heal();
    synced(next);
    assertThat(live()).isEqualTo(SECOND);
    assertThat(get("b").uid()).isEqualTo(kept);
    assertThat(status().has("rejected")).isFalse();
  }

  @Test
  void watchesThatBreakMissNothing() {
    for (int i = 0; i < 3; i++) {
      server.cutWatches();
      edit("a");
      RealDaemon.await(() -> live().equals(FIRST), () -> "healed: " + live());
    }
  }

  @Test
  void aListThatIsOlderThanWhatIsKnownIsNotBelieved() throws Exception {
    server.rememberLists();
    server.spoil(SpoiledServer.Fault.STALE);
    RealDaemon.await(() -> server.remembersList("/configmaps"), "a list is remembered");
    server.heal();
    String next = second();
    synced(next);
    KubeObject a = get("a");
    server.spoil(SpoiledServer.Fault.STALE);
    says("is older than");
    assertThat(get("a")).as("nobody wrote").isEqualTo(a);
    assertThat(live()).isEqualTo(SECOND);

    server.heal();
    synced(next);
    assertThat(get("a")).isEqualTo(a);
    edit("a");
    RealDaemon.await(() -> live().equals(SECOND), () -> "healed: " + live());
  }

  /// A person does not wait for the cluster.
  @ParameterizedTest(name = "{0}")
  @CsvSource({"STUCK_WRITES", "SILENT"})
  void aSyncIsEndedWhileItsClusterIsSlow(SpoiledServer.Fault fault) throws Exception {
    slipway.succeed("app", "set", space, "--no-self-heal");
    server.spoil(fault);
    second();
    RealDaemon.await(() -> phase().equals("Running"), () -> "running: " + status());
    slipway.succeed("terminate", space);
    RealDaemon.await(() -> phase().equals("Terminated"), () -> "terminated: " + status());
    assertThat(live()).isEqualTo(FIRST);

    server.heal();
    write("a", "3");
    synced(repository.commit("third"));
    assertThat(live()).isEqualTo(Map.of("a", "3", "b", "1", "c", "1", "e", "2"));
  }
}
