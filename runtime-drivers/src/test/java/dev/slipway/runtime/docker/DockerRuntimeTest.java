package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.runtime.process.RealTimeline;
import dev.slipway.runtime.spi.ContainerRuntime.LogRange;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import dev.slipway.testing.engine.TestEngine;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// Pods on a real engine.
class DockerRuntimeTest {
  private static final String UID = "11111111-2222-3333-4444-555555555555";
  private static final DockerOptions OPTIONS = DockerOptions.of("test", "n1");

  @TempDir static Path folder;
  private static TestEngine engine;
  private static RealTimeline timeline;

  private DockerRuntime runtime;

  @BeforeAll
  static void startEngine() {
    assumeTrue(TestEngine.missing().isEmpty(), () -> TestEngine.missing().orElse(""));
    timeline = new RealTimeline();
    engine = TestEngine.start(folder.resolve("e"));
  }

  @AfterAll
  static void stopEngine() {
    if (engine != null) {
      engine.close();
      timeline.close();
    }
  }

  @BeforeEach
  void open() {
    runtime = open(OPTIONS);
  }

  @AfterEach
  void clean() {
    runtime.sandboxes().forEach(sandbox -> runtime.removePod(sandbox.podUid()));
    runtime.close();
  }

  private static DockerRuntime open(DockerOptions options) {
    return DockerRuntime.open(new EngineAddress.Unix(engine.socket()), options, timeline);
  }

