package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.testing.engine.TestEngine;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// One service on three real Docker Engines and on local processes, called all the time from
/// outside and, by its name, from a pod on each engine.
class EnginesTest {
  private static final int ENGINES = 3;
  private static final int WEBS = 5;

  @TempDir Path folder;

  private final List<TestEngine> engines = new ArrayList<>();
  private TestRepository repository;
  private int port;
  private Commands commands;
  private Caller caller;
  private RealDaemon daemon;
  private int version;
  private String said = "";

  @BeforeEach
  void enginesAndADaemon() throws Exception {
    Optional<String> missing = TestEngine.missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    port = Caller.freeNodePort();
    caller = new Caller(port, "/hostname", Duration.ofSeconds(20), Duration.ofMillis(5));
    for (int i = 0; i < ENGINES; i++) {
      TestEngine engine = TestEngine.start(folder.resolve("e" + i));
      engines.add(engine);
      engine.importCaller("caller:latest");
    }
    repository = TestRepository.in(folder.resolve("repo"));
    daemon = RealDaemon.start(folder);
    commands = new Commands(daemon.data());
    for (int i = 0; i < ENGINES; i++) {
      assertThat(
              slipway(
                  "node",
                  "add",
                  "e" + i,
                  "--host",
                  engines.get(i).address(),
                  "--evict-after",
                  "10s"))
          .as(() -> said)
          .isZero();
    }
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (daemon != null) {
      slipway("down", "--pods");
      daemon.close();
      repository.close();
    }
    for (TestEngine engine : engines) {
      engine.close();
      // One that was killed leaves its folder mounted on itself.
      new ProcessBuilder("umount", "-l", engine.folder().resolve("data").toString())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    }
  }

  @Test
  void aServiceAnswersThroughUpdatesAndTheLossOfAnEngine() throws Exception {
    push();
    assertThat(
            slipway(
                "app", "create", "shop", "--repo", repository.url(), "--dest-namespace", "shop"))
        .isZero();
    assertThat(slipway("wait", "shop", "--timeout", "120")).as(() -> said + status()).isZero();
    assertThat(nodesOf("web-")).hasSize(ENGINES + 1);

    // Rolling updates, from outside and from a pod of each engine.
    caller.start();
    for (int i = 0; i < 3; i++) {
      push();
      String head = repository.head();
      assertThat(slipway("wait", "shop", "--revision", head, "--timeout", "120"))
          .as(() -> said + status())
          .isZero();
    }
    caller.stop();
    assertThat(caller.failures()).as("failed of %d", caller.calls()).isEmpty();
    assertThat(caller.answered()).isPositive();
    for (String caller : podsOf("caller-")) {
      assertThat(slipway("logs", caller, "-n", "shop")).isZero();
      assertThat(said).as(caller).contains("ok").doesNotContain("FAILED");
    }

    // One that hangs is unknown, not dead: nothing of it is replaced, and the service goes on.
    awaitThat(() -> podsOf("web-").size() == WEBS, "the old pods are gone");
    Set<String> before = podsOf("web-");
    engines.getFirst().hang();
    awaitThat(() -> node("e0").contains("Unknown"), "the hung engine's node is unknown");
    assertThat(caller.call()).isEmpty();
    engines.getFirst().goOn();
    awaitThat(() -> !node("e0").contains("Unknown"), "it is ready again");
    assertThat(podsOf("web-")).isEqualTo(before);

    // One that is away for longer than its policy allows loses its pods to the others.
    engines.get(1).kill();
    awaitThat(
        () ->
            runningOn("web-").values().stream().filter(node -> !node.equals("e1")).count() == WEBS,
        "its pods run elsewhere");
    assertThat(caller.call()).isEmpty();
    engines.get(1).start();
    awaitThat(() -> !node("e1").contains("Unknown"), "it is back");
    awaitThat(() -> podsOf("web-").size() == WEBS, "what is too many is gone");
    awaitThat(() -> webContainers(engines.get(1)) == nodesCount("e1"), "and so are its containers");

    // A drained engine is empty, and its pods are elsewhere.
    assertThat(slipway("node", "remove", "e2", "--timeout", "120")).as(() -> said).isZero();
    assertThat(engines.get(2).containers()).isEmpty();
    awaitThat(() -> runningOn("web-").size() == WEBS, "all pods run");
  }

