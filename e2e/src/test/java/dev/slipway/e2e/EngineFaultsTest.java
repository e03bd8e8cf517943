package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.testing.SeededChance;
import dev.slipway.testing.engine.TestEngine;
import dev.slipway.testing.wire.FaultyWire;
import java.io.RandomAccessFile;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
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

/// Two real engines behind wires that cut, delay and lose, one of them on a small disk; a daemon
/// that is killed in rolling updates, and the engines too; and an outsider who removes, stops and
/// renames. What holds is read from the engines themselves, past the code under test.
/// `-Dslipway.kills=N` sets how often the daemon is killed, and half as often an engine; without
/// it, a few times.
class EngineFaultsTest {
  private static final int KILLS = Integer.getInteger("slipway.kills", 4);
  private static final int KILLS_PER_PUSH = 2;
  private static final int LONGEST_LIFE_MILLIS = 6_000;
  private static final int LONGEST_DEATH_MILLIS = 3_000;
  private static final int WEBS = 3;
  private static final int STILLS = 2;
  private static final int TAMPERINGS = Boolean.getBoolean("slipway.long") ? 50 : 1;
  private static final long SEED = Long.getLong("slipway.seed", 1);

  /// How soon things must be right again after a fault has ended.
  private static final long HEALED_SECONDS = 60;

  @TempDir Path folder;

  private final SeededChance chance = new SeededChance(SEED);
  private final List<TestEngine> engines = new ArrayList<>();
  private final List<FaultyWire> wires = new ArrayList<>();
  private RealDaemon daemon;
  private Commands slipway;
  private TestRepository repository;
  private int port;
  private Shop shop;
  private int version;

  /// An engine that is dead cannot be looked at.
  private volatile boolean engineDead;

  @BeforeEach
  void enginesBehindWires() throws Exception {
    Optional<String> missing = TestEngine.missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    Path small = Files.createDirectories(folder.resolve("e1/data"));
    run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", small.toString());
    repository = TestRepository.in(folder.resolve("repo"));
    port = Caller.freeNodePort();
    shop =
        new Shop(
            WEBS,
            STILLS,
            120,
            "image: \"test:latest\", imagePullPolicy: Never, command: [sh, -c, \"exec busybox httpd -f -p $POD_IP:8080 -h /etc\"]",
            "image: \"test:latest\", imagePullPolicy: Never, command: [sleep, \"1000000\"]",
            port);
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    for (int i = 0; i < 2; i++) {
      engines.add(TestEngine.start(folder.resolve("e" + i), "--live-restore"));
      Path socket = folder.resolve("w" + i + ".sock");
      wires.add(FaultyWire.toSocket(socket, engines.get(i).socket(), chance.nextLong()));
      slipway.succeed("node", "add", "e" + i, "--host", "unix://" + socket);
    }
    slipway.succeed("node", "cordon", localNode());
    push();
    slipway.succeed(
        "app", "create", "shop", "--repo", repository.url(), "--dest-namespace", "shop");
    slipway.succeed("wait", "shop", "--timeout", "90");
    awaitRest("all pods run");
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    wires.forEach(FaultyWire::close);
    if (daemon != null) {
      daemon.close();
      repository.close();
    }
    engines.forEach(TestEngine::close);
    run("sh", "-c", "while umount -l '" + folder.resolve("e1/data") + "' 2>/dev/null; do :; done");
  }

  @Test
  void noRequestFailsAndNothingRunsTwiceAndAllIsRightAgain() throws Exception {
    killsAndCuts();
    anOutsider();
    aFullDisk();
    aSlowEngine();
  }

  private void killsAndCuts() throws Exception {
    Map<String, String> still = running("still-");
    var stop = new AtomicBoolean();
    var wrong = new ConcurrentLinkedQueue<String>();
    Caller client = caller().start();
    Thread watcher = Thread.ofPlatform().start(() -> keepLooking(stop, wrong));
    var seen = new HashSet<String>();
    for (FaultyWire wire : wires) {
      wire.fail(8, 2_000);
    }
    for (int i = 0; i < KILLS; i++) {
      if (i % KILLS_PER_PUSH == 0) {
        push();
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(chance.below(LONGEST_LIFE_MILLIS)));
      daemon.kill();
      seen.addAll(running("web-").keySet());
      daemon.launchAgain();
      if (i % KILLS_PER_PUSH == 0) {
        killAnEngine();
      }
      if (i % KILLS_PER_PUSH == KILLS_PER_PUSH - 1) {
        // Of each few lives one is long enough to get somewhere.
        daemon.awaitAnswer();
      }
    }
    daemon.awaitAnswer();
    push();
    wires.forEach(FaultyWire::heal);
    awaitHead();
    awaitRest("exactly the pods that Git asks for run");
    seen.addAll(running("web-").keySet());
    stop.set(true);
    client.stop();
    watcher.join();
    assertThat(client.failures()).as("failed of %d", client.calls()).isEmpty();
    assertThat(client.answered()).isGreaterThan(KILLS);
    assertThat(wrong).as("what should never be seen on an engine").isEmpty();
    assertThat(running("still-")).as("pods that need not change").isEqualTo(still);
    System.out.printf(
        "%d kills, %d pushes, %d requests, %d pods seen, wires %s%n",
        KILLS, version, client.answered(), seen.size(), wires);
    assertThat(seen.size()).as("rollouts did move").isGreaterThan(WEBS);
  }

