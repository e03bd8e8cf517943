package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.proxy.ProxyClient;
import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.Target;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/// A daemon in a process of its own, that can be killed and started again on the same port and
/// data.
final class RealDaemon implements AutoCloseable {
  private final Path data;
  private final Path log;
  private final int port;
  private final List<String> options;
  private Process process;

  private RealDaemon(Path folder, int port, List<String> options) throws IOException {
    this.data = folder.resolve("data");
    this.log = folder.resolve("daemon.log");
    this.port = port;
    this.options = List.copyOf(options);
    this.process = launch();
  }

  /// @param options of the daemon where they begin with two dashes, else of the JVM
  static RealDaemon start(Path folder, String... options) throws IOException {
    int port;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    var daemon = new RealDaemon(folder, port, List.of(options));
    daemon.awaitReady();
    return daemon;
  }

  private Process launch() throws IOException {
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED"));
    command.addAll(options.stream().filter(option -> !option.startsWith("--")).toList());
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            "dev.slipway.app.Slipway",
            "server",
            "--data-dir",
            data.toString(),
            "--listen",
            "127.0.0.1:" + port,
            "--plain-http"));
    command.addAll(options.stream().filter(option -> option.startsWith("--")).toList());
    return new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .redirectErrorStream(true)
        .start();
  }

  private void awaitReady() {
    await(
        () -> {
          assertThat(process.isAlive()).as("the daemon runs: %s", log()).isTrue();
          try (var connection = HttpConnection.open(new Target(port, ""))) {
            return connection.get("/readyz").status() == 200;
          } catch (IOException e) {
            return false;
          }
        },
        "the daemon answers");
  }

  String log() {
    return log(log);
  }

  /// What a daemon has written there.
  static String log(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "no log: " + e.getMessage();
    }
  }

  /// As the administrator.
  Target target() throws IOException {
    return new Target(port, Files.readString(data.resolve("token")).strip());
  }

  Target target(String token) {
    return new Target(port, token);
  }

  long pid() {
    return process.pid();
  }

  /// `kill -9`; returns when it is dead.
  void kill() {
    process.destroyForcibly().onExit().join();
  }

  void startAgain() throws IOException {
    process = launch();
    awaitReady();
  }

  /// As [#startAgain], without waiting until it answers.
  void launchAgain() throws IOException {
    process = launch();
  }

  void awaitAnswer() {
    awaitReady();
  }

  Path data() {
    return data;
  }

  interface Condition {
    boolean holds() throws Exception;
  }

  static void await(Condition condition, String what) {
    await(condition, () -> what);
  }

  /// @param what asked only when the time is up
  static void await(Condition condition, Supplier<String> what) {
    await(Duration.ofSeconds(300), condition, what);
  }

  /// @param what asked only when the time is up
  static void await(Duration limit, Condition condition, Supplier<String> what) {
    long until = System.nanoTime() + limit.toNanos();
    try {
      while (!condition.holds()) {
        if (System.nanoTime() >= until) {
          throw new AssertionError("waited in vain: " + what.get());
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
      }
    } catch (Exception e) {
      throw new AssertionError(what.get(), e);
    }
  }

  @Override
  public void close() throws IOException {
    kill();
    ProxyClient.stop(data.resolve("proxy"));
  }
}
