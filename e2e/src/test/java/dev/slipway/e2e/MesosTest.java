package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.testing.SeededChance;
import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.mesos.RealMesos;
import dev.slipway.testing.wire.FaultyWire;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A real daemon as a framework of a real master with two real agents, and between daemon and
/// master a wire. What runs is read from the master and the agents themselves, past the wire and
/// the code under test. `-Dslipway.kills=N` sets how often the daemon is killed, and
/// `-Dslipway.pushes=N` how many versions are rolled out through a faulty wire; without them, a
/// few.
class MesosTest {
  private static final int KILLS = Integer.getInteger("slipway.kills", 4);
  private static final int KILLS_PER_PUSH = 2;
  private static final int PUSHES = Integer.getInteger("slipway.pushes", 2);
  private static final int LONGEST_DELAY_MILLIS = 1_500;
  private static final List<String> AGENTS = List.of("one", "two");
  private static final Set<String> ALIVE =
      Set.of("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING");
  private static final int LONGEST_LIFE_MILLIS = 6_000;
  private static final int WEBS = 3;
  private static final int STILLS = 2;
  private static final long SEED = Long.getLong("slipway.seed", 1);

  @TempDir Path folder;

  private final SeededChance chance = new SeededChance(SEED);
  private final HttpClient http = HttpClient.newHttpClient();
  private RealMesos mesos;
  private FaultyWire wire;
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
    // Another machine for those who tell them apart by host and address.
    mesos.agent("two", master, "--hostname=localhost");
    wire = FaultyWire.toPort(mesos.port("master"), chance.nextLong());
    repository = TestRepository.in(folder.resolve("repo"));
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    for (String node : slipway.nodes()) {
      slipway.succeed("node", "cordon", node);
    }
    declareMesos("http://127.0.0.1:" + wire.port());
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
      wire.heal();
      slipway.run("down", "--pods");
      daemon.close();
      repository.close();
      wire.close();
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

  /// I2 and I3. A call that comes twice or late, an event that is cut off, a subscription that is
  /// lost: a rolling update goes on through all of it, and nothing else is ever seen from outside.
  @Test
  void aRollingUpdateThroughAWireThatCutsAndRepeatsIsNeverShortOfPodsAndDoublesNone()
      throws Exception {
    push();
    create("shop", ".");
    awaitRest("all pods run");
    Map<String, String> still = running("still-");
    var stop = new AtomicBoolean();
    var wrong = new ConcurrentLinkedQueue<String>();
    var seen = ConcurrentHashMap.<String>newKeySet();
    var known = ConcurrentHashMap.<String>newKeySet();
    Caller client =
        new Caller(shop.port(), "/", Duration.ofSeconds(15), Duration.ofMillis(10)).start();
    Thread watcher = Thread.ofPlatform().start(() -> keepCounting(stop, seen, known, wrong));
    wire.fail(8, LONGEST_DELAY_MILLIS);
    wire.repeat(3, request -> request.contains("Mesos-Stream-Id"));
    for (int i = 0; i < PUSHES; i++) {
      push();
      slipway.succeed("refresh", "shop");
      Commands.Said said =
          slipway.run("wait", "shop", "--revision", repository.head(), "--timeout", "180");
      assertThat(said.code()).as(() -> said.text() + state()).isZero();
    }
    wire.heal();
    awaitRest("exactly the pods that Git asks for run");
    RealDaemon.await(
        () -> podsOf(tasks()).equals(podsOfTheApi().keySet()), "the API has the same pods");
    stop.set(true);
    client.stop();
    watcher.join();
    System.out.printf(
        "%d rollouts, faults %s, %d repeated calls; %d requests, %d failed; %d pods seen%n",
        PUSHES, wire, wire.repeated(), client.calls(), client.failures().size(), seen.size());
    assertThat(client.failures()).as("failed of %d", client.calls()).isEmpty();
    assertThat(wrong).as("what should never be seen from outside").isEmpty();
    assertThat(known).as("pods of the API, of which every task is one").containsAll(seen);
    assertThat(running("still-")).as("pods that need not change").isEqualTo(still);
    assertThat(seen).as("every rollout moved").hasSize((1 + PUSHES) * WEBS + STILLS);
    assertThat(Stream.of(FaultyWire.Fault.values()).mapToInt(wire::happened).sum()).isPositive();
    assertThat(wire.repeated()).isPositive();
  }

