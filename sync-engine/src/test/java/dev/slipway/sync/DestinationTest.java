package dev.slipway.sync;

import static dev.slipway.sync.Delivery.configs;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DestinationTest {
  private static final Duration SOON = Duration.ofSeconds(3);
  private final Delivery delivery = new Delivery();

  @Test
  void anUnknownClusterIsNamedAndNothingIsDone() {
    delivery.git.commit(configs("a", "1"));
    delivery.application(spec -> spec.putObject("destination").put("name", "prod"));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEmpty();
    assertThat(delivery.sync()).isEqualTo("Unknown ");
    assertThat(Json.string(delivery.status().path("waiting"), "for", ""))
        .isEqualTo("its cluster: there is no cluster prod");
    assertThat(Conditions.isTrue(delivery.status(), "DestinationUnavailable")).isTrue();
  }

  @Test
  void theOwnClusterHasANameAndAnAddress() {
    String commit = delivery.git.commit(configs("a", "1"));
    delivery.application(
        spec -> spec.putObject("destination").put("server", "https://kubernetes.default.svc/"));
    delivery.pass(SOON);

    assertThat(delivery.live()).isEqualTo(Map.of("a", "1"));
    assertThat(delivery.sync()).isEqualTo("Synced " + commit);
  }
}