  /// Its containers go on, as its option says.
  private void killAnEngine() {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(chance.below(LONGEST_LIFE_MILLIS)));
    TestEngine engine = engines.get(chance.below(engines.size()));
    engineDead = true;
    engine.kill();
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(chance.below(LONGEST_DEATH_MILLIS)));
    engine.start();
    engineDead = false;
  }

  private void anOutsider() throws Exception {
    TestEngine engine = engines.getFirst();
    // Named like ours; of another Slipway; and another's network mate that has no name of its own.
    Set<String> foreign = new HashSet<>();
    foreign.add(create(engine, "slipway_web_web-x_shop_uid_0", Map.of(), true));
    foreign.add(create(engine, "other", Map.of("slipway.dev/owner", "somebody"), true));
    Map<String, String> ours = labelsOfOne(engine);
    Map<String, String> otherOwner = new HashMap<>(ours);
    otherOwner.put("slipway.dev/owner", "somebody");
    foreign.add(create(engine, "another", otherOwner, false));
    for (boolean started : List.of(true, false)) {
      Map<String, String> stray = new HashMap<>(ours);
      stray.put("slipway.dev/pod-uid", "stray-" + started);
      create(engine, "stray" + started, stray, started);
    }
    awaitThat(
        HEALED_SECONDS,
        () -> !engine.get("/containers/json?all=1").contains("/stray"),
        "containers with our labels and no pod are gone");
    for (int i = 0; i < TAMPERINGS; i++) {
      for (int kind = 0; kind < 4; kind++) {
        tamper(engines.get(kind % 2), kind);
      }
      awaitRest("what was tampered with is as Git says, time " + i);
    }
    assertThat(engine.containers()).as("foreign containers").containsAll(foreign);
    for (String id : foreign) {
      engine.delete("/containers/" + id + "?force=1");
    }
  }

  /// Does something to one of our containers that run there.
  private void tamper(TestEngine engine, int kind) {
    List<String> ids = List.copyOf(new TreeMap<>(runningOn(engine, "")).keySet());
    if (ids.isEmpty()) {
      return;
    }
    String id = ids.get(chance.below(ids.size()));
    switch (kind) {
      case 0 -> engine.delete("/containers/" + id + "?force=1");
      case 1 -> engine.post("/containers/" + id + "/stop?t=1", null);
      case 2 -> engine.post("/containers/" + id + "/rename?name=mine-" + id, null);
      default -> engine.post("/containers/" + id + "/kill", null);
    }
  }

  private void aFullDisk() throws Exception {
    Path filler = folder.resolve("e1/data/filler");
    FileStore disk = Files.getFileStore(folder.resolve("e1/data"));
    Set<String> before = running("").keySet();
    try (var file = new RandomAccessFile(filler.toFile(), "rw")) {
      var block = new byte[64 << 10];
      while (disk.getUsableSpace() > 0) {
        file.write(block, 0, (int) Math.min(block.length, disk.getUsableSpace()));
      }
    }
    Caller client = caller().start();
    slipway.succeed("node", "cordon", "e0");
    push();
    slipway.succeed("refresh", "shop");
    awaitThat(
        HEALED_SECONDS,
        () -> slipway.run("events", "-n", "shop").text().contains("no space left on device"),
        "the events say what is wrong");
    assertThat(running("").keySet()).as("what runs goes on").containsAll(before);
    Files.delete(filler);
    awaitHead();
    slipway.succeed("node", "uncordon", "e0");
    client.stop();
    assertThat(client.failures()).as("failed of %d", client.calls()).isEmpty();
    awaitRest("all is as before");
  }

  private void aSlowEngine() throws Exception {
    wires.forEach(wire -> wire.slow(200));
    push();
    awaitHead();
    wires.forEach(FaultyWire::heal);
    awaitRest("a rolling update went through slowly");
  }

  private void awaitHead() throws Exception {
    slipway.succeed("refresh", "shop");
    String head = repository.head();
    Commands.Said said = slipway.run("wait", "shop", "--revision", head, "--timeout", "120");
    assertThat(said.code()).as(() -> said.text() + state()).isZero();
  }

  /// Exactly the containers that Git asks for, all of them running, and nothing else of ours.
  private void awaitRest(String what) {
    awaitThat(
        HEALED_SECONDS,
        () ->
            running("web-").size() == WEBS
                && running("still-").size() == STILLS
                && ours() == WEBS + STILLS
                && ready() == WEBS + STILLS,
        what);
  }

  private long ready() {
    return slipway
        .run("get", "pods", "-n", "shop")
        .text()
        .lines()
        .filter(line -> line.contains(" 1/1 "))
        .count();
  }

  /// How many pods have a container, be it an ended one whose log is kept.
  private int ours() {
    var pods = new HashSet<String>();
    for (TestEngine engine : engines) {
      for (JsonNode container : containers(engine, true)) {
        pods.add(container.path("Labels").path("slipway.dev/pod-uid").asString(""));
      }
    }
    return pods.size();
  }

  private String state() {
    return slipway.run("get", "nodes,pods", "-A", "-o", "wide").text()
        + slipway.run("events", "-n", "shop").text()
        + engines.stream().map(engine -> engine.get("/containers/json?all=1")).toList()
        + daemon.log();
  }

  /// Container and its start, by the pods' beginning.
  private Map<String, String> running(String prefix) {
    var all = new TreeMap<String, String>();
    engines.forEach(engine -> all.putAll(runningOn(engine, prefix)));
    return all;
  }

  private static Map<String, String> runningOn(TestEngine engine, String prefix) {
    var found = new HashMap<String, String>();
    for (JsonNode container : containers(engine, false)) {
      String pod = container.path("Labels").path("slipway.dev/pod").asString("");
      if (pod.startsWith(prefix)) {
        found.put(container.path("Id").asString(""), container.path("Created").asString(""));
      }
    }
    return found;
  }

  private static List<JsonNode> containers(TestEngine engine, boolean all) {
    var found = new ArrayList<JsonNode>();
    for (JsonNode container : Json.parse(engine.get("/containers/json" + (all ? "?all=1" : "")))) {
      JsonNode labels = container.path("Labels");
      if (labels.has("slipway.dev/pod-uid")
          && !labels.path("slipway.dev/owner").asString("").equals("somebody")) {
        found.add(container);
      }
    }
    return found;
  }

  private static Map<String, String> labelsOfOne(TestEngine engine) {
    return Json.stringMap(containers(engine, false).getFirst(), "Labels");
  }

  private static String create(
      TestEngine engine, String name, Map<String, String> labels, boolean started) {
    var body = Json.object().put("Image", "test:latest");
    body.putArray("Cmd").add("sleep").add("100000");
    labels.forEach(Json.child(body, "Labels")::put);
    String answer = engine.post("/containers/create?name=" + name, Json.text(body));
    String id = Json.parse(answer).path("Id").asString("");
    assertThat(id).as(answer).hasSize(64);
    if (started) {
      engine.post("/containers/" + id + "/start", null);
    }
    return id;
  }

  /// Looks at the engines again and again: no container of a pod runs twice, and enough of them
  /// run.
  private void keepLooking(AtomicBoolean stop, Queue<String> wrong) {
    while (!stop.get()) {
      if (!engineDead) {
        try {
          wrong.addAll(look());
        } catch (IllegalStateException e) {
          if (!engineDead) {
            wrong.add(e.toString());
          }
        }
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
    }
  }

  private List<String> look() {
    var wrong = new ArrayList<String>();
    int webs = 0;
    for (TestEngine engine : engines) {
      var once = new HashSet<String>();
      for (JsonNode container : containers(engine, false)) {
        JsonNode labels = container.path("Labels");
        String which = Json.text(labels.path("slipway.dev/pod-uid"));
        if (!once.add(which)) {
          wrong.add(which + " runs twice");
        }
        if (labels.path("slipway.dev/pod").asString("").startsWith("web-")) {
          webs++;
        }
      }
    }
    if (webs < WEBS) {
      wrong.add("only " + webs + " run");
    }
    return wrong;
  }

  private void push() throws Exception {
    version++;
    repository.write("web.yaml", shop.manifests(version));
    repository.commit("version " + version);
  }

  private String localNode() {
    return slipway.nodes().stream()
        .filter(name -> !name.matches("e[01]"))
        .findFirst()
        .orElseThrow();
  }

  private void awaitThat(long seconds, RealDaemon.Condition condition, String what) {
    RealDaemon.await(Duration.ofSeconds(seconds), condition, () -> what + "\n" + state());
  }

  private Caller caller() {
    return new Caller(port, "/hostname", Duration.ofSeconds(20), Duration.ofMillis(5));
  }

  private static void run(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor()).as(String.join(" ", command)).isIn(0, 1);
  }
}
