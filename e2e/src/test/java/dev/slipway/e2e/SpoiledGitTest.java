package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import dev.slipway.model.json.Json;
import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.HttpGitServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Bad days of a real Git server, and of what it holds: the status says what is wrong and since
/// when, nothing is deleted, what is live is kept as it was, what comes from elsewhere goes on, and
/// when it is over everything is as Git says by itself.
class SpoiledGitTest {
  private static final Map<String, String> FIRST =
      Map.of("a", "1", "b", "1", "c", "1", "d", "1", "e", "1");

  @TempDir static Path folder;
  private static Path mirrors;
  private static HttpGitServer server;
  private static RealDaemon daemon;
  private static Commands slipway;
  private static TestRepository elsewhere;
  private static int apps;

  private String space = "";
  private TestRepository repository;
  private String first = "";
  private final CountDownLatch over = new CountDownLatch(1);

  /// What the server answers instead of Git.
  enum Fault {
    /// Nothing at all, over a connection that stands.
    SILENT,
    PAGE,
    RATE_LIMITED,
    ERROR,
    /// A pack that ends after its head.
    TRUNCATED,
    /// A branch is said to be at a commit that there is not.
    WRONG_COMMIT
  }

  @BeforeAll
  static void aServerAndADaemon() throws Exception {
    mirrors = Files.createDirectories(folder.resolve("data/git"));
    run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", mirrors.toString());
    server = new HttpGitServer(folder);
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    slipway.succeed("repo", "add", "all", server.url(""), "--poll", "1s");
    elsewhere = TestRepository.in(folder.resolve("elsewhere"));
    String commit = elsewhere.commitValue("0");
    slipway.succeed("app", "create", "elsewhere", "--repo", elsewhere.url());
    slipway.succeed("wait", "elsewhere", "--revision", commit, "--timeout", "60");
  }

  @AfterAll
  static void nothingIsLeft() throws Exception {
    daemon.close();
    server.close();
    elsewhere.close();
    run("umount", "-l", mirrors.toString());
  }

  private static void run(String... command) throws Exception {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
        .as("%s", List.of(command))
        .isZero();
  }

  @BeforeEach
  void anApplication() throws Exception {
    space = "shop-" + ++apps;
    repository = TestRepository.in(folder.resolve(space));
    Files.createDirectories(repository.folder().resolve("deploy"));
    for (String name : FIRST.keySet()) {
      write(name, "1");
    }
    repository.commit("before");
    write("README", "x");
    first = repository.commit("first");
    slipway.succeed(
        "app",
        "create",
        space,
        "--repo",
        server.url(space + "/.git"),
        "--path",
        "deploy",
        "--revision",
        "main",
        "--dest-namespace",
        space);
    synced(first);
  }

  @AfterEach
  void heal() {
    server.fault(exchange -> false);
    over.countDown();
    slipway.run("app", "delete", space, "--cascade");
    repository.close();
  }

  private void write(String name, String value) throws IOException {
    repository.write(
        name.equals("README") ? name : "deploy/" + name + ".yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {value: \"%s\"}\n"
            .formatted(name, value));
  }

  private JsonNode status() {
    return Json.parseObject(
            slipway.succeed("app", "get", space, "-o", "json").getBytes(StandardCharsets.UTF_8))
        .path("status");
  }

  private void synced(String commit) {
    RealDaemon.await(
        () ->
            Json.string(status().path("sync"), "status", "").equals("Synced")
                && Json.string(status().path("sync"), "revision", "").equals(commit),
        () -> space + " at " + commit + ": " + status());
  }

  private void says(String... words) {
    RealDaemon.await(
        () -> List.of(words).stream().allMatch(status().toString()::contains),
        () -> List.of(words) + " in " + status() + daemon.log());
  }

  private Map<String, String> live() {
    var live = new TreeMap<String, String>();
    JsonNode list =
        Json.parseObject(
            slipway
                .succeed("get", "configmaps", "-n", space, "-o", "json")
                .getBytes(StandardCharsets.UTF_8));
    for (JsonNode item : Json.items(list, "items")) {
      String name = Json.string(item.path("metadata"), "name", "");
      if (!name.equals("kube-root-ca.crt")) {
        live.put(name, Json.string(item.path("data"), "value", ""));
      }
    }
    return live;
  }

  private static void elsewhereGoesOn(String value) throws Exception {
    String commit = elsewhere.commitValue(value);
    slipway.succeed("wait", "elsewhere", "--revision", commit, "--timeout", "60");
  }

  /// What is live is as it was, and kept so.
  private void firstIsKept() throws Exception {
    assertThat(live()).isEqualTo(FIRST);
    try (var connection = HttpConnection.open(daemon.target())) {
      int code =
          connection
              .send(
                  "PATCH",
                  "/api/v1/namespaces/" + space + "/configmaps/a",
                  "application/merge-patch+json",
                  "{\"data\":{\"value\":\"edited\"}}".getBytes(StandardCharsets.UTF_8))
              .status();
      assertThat(code).isEqualTo(200);
    }
    RealDaemon.await(() -> live().equals(FIRST), () -> "healed: " + live());
    assertThat(status().has("rejected")).isFalse();
  }

