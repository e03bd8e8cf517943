package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.testing.http.HttpConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The webhook of a pull request makes a plan of its commit, or keeps why there can be none.
class ProposalTest {
  private static final String SECRET = "between-us";

  @TempDir Path folder;

  private static String configMap(String name) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n".formatted(name);
  }

  private static JsonNode proposed(RealDaemon daemon, TestRepository repository, String commit)
      throws Exception {
    String body =
        "{\"action\":\"opened\",\"pull_request\":{\"title\":\"#7 colours\",\"head\":{\"sha\":\"%s\"}},\"repository\":{\"clone_url\":\"%s\"}}"
            .formatted(commit, repository.url());
    try (var connection = HttpConnection.openPlain(daemon.target(""))) {
      HttpConnection.Answer answer =
          connection.send(WebhookDelivery.signed("pull_request", "?wait=true", body, SECRET));
      assertThat(answer.status()).as(answer.text()).isEqualTo(200);
      return Json.items(Json.parse(answer.text()), "plans").getFirst();
    }
  }

  @Test
  void aCommitIsPlannedOrItIsKeptWhyNot() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    try (var repository = TestRepository.in(folder.resolve("repository"));
        RealDaemon daemon =
            RealDaemon.start(folder, "--webhook-secret-file=" + secret.toAbsolutePath())) {
      var slipway = new Commands(daemon.data());
      repository.write("a.yaml", configMap("a"));
      repository.commit("one");
      slipway.succeed("app", "create", "shop", "--repo", repository.url(), "--revision", "main");
      slipway.succeed("wait", "shop", "--timeout", "60");
      repository.branch("colours");
      repository.write("b.yaml", configMap("b"));
      String good = repository.commit("another");
      repository.write("c.yaml", "kind: Nonsense");
      String bad = repository.commit("a slip");

      JsonNode planned = proposed(daemon, repository, good);
      assertThat(Json.integer(planned, "steps", 0)).as("%s", planned).isEqualTo(1);
      JsonNode failed = proposed(daemon, repository, bad);
      assertThat(Json.string(failed, "problem", "")).contains("c.yaml:1").contains("apiVersion");

      List<JsonNode> kept =
          Json.items(Json.parse(slipway.succeed("get", "plans", "-o", "json")), "items");
      assertThat(kept).hasSize(2);
      JsonNode problem =
          kept.stream().filter(plan -> plan.path("spec").has("problem")).findFirst().orElseThrow();
      assertThat(Json.string(problem.path("spec"), "revision", "")).isEqualTo(bad);
      String name = Json.string(problem.path("metadata"), "name", "");
      Commands.Said applied = slipway.run("apply", name);
      assertThat(applied.code()).as(applied.text()).isNotZero();
      assertThat(applied.text()).contains("could not be made").contains("c.yaml:1");
      Commands.Said early = slipway.run("apply", Json.string(planned, "plan", ""));
      assertThat(early.code()).as(early.text()).isNotZero();
      assertThat(early.text()).contains("would take it back at once");
      slipway.succeed("app", "set", "shop", "--no-auto-sync");
      String done = slipway.succeed("apply", Json.string(planned, "plan", ""));
      assertThat(slipway.run("get", "configmap", "b").code())
          .as("%s\n%s", done, slipway.run("status", "shop").text())
          .isZero();
    }
  }
}
