package dev.slipway.runtime.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.runtime.spi.ContainerRuntime.LogRange;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.FakeRuntime;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import dev.slipway.testing.ManualTimeline;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// Real processes of this machine.
class ProcessRuntimeTest {
  private static final String PATH = "/usr/local/bin:/usr/bin:/bin";
  private static final String UID = "pod-1";

  @TempDir Path folder;

  private final RealTimeline timeline = new RealTimeline();
  private ProcessRuntime runtime;

  @BeforeEach
  void open() {
    runtime = ProcessRuntime.open(folder.resolve("pods"), PATH, timeline);
  }

  @AfterEach
  void removeEverything() {
    runtime.sandboxes().forEach(sandbox -> runtime.removePod(sandbox.podUid()));
    runtime.close();
    timeline.close();
  }

  @TestFactory
  Stream<DynamicTest> theProcessRuntimeKeepsTheContract() {
    return RuntimeContract.checks().entrySet().stream()
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      check
                          .getValue()
                          .accept(new RuntimeContract.Subject(runtime, RealTimeline::await));
                      runtime.sandboxes().forEach(sandbox -> runtime.removePod(sandbox.podUid()));
                    }));
  }

  @TestFactory
  Stream<DynamicTest> theFakeKeepsTheContract() {
    return RuntimeContract.checks().entrySet().stream()
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      var manual = new ManualTimeline();
                      check
                          .getValue()
                          .accept(
                              new RuntimeContract.Subject(
                                  new FakeRuntime(manual), condition -> run(manual, condition)));
                    }));
  }

  private static void run(ManualTimeline manual, BooleanSupplier condition) {
    assertThat(manual.runUntil(condition, Duration.ofSeconds(20))).isTrue();
  }

  @Test
  void aContainerSeesItsEnvironmentAndNothingOfOurs() {
    String tricky = "a 'quoted' \"value\" with $HOME and\na second line";
    run(container("env", "-0").with(Map.of("TRICKY", tricky, "odd.name", "1", "UID", "5")));
    String log = log(UID + "/web-0");
    assertThat(log.split("\0")).contains("TRICKY=" + tricky, "odd.name=1", "UID=5", "PATH=" + PATH);
    assertThat(log).doesNotContain("OLDPWD").doesNotContain("JAVA");
  }

  @Test
  void whatAContainerLeavesBehindEndsWithIt() {
    run(container("sh", "-c", "setsid sleep 987654 & sleep 987653 & exit 3"));
    assertThat(exited().code()).isEqualTo(3);
    assertThat(commandLines()).noneMatch(line -> line.contains("98765"));
  }

  @Test
  void aSecondRuntimeFindsTheSameProcess() {
    start(container("sleep", "100"));
    var before = state();
    runtime.close();
    runtime = ProcessRuntime.open(folder.resolve("pods"), PATH, timeline);
    assertThat(state()).isEqualTo(before).isInstanceOf(ContainerState.Running.class);
    runtime.terminate(UID + "/web-0");
    RealTimeline.await(() -> state() instanceof ContainerState.Exited);
    assertThat(exited().code()).isEqualTo(143);
  }

  @Test
  void aProgramThatWasKilledWhileItRemovedAPodStartsAgain() throws IOException {
    run(container("true"));
    runtime.close();
    Path pods = folder.resolve("pods");
    Path gone = pods.resolve(".gone-" + UID);
    Files.move(pods.resolve(UID), gone);
    runtime = ProcessRuntime.open(pods, PATH, timeline);
    assertThat(runtime.sandboxes()).isEmpty();
    assertThat(gone).doesNotExist();
  }

  @Test
  void anEndThatNobodySawIsKnownLater() {
    start(container("sh", "-c", "echo last words; sleep 0.2; exit 42"));
    runtime.close();
    Path exit = folder.resolve("pods").resolve(UID).resolve("containers/web-0/exit");
    RealTimeline.await(() -> Files.exists(exit));
    runtime = ProcessRuntime.open(folder.resolve("pods"), PATH, timeline);
    assertThat(exited().code()).isEqualTo(42);
    assertThat(Duration.between(exited().startedAt(), exited().at()))
        .isBetween(Duration.ofMillis(150), Duration.ofSeconds(5));
    assertThat(log(UID + "/web-0")).isEqualTo("last words\n");
  }

  @Test
  void aContainerWhoseShimWasKilledGoesOnAndThenItsEndIsUnknown() throws IOException {
    start(container("sleep", "100"));
    Path container = folder.resolve("pods").resolve(UID).resolve("containers/web-0");
    ProcessHandle.of(pid(container.resolve("shim"))).orElseThrow().destroyForcibly();
    long child = pid(container.resolve("child"));
    assertThat(state()).isInstanceOf(ContainerState.Running.class);
    assertThat(ProcessHandle.of(child)).isPresent();
    ProcessHandle.of(child).orElseThrow().destroyForcibly();
    RealTimeline.await(() -> state() instanceof ContainerState.Exited);
    assertThat(exited().reason()).startsWith("ContainerStatusUnknown");
    assertThat(state()).isEqualTo(exited());
  }

  @Test
  void aProcessThatHasTheNumberOfAnotherIsNotMistakenForIt() throws IOException {
    start(container("sleep", "100"));
    Path container = folder.resolve("pods").resolve(UID).resolve("containers/web-0");
    String shim = Files.readString(container.resolve("shim"));
    String child = Files.readString(container.resolve("child"));
    Files.writeString(container.resolve("shim"), recycled(shim));
    Files.writeString(container.resolve("child"), recycled(child));
    runtime.terminate(UID + "/web-0");
    assertThat(ProcessHandle.of(Long.parseLong(child.split(" ")[0]))).isPresent();
    Files.writeString(container.resolve("shim"), shim);
    Files.writeString(container.resolve("child"), child);
    assertThat(state()).isInstanceOf(ContainerState.Running.class);
  }

  private static String recycled(String identity) {
    String[] parts = identity.split(" ");
    return parts[0] + " " + (Long.parseLong(parts[1]) - 1) + " " + parts[2];
  }

  @Test
  void aShimThatWasGivenUpNeverRunsAnything() throws IOException {
    runtime.prepare(SandboxSpec.plain(UID, "default", "web"));
    String id = runtime.create(container("sh", "-c", "echo ran").spec());
    Path container = folder.resolve("pods").resolve(UID).resolve("containers/web-0");
    assertThat(new ContainerFolder(folder.resolve("pods").resolve(UID), container).giveUp())
        .isTrue();
    Process shim =
        new ProcessBuilder("sh", folder.resolve("pods/shim.sh").toString(), container.toString())
            .inheritIO()
            .start();
    shim.onExit().join();
    assertThat(Files.exists(container.resolve("log"))).isFalse();
    assertThat(log(id)).isEmpty();
  }

  @Test
  void volumesAreSeenWhereTheManifestSaysAndTheHostStaysAsItIs() throws IOException {
    assumeTrue(canMount(), "no mounts here");
    Path host = Files.createDirectories(folder.resolve("host"));
    Files.writeString(host.resolve("file"), "of the host");
    runtime.prepare(
        SandboxSpec.plain(UID, "default", "web")
            .withVolumes(
                List.of(
                    new VolumeSpec.Files(
                        "config", Map.of("a/b.txt", content("hello", 0644)), false),
                    new VolumeSpec.Files("secret", Map.of("key", content("s3cret", 0400)), true),
                    new VolumeSpec.EmptyDir("data", false),
                    new VolumeSpec.EmptyDir("fast", true),
                    new VolumeSpec.HostPath("host", host.toString(), "Directory"))));
    String script =
        """
        cat /slipway-test/config/a/b.txt; echo; cat /slipway-test/one; echo
        stat -L -c %a /slipway-test/secret/key; cat /slipway-test/host/file; echo
        (echo x > /slipway-test/config/no) 2>/dev/null || echo read-only
        echo kept > /slipway-test/data/file; echo kept > /slipway-test/fast/file; touch /slipway-test/private; sleep 100
        """;
    start(
        container("sh", "-c", script)
            .with(
                new ContainerSpec.Mount("config", "/slipway-test/config", "", true),
                new ContainerSpec.Mount("config", "/slipway-test/one", "a/b.txt", true),
                new ContainerSpec.Mount("secret", "/slipway-test/secret", "", false),
                new ContainerSpec.Mount("data", "/slipway-test/data", "", false),
                new ContainerSpec.Mount("fast", "/slipway-test/fast", "", false),
                new ContainerSpec.Mount("host", "/slipway-test/host", "", false)));
    RealTimeline.await(() -> log(UID + "/web-0").contains("read-only"));
    assertThat(log(UID + "/web-0")).isEqualTo("hello\nhello\n400\nof the host\nread-only\n");
    RealTimeline.await(() -> exec("cat", "/slipway-test/data/file").equals("0:kept\n"));
    assertThat(Files.readString(folder.resolve("pods").resolve(UID).resolve("volumes/data/file")))
        .isEqualTo("kept\n");
    assertThat(folder.resolve("pods").resolve(UID).resolve("volumes/secret")).doesNotExist();
    assertThat(Path.of("/slipway-test")).doesNotExist();
    Path memory =
        Path.of(
            Files.readString(folder.resolve("pods").resolve(UID).resolve("volumes/secret.place")));
    assertThat(memory).exists();
    runtime.removePod(UID);
    assertThat(memory).doesNotExist();
    assertThat(host.resolve("file")).hasContent("of the host");
  }

  @Test
  void aNamedVolumeOutlivesItsPodAndIsOfItsNamespace() throws IOException {
    assumeTrue(canMount(), "no mounts here");
    SandboxSpec pod =
        SandboxSpec.plain(UID, "default", "web")
            .withVolumes(List.of(new VolumeSpec.Named("v", "data")));
    runtime.prepare(pod);
    run(
        container("sh", "-c", "echo kept > /slipway-test/file")
            .with(new ContainerSpec.Mount("v", "/slipway-test", "", false)));
    runtime.removePod(UID);
    runtime.prepare(pod);
    run(
        container("sh", "-c", "cat /slipway-test/file")
            .with(new ContainerSpec.Mount("v", "/slipway-test", "", false)));
    assertThat(log(UID + "/web-0")).isEqualTo("kept\n");
    assertThat(folder.resolve("volumes/default/data/file")).hasContent("kept\n");
  }

  @Test
  void filesAreSwappedWholeUnderAReaderAndPartsThatAreMountedStay() throws IOException {
    assumeTrue(canMount(), "no mounts here");
    runtime.prepare(withFiles(Map.of("a", content("0", 0644), "d/b", content("0", 0644))));
    String script =
        """
        while :; do
          v=$(cat /slipway-test/config/a) || echo lost
          [ "$v" = end ] && break
        done
        # The contents change at once; the names of what is new and of what is gone follow.
        until [ -e /slipway-test/config/c ] && ! [ -L /slipway-test/config/d ]; do :; done
        cat /slipway-test/one /slipway-test/folder/b /slipway-test/config/c; ls /slipway-test/config; sleep 100
        """;
    start(
        container("sh", "-c", script)
            .with(
                new ContainerSpec.Mount("config", "/slipway-test/config", "", true),
                new ContainerSpec.Mount("config", "/slipway-test/one", "a", true),
                new ContainerSpec.Mount("config", "/slipway-test/folder", "d", true)));
    RealTimeline.await(() -> exec("cat", "/slipway-test/config/a").equals("0:0"));
    for (int i = 1; i < 200; i++) {
      runtime.prepare(withFiles(Map.of("a", content("" + i, 0644), "d/b", content("n", 0644))));
    }
    runtime.prepare(withFiles(Map.of("a", content("end", 0644), "c", content("c\n", 0644))));
    RealTimeline.await(() -> log(UID + "/web-0").contains("c\na\nc\n"));
    assertThat(log(UID + "/web-0")).isEqualTo("00c\na\nc\n");
    try (var states =
        Files.list(folder.resolve("pods").resolve(UID).resolve("volumes").resolve("config"))) {
      assertThat(states.filter(path -> path.getFileName().toString().startsWith("..s")))
          .as("the state that is mounted in part, and the last")
          .hasSize(2);
    }
  }

  @Test
  void lastWordsAreReadWhereverTheRootIs() throws IOException {
    String script = "printf bye > $SLIPWAY_TERMINATION_LOG";
    runtime.prepare(withFiles(Map.of("a", content("x", 0644))));
    var plain = container("sh", "-c", script);
    run(
        canMount()
            ? plain.with(new ContainerSpec.Mount("config", "/slipway-test", "", true))
            : plain);
    assertThat(
            runtime
                .terminationMessage(UID + "/web-0", "/dev/termination-log", 2)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8)))
        .hasValue("by");
  }

  private static SandboxSpec withFiles(Map<String, VolumeSpec.FileContent> files) {
    return SandboxSpec.plain(UID, "default", "web")
        .withVolumes(List.of(new VolumeSpec.Files("config", files, false)));
  }

  @Test
  void aSubPathThatLeavesTheVolumeIsRefused() throws IOException {
    assumeTrue(canMount(), "no mounts here");
    runtime.prepare(
        SandboxSpec.plain(UID, "default", "web")
            .withVolumes(List.of(new VolumeSpec.EmptyDir("data", false))));
    Files.createSymbolicLink(
        folder.resolve("pods").resolve(UID).resolve("volumes/data/link"), Path.of("/etc"));
    for (String way : List.of("../../..", "link")) {
      var spec =
          container("true")
              .with(new ContainerSpec.Mount("data", "/slipway-test", way, false))
              .spec();
      assertThatThrownBy(() -> runtime.create(spec))
          .isInstanceOf(RuntimeFailedException.class)
          .hasMessageContaining("leaves the volume");
    }
  }

  @Test
  void anotherUserRunsTheProcess() {
    assumeTrue(canChangeUser(), "not root");
    run(container("sh", "-c", "id -u; id -g; touch here && echo mine").as(4711));
    assertThat(log(UID + "/web-0")).isEqualTo("4711\n4711\nmine\n");
  }

  @Test
  void tooMuchMemoryEndsAContainerAndSaysSo() {
    assumeTrue(runtime.enforcesLimits(), "no control groups here");
    run(
        container("sh", "-c", "a=x; while :; do a=$a$a; done")
            .limited(Optional.empty(), Optional.of(32L << 20)));
    assertThat(exited().code()).isEqualTo(137);
    assertThat(exited().reason()).isEqualTo("OOMKilled");
  }

  @Test
  void anExecHasInputOutputAndALimit() {
    start(container("sh", "-c", "cd /tmp; exec sleep 100").with(Map.of("COLOUR", "green")));
    assertThat(exec("sh", "-c", "echo $COLOUR; cat")).isEqualTo("0:green\ninput");
    var none = new ByteArrayOutputStream();
    int code =
        runtime.exec(
            UID + "/web-0",
            List.of("sleep", "50"),
            Optional.empty(),
            new ByteArrayInputStream(new byte[0]),
            none,
            none,
            Duration.ofMillis(100));
    assertThat(code).isEqualTo(124);
    assertThat(exec("slipway-no-such-program")).startsWith("127:");
    assertThat(exec("test", "-t", "1")).startsWith("1:");
    assertThat(exec(true, "sh", "-c", "test -t 1 && echo 'it is'; exit 3"))
        .startsWith("3:")
        .contains("it is");
  }

  @Test
  void aLogIsFollowedToItsEnd() {
    start(container("sh", "-c", "echo one; sleep 0.3; echo two; printf three"));
    var out = new ByteArrayOutputStream();
    runtime.logs(UID + "/web-0", new LogRange(Optional.empty(), Optional.empty(), true, true), out);
    String[] lines = out.toString(StandardCharsets.UTF_8).split("\n");
    assertThat(lines).hasSize(3);
    assertThat(lines[0]).matches("\\d{4}-\\d\\d-\\d\\dT.*Z one");
    assertThat(lines[2]).endsWith(" three");
  }

  @Test
  void aPodIsRemovedWhileItStarts() {
    for (int i = 0; i < 10; i++) {
      runtime.prepare(SandboxSpec.plain(UID, "default", "web"));
      String id = runtime.create(container("sleep", "765432").spec());
      Thread starter = Thread.ofVirtual().start(() -> tryStart(id));
      runtime.removePod(UID);
      RealTimeline.await(() -> !starter.isAlive());
      runtime.removePod(UID);
    }
    assertThat(commandLines()).noneMatch(line -> line.contains("765432"));
  }

  private void tryStart(String id) {
    try {
      runtime.start(id);
    } catch (RuntimeFailedException e) {
      assertThat(e).hasMessageContaining("did not begin");
    }
  }

  @Test
  void theInputOfAContainerEndsWithTheFirstWhoAttachedWhereItsSpecSaysSo() {
    start(
        container("sh", "-c", "cat; echo end").with(new ContainerSpec.Terminal(false, true, true)));
    assertThat(attached("hello\n")).isEqualTo("hello\nend\n");
    assertThat(exited().code()).isZero();
  }

  /// The shim is held up between the two: on a busy machine that happens by itself.
  @Test
  void inputThatEndedBeforeTheContainerBeganToReadIsNotLost() throws Exception {
    Path shim = folder.resolve("pods/shim.sh");
    String slow = Files.readString(shim).replace("\nsh ./main.sh", "\nsleep 1; sh ./main.sh");
    assertThat(slow).contains("sleep 1");
    Files.writeString(shim, slow);
    runtime.prepare(SandboxSpec.plain(UID, "default", "web"));
    String id =
        runtime.create(
            container("sh", "-c", "cat; echo end")
                .with(new ContainerSpec.Terminal(false, true, true))
                .spec());
    Thread starter = Thread.ofVirtual().start(() -> runtime.start(id));
    Path in = folder.resolve("pods").resolve(UID).resolve("containers/web-0/in");
    RealTimeline.await(() -> Files.exists(in));

    assertThat(attached("hello\n")).isEqualTo("hello\nend\n");
    starter.join();
    assertThat(exited().code()).isZero();
  }

  /// Times of a log are those of its file, which may be some milliseconds late.
  @Test
  void whoAttachesMissesNothingWhateverTheClocksSay() {
    start(
        container("sh", "-c", "cat; echo end").with(new ContainerSpec.Terminal(false, true, true)));
    var out = new ByteArrayOutputStream();
    attach("hello\n", out, Instant.now().plusSeconds(60));
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("hello\nend\n");
  }

  @Test
  void theInputOfAContainerStaysOpenForTheNext() throws Exception {
    start(
        container("sh", "-c", "read one; read two; echo $one $two | wc -w; exec cat")
            .with(new ContainerSpec.Terminal(false, true, false)));
    Thread first = Thread.ofVirtual().start(() -> attached("a\n"));
    Thread second = Thread.ofVirtual().start(() -> attached("b\n"));
    RealTimeline.await(() -> log(UID + "/web-0").equals("2\n"));
    assertThat(state()).isInstanceOf(ContainerState.Running.class);
    runtime.kill(UID + "/web-0");
    first.join();
    second.join();
  }

  @Test
  void aContainerMayHaveATerminalThatIsAsLargeAsItsClients() throws Exception {
    start(
        container("sh", "-c", "test -t 0 && test -t 1 && PS1='# ' exec sh -i")
            .with(new ContainerSpec.Terminal(true, true, true)));
    var in = new java.io.PipedInputStream();
    var keys = new java.io.PipedOutputStream(in);
    var out = new ByteArrayOutputStream();
    var sizes = new TerminalSizes();
    sizes.tell(new TerminalSizes.Size(132, 43));
    Thread client =
        Thread.ofVirtual()
            .start(
                () ->
                    runtime.attach(
                        UID + "/web-0", Optional.of(in), out, out, sizes, Instant.EPOCH));
    typed(keys, "until stty size | grep '43 132'; do :; done\n");
    RealTimeline.await(() -> out.toString(StandardCharsets.UTF_8).contains("43 132\r\n"));
    typed(keys, "echo asleep; sleep 1000\n");
    RealTimeline.await(() -> out.toString(StandardCharsets.UTF_8).contains("asleep\r\n"));
    typed(keys, "\u0003");
    RealTimeline.await(() -> out.toString(StandardCharsets.UTF_8).endsWith("# "));
    typed(keys, "echo $((40 + 2)); exit 7\n");
    client.join();
    RealTimeline.await(() -> state() instanceof ContainerState.Exited);
    assertThat(exited().code()).isEqualTo(7);
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("42\r\n");
  }

  private static void typed(OutputStream keys, String text) throws IOException {
    keys.write(text.getBytes(StandardCharsets.UTF_8));
    keys.flush();
  }

  @Test
  void aTerminalWithoutInputStaysOpenAndEndsAsItIsTold() {
    start(
        container("sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done")
            .with(new ContainerSpec.Terminal(true, false, false)));
    RealTimeline.await(() -> log(UID + "/web-0").equals("ready\r\n"));
    assertThatThrownBy(() -> attached("lost")).hasMessageContaining("not kept open");
    runtime.terminate(UID + "/web-0");
    RealTimeline.await(() -> state() instanceof ContainerState.Exited);
    assertThat(exited().code()).isEqualTo(5);
  }

  @Test
  void whoKeepsNoInputOpenSaysSo() {
    start(container("sleep", "100"));
    assertThatThrownBy(() -> attached("lost"))
        .isInstanceOf(RuntimeFailedException.class)
        .hasMessageContaining("not kept open");
  }

  private String attached(String input) {
    var out = new ByteArrayOutputStream();
    attach(input, out, Instant.EPOCH);
    return out.toString(StandardCharsets.UTF_8);
  }

  private void attach(String input, OutputStream out, Instant since) {
    runtime.attach(
        UID + "/web-0",
        Optional.of(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8))),
        out,
        out,
        new TerminalSizes(),
        since);
  }

  // Words

  private record Draft(ContainerSpec spec) {
    Draft with(Map<String, String> environment) {
      return copy(environment, spec.mounts(), spec.userId(), spec.cpuMillis(), spec.memoryBytes());
    }

    Draft with(ContainerSpec.Mount... mounts) {
      return copy(
          spec.environment(), List.of(mounts), spec.userId(), spec.cpuMillis(), spec.memoryBytes());
    }

    Draft as(long user) {
      return copy(
          spec.environment(),
          spec.mounts(),
          Optional.of(user),
          spec.cpuMillis(),
          spec.memoryBytes());
    }

    Draft with(ContainerSpec.Terminal terminal) {
      return new Draft(
          new ContainerSpec(
              UID,
              "web",
              0,
              0,
              "test",
              spec.command(),
              List.of(),
              "",
              spec.environment(),
              spec.mounts(),
              spec.limits(),
              spec.security(),
              terminal,
              ""));
    }

    Draft limited(Optional<Long> cpu, Optional<Long> memory) {
      return copy(spec.environment(), spec.mounts(), spec.userId(), cpu, memory);
    }

    private Draft copy(
        Map<String, String> environment,
        List<ContainerSpec.Mount> mounts,
        Optional<Long> user,
        Optional<Long> cpu,
        Optional<Long> memory) {
      return new Draft(
          new ContainerSpec(
              UID,
              "web",
              0,
              0,
              "test",
              spec.command(),
              List.of(),
              "",
              environment,
              mounts,
              new ContainerSpec.Limits(cpu, memory, Optional.empty(), Optional.empty(), Map.of()),
              ContainerSpec.Security.as(user, Optional.empty()),
              ContainerSpec.Terminal.NONE,
              ""));
    }
  }

  private static Draft container(String... command) {
    return new Draft(
        new ContainerSpec(
            UID,
            "web",
            0,
            0,
            "test",
            List.of(command),
            List.of(),
            "",
            Map.of(),
            List.of(),
            ContainerSpec.Limits.NONE,
            ContainerSpec.Security.DEFAULT,
            ContainerSpec.Terminal.NONE,
            ""));
  }

  private void start(Draft draft) {
    if (runtime.sandbox(UID).isEmpty()) {
      runtime.prepare(SandboxSpec.plain(UID, "default", "web"));
    }
    runtime.start(runtime.create(draft.spec()));
  }

  private void run(Draft draft) {
    start(draft);
    RealTimeline.await(() -> state() instanceof ContainerState.Exited);
  }

  private ContainerState state() {
    return runtime.containers(UID).getFirst().state();
  }

  private ContainerState.Exited exited() {
    return (ContainerState.Exited) state();
  }

  @Test
  void knowsWhenALineWasWritten() {
    run(container("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done"));
    RealTimeline.await(() -> log(UID + "/web-0").equals("1\n2\n3\n"));
    var out = new ByteArrayOutputStream();
    runtime.logs(UID + "/web-0", new LogRange(Optional.empty(), Optional.empty(), true, true), out);
    List<Instant> times =
        out.toString(StandardCharsets.UTF_8)
            .lines()
            .map(line -> Instant.parse(line.split(" ", 2)[0]))
            .toList();
    assertThat(times).hasSize(3).isSorted().doesNotHaveDuplicates();
    Optional<Instant> since = Optional.of(times.get(1).minusMillis(1));
    out.reset();
    runtime.logs(UID + "/web-0", new LogRange(Optional.empty(), since, false, false), out);
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("2\n3\n");
  }

  @Test
  void aLongLogLosesItsBeginningAndNothingElse() throws IOException {
    start(container("sh", "-c", "seq 1 20000; sleep 100"));
    String id = UID + "/web-0";
    RealTimeline.await(() -> log(id).endsWith("\n20000\n"));
    Path file = folder.resolve("pods/" + UID + "/containers/web-0/log");
    var reading = new ByteArrayOutputStream();
    Thread reader =
        Thread.ofVirtual()
            .start(
                () ->
                    runtime.logs(
                        id,
                        new LogRange(Optional.empty(), Optional.empty(), false, true),
                        reading));
    RealTimeline.await(() -> reading.toString(StandardCharsets.UTF_8).endsWith("\n20000\n"));
    var log = new ContainerLog(file);
    log.shorten(new Tools(folder.resolve("trial"), timeline), 64 << 10);
    assertThat(log.begin()).isGreaterThan(64 << 10);
    Files.writeString(file, "more\n", java.nio.file.StandardOpenOption.APPEND);
    RealTimeline.await(() -> reading.toString(StandardCharsets.UTF_8).endsWith("\nmore\n"));
    List<String> left = log(id).lines().toList();
    assertThat(left.getLast()).isEqualTo("more");
    int first = Integer.parseInt(left.getFirst());
    assertThat(first).isBetween(10_000, 20_000);
    assertThat(left).hasSize(20_000 - first + 2);
    var out = new ByteArrayOutputStream();
    runtime.logs(id, new LogRange(Optional.of(2), Optional.empty(), false, false), out);
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("20000\nmore\n");
    runtime.removePod(UID);
    RealTimeline.await(() -> !reader.isAlive());
    assertThat(reading.toString(StandardCharsets.UTF_8).lines()).hasSize(20_001);
  }

  private String log(String id) {
    var out = new ByteArrayOutputStream();
    runtime.logs(id, new LogRange(Optional.empty(), Optional.empty(), false, false), out);
    return out.toString(StandardCharsets.UTF_8);
  }

  private String exec(String... command) {
    return exec(false, command);
  }

  private String exec(boolean terminal, String... command) {
    var out = new ByteArrayOutputStream();
    int code =
        runtime.exec(
            UID + "/web-0",
            List.of(command),
            terminal ? Optional.of(new TerminalSizes()) : Optional.empty(),
            new ByteArrayInputStream("input".getBytes(StandardCharsets.UTF_8)),
            out,
            new ByteArrayOutputStream(),
            Duration.ofSeconds(10));
    return code + ":" + out.toString(StandardCharsets.UTF_8);
  }

  private static VolumeSpec.FileContent content(String text, int mode) {
    return new VolumeSpec.FileContent(text.getBytes(StandardCharsets.UTF_8), mode);
  }

  private static long pid(Path file) throws IOException {
    return Long.parseLong(Files.readString(file).split(" ")[0]);
  }

  private static List<String> commandLines() {
    return ProcessHandle.allProcesses()
        .map(process -> process.info().commandLine().orElse(""))
        .toList();
  }

  private boolean canMount() throws IOException {
    return new Tools(folder.resolve("trial"), timeline).canLayRoot();
  }

  private boolean canChangeUser() {
    try {
      return new Tools(folder.resolve("trial"), timeline).canChangeUser();
    } catch (IOException e) {
      return false;
    }
  }
}