  private boolean spoil(HttpExchange exchange, Fault fault) throws IOException {
    boolean refs = server.requests().getLast().contains("command=ls-refs");
    boolean pack = server.requests().getLast().contains("command=fetch");
    switch (fault) {
      case SILENT -> {
        try {
          over.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      case PAGE -> HttpGitServer.answer(exchange, 200, "text/html", "<html>please log in</html>");
      case RATE_LIMITED -> {
        exchange.getResponseHeaders().add("Retry-After", "2");
        HttpGitServer.answer(exchange, 429, "text/plain", "slow down");
      }
      case ERROR -> HttpGitServer.answer(exchange, 500, "text/plain", "out of order");
      case TRUNCATED -> {
        if (pack) {
          answer(exchange, "000dpackfile\n0011\1PACK\0\0\0\2\0\0\0\5");
        }
        return pack;
      }
      case WRONG_COMMIT -> {
        if (refs) {
          answer(exchange, "003d%s refs/heads/main\n0000".formatted("f".repeat(40)));
        }
        return refs;
      }
    }
    return true;
  }

  private static void answer(HttpExchange exchange, String text) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "application/x-git-upload-pack-result");
    exchange.sendResponseHeaders(200, 0);
    exchange.getResponseBody().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "SILENT, does not answer",
    "PAGE, does not answer",
    "RATE_LIMITED, left alone for 2 s",
    "ERROR, 500",
    "TRUNCATED, did not give refs/heads/main",
    "WRONG_COMMIT, did not give refs/heads/main"
  })
  void whatIsWrongIsSaidAndMadeGood(Fault fault, String words) throws Exception {
    server.fault(exchange -> spoil(exchange, fault));
    write("a", "2");
    write("f", "2");
    Files.delete(repository.folder().resolve("deploy/e.yaml"));
    String next = repository.commit("second");
    says("\"Stale\"", words, "\"since\"");
    elsewhereGoesOn(fault.name());
    firstIsKept();

    server.fault(exchange -> false);
    over.countDown();
    synced(next);
    assertThat(live()).isEqualTo(Map.of("a", "2", "b", "1", "c", "1", "d", "1", "f", "2"));
  }

  @Test
  void aDiskThatFillsWhileFetchingIsSaidAndMadeGood() throws Exception {
    byte[] noise = new byte[12 << 20];
    new Random(1).nextBytes(noise);
    Files.write(repository.folder().resolve("noise"), noise);
    repository.commit("too much");
    says("\"Stale\"", "No space left", "\"since\"");
    elsewhereGoesOn("full");
    firstIsKept();

    repository.force(first);
    write("a", "2");
    synced(repository.commit("less"));
    assertThat(live()).containsEntry("a", "2");
  }

  @Test
  void aForcedPushToOlderHistoryDeletesNothingByItself() throws Exception {
    write("f", "1");
    write("a", "2");
    synced(repository.commit("second"));
    repository.force(first);
    says(
        "WaitingForConfirmation",
        "the history was rewritten, and 1 object would be deleted: run `slipway sync " + space);
    assertThat(live()).isEqualTo(with(FIRST, "f", "1"));
    elsewhereGoesOn("older");

    slipway.succeed("sync", space, "--confirm-prune");
    synced(first);
    assertThat(live()).isEqualTo(FIRST);
  }

  private static Map<String, String> with(Map<String, String> map, String name, String value) {
    var more = new TreeMap<>(map);
    more.put(name, value);
    return more;
  }

  @Test
  void anUnrelatedHistoryIsNotFollowedByItself() throws Exception {
    for (String name : List.of("b", "c", "d", "e")) {
      Files.delete(repository.folder().resolve("deploy/" + name + ".yaml"));
    }
    write("a", "9");
    repository.beginAnew();
    says("UnrelatedHistory", "has nothing in common with", "\"since\"");
    elsewhereGoesOn("unrelated");
    firstIsKept();

    repository.force(first);
    synced(first);
    RealDaemon.await(
        () -> !slipway.succeed("status", space).contains("UnrelatedHistory"),
        () -> "nothing is wrong any more: " + status());
  }

  @Test
  void anEmptyTreeAndAVanishedFolderDeleteNothing() throws Exception {
    for (String name : FIRST.keySet()) {
      Files.delete(repository.folder().resolve("deploy/" + name + ".yaml"));
    }
    repository.commit("nothing is left");
    says("\"Stale\"", "has no folder deploy", "\"since\"");
    firstIsKept();

    Files.createDirectories(repository.folder().resolve("deploy"));
    repository.write("deploy/README", "nothing to apply");
    repository.commit("a folder without manifests");
    says("EmptyRender", "holds no manifest");
    elsewhereGoesOn("empty");
    firstIsKept();

    for (String name : FIRST.keySet()) {
      write(name, "1");
    }
    write("a", "2");
    synced(repository.commit("again"));
    assertThat(live()).isEqualTo(with(FIRST, "a", "2"));
  }
}