  @TestFactory
  Stream<DynamicTest> dockerKeepsTheContract() {
    return RuntimeContract.checks().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      check
                          .getValue()
                          .accept(new RuntimeContract.Subject(runtime, RealTimeline::await));
                      runtime.sandboxes().forEach(s -> runtime.removePod(s.podUid()));
                    }));
  }

  @Test
  void aPodOfOneContainerIsOneContainerAndKeepsItsAddressOverRestarts() {
    prepare(pod(1));
    String id = start(spec("web", 0, "ip addr show eth0; sleep 100"));
    String address = runtime.sandbox(UID).orElseThrow().address();
    RealTimeline.await(() -> log(id).contains(address + "/"));
    assertThat(engine.containers()).hasSize(1);
    runtime.kill(id);
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    String next = start(spec("web", 1, "ip addr show eth0; sleep 100"));
    RealTimeline.await(() -> log(next).contains(address + "/"));
    assertThat(runtime.sandbox(UID).orElseThrow().address()).isEqualTo(address);
  }

  @Test
  void containersOfAPodReachEachOtherOnLocalhostAndSeeEachOthersProcesses() {
    SandboxSpec two = pod(2);
    prepare(
        new SandboxSpec(
            two.podUid(),
            two.namespace(),
            two.name(),
            "named",
            2,
            true,
            two.host(),
            two.names(),
            List.of(),
            Map.of(),
            Optional.empty(),
            List.of()));
    start(spec("web", 0, "echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"));
    String other =
        start(
            spec(
                "other",
                0,
                "until wget -q -O - http://127.0.0.1:8080/; do sleep 0.1; done; hostname; ps; sleep 100"));
    RealTimeline.await(() -> log(other).contains("httpd"));
    assertThat(log(other)).contains("hello\nnamed\n").contains("/pause");
    assertThat(engine.containers()).hasSize(3);
  }

  @Test
  void volumesHoldWhatTheManifestSays() {
    prepare(
        pod(1)
            .withVolumes(
                List.of(
                    new VolumeSpec.Files(
                        "config", Map.of("a/b.txt", content("hello\n", 0644)), false),
                    new VolumeSpec.Files("secret", Map.of("key", content("s3cret\n", 0400)), true),
                    new VolumeSpec.EmptyDir("data", false),
                    new VolumeSpec.EmptyDir("fast", true))));
    String script =
        """
        cat /config/a/b.txt /one; stat -Lc %a /secret/key; mount | grep -c 'tmpfs on /secret'
        (echo x > /config/no) 2>/dev/null || echo read-only
        echo kept > /data/file && echo kept > /fast/file && touch /sub/there; df /fast | grep -c tmpfs; ls /data; sleep 100
        """;
    ContainerSpec spec =
        mounting(
            spec("web", 0, script),
            new ContainerSpec.Mount("config", "/config", "", false),
            new ContainerSpec.Mount("config", "/one", "a/b.txt", true),
            new ContainerSpec.Mount("secret", "/secret", "", true),
            new ContainerSpec.Mount("data", "/data", "", false),
            new ContainerSpec.Mount("data", "/sub", "deep/er", false),
            new ContainerSpec.Mount("fast", "/fast", "", false));
    String id = start(spec);
    RealTimeline.await(() -> log(id).endsWith("file\n"));
    assertThat(log(id)).isEqualTo("hello\nhello\n400\n1\nread-only\n1\ndeep\nfile\n");
    assertThat(exec(id, "", "ls", "/data/deep/er")).isEqualTo("0:there\n");
    runtime.kill(id);
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    String next =
        start(
            mounting(
                spec("web", 1, "cat /data/file /fast/file"),
                new ContainerSpec.Mount("data", "/data", "", false),
                new ContainerSpec.Mount("fast", "/fast", "", false)));
    RealTimeline.await(() -> log(next).equals("kept\nkept\n"));
    runtime.removePod(UID);
    assertThat(engine.get("/volumes")).doesNotContain(UID);
  }

  @Test
  void whatWasSeenOfAPodHoldsUntilSomethingHappensToIt() {
    runtime.close();
    runtime = open(OPTIONS.withPatience(Duration.ofSeconds(1)));
    prepare(pod(1));
    String id = start(spec("web", 0, "sleep 100"));
    RealTimeline.await(
        () -> {
          ContainerState before = state(0);
          engine.hang();
          try {
            return before instanceof ContainerState.Running && state(0).equals(before);
          } catch (RuntimeFailedException _) {
            // It had not been told yet of what happened before.
            return false;
          } finally {
            engine.goOn();
          }
        });
    String container = id.substring(id.lastIndexOf('/') + 1);
    engine.post("/containers/" + container + "/kill", null);
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    engine.delete("/containers/" + container);
    RealTimeline.await(() -> runtime.containers(UID).isEmpty());
  }

  @Test
  void lastWordsAreThoseOfTheRunWhereverTheyAreWritten() {
    prepare(pod(1));
    String first =
        start(saying(spec("web", 0, "echo one > /dev/termination-log"), 0, "/dev/termination-log"));
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    String second =
        start(
            saying(spec("web", 1, "cat /new/words && echo two > /new/words"), 1000, "/new/words"));
    RealTimeline.await(() -> state(1) instanceof ContainerState.Exited);
    String silent =
        start(saying(spec("web", 2, "cat /dev/termination-log; false"), 0, "/dev/termination-log"));
    RealTimeline.await(() -> state(2) instanceof ContainerState.Exited);
    assertThat(words(first, "/dev/termination-log")).isEqualTo("one\n");
    assertThat(words(second, "/new/words")).isEqualTo("two\n");
    assertThat(words(silent, "/dev/termination-log")).isEmpty();
    assertThat(log(silent)).isEmpty();
    // Other runs of the daemon find them too.
    try (DockerRuntime next = open(OPTIONS)) {
      assertThat(next.terminationMessage(first, "/dev/termination-log", 4096))
          .contains("one\n".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(engine.containers()).hasSize(3);
  }

  @Test
  void aFileForLastWordsIsMadeAnewWhenSomebodyRemovedThem() {
    prepare(pod(1));
    start(saying(spec("web", 0, "true"), 0, "/dev/termination-log"));
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    messageVolumes("n1").forEach(volume -> engine.delete("/volumes/" + volume));
    String id =
        start(
            saying(spec("web", 1, "echo still > /dev/termination-log"), 0, "/dev/termination-log"));
    RealTimeline.await(() -> state(1) instanceof ContainerState.Exited);
    assertThat(words(id, "/dev/termination-log")).isEqualTo("still\n");
  }

  @Test
  void filesForLastWordsGoWithTheLastContainerThatHasOne() {
    runtime.close();
    DockerOptions other = DockerOptions.of("test", "n3");
    runtime = open(other);
    prepare(pod(1));
    start(saying(spec("web", 0, "true"), 0, "/dev/termination-log"));
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    List<String> before = messageVolumes("n3");
    assertThat(before).hasSize(1);
    runtime.close();
    // As after a crash: this one knows nothing of the files that are left.
    runtime = open(other.withCompareEvery(Duration.ofMillis(100)));
    prepare(pod(1));
    String id =
        start(saying(spec("web", 1, "echo two > /dev/termination-log"), 0, "/dev/termination-log"));
    RealTimeline.await(() -> state(1) instanceof ContainerState.Exited);
    assertThat(messageVolumes("n3")).hasSize(2).containsAll(before);
    assertThat(words(id, "/dev/termination-log")).isEqualTo("two\n");
    // As a request that comes late, of one that was killed while it made files.
    engine.post(
        "/containers/create",
        """
        {"Image": "test", "Cmd": ["x"], "Labels": {"slipway.dev/owner": "test", "slipway.dev/node": "n3",
         "slipway.dev/messages": "slipway_messages_n3_late"}, "HostConfig": {"Mounts": [
         {"Type": "volume", "Source": "slipway_messages_n3_late", "Target": "/x"}]}}
        """);
    runtime.removePod(UID);
    assertThat(words(id, "/dev/termination-log")).isEmpty();
    RealTimeline.await(() -> messageVolumes("n3").isEmpty());
    assertThat(engine.get("/containers/json?all=1")).isEqualTo("[]\n");
  }

  @Test
  void filesChangeWhileTheirContainerRuns() {
    prepare(withFiles(Map.of("a", content("1", 0644), "b/c", content("1", 0644)), "1"));
    String id =
        start(
            mounting(
                spec(
                    "web",
                    0,
                    "echo begun; while true; do cat /config/a >/dev/null || echo LOST; done"),
                new ContainerSpec.Mount("config", "/config", "", true),
                new ContainerSpec.Mount("config", "/dir", "b", true),
                new ContainerSpec.Mount("secret", "/secret", "", true)));
    RealTimeline.await(() -> log(id).contains("begun"));
    assertThat(exec(id, "", "sh", "-c", "cat /config/a /config/b/c /dir/c /secret/key"))
        .isEqualTo("0:1111");
    Instant renamed = Instant.MAX;
    for (int round = 2; round < 5; round++) {
      String word = Integer.toString(round);
      prepare(withFiles(Map.of("a", content(word, 0644), "d", content(word, 0600)), word));
      assertThat(exec(id, "", "sh", "-c", "cat /config/a /config/d /dir/c /secret/key; ls /config"))
          .isEqualTo("0:%1$s%1$s1%1$sa\nd\n".formatted(word));
      renamed = round == 2 ? Instant.now() : renamed;
    }
    // Where no name goes, as when a token is renewed, no container is made for it.
    assertThat(created(renamed, Instant.now())).isEmpty();
    assertThat(exec(id, "", "sh", "-c", "ls -A /secret | wc -l")).isEqualTo("0:4\n");
    assertThat(log(id)).doesNotContain("LOST");
    assertThat(runtime.containers(UID)).hasSize(1);
  }

  /// What the engine tells of containers that were made then.
  private static String created(Instant from, Instant to) {
    return engine.get(
        "/events?filters=%%7B%%22event%%22:%%5B%%22create%%22%%5D%%7D&since=%d.%09d&until=%d.%09d"
            .formatted(from.getEpochSecond(), from.getNano(), to.getEpochSecond(), to.getNano()));
  }

  private SandboxSpec withFiles(Map<String, VolumeSpec.FileContent> config, String secret) {
    return pod(1)
        .withVolumes(
            List.of(
                new VolumeSpec.Files("config", config, false),
                new VolumeSpec.Files("secret", Map.of("key", content(secret, 0400)), true)));
  }

  @Test
  void aLinkThatLeavesAVolumeIsNoSubPath() {
    prepare(pod(1).withVolumes(List.of(new VolumeSpec.EmptyDir("data", false))));
    String id =
        start(
            mounting(
                spec("web", 0, "ln -s /etc /data/link; echo done; sleep 100"),
                new ContainerSpec.Mount("data", "/data", "", false)));
    RealTimeline.await(() -> log(id).equals("done\n"));
    for (String way : List.of("../..", "link", "link/ssl")) {
      ContainerSpec wrong =
          mounting(
              spec("other", 0, "sleep 100"), new ContainerSpec.Mount("data", "/x", way, false));
      assertThatThrownBy(() -> runtime.create(wrong)).hasMessageContaining("leaves the volume");
    }
  }

  @Test
  void whatCannotStartSaysWhy() {
    prepare(pod(1));
    ContainerSpec sane = spec("web", 0, "");
    start(
        new ContainerSpec(
            UID,
            "web",
            0,
            0,
            TestEngine.IMAGE,
            List.of("/no/such/program"),
            List.of(),
            "",
            Map.of(),
            List.of(),
            sane.limits(),
            sane.security(),
            sane.terminal(),
            ""));
    var exited = (ContainerState.Exited) state(0);
    assertThat(exited.code()).isEqualTo(127);
    assertThat(exited.reason()).startsWith("ContainerCannotRun: ").contains("/no/such/program");
  }

  @Test
  void limitsHold() {
    prepare(pod(1));
    ContainerSpec spec = spec("web", 0, "a=x; while :; do a=$a$a; done");
    start(
        new ContainerSpec(
            UID,
            "web",
            0,
            0,
            spec.image(),
            spec.command(),
            List.of(),
            "",
            Map.of(),
            List.of(),
            new ContainerSpec.Limits(
                Optional.of(500L),
                Optional.of(32L << 20),
                Optional.empty(),
                Optional.empty(),
                Map.of("nofile", new ContainerSpec.Ulimit(111, 222))),
            spec.security(),
            spec.terminal(),
            ""));
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    assertThat(((ContainerState.Exited) state(0)).code()).isEqualTo(137);
    assertThat(((ContainerState.Exited) state(0)).reason()).isEqualTo("OOMKilled");
    assertThat(engine.get("/containers/json?all=1")).contains("slipway_web_web_default");
    assertThat(engine.get("/containers/" + engine.containers().getFirst() + "/json"))
        .contains("{\"Name\":\"nofile\",\"Hard\":222,\"Soft\":111}")
        .contains("\"NanoCpus\":500000000");
  }

  @Test
  void rightsAreAsTheManifestSays() {
    prepare(pod(1));
    ContainerSpec spec =
        spec("web", 0, "id -u; id -g; id -G; (touch /x) 2>/dev/null || echo read-only; sleep 100");
    String id =
        start(
            new ContainerSpec(
                UID,
                "web",
                0,
                0,
                spec.image(),
                spec.command(),
                List.of(),
                "/tmp",
                Map.of(),
                List.of(),
                spec.limits(),
                new ContainerSpec.Security(
                    Optional.of(4711L),
                    Optional.of(4712L),
                    List.of(4713L),
                    true,
                    true,
                    false,
                    true,
                    List.of(),
                    List.of("ALL"),
                    Map.of()),
                spec.terminal(),
                ""));
    RealTimeline.await(() -> log(id).contains("read-only"));
    assertThat(log(id)).isEqualTo("4711\n4712\n4712 4713\nread-only\n");
    assertThat(exec(id, "", "sh", "-c", "grep CapEff /proc/self/status"))
        .contains("0000000000000000");
  }

  @Test
  void aHostIsOnlyTouchedWhereTheNodeAllowsIt() {
    try (var strict = open(DockerOptions.of("test", "n2").withHostAllowed(false))) {
      SandboxSpec wish =
          pod(1).withVolumes(List.of(new VolumeSpec.HostPath("host", "/etc", "Directory")));
      assertThatThrownBy(() -> strict.prepare(wish))
          .isInstanceOfSatisfying(
              RuntimeFailedException.class, e -> assertThat(e.permanent()).isTrue())
          .hasMessageContaining("hostPath /etc");
    }
  }

  private static ContainerSpec with(ContainerSpec plain, ContainerSpec.Terminal terminal) {
    return new ContainerSpec(
        plain.podUid(),
        plain.container(),
        plain.attempt(),
        plain.backoffLevel(),
        plain.image(),
        plain.command(),
        plain.arguments(),
        plain.workingDirectory(),
        plain.environment(),
        plain.mounts(),
        plain.limits(),
        plain.security(),
        terminal,
        "");
  }

  @Test
  void whoAttachesWritesToTheMainProcess() {
    prepare(pod(1));
    ContainerSpec plain = spec("web", 0, "cat; echo end >&2");
    String id = start(with(plain, new ContainerSpec.Terminal(false, true, true)));
    var out = new ByteArrayOutputStream();
    var errors = new ByteArrayOutputStream();
    runtime.attach(
        id,
        Optional.of(new ByteArrayInputStream("hello\n".getBytes(StandardCharsets.UTF_8))),
        out,
        errors,
        new TerminalSizes(),
        Instant.EPOCH);
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("hello\n");
    assertThat(errors.toString(StandardCharsets.UTF_8)).isEqualTo("end\n");
  }

  @Test
  void aTerminalIsAsLargeAsItsClients() {
    prepare(pod(1));
    String waits =
        """
        until [ "$(stty size 2>/dev/null)" = "43 132" ]; do sleep 0.05; done; echo first
        until [ "$(stty size 2>/dev/null)" = "50 100" ]; do sleep 0.05; done; echo second
        """;
    ContainerSpec plain = spec("web", 0, waits + "sleep 100");
    String id = start(with(plain, new ContainerSpec.Terminal(true, true, false)));
    var ofCommand = new TerminalSizes();
    ofCommand.tell(new TerminalSizes.Size(132, 43));
    var out = new ByteArrayOutputStream();
    Thread growing = thenTell(ofCommand, out);
    int code =
        runtime.exec(
            id,
            List.of("sh", "-c", waits),
            Optional.of(ofCommand),
            InputStream.nullInputStream(),
            out,
            out,
            Duration.ofSeconds(30));
    growing.interrupt();
    assertThat(code).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("first\r\nsecond\r\n");
    var ofContainer = new TerminalSizes();
    ofContainer.tell(new TerminalSizes.Size(132, 43));
    var attached = new ByteArrayOutputStream();
    thenTell(ofContainer, attached);
    Thread.ofVirtual()
        .start(
            () ->
                runtime.attach(
                    id, Optional.empty(), attached, attached, ofContainer, Instant.EPOCH));
    RealTimeline.await(() -> log(id).endsWith("first\r\nsecond\r\n"));
  }

  /// Says another size once the first has arrived.
  private static Thread thenTell(TerminalSizes sizes, ByteArrayOutputStream out) {
    return Thread.ofVirtual()
        .start(
            () -> {
              RealTimeline.await(() -> out.toString(StandardCharsets.UTF_8).contains("first"));
              sizes.tell(new TerminalSizes.Size(100, 50));
            });
  }

  @Test
  void podsThatStartTogetherMakeOneImageForTheirPlaces() {
    String other = "22222222-2222-3333-4444-555555555555";
    List<String> before = engine.images();
    for (String image : before) {
      if (engine.get("/images/" + image + "/json").contains("slipway-pause:1")) {
        engine.delete("/images/" + image + "?force=1");
      }
    }
    int others = engine.images().size();
    try (var tasks = java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor()) {
      for (String uid : List.of(UID, other)) {
        tasks.execute(
            () ->
                runtime.prepare(
                    SandboxSpec.plain(uid, "default", "web")
                        .withVolumes(List.of(new VolumeSpec.EmptyDir("data", false)))));
      }
    }
    assertThat(runtime.sandboxes()).hasSize(2);
    assertThat(engine.images()).hasSize(others + 1);
  }

  @Test
  void theEndOfInputReachesACommand() {
    prepare(pod(1));
    String id = start(spec("web", 0, "sleep 100"));
    assertThat(exec(id, "one\ntwo\n", "wc", "-l")).isEqualTo("0:2\n");
    assertThat(exec(id, "x".repeat(3_000_000), "wc", "-c")).isEqualTo("0:3000000\n");
    var errors = new ByteArrayOutputStream();
    assertThat(
            runtime.exec(
                id,
                List.of("sh", "-c", "echo bad >&2; exit 3"),
                Optional.empty(),
                InputStream.nullInputStream(),
                new ByteArrayOutputStream(),
                errors,
                Duration.ofSeconds(10)))
        .isEqualTo(3);
    assertThat(errors.toString(StandardCharsets.UTF_8)).isEqualTo("bad\n");
    var screen = new ByteArrayOutputStream();
    assertThat(
            runtime.exec(
                id,
                List.of("sh", "-c", "test -t 0 && echo a terminal"),
                Optional.of(new TerminalSizes()),
                InputStream.nullInputStream(),
                screen,
                screen,
                Duration.ofSeconds(10)))
        .isZero();
    assertThat(screen.toString(StandardCharsets.UTF_8)).isEqualTo("a terminal\r\n");
    assertThat(
            runtime.exec(
                id,
                List.of("sleep", "100"),
                Optional.empty(),
                InputStream.nullInputStream(),
                screen,
                screen,
                Duration.ofMillis(300)))
        .isEqualTo(124);
  }

  @Test
  void aLogIsFollowedUntilItsEnd() {
    prepare(pod(1));
    String id = start(spec("web", 0, "echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three"));
    var out = new ByteArrayOutputStream();
    runtime.logs(id, new LogRange(Optional.empty(), Optional.empty(), true, true), out);
    String[] lines = out.toString(StandardCharsets.UTF_8).split("\n");
    assertThat(lines).hasSize(3);
    assertThat(lines[0]).matches("\\d{4}-\\d\\d-\\d\\dT.*Z one");
    assertThat(lines[2]).endsWith(" three");
    var second = java.time.Instant.parse(lines[1].substring(0, lines[1].indexOf(' ')));
    var since = new ByteArrayOutputStream();
    runtime.logs(id, new LogRange(Optional.empty(), Optional.of(second), false, false), since);
    assertThat(since.toString(StandardCharsets.UTF_8)).isEqualTo("two\nthree\n");
  }

  @Test
  void whatIsNotOursStaysWhateverItsName() {
    String name = "slipway_web_web_default_" + UID + "_0";
    engine.post(
        "/containers/create?name=" + name, "{\"Image\":\"test\",\"Cmd\":[\"sleep\",\"9\"]}");
    String foreign = engine.containers().getFirst();
    try {
      prepare(pod(1));
      assertThatThrownBy(() -> runtime.create(spec("web", 0, "sleep 100")))
          .hasMessageContaining("not ours");
      runtime.removePod(UID);
      assertThat(engine.containers()).containsExactly(foreign);
      assertThat(runtime.sandboxes()).isEmpty();
    } finally {
      engine.delete("/containers/" + foreign + "?force=1");
    }
  }

  @Test
  void aRestartedProgramTakesOverWhatRuns() {
    prepare(pod(1));
    String id = start(spec("web", 0, "sleep 100"));
    ContainerState before = state(0);
    runtime.close();
    runtime = open(OPTIONS);
    assertThat(runtime.sandbox(UID)).isPresent();
    assertThat(state(0)).isEqualTo(before);
    prepare(pod(1));
    assertThat(runtime.create(spec("web", 0, "sleep 100"))).isEqualTo(id);
    runtime.start(id);
    assertThat(state(0)).isEqualTo(before);
  }

  @Test
  void aStartInDoubtIsMadeAnew() {
    prepare(pod(1));
    String id = runtime.create(spec("web", 0, "sleep 100"));
    runtime.close();
    runtime = open(OPTIONS);
    prepare(pod(1));
    assertThat(runtime.create(spec("web", 0, "sleep 100"))).isEqualTo(id);
    runtime.start(id);
    assertThat(runtime.containers(UID)).isEmpty();
    String anew = start(spec("web", 0, "sleep 100"));
    assertThat(anew).isNotEqualTo(id);
    assertThat(state(0)).isInstanceOf(ContainerState.Running.class);
  }

  @Test
  void anOutsiderWhoRenamesStopsOrRemovesIsNoticed() {
    List<String> told = new java.util.concurrent.CopyOnWriteArrayList<>();
    runtime.onChange(told::add);
    prepare(pod(1));
    String id = start(spec("web", 0, "sleep 100"));
    String hex = id.substring(id.lastIndexOf('/') + 1);
    engine.post("/containers/" + hex + "/rename?name=mine", null);
    assertThat(runtime.create(spec("web", 0, "sleep 100"))).isEqualTo(id);
    told.clear();
    engine.post("/containers/" + hex + "/kill", null);
    RealTimeline.await(() -> told.contains(UID));
    assertThat(state(0)).isInstanceOf(ContainerState.Exited.class);
    told.clear();
    engine.delete("/containers/" + hex);
    RealTimeline.await(() -> told.contains(UID));
    assertThat(runtime.containers(UID)).isEmpty();
  }

  @Test
  void aPlaceThatWasTakenAwayIsMadeAgain() {
    prepare(pod(2));
    start(spec("web", 0, "sleep 100"));
    String place =
        engine.containers().stream()
            .filter(id -> engine.get("/containers/" + id + "/json").contains("slipway_POD"))
            .findFirst()
            .orElseThrow();
    engine.delete("/containers/" + place + "?force=1");
    RealTimeline.await(() -> state(0) instanceof ContainerState.Exited);
    String address = runtime.sandbox(UID).orElseThrow().address();
    prepare(pod(2));
    String next = start(spec("web", 1, "ip addr show eth0; sleep 100"));
    RealTimeline.await(() -> log(next).contains(address + "/"));
  }

  @Test
  void aNodeThatLeavesTakesItsNetworkBackUnlessItIsInUse() {
    prepare(pod(1));
    start(spec("web", 0, "sleep 100"));
    runtime.leave();
    assertThat(engine.get("/networks")).contains("slipway-n1-");
    runtime.removePod(UID);
    runtime.leave();
    assertThat(engine.get("/networks")).doesNotContain("slipway-n1-");
    prepare(pod(1));
    start(spec("web", 0, "sleep 100"));
    assertThat(state(0)).isInstanceOf(ContainerState.Running.class);
  }

  @Test
  void aHungEngineEndsNoCallLate() {
    prepare(pod(1));
    String id = start(spec("web", 0, "sleep 100"));
    try (var hasty = open(OPTIONS.withPatience(Duration.ofSeconds(1)))) {
      assertThat(hasty.containers(UID)).hasSize(1);
      engine.hang();
      assertThatThrownBy(() -> hasty.containers(UID))
          .isInstanceOf(RuntimeFailedException.class)
          .hasMessageContaining("no answer within 1 s");
    } finally {
      engine.goOn();
    }
    assertThat(runtime.containers(UID).getFirst().id()).isEqualTo(id);
    assertThat(state(0)).isInstanceOf(ContainerState.Running.class);
  }

  private SandboxSpec pod(int containers) {
    SandboxSpec plain = SandboxSpec.plain(UID, "default", "web");
    return new SandboxSpec(
        UID,
        plain.namespace(),
        plain.name(),
        "",
        containers,
        false,
        plain.host(),
        plain.names(),
        List.of(),
        Map.of(),
        Optional.empty(),
        List.of());
  }

  private void prepare(SandboxSpec pod) {
    runtime.prepare(pod);
  }

  private static ContainerSpec spec(String container, int attempt, String script) {
    return RuntimeContract.spec(container, attempt, script);
  }

  private static ContainerSpec mounting(ContainerSpec spec, ContainerSpec.Mount... mounts) {
    return changed(spec, List.of(mounts), spec.security(), "");
  }

  private static ContainerSpec saying(ContainerSpec spec, long user, String messagePath) {
    return changed(
        spec,
        List.of(),
        ContainerSpec.Security.as(Optional.of(user), Optional.empty()),
        messagePath);
  }

  private static ContainerSpec changed(
      ContainerSpec spec,
      List<ContainerSpec.Mount> mounts,
      ContainerSpec.Security security,
      String messagePath) {
    return new ContainerSpec(
        spec.podUid(),
        spec.container(),
        spec.attempt(),
        0,
        spec.image(),
        spec.command(),
        List.of(),
        "",
        spec.environment(),
        mounts,
        spec.limits(),
        security,
        spec.terminal(),
        messagePath);
  }

  private String words(String id, String path) {
    return runtime
        .terminationMessage(id, path, 4096)
        .map(words -> new String(words, StandardCharsets.UTF_8))
        .orElse("");
  }

  private static List<String> messageVolumes(String node) {
    return Json.items(
            Json.parse(engine.get("/volumes").getBytes(StandardCharsets.UTF_8)), "Volumes")
        .stream()
        .map(volume -> Json.string(volume, "Name", ""))
        .filter(name -> name.startsWith("slipway_messages_" + node + "_"))
        .toList();
  }

  private String start(ContainerSpec spec) {
    String id = runtime.create(spec);
    runtime.start(id);
    return id;
  }

  /// Of attempt N of the container `web`.
  private ContainerState state(int attempt) {
    return runtime.containers(UID).stream()
        .filter(o -> o.container().equals("web") && o.attempt() == attempt)
        .map(Observed::state)
        .findFirst()
        .orElseThrow();
  }

  private String log(String id) {
    var out = new ByteArrayOutputStream();
    runtime.logs(id, new LogRange(Optional.empty(), Optional.empty(), false, false), out);
    return out.toString(StandardCharsets.UTF_8);
  }

  private String exec(String id, String input, String... command) {
    var out = new ByteArrayOutputStream();
    int code =
        runtime.exec(
            id,
            new ArrayList<>(List.of(command)),
            Optional.empty(),
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            out,
            new ByteArrayOutputStream(),
            Duration.ofSeconds(20));
    return code + ":" + out.toString(StandardCharsets.UTF_8);
  }

  private static VolumeSpec.FileContent content(String text, int mode) {
    return new VolumeSpec.FileContent(text.getBytes(StandardCharsets.UTF_8), mode);
  }
}