  private void push() throws Exception {
    version++;
    repository.write(
        "web.yaml",
        """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: web
          annotations: {slipway.dev/max-surge: "1", slipway.dev/max-unavailable: "0"}
        spec:
          replicas: %d
          selector: {app: web}
          template:
            metadata: {labels: {app: web}, annotations: {version: "%d"}}
            spec:
              terminationGracePeriodSeconds: 10
              topologySpreadConstraints:
              - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
              containers:
              - name: web
                image: test:latest
                imagePullPolicy: Never
                command: [sh, -c, "exec busybox httpd -f -p $POD_IP:8080 -h /etc"]
                readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: ReplicationController
        metadata: {name: caller}
        spec:
          replicas: %d
          selector: {app: caller}
          template:
            metadata: {labels: {app: caller}}
            spec:
              terminationGracePeriodSeconds: 1
              nodeSelector: {slipway.dev/runtime: docker}
              topologySpreadConstraints:
              - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: caller}}}
              containers:
              - name: caller
                image: caller:latest
                imagePullPolicy: Never
                command: [sh, -c, "while true; do if curl -sf -m 15 -o /dev/null http://web/hostname; then echo ok; else echo FAILED; fi; sleep 0.1; done"]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          type: NodePort
          selector: {app: web}
          ports: [{name: http, port: 80, targetPort: 8080, nodePort: %d}]
        """
            .formatted(WEBS, version, ENGINES, port));
    repository.commit("version " + version);
  }

  private void awaitThat(RealDaemon.Condition condition, String what) {
    RealDaemon.await(Duration.ofSeconds(150), condition, () -> what + "\n" + said + status());
  }

  private int slipway(String... arguments) {
    Commands.Said answer = commands.run(arguments);
    said = answer.text();
    return answer.code();
  }

  private String status() {
    slipway("get", "nodes,pods", "-A", "-o", "wide");
    String pods = said;
    slipway("events", "-n", "shop");
    return pods + said;
  }

  private String node(String name) {
    slipway("node", "list");
    return said.lines().filter(line -> line.startsWith(name + " ")).findFirst().orElse("");
  }

  private record Place(String pod, String node) {}

  /// Pods that run, with their nodes.
  private Map<String, String> runningOn(String prefix) {
    slipway("get", "pods", "-n", "shop", "-o", "wide");
    var places = new ArrayList<Place>();
    for (String line : said.lines().toList()) {
      String[] words = line.strip().split("\\s{2,}", -1);
      if (line.startsWith(prefix) && words.length > 6 && words[1].equals("1/1")) {
        places.add(new Place(words[0], words[6]));
      }
    }
    return places.stream().collect(java.util.stream.Collectors.toMap(Place::pod, Place::node));
  }

  private Set<String> nodesOf(String prefix) {
    return new TreeSet<>(runningOn(prefix).values());
  }

  private long nodesCount(String node) {
    return runningOn("web-").values().stream().filter(node::equals).count();
  }

  private Set<String> podsOf(String prefix) {
    slipway("get", "pods", "-n", "shop", "-o", "name");
    var names = new TreeSet<String>();
    var found = Pattern.compile("(?m)^(?:pods?/)?(" + prefix + "\\S+)").matcher(said);
    while (found.find()) {
      names.add(found.group(1));
    }
    return names;
  }

  private static long webContainers(TestEngine engine) {
    return Pattern.compile("busybox httpd -f")
        .matcher(engine.get("/containers/json?all=1"))
        .results()
        .count();
  }
}
