package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.TimeUnit;
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

  private SlipwayServer server;
  private Path programs;

  @BeforeEach
  void aDaemon() throws Exception {
    programs = RealKubernetes.programs("kubectl");
    server = SlipwayServer.start(folder);
    try (var in = KubectlTest.class.getResourceAsStream("web.yaml")) {
      Files.write(folder.resolve("web.yaml"), in.readAllBytes());
    }
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    server.close();
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
    environment.put("KUBECONFIG", server.kubeconfig().toString());
    environment.put("HOME", folder.toString());
    environment.merge("PATH", programs.toString(), (path, first) -> first + ":" + path);
    return builder.start();
  }
}