  /// I2: nobody notices. Mesos itself would end them all at once, when the time has come.
  @Test
  void podsMoveAwayFromAnAgentBeforeItsMaintenanceAndItTakesPodsAgainWhenThatIsCalledOff()
      throws Exception {
    push();
    create("shop", ".");
    awaitRest("all pods run");
    Caller client =
        new Caller(shop.port(), "/", Duration.ofSeconds(15), Duration.ofMillis(10)).start();
    maintain(Optional.of(Instant.now().plusSeconds(1_200)));
    RealDaemon.await(() -> tasksOfAgent("two").isEmpty(), "the agent is empty");
    awaitRest("all pods run elsewhere");
    client.stop();
    assertThat(client.failures()).as("failed of %d", client.calls()).isEmpty();
    assertThat(slipway.succeed("get", "events")).contains("NodeDraining");
    maintain(Optional.empty());
    RealDaemon.await(
        () -> !slipway.succeed("get", "nodes", "-o", "yaml").contains("slipway.dev/draining"),
        "it takes pods again");
  }

  /// Mesos ends all of them at once: they are replaced at once, too.
  @Test
  void podsOfAnAgentThatIsDrainedAreReplacedAtOnce() throws Exception {
    push();
    create("shop", ".");
    awaitRest("all pods run");
    assertThat(tasksOfAgent("two")).isNotEmpty();
    drain("two");
    RealDaemon.await(
        Duration.ofSeconds(60),
        () -> tasksOfAgent("two").isEmpty() && tasksOfAgent("one").size() == WEBS + STILLS,
        () -> "all pods run elsewhere" + state());
    // A pod that waits for room that never comes is given up after 30 seconds: none did.
    assertThat(slipway.succeed("get", "pods", "-o", "yaml")).doesNotContain("OutOfResources");
    awaitRest("all pods run");
  }

  /// What runs there goes on without us, and is found again by the same framework.
  @Test
  void aClusterThatIsForgottenAndDeclaredAgainRunsWhatGitAsksForAndNothingTwice() throws Exception {
    push();
    create("shop", ".");
    awaitRest("all pods run");
    assertThat(slipway.succeed("get", "nodes", "-o", "yaml")).contains("mesos.agents.slipway.dev");
    slipway.succeed("node", "remove", "mesos", "--now");
    RealDaemon.await(
        () -> !slipway.succeed("get", "nodes", "-o", "yaml").contains("mesos.agents.slipway.dev"),
        "the nodes of its agents go with it");
    declareMesos("http://127.0.0.1:" + wire.port());
    awaitRest("exactly the pods that Git asks for run");
  }

  /// @param from of agent two; empty when none of it is under maintenance
  private void maintain(Optional<Instant> from) throws IOException {
    var call = Json.object().put("type", "UPDATE_MAINTENANCE_SCHEDULE");
    var windows =
        call.putObject("update_maintenance_schedule").putObject("schedule").putArray("windows");
    if (from.isPresent()) {
      var window = windows.addObject();
      window
          .putArray("machine_ids")
          .addObject()
          .put("hostname", "localhost")
          .put("ip", "127.0.0.1");
      window
          .putObject("unavailability")
          .putObject("start")
          .put("nanoseconds", from.get().toEpochMilli() * 1_000_000);
    }
    operate(call);
  }

  private void drain(String agent) throws IOException {
    JsonNode agents = Json.parse(get(mesos.url("master").resolve("/slaves")));
    for (JsonNode one : Json.items(agents, "slaves")) {
      if (Json.integer(one, "port", 0) == mesos.port(agent)) {
        var call = Json.object().put("type", "DRAIN_AGENT");
        call.putObject("drain_agent")
            .putObject("agent_id")
            .put("value", Json.string(one, "id", ""));
        operate(call);
      }
    }
  }

