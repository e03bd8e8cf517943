package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.proxy.ProxyClient;
import java.io.IOException;
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
import java.util.Random;
import java.util.TreeMap;
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

/// The daemon is killed at random instants of rolling updates, and of its own start, while a client
/// keeps calling the service. No request fails (I2), no container runs twice and no pod that need
/// not change is touched (I6), and at the end exactly the pods that Git asks for run (I3): all of
/// this is observed from outside. `-Dslipway.kills=N` sets how often.
class CrashTest {
  private static final int KILLS = Integer.getInteger("slipway.kills", 200);
  private static final int KILLS_PER_PUSH = 4;
  private static final long LONGEST_LIFE_MILLIS = 2_000;
  private static final long SEED = Long.getLong("slipway.seed", 1);

  /// Of the program, without these tests.
  private static final String CLASS_PATH =
      Stream.of(System.getProperty("java.class.path").split(":", -1))
          .filter(place -> !place.endsWith("test-classes"))
          .collect(Collectors.joining(":"));

  @TempDir Path folder;

  private Path data;
  private Commands commands;
  private TestRepository repository;
  private int port;
  private Shop shop;
  private Process daemon;
  private Optional<Path> prepared = Optional.empty();
  private int version;
  private long startMillis;

  @BeforeEach
  void aRepositoryAndADaemon() throws Exception {
    data = folder.resolve("data");
    commands = new Commands(data);
    port = Caller.freeNodePort();
    shop =
        new Shop(
            3,
            2,
            60,
            """
            image: none, command: [jwebserver, -b, $(POD_IP), -p, "8080", -d, /usr/share/common-licenses],
            env: [{name: JAVA_TOOL_OPTIONS, value: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}]"""
                .replace('\n', ' '),
            "image: none, command: [sleep, \"1000000\"]",
            port);
    repository = TestRepository.in(folder.resolve("repo"));
    push();
    prepare();
    daemon = start();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (!daemon.isAlive()) {
      daemon = start();
    }
    slipway("down", "--pods");
    boolean stopped = !daemon.isAlive();
    daemon.destroyForcibly().waitFor();
    assertThat(stopped).as("`slipway down` ended the daemon").isTrue();
    ProxyClient.stop(data.resolve("proxy"));
    repository.close();
  }

