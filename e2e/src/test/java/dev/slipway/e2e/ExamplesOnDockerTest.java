package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.testing.engine.TestEngine;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The quick start's manifests, as they are, in containers. Nothing is pulled here: the image that
/// they name is made of the JDK of these tests.
class ExamplesOnDockerTest {
  @TempDir Path folder;

  private TestEngine engine;
  private RealDaemon daemon;
  private Commands slipway;
  private TestRepository repository;

  @BeforeEach
  void anEngineWithTheImage() throws Exception {
    Optional<String> missing = TestEngine.missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    engine = TestEngine.start(folder.resolve("e"));
    engine.importImage("eclipse-temurin:25-jdk", imageRoot());
    repository = TestRepository.in(folder.resolve("repo"));
    repository.copy(Path.of("../examples-repo"));
    repository.commit("as it is");
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    slipway.succeed("node", "add", "docker", "--host", engine.address());
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (daemon != null) {
      slipway.run("down", "--pods");
      daemon.close();
      repository.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  @Test
  void theGuestbookRunsUnchanged() throws Exception {
    for (String node : slipway.nodes()) {
      if (!node.equals("docker")) {
        slipway.succeed("node", "cordon", node);
      }
    }
    slipway.succeed(
        "app", "create", "guestbook", "--repo", repository.url(), "--path", "guestbook");
    Commands.Said said = slipway.run("wait", "guestbook", "--timeout", "180");
    assertThat(said.code())
        .as(
            () ->
                said.text()
                    + slipway.run("get", "pods", "-A", "-o", "wide").text()
                    + slipway.run("events").text()
                    + daemon.log())
        .isZero();
    assertThat(engine.get("/containers/json")).contains("guestbook-web", "guestbook-store");
    var service =
        Json.parse(slipway.succeed("get", "service", "guestbook-web", "-o", "json")).path("spec");
    URI page = URI.create("http://" + service.path("clusterIP").asString("") + "/");
    try (var client = HttpClient.newHttpClient()) {
      RealDaemon.await(
          () -> get(client, page).contains("The first page is always the hardest."),
          "the page shows what the job wrote");
      HttpRequest word =
          HttpRequest.newBuilder(page)
              .POST(HttpRequest.BodyPublishers.ofString("entry=from+a+container"))
              .timeout(Duration.ofSeconds(20))
              .build();
      assertThat(client.send(word, HttpResponse.BodyHandlers.ofString()).statusCode())
          .isEqualTo(303);
      assertThat(get(client, page)).contains("from a container");
    }
  }

  private static String get(HttpClient client, URI page) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(page).timeout(Duration.ofSeconds(20)).build();
    return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  /// What of this JDK the examples need, with the libraries that it uses.
  private Path imageRoot() throws Exception {
    Path root = folder.resolve("image");
    Path jdk = root.resolve("opt/jdk");
    Files.createDirectories(jdk.getParent());
    Files.createDirectories(root.resolve("tmp"));
    output(
        Path.of(System.getProperty("java.home"), "bin", "jlink").toString(),
        "--add-modules",
        "jdk.compiler,jdk.httpserver,java.net.http",
        "--strip-debug",
        "--output",
        jdk.toString());
    Files.createDirectories(root.resolve("usr/bin"));
    Files.createSymbolicLink(root.resolve("usr/bin/java"), Path.of("/opt/jdk/bin/java"));
    String libraries =
        output("ldd", jdk.resolve("bin/java").toString())
            + output("ldd", jdk.resolve("lib/server/libjvm.so").toString());
    var found = Pattern.compile("(/\\S+) \\(0x").matcher(libraries);
    while (found.find()) {
      Path library = Path.of(found.group(1));
      Path target = root.resolve(library.toString().substring(1));
      if (!library.startsWith(jdk) && Files.notExists(target)) {
        Files.createDirectories(target.getParent());
        Files.copy(library, target);
      }
    }
    return root;
  }

  private static String output(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(List.of(command) + text).isZero();
    return text;
  }
}
