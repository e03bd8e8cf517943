package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Programs that are built on the client libraries of other languages, against a daemon. What each
/// of them does and expects is in `tools/kubernetes`.
class ClientsTest {
  private static final Path TOOLS = RealKubernetes.root().resolve("tools/kubernetes");

  @TempDir Path folder;

  private SlipwayServer server;

  private record Run(int code, String output) {}

  @BeforeEach
  void aDaemon() throws Exception {
    server = SlipwayServer.start(folder);
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    server.close();
  }

  private Run run(List<String> command) throws IOException, InterruptedException {
    var builder = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().put("KUBECONFIG", server.kubeconfig().toString());
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), output);
  }

  @Test
  void clientGo() throws Exception {
    Path programs = RealKubernetes.programs("clientgo");
    Run run = run(List.of("timeout", "180", programs.resolve("clientgo").toString()));
    assertThat(run.code()).as(run.output()).isZero();
    assertThat(run.output().lines().filter(line -> line.startsWith("ok "))).hasSize(10);
  }

  @ParameterizedTest
  @ValueSource(strings = "Official")
  void java(String program) throws Exception {
    Run run = run(List.of("timeout", "300", TOOLS.resolve("java/run").toString(), program));
    assertThat(run.code()).as(run.output()).isZero();
    assertThat(run.output()).endsWith("ok\n");
  }
}
