package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.testing.SeededChance;
import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.mesos.RealMesos;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A real daemon as a framework of a real master with two real agents. What runs is read from the
/// master, past the code under test. `-Dslipway.kills=N` sets how often the daemon is killed;
/// without it, a few times.
class MesosTest {
  private static final int KILLS = Integer.getInteger("slipway.kills", 4);
  private static final int KILLS_PER_PUSH = 2;
  private static final int LONGEST_LIFE_MILLIS = 6_000;
  private static final int WEBS = 3;
  private static final int STILLS = 2;
  private static final long SEED = Long.getLong("slipway.seed", 1);

  @TempDir Path folder;

  private final SeededChance chance = new SeededChance(SEED);
  private final HttpClient http = HttpClient.newHttpClient();
  private RealMesos mesos;
  private RealDaemon daemon;
  private Commands slipway;
  private TestRepository repository;
  private Shop shop;
  private int version;

  @BeforeEach
  void aClusterAndADaemon() throws Exception {
    assumeTrue(RealMesos.missing().isEmpty(), () -> RealMesos.missing().orElse(""));
    shop =
        new Shop(
            WEBS,
            STILLS,
            120,
            """
            image: none, command: [jwebserver, -b, $(POD_IP), -p, "8080", -d, /usr/share/common-licenses],
            env: [{name: JAVA_TOOL_OPTIONS, value: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"},
            {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}], ports: [{containerPort: 8080}]"""
                .replace('\n', ' '),
            "image: none, command: [sleep, \"1000000\"]",
            Caller.freeNodePort());
    mesos = RealMesos.in(folder.resolve("mesos"));
    mesos.master("master");
    String master = "127.0.0.1:" + mesos.port("master");
    mesos.agent("one", master);
    mesos.agent("two", master);
    repository = TestRepository.in(folder.resolve("repo"));
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    for (String node : slipway.nodes()) {
      slipway.succeed("node", "cordon", node);
    }
    declareMesos("http://" + master);
  }

  /// As in Git: with where tasks find a JDK.
  private void declareMesos(String master) throws IOException {
    var node = Json.object().put("apiVersion", "v1").put("kind", "Node");
    node.putObject("metadata")
        .put("name", "mesos")
        .putObject("annotations")
        .put("slipway.dev/runtime", "mesos")
        .put("slipway.dev/host", master)
        .put(
            "slipway.dev/mesos-path",
            Path.of(System.getProperty("java.home"), "bin") + ":" + System.getenv("PATH"));
    try (var connection = HttpConnection.open(daemon.target())) {
      var answer = connection.send("POST", "/api/v1/nodes", "application/json", Json.write(node));
      assertThat(answer.status()).as(answer::text).isEqualTo(201);
    }
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (daemon != null) {
      slipway.run("down", "--pods");
      daemon.close();
      repository.close();
    }
    if (mesos != null) {
      mesos.close();
    }
  }

  @Test
  void theGuestbookRunsUnchanged() throws Exception {
    repository.copy(Path.of("../examples-repo"));
    repository.commit("as it is");
    create("guestbook", "guestbook");
    RealDaemon.await(
        () ->
            running().keySet().stream().anyMatch(task -> task.startsWith("guestbook-web-"))
                && running().keySet().stream()
                    .anyMatch(task -> task.startsWith("guestbook-store-")),
        "its pods are tasks of Mesos");
    var service =
        Json.parse(slipway.succeed("get", "service", "guestbook-web", "-o", "json")).path("spec");
    URI page = URI.create("http://" + service.path("clusterIP").asString("") + "/");
    RealDaemon.await(
        () -> get(page).contains("The first page is always the hardest."),
        "the page shows what the job wrote");
    HttpRequest entry =
        HttpRequest.newBuilder(page)
            .POST(HttpRequest.BodyPublishers.ofString("entry=from+a+task+group"))
            .timeout(Duration.ofSeconds(20))
            .build();
    assertThat(http.send(entry, HttpResponse.BodyHandlers.ofString()).statusCode()).isEqualTo(303);
    assertThat(get(page)).contains("from a task group");
  }

