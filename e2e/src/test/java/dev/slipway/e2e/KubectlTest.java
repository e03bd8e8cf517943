package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The real kubectl against a daemon of its own, over TLS: what people type first, with what they
/// must see.
///
/// The steps are in `kubectl-steps.txt`: a line that begins with `$` is run by a shell, `?N` is the
/// exit code it must have (0 when not stated), and every line after it is a pattern that must be
/// found in the output, in that order.
class KubectlTest {
  private static final int PATIENCE_SECONDS = 120;

  @TempDir Path folder;

  private Process daemon;

  @BeforeEach
  void aDaemon() throws Exception {
    int port;
    try (var free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    daemon = slipway("server", "--listen", "127.0.0.1:" + port);
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    Path config = folder.resolve("kubeconfig");
    while (Files.notExists(folder.resolve("data/address"))) {
      assertThat(daemon.isAlive())
          .as("the daemon runs: %s", Files.readString(folder.resolve("log")))
          .isTrue();
      assertThat(System.nanoTime()).isLessThan(until);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
    Process made = slipway("kubeconfig");
    Files.write(config, made.getInputStream().readAllBytes());
    assertThat(made.waitFor()).isZero();
    for (String name : List.of("web.yaml")) {
      try (var in = KubectlTest.class.getResourceAsStream(name)) {
        Files.write(folder.resolve(name), in.readAllBytes());
      }
    }
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    slipway("down", "--pods").waitFor();
    daemon.destroyForcibly().waitFor();
    dev.slipway.controlplane.proxy.ProxyClient.stop(folder.resolve("data/proxy"));
  }

  @Test
  void whatPeopleTypeWorks() throws Exception {
    String steps;
    try (var in = KubectlTest.class.getResourceAsStream("kubectl-steps.txt")) {
      steps = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    var failures = new ArrayList<String>();
    int count = 0;
    for (String step : steps.split("(?m)^\\$ ", -1)) {
      if (step.isBlank() || step.startsWith("#")) {
        continue;
      }
      count++;
      String failure = failure(step.strip().split("\n"));
      if (!failure.isEmpty()) {
        failures.add(failure);
      }
    }
    assertThat(failures).as("of %d steps", count).isEmpty();
    assertThat(count).isGreaterThan(50);
  }

  private String failure(String[] lines) throws Exception {
    int expected = 0;
    Process process = shell(lines[0]);
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      return lines[0] + " does not end";
    }
    int from = 0;
    for (int i = 1; i < lines.length; i++) {
      if (lines[i].startsWith("?")) {
        expected = Integer.parseInt(lines[i].substring(1));
        continue;
      }
      var found = Pattern.compile(lines[i], Pattern.MULTILINE).matcher(output);
      if (!found.find(from)) {
        return "%s\nlacks: %s\nsaid:\n%s".formatted(lines[0], lines[i], output);
      }
      from = found.end();
    }
    return process.exitValue() == expected
        ? ""
        : "%s\nended with %d and not %d, and said:\n%s"
            .formatted(lines[0], process.exitValue(), expected, output);
  }

  private Process shell(String command) throws IOException {
    var builder =
        new ProcessBuilder(
            "timeout", Integer.toString(PATIENCE_SECONDS - 10), "bash", "-c", command);
    builder.directory(folder.toFile()).redirectErrorStream(true);
    Map<String, String> environment = builder.environment();
    environment.put("KUBECONFIG", folder.resolve("kubeconfig").toString());
    environment.put("HOME", folder.toString());
    return builder.start();
  }

  private Process slipway(String... arguments) throws IOException {
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.slipway.app.Slipway"));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--data-dir", folder.resolve("data").toString()));
    var builder = new ProcessBuilder(command).redirectError(folder.resolve("log").toFile());
    if (arguments[0].equals("server")) {
      builder.redirectOutput(folder.resolve("log.out").toFile());
    }
    return builder.start();
  }
}
