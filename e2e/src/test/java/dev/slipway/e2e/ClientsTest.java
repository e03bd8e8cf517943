package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Programs that are built on the client libraries of other languages, and Helm, against a daemon.
/// What each of them does and expects is in `tools/kubernetes`; each works in a namespace of its
/// own.
class ClientsTest {
  private static final Path TOOLS = RealKubernetes.root().resolve("tools/kubernetes");

  @TempDir static Path folder;

  private static SlipwayServer server;

  private record Run(int code, String output) {}

  @BeforeAll
  static void aDaemon() throws Exception {
    server = SlipwayServer.start(folder);
  }

  @AfterAll
  static void nothingIsLeft() throws Exception {
    server.close();
  }

  private static Run run(String... command) throws IOException, InterruptedException {
    var words = new ArrayList<>(List.of("timeout", "300"));
    words.addAll(List.of(command));
    var builder = new ProcessBuilder(words).directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().put("KUBECONFIG", server.kubeconfig().toString());
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), output);
  }

  @Test
  void clientGo() throws Exception {
    Path programs = RealKubernetes.programs("clientgo");
    Run run = run(programs.resolve("clientgo").toString());
    assertThat(run.code()).as(run.output()).isZero();
    assertThat(run.output().lines().filter(line -> line.startsWith("ok "))).hasSize(10);
  }

  @Test
  void python() throws Exception {
    Run run = run(TOOLS.resolve("python/run").toString());
    assertThat(run.code()).as(run.output()).isZero();
    assertThat(run.output()).endsWith("ok\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Fabric8", "Official"})
  void java(String program) throws Exception {
    Run run = run(TOOLS.resolve("java/run").toString(), program);
    assertThat(run.code()).as(run.output()).isZero();
    assertThat(run.output()).endsWith("ok\n");
  }

  /// A plain chart goes through its whole life: install and wait, upgrade, roll back, test,
  /// uninstall.
  @Test
  void helm() throws Exception {
    String helm = RealKubernetes.programs("helm").resolve("helm").toString();
    for (String file : List.of("Chart.yaml", "values.yaml", "templates/all.yaml")) {
      Path target = folder.resolve("chart").resolve(file);
      Files.createDirectories(target.getParent());
      try (var in = ClientsTest.class.getResourceAsStream("chart/" + file)) {
        Files.write(target, in.readAllBytes());
      }
    }
    typed(helm, "install web chart --create-namespace --wait --timeout 90s");
    typed(helm, "upgrade web chart --set greeting=changed --wait --timeout 90s");
    assertThat(typed(helm, "get values web")).contains("greeting: changed");
    typed(helm, "rollback web 1 --wait --timeout 90s");
    typed(helm, "test web --timeout 90s");
    assertThat(typed(helm, "history web")).contains("superseded", "deployed", "Rollback to 1");
    typed(helm, "uninstall web --wait --timeout 90s");
    assertThat(typed(helm, "list -q")).isBlank();
  }

  private static String typed(String helm, String line) throws Exception {
    var words = new ArrayList<>(List.of(helm));
    words.addAll(List.of(line.split(" ")));
    words.addAll(List.of("--namespace", "charts"));
    Run run = run(words.toArray(String[]::new));
    assertThat(run.code()).as("%s\n%s", line, run.output()).isZero();
    return run.output();
  }
}