  private void operate(JsonNode call) throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(mesos.url("master").resolve("/api/v1"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(Json.write(call)))
            .timeout(Duration.ofSeconds(20))
            .build();
    try {
      HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).as(answer::body).isBetween(200, 202);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /// Counts on the master and on the agents, again and again.
  ///
  /// @param seen UIDs of pods with a task
  /// @param known UIDs of pods that the API has had
  private void keepCounting(
      AtomicBoolean stop, Set<String> seen, Set<String> known, Queue<String> wrong) {
    while (!stop.get()) {
      try {
        List<JsonNode> all = allTasks().stream().filter(MesosTest::isAlive).toList();
        twice(all).ifPresent(task -> wrong.add("twice on the master: " + task));
        long webs = all.stream().filter(MesosTest::isRunning).filter(MesosTest::isWeb).count();
        if (webs < WEBS) {
          wrong.add("only %d run: %s".formatted(webs, all));
        }
        var onAgents = new ArrayList<JsonNode>();
        for (String agent : AGENTS) {
          onAgents.addAll(tasksOfAgent(agent));
        }
        twice(onAgents).ifPresent(task -> wrong.add("twice on the agents: " + task));
        seen.addAll(podsOf(all));
        seen.addAll(podsOf(onAgents));
        Map<String, Boolean> pods = podsOfTheApi();
        known.addAll(pods.keySet());
        // A pod that is to go does not count, though its KILL may be lost and its task goes on.
        long staying =
            all.stream()
                .filter(MesosTest::isWeb)
                .filter(task -> !pods.getOrDefault(podOf(task), true))
                .count();
        if (staying > WEBS + 1) {
          wrong.add("more than may be: " + all);
        }
      } catch (IOException e) {
        wrong.add(e.toString());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
    }
  }

  /// A container of a pod that two tasks are for.
  private static Optional<String> twice(List<JsonNode> tasks) {
    var once = new HashSet<String>();
    return tasks.stream()
        .map(task -> Json.string(task, "name", ""))
        .filter(name -> !once.add(name))
        .findFirst();
  }

  private static boolean isAlive(JsonNode task) {
    return ALIVE.contains(Json.string(task, "state", ""));
  }

  private static boolean isRunning(JsonNode task) {
    return Json.string(task, "state", "").equals("TASK_RUNNING");
  }

  private static boolean isWeb(JsonNode task) {
    return Json.string(task, "name", "").startsWith("web-");
  }

  private List<JsonNode> tasksOfAgent(String agent) throws IOException {
    JsonNode state = Json.parse(get(mesos.url(agent).resolve("/slave(1)/state")));
    var all = new ArrayList<JsonNode>();
    for (JsonNode framework : Json.items(state, "frameworks")) {
      for (JsonNode executor : Json.items(framework, "executors")) {
        Json.items(executor, "tasks").stream().filter(MesosTest::isAlive).forEach(all::add);
      }
    }
    return all;
  }

  /// A task's id begins with its pod's UID.
  private static String podOf(JsonNode task) {
    String id = Json.string(task, "id", "");
    return id.substring(0, id.indexOf('.'));
  }

  private static Set<String> podsOf(List<JsonNode> tasks) {
    return tasks.stream().map(MesosTest::podOf).collect(Collectors.toSet());
  }

  /// Whether each pod is to go, by UID.
  private Map<String, Boolean> podsOfTheApi() throws IOException {
    try (var connection = HttpConnection.open(daemon.target())) {
      var pods = new HashMap<String, Boolean>();
      for (JsonNode pod :
          Json.items(
              Json.parse(connection.get("/api/v1/namespaces/default/pods").text()), "items")) {
        pods.put(
            Json.string(pod.path("metadata"), "uid", ""),
            pod.path("metadata").has("deletionTimestamp"));
      }
      return pods;
    }
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

  private List<JsonNode> tasks() throws IOException {
    return allTasks().stream().filter(MesosTest::isRunning).toList();
  }

  private List<JsonNode> allTasks() throws IOException {
    JsonNode answer = Json.parse(get(mesos.url("master").resolve("/tasks?limit=1000")));
    return Json.items(answer, "tasks");
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
