package dev.slipway.cli;

import dev.slipway.controlplane.proxy.ProxyClient;
import dev.slipway.home.DataDirectory;
import dev.slipway.testing.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/// The program in a data directory of its own.
final class Program {
  final DataDirectory data;
  final ApiClient client;
  private final Path script;
  private Optional<Process> running = Optional.empty();

  Program(DataDirectory data) {
    this.data = data;
    this.client = ApiClient.local(data.socket());
    this.script =
        Path.of(Optional.ofNullable(System.getenv("SLIPWAY_HOME")).orElse("."))
            .resolve("slipway")
            .toAbsolutePath();
  }

  interface Condition {
    boolean holds(Program program) throws Exception;
  }

  double start() throws IOException {
    long start = System.nanoTime();
    running = Optional.of(process("server", "--listen", "none").start());
    await(program -> client.answers());
    return (System.nanoTime() - start) / 1e9;
  }

  void stop() throws InterruptedException {
    Process process = running.orElseThrow();
    process.destroy();
    process.waitFor();
  }

  private ProcessBuilder process(String... arguments) {
    var command = new ArrayList<>(List.of(script.toString()));
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command);
    builder.environment().putAll(Map.of("NO_COLOR", "1", "SLIPWAY_DATA", data.root().toString()));
    return builder
        .redirectErrorStream(true)
        .redirectOutput(
            ProcessBuilder.Redirect.appendTo(data.root().resolve("bench.log").toFile()));
  }

  void run(String... arguments) throws IOException, InterruptedException {
    int code = process(arguments).start().waitFor();
    if (code != 0) {
      throw new IllegalStateException(
          String.join(" ", arguments)
              + " ended with "
              + code
              + ":\n"
              + Files.readString(data.root().resolve("bench.log")));
    }
  }

  /// For what takes milliseconds.
  void await(Condition condition) {
    await(condition, Duration.ofMinutes(2), Duration.ofMillis(2));
  }

  /// For what takes seconds, of a program that shall do little else than what is measured.
  void awaitLong(Condition condition) {
    await(condition, Duration.ofMinutes(10), Duration.ofMillis(20));
  }

  private void await(Condition condition, Duration patience, Duration pause) {
    long until = System.nanoTime() + patience.toNanos();
    try {
      while (!condition.holds(this)) {
        if (System.nanoTime() > until) {
          throw new IllegalStateException("not in time");
        }
        LockSupport.parkNanos(pause.toNanos());
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  ProcessHandle daemon() {
    return running.orElseThrow().toHandle();
  }

  ProcessHandle proxy() {
    return Processes.of("ProxyMain", data.root().toString()).findFirst().orElseThrow();
  }

  double cpuSeconds() {
    return (daemon().info().totalCpuDuration().orElseThrow().toNanos()
            + proxy().info().totalCpuDuration().orElseThrow().toNanos())
        / 1e9;
  }

  void end() throws Exception {
    if (running.isPresent() && running.get().isAlive()) {
      run("down", "--pods");
      running.get().waitFor();
    }
    leave();
  }

  /// Ends without its pods, for whoever ends what they run on.
  void leave() throws Exception {
    if (running.isPresent()) {
      stop();
    }
    ProxyClient.stop(data.proxy());
  }
}