  @Test
  void noRequestFailsAndNoPodIsLostOrDoubled() throws Exception {
    assertThat(
            slipway(
                "app", "create", "shop", "--repo", repository.url(), "--dest-namespace", "shop"))
        .isZero();
    assertThat(slipway("wait", "shop", "--timeout", "60")).isZero();
    awaitThat(() -> shims().size() == 5, "all pods run");
    Map<String, String> still = processes("still");
    var stop = new AtomicBoolean();
    var twice = new ConcurrentLinkedQueue<String>();
    var client = new Caller(port, "/", Duration.ofSeconds(15), Duration.ofMillis(2)).start();
    Thread watcher = Thread.ofPlatform().start(() -> keepCounting(stop, twice));
    var random = new Random(SEED);
    long life = Math.min(LONGEST_LIFE_MILLIS, Math.max(1_000, startMillis * 2));
    var seen = new HashSet<String>();
    for (int i = 0; i < KILLS; i++) {
      if (i % KILLS_PER_PUSH == 0) {
        push();
        // One life of each few is long enough to get somewhere, however slow the machine is.
        awaitThat(this::answers, "the daemon answers");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextLong(life)));
      daemon.destroyForcibly().waitFor();
      seen.addAll(processes("web").keySet());
      daemon = launch();
    }
    awaitThat(this::answers, "the daemon answers after the last kill");
    String head = repository.head();
    assertThat(slipway("wait", "shop", "--revision", head, "--timeout", "90")).isZero();
    awaitThat(() -> shims().size() == 5, "exactly five containers run");
    stop.set(true);
    client.stop();
    watcher.join();
    assertThat(client.failures()).as("failed requests of %d", client.calls()).isEmpty();
    assertThat(client.answered()).isGreaterThan(KILLS);
    assertThat(twice).as("containers that ran twice at once").isEmpty();
    assertThat(processes("still")).as("pods that need not change").isEqualTo(still);
    System.out.printf(
        "%d kills, %d pushes, %d requests, %d pods seen, start %d ms%n",
        KILLS, version, client.answered(), seen.size(), startMillis);
    assertThat(seen.size()).as("rollouts did move").isGreaterThan(3);
  }

  private void push() throws Exception {
    version++;
    repository.write("web.yaml", shop.manifests(version));
    repository.commit("version " + version);
  }

  private Process start() throws IOException {
    long began = System.nanoTime();
    Process process = launch();
    awaitThat(this::answers, "the daemon answers");
    startMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    return process;
  }

  private boolean answers() {
    return slipway("version") == 0 && slipway("status") == 0;
  }

  private Process launch(String... further) throws IOException {
    var command =
        new ArrayList<String>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED"));
    command.addAll(List.of(further));
    if (further.length == 0 && prepared.isPresent()) {
      command.add("-XX:AOTCache=" + prepared.get());
    }
    command.addAll(
        List.of(
            "-cp",
            CLASS_PATH,
            "dev.slipway.app.Slipway",
            "server",
            "--data-dir",
            data.toString(),
            "--listen",
            "none"));
    return new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("daemon.log").toFile()))
        .redirectErrorStream(true)
        .start();
  }

  /// Starts get cheaper when the classes are prepared once, as the program's own launcher does.
  /// That needs jars: a build that stops before it makes them goes without.
  private void prepare() throws Exception {
    if (!Stream.of(CLASS_PATH.split(":", -1)).allMatch(place -> place.endsWith(".jar"))) {
      return;
    }
    Path cache = folder.resolve("server.aot");
    Process training = launch("-XX:AOTCacheOutput=" + cache);
    awaitThat(this::answers, "the daemon answers");
    training.destroy();
    training.waitFor();
    prepared = Optional.of(cache).filter(Files::exists);
  }

  /// Says in vain with the end of the daemon's log: it is gone with its folder afterwards.
  private void awaitThat(RealDaemon.Condition condition, String what) {
    RealDaemon.await(Duration.ofSeconds(60), condition, () -> what + "\n" + endOfLog());
  }

  private String endOfLog() {
    String log = RealDaemon.log(folder.resolve("daemon.log"));
    return log.substring(Math.max(0, log.length() - 4_000));
  }

  private int slipway(String... arguments) {
    return commands.run(arguments).code();
  }

  /// Looks at what runs, again and again: one container, one shim. A second shim that finds the
  /// container started ends at once: it is gone at the next look, while a container that runs twice
  /// is not.
  private void keepCounting(AtomicBoolean stop, Queue<String> twice) {
    var before = new HashSet<Long>();
    while (!stop.get()) {
      Map<Long, String> now = shimProcesses();
      var once = new HashSet<String>();
      now.entrySet().stream()
          .filter(shim -> before.contains(shim.getKey()) && !once.add(shim.getValue()))
          .forEach(shim -> twice.add(shim.getValue()));
      before.clear();
      before.addAll(now.keySet());
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
    }
  }

  /// The containers of this data directory that run, by their shims.
  private List<String> shims() {
    return List.copyOf(shimProcesses().values());
  }

  /// The shims of this data directory by process id, each with its container's folder. What a shim
  /// has forked still bears its arguments until it is another program, and is none.
  private Map<Long, String> shimProcesses() {
    String shim = data.resolve("pods").resolve("shim.sh").toString();
    var found = new TreeMap<Long, String>();
    var parents = new HashMap<Long, Long>();
    ProcessHandle.allProcesses()
        .forEach(
            process -> {
              String[] arguments = process.info().arguments().orElse(new String[0]);
              if (arguments.length > 1 && arguments[0].equals(shim)) {
                found.put(process.pid(), arguments[1]);
                process.parent().ifPresent(parent -> parents.put(process.pid(), parent.pid()));
              }
            });
    var shims = new TreeMap<>(found);
    shims.keySet().removeIf(process -> found.containsKey(parents.getOrDefault(process, 0L)));
    return shims;
  }

  /// Container folders of a name, each with the identity of its main process.
  private Map<String, String> processes(String container) throws IOException {
    var processes = new TreeMap<String, String>();
    for (String folder : shims()) {
      Path child = Path.of(folder, "child");
      if (Path.of(folder).getFileName().toString().startsWith(container + "-")
          && Files.exists(child)) {
        processes.put(folder, Files.readString(child));
      }
    }
    return processes;
  }
}
