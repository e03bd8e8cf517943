package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// 10,000 deliveries of a webhook over HTTP, most of them duplicates, many unsigned or forged,
/// while commits go on: each is answered, only what is signed counts, and a commit does not wait
/// longer.
class WebhookStormTest {
  private static final int DELIVERIES = 10_000;
  private static final int COMMITS = 5;
  private static final String SECRET = "between-us";

  @TempDir Path folder;

  @Test
  void aStormIsAnsweredAndDeliveryGoesOn() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    try (var repository = TestRepository.in(folder.resolve("repository"));
        RealDaemon daemon =
            RealDaemon.start(
                folder,
                "-XX:+ExitOnOutOfMemoryError",
                "--webhook-secret-file=" + secret.toAbsolutePath())) {
      var slipway = new Commands(daemon.data());
      String last = repository.commitValue("0");
      slipway.succeed("app", "create", "shop", "--repo", repository.url(), "--auto-sync");
      slipway.succeed("wait", "shop", "--revision", last, "--timeout", "60");

      String body =
          "{\"ref\":\"refs/heads/main\",\"after\":\"%s\",\"repository\":{\"clone_url\":\"%s\"}}"
              .formatted(last, repository.url());
      byte[] genuine = WebhookDelivery.signed("push", "", body, SECRET);
      byte[] forged = WebhookDelivery.signed("push", "", body, "guessed");
      byte[] unsigned = WebhookDelivery.unsigned("push", "", body);
      Map<Integer, Integer> answers = new TreeMap<>();
      try (var connections = new Connections(daemon.target(""))) {
        for (int i = 0; i < DELIVERIES; i++) {
          if (i % (DELIVERIES / COMMITS) == DELIVERIES / COMMITS / 2) {
            last = repository.commitValue(String.valueOf(i));
          }
          byte[] request = i % 10 == 3 ? forged : i % 10 == 7 ? unsigned : genuine;
          answers.merge(connections.send(request), 1, Integer::sum);
        }
      }

      assertThat(answers.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(DELIVERIES);
      assertThat(answers.keySet()).as("%s", answers).allMatch(code -> code < 500);
      assertThat(
              answers.entrySet().stream()
                  .filter(answer -> answer.getKey() < 300)
                  .mapToInt(Map.Entry::getValue)
                  .sum())
          .as("what is signed is taken, nothing else: %s", answers)
          .isEqualTo(DELIVERIES / 10 * 8);
      slipway.succeed("wait", "shop", "--revision", last, "--timeout", "60");
      assertThat(daemon.log()).doesNotContain("request failed", "OutOfMemory");
    }
  }

  /// One connection at a time; another when the daemon ends it, as it does after a refusal.
  private static final class Connections implements AutoCloseable {
    private final Target target;
    private HttpConnection open;

    Connections(Target target) throws IOException {
      this.target = target;
      this.open = HttpConnection.openPlain(target);
    }

    int send(byte[] request) throws IOException {
      int status = open.send(request).status();
      if (status >= 400) {
        open.close();
        open = HttpConnection.openPlain(target);
      }
      return status;
    }

    @Override
    public void close() throws IOException {
      open.close();
    }
  }
}