  @Test
  void noRequestFailsAndNoTaskIsLostOrDoubledWhenTheDaemonIsKilled() throws Exception {
    push();
    create("shop", ".");
    awaitRest("all pods run");
    Map<String, String> still = running("still-");
    var stop = new AtomicBoolean();
    var wrong = new ConcurrentLinkedQueue<String>();
    Caller client =
        new Caller(shop.port(), "/", Duration.ofSeconds(15), Duration.ofMillis(10)).start();
    Thread watcher = Thread.ofPlatform().start(() -> keepLooking(stop, wrong));
    var seen = new HashSet<String>();
    for (int i = 0; i < KILLS; i++) {
      if (i % KILLS_PER_PUSH == 0) {
        push();
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(chance.below(LONGEST_LIFE_MILLIS)));
      daemon.kill();
      seen.addAll(running("web-").keySet());
      daemon.launchAgain();
      if (i % KILLS_PER_PUSH == KILLS_PER_PUSH - 1) {
        // Of each few lives one is long enough to get somewhere.
        daemon.awaitAnswer();
      }
    }
    daemon.awaitAnswer();
    push();
    slipway.succeed("refresh", "shop");
    String head = repository.head();
    Commands.Said said = slipway.run("wait", "shop", "--revision", head, "--timeout", "120");
    assertThat(said.code()).as(() -> said.text() + state()).isZero();
    awaitRest("exactly the pods that Git asks for run");
    seen.addAll(running("web-").keySet());
    stop.set(true);
    client.stop();
    watcher.join();
    assertThat(client.failures()).as("failed of %d", client.calls()).isEmpty();
    assertThat(client.answered()).isGreaterThan(KILLS);
    assertThat(wrong).as("what should never be seen on a master").isEmpty();
    assertThat(running("still-")).as("pods that need not change").isEqualTo(still);
    System.out.printf(
        "%d kills, %d pushes, %d requests, %d pods seen%n",
        KILLS, version, client.answered(), seen.size());
    assertThat(seen.size()).as("rollouts did move").isGreaterThan(WEBS);
  }

  private void create(String app, String path) {
    slipway.succeed("app", "create", app, "--repo", repository.url(), "--path", path);
    Commands.Said said = slipway.run("wait", app, "--timeout", "180");
    assertThat(said.code()).as(() -> said.text() + state()).isZero();
  }

  private void push() throws Exception {
    version++;
    repository.write("web.yaml", shop.manifests(version));
    repository.commit("version " + version);
  }

  private void awaitRest(String what) {
    RealDaemon.await(
        () ->
            running("web-").size() == WEBS
                && running("still-").size() == STILLS
                && running().size() == WEBS + STILLS,
        what);
  }

  /// Looks at the master again and again: no container of a pod runs twice.
  private void keepLooking(AtomicBoolean stop, Queue<String> wrong) {
    while (!stop.get()) {
      try {
        var once = new HashSet<String>();
        for (JsonNode task : tasks()) {
          String name = Json.string(task, "name", "");
          if (!once.add(name)) {
            wrong.add("twice: " + name);
          }
        }
        if (once.stream().filter(name -> name.startsWith("web-")).count() > WEBS + 1) {
          wrong.add("more than may be: " + once);
        }
      } catch (IOException e) {
        wrong.add(e.toString());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
    }
  }

  private Map<String, String> running(String prefix) throws IOException {
    Map<String, String> all = running();
    all.keySet().removeIf(name -> !name.startsWith(prefix));
    return all;
  }

  /// Task ids by the names of pod and container.
  private Map<String, String> running() throws IOException {
    var all = new TreeMap<String, String>();
    for (JsonNode task : tasks()) {
      all.put(Json.string(task, "name", ""), Json.string(task, "id", ""));
    }
    return all;
  }

  private java.util.List<JsonNode> tasks() throws IOException {
    JsonNode answer = Json.parse(get(mesos.url("master").resolve("/tasks?limit=1000")));
    return Json.items(answer, "tasks").stream()
        .filter(task -> Json.string(task, "state", "").equals("TASK_RUNNING"))
        .toList();
  }

  private String state() {
    try {
      return slipway.run("get", "nodes,pods", "-A", "-o", "wide").text()
          + slipway.run("events").text()
          + daemon.log()
          + mesos.log("one");
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private String get(URI address) throws IOException {
    HttpRequest request = HttpRequest.newBuilder(address).timeout(Duration.ofSeconds(20)).build();
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofString()).body();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
