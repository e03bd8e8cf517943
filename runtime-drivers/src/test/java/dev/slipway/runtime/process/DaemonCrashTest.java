package dev.slipway.runtime.process;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.annotation.JsonFormat;
import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.testing.SeededChance;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.databind.JsonNode;

/// The program that starts containers is killed in the middle, many times: no container is started
/// twice, none is lost, and what ran goes on as the same process.
class DaemonCrashTest {
  private static final int KILLS = 15;

  @TempDir Path folder;

  @Test
  void aProgramKilledWhileItStartsPodsStartsEachOnce() throws IOException {
    Path pods = folder.resolve("pods");
    Path starts = Files.createDirectories(folder.resolve("starts"));
    var chance = new SeededChance(7);
    Map<String, String> running = new HashMap<>();
    try (var timeline = new RealTimeline()) {
      for (int kill = 0; kill < KILLS; kill++) {
        killInTheMiddle(pods, starts, chance.below(18_000_000));
        try (var runtime = ProcessRuntime.open(pods, "/usr/bin:/bin", timeline)) {
          running.forEach((uid, pid) -> assertThat(starts.resolve(uid)).hasContent(pid));
          note(runtime, pods, running);
        }
      }
      try (var runtime = ProcessRuntime.open(pods, "/usr/bin:/bin", timeline)) {
        startAll(runtime, starts);
        var addresses = new HashSet<String>();
        runtime.sandboxes().forEach(sandbox -> addresses.add(sandbox.address()));
        assertThat(addresses).hasSize(StartingPods.PODS);
        for (int pod = 0; pod < StartingPods.PODS; pod++) {
          Path file = starts.resolve("pod-" + pod);
          // The shell makes the file before it writes into it.
          RealTimeline.await(() -> file.toFile().length() > 0);
          assertThat(Files.readAllLines(file)).as("starts of pod %d", pod).hasSize(1);
        }
        runtime.sandboxes().forEach(sandbox -> runtime.removePod(sandbox.podUid()));
      }
    }
    assertThat(ProcessHandle.allProcesses().map(p -> p.info().commandLine().orElse("")))
        .noneMatch(line -> line.contains(pods.toString()));
  }

  /// What the program needs, wherever the test's own class loader has it from.
  private static String classPath() {
    var places = new LinkedHashSet<String>();
    for (Class<?> needed :
        List.of(
            StartingPods.class,
            ProcessRuntime.class,
            Json.class,
            JsonNode.class,
            TokenStreamFactory.class,
            JsonFormat.class,
            Logger.class)) {
      places.add(
          Path.of(URI.create(needed.getProtectionDomain().getCodeSource().getLocation().toString()))
              .toString());
    }
    String shim = String.valueOf(ProcessRuntime.class.getResource("shim.sh"));
    if (shim.startsWith("file:")) {
      places.add(Path.of(URI.create(shim.substring(0, shim.indexOf("/dev/slipway/")))).toString());
    }
    return String.join(":", places);
  }

  private static void note(ProcessRuntime runtime, Path pods, Map<String, String> running)
      throws IOException {
    for (var sandbox : runtime.sandboxes()) {
      for (var container : runtime.containers(sandbox.podUid())) {
        Path child = pods.resolve(container.id().replace("/", "/containers/")).resolve("child");
        if (container.state() instanceof ContainerState.Running && Files.exists(child)) {
          String pid = Files.readString(child).split(" ", -1)[0];
          assertThat(running.getOrDefault(sandbox.podUid(), pid)).isEqualTo(pid);
        } else {
          assertThat(container.state()).isNotInstanceOf(ContainerState.Exited.class);
        }
      }
    }
  }

  private static void startAll(ProcessRuntime runtime, Path starts) {
    for (int pod = 0; pod < StartingPods.PODS; pod++) {
      String uid = "pod-" + pod;
      runtime.prepare(SandboxSpec.plain(uid, "default", uid));
      String id = runtime.create(StartingPods.spec(uid, starts.resolve(uid)));
      runtime.start(id);
      assertThat(runtime.containers(uid).getFirst().state())
          .isInstanceOf(ContainerState.Running.class);
    }
  }

  private static void killInTheMiddle(Path pods, Path starts, long afterNanos) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classPath()));
    command.addAll(List.of(StartingPods.class.getName(), pods.toString(), starts.toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try (BufferedReader output = process.inputReader()) {
      assertThat(output.readLine()).isEqualTo("open");
      LockSupport.parkNanos(afterNanos);
      process.destroyForcibly();
    }
    process.onExit().join();
  }
}
