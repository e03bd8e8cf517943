package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.testing.http.HttpConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The values of Secrets are shown to who reads the Secret, and nowhere else: through a first sync,
/// a change, a live edit that is healed, manifests with mistakes, plans and a rollback, everything
/// that Slipway says is searched for them.
class MaskedSecretsTest {
  private static final List<String> VALUES =
      List.of("xyzzy-first-value", "xyzzy-second-value", "xyzzy-edited-live", "xyzzy-mistaken-one");

  @TempDir Path folder;

  private TestRepository repository;
  private Commands slipway;

  /// What was said, by who said it.
  private final Map<String, String> said = new LinkedHashMap<>();

  @BeforeEach
  void repository() throws Exception {
    repository = TestRepository.in(folder.resolve("repository"));
    slipway = new Commands(folder.resolve("data"));
  }

  @Test
  void noValueLeavesTheSecret() throws Exception {
    try (TestRepository _ = repository;
        RealDaemon daemon = RealDaemon.start(folder)) {
      String first = commit(secret(VALUES.get(0)));
      slipway.succeed("app", "create", "shop", "--repo", repository.url(), "--no-auto-sync");
      RealDaemon.await(() -> slipway.run("diff", "shop").code() == 1, "there is a difference");
      look("before");
      slipway.succeed("sync", "shop", "--timeout", "60");
      assertThat(slipway.succeed("get", "secret", "door", "-o", "json"))
          .as("who reads the Secret itself sees it")
          .contains(encoded(VALUES.get(0)));
      look("synced");

      String second = commit(secret(VALUES.get(1)));
      slipway.succeed("refresh", "shop");
      RealDaemon.await(() -> slipway.run("diff", "shop").code() == 1, "the commit is seen");
      look("changed");
      ask("lint", repository.url(), "-o", "json");
      ask("diff", "shop", "--local", repository.url());
      slipway.succeed("sync", "shop", "--timeout", "60");

      edit(daemon, VALUES.get(2));
      RealDaemon.await(() -> slipway.run("diff", "shop").code() == 1, "the edit is seen");
      look("edited");
      slipway.succeed("app", "set", "shop", "--auto-sync", "--self-heal");
      RealDaemon.await(
          () ->
              slipway
                  .succeed("get", "secret", "door", "-o", "json")
                  .contains(encoded(VALUES.get(1))),
          "it is healed");
      look("healed");

      for (String mistake : mistakes(VALUES.get(3))) {
        String broken = commit(mistake);
        slipway.succeed("refresh", "shop");
        RealDaemon.await(
            () -> slipway.run("diff", "shop").code() == 2, "the mistake is seen: " + mistake);
        look("broken " + broken);
        ask("lint", repository.url());
        ask("lint", repository.url(), "-o", "json");
        ask("lint", repository.url(), "-o", "sarif");
        ask("lint", repository.url(), "-o", "github");
      }
      String mended = commit(secret(VALUES.get(1)));
      slipway.succeed("wait", "shop", "--revision", mended, "--timeout", "60");
      ask("rollback", "shop", "1", "--timeout", "60");
      assertThat(slipway.succeed("get", "secret", "door", "-o", "json"))
          .contains(encoded(VALUES.get(0)));
      look("rolled back");

      try (var connection = HttpConnection.open(daemon.target())) {
        for (String path :
            List.of("/slipway/v1/audit?limit=500", "/metrics", "/slipway/v1/status")) {
          said.put(path, connection.get(path).text());
        }
      }
      said.put("log of the daemon", daemon.log());
      assertThat(said.get("/slipway/v1/audit?limit=500")).contains("door");
      assertThat(first).isNotEqualTo(second);
    }
    said.forEach(
        (who, text) -> {
          for (String value : VALUES) {
            assertThat(text).as(who).doesNotContain(value, encoded(value));
          }
        });
  }

  /// Everything that can be asked of the application.
  private void look(String when) {
    for (List<String> question :
        List.of(
            List.of("diff", "shop"),
            List.of("diff", "shop", "-o", "json"),
            List.of("diff", "shop", "-o", "yaml"),
            List.of("sync", "shop", "--dry-run"),
            List.of("plan", "shop"),
            List.of("plan", "shop", "-o", "json"),
            List.of("get", "plans", "-o", "yaml"),
            List.of("get", "syncrecords", "-o", "yaml"),
            List.of("get", "events", "-o", "yaml"),
            List.of("get", "secrets"),
            List.of("get", "secrets", "-o", "wide"),
            List.of("status", "shop"),
            List.of("status", "shop", "-o", "json"),
            List.of("app", "get", "shop", "-o", "yaml"),
            List.of("history", "shop"),
            List.of("history", "shop", "-o", "json"),
            List.of("history", "shop", "1", "-o", "yaml"),
            List.of("events"))) {
      Commands.Said answer = slipway.run(question.toArray(String[]::new));
      assertThat(answer.text()).as("%s", question).isNotEmpty().doesNotContain("Unknown option");
      said.put(when + ": " + String.join(" ", question), answer.text());
    }
  }

  private void ask(String... arguments) {
    said.put(said.size() + ": " + String.join(" ", arguments), slipway.run(arguments).text());
  }

  private static void edit(RealDaemon daemon, String value) throws Exception {
    try (var connection = HttpConnection.open(daemon.target())) {
      int code =
          connection
              .send(
                  "PATCH",
                  "/api/v1/namespaces/default/secrets/door",
                  "application/merge-patch+json",
                  ("{\"data\":{\"code\":\"" + encoded(value) + "\"}}")
                      .getBytes(StandardCharsets.UTF_8))
              .status();
      assertThat(code).isEqualTo(200);
    }
  }

  private static String encoded(String value) {
    return Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8));
  }

  private static String secret(String value) {
    return """
        apiVersion: v1
        kind: Secret
        metadata: {name: door}
        data: {code: %s}
        stringData: {plain: %s}
        """
        .formatted(encoded(value), value);
  }

  /// Each is refused by another part.
  private static List<String> mistakes(String value) {
    var mistakes = new ArrayList<String>();
    String head = "apiVersion: v1\nkind: Secret\nmetadata: {name: door}\n";
    mistakes.add(head + "data: {code: " + value + "}\n");
    mistakes.add(head + "stringData: {\"no key\": " + value + "}\n");
    mistakes.add(head + "stringData: {code: [" + value + "]}\n");
    mistakes.add(head + "stringData: {code: \"" + value + "}\n");
    mistakes.add(head + "stringdata: {code: " + value + "}\n");
    mistakes.add(head + "stringData:\n  code: " + value + "\n  code: " + value + "\n");
    mistakes.add(head + "stringData:\n  code: " + value + "\n bad: indentation\n");
    mistakes.add(head + "data: {code: " + encoded(value) + "=}\n");
    mistakes.add(
        head + "type: " + value + "/\\\nstringData: {code: !!java.util.Date " + value + "}\n");
    return mistakes;
  }

  private String commit(String manifest) throws Exception {
    repository.write("door.yaml", manifest);
    return repository.commit("change");
  }
}
