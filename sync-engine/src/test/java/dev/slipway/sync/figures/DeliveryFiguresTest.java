package dev.slipway.sync.figures;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.ArrayList;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class DeliveryFiguresTest {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  /// A sync is `trigger:outcome@hour`; each commit was written an hour before its sync ended.
  @ParameterizedTest(name = "{0}: {1} deployments, {2} failures, rate {3}, restored in {4} s")
  @CsvSource({
    "'', 0, 0, 0.0, 0",
    "automated:Succeeded@1, 1, 0, 0.0, 0",
    "automated:Succeeded@1 automated:Succeeded@2 manual:Succeeded@3, 3, 0, 0.0, 0",
    "automated:Succeeded@1 automated:Failed@2 auto-rollback:Succeeded@3, 1, 1, 0.5, 3600",
    "automated:Succeeded@1 automated:Failed@2 auto-rollback:Failed@3 automated:Succeeded@6, 2, 1, 0.333, 14400",
    "automated:Succeeded@1 automated:Succeeded@2 rollback:Succeeded@4, 2, 1, 0.5, 7200",
    "automated:Failed@1, 0, 1, 1.0, 0",
    "automated:Superseded@1 automated:Terminated@2, 0, 0, 0.0, 0",
  })
  void theyFollowFromTheHistory(
      String history, int deployments, int failures, double rate, long restore) {
    var records = new ArrayList<KubeObject>();
    for (String sync : history.isEmpty() ? new String[0] : history.split(" ", -1)) {
      String[] parts = sync.split("[:@]", -1);
      Instant end = START.plusSeconds(3600L * Integer.parseInt(parts[2]));
      int id = records.size() + 1;
      records.add(
          KubeObject.make(
              "slipway.dev/v1",
              "SyncRecord",
              "default",
              "shop-" + id,
              json -> {
                ObjectNode spec = json.putObject("spec");
                spec.put("id", id)
                    .put("trigger", parts[0])
                    .put("authoredAt", end.minusSeconds(3600).toString());
                json.putObject("status").put("phase", parts[1]).put("finishedAt", end.toString());
              }));
    }
    ObjectNode figures = DeliveryFigures.of(records, START, START.plusSeconds(86_400)).toJson();
    assertThat(Json.integer(figures, "deployments", -1)).isEqualTo(deployments);
    assertThat(Json.integer(figures, "failures", -1)).isEqualTo(failures);
    assertThat(figures.path("changeFailureRate").doubleValue()).isEqualTo(rate);
    assertThat(Json.number(figures, "timeToRestoreSeconds", 0)).isEqualTo(restore);
    assertThat(Json.number(figures, "leadTimeSeconds", 3600)).isEqualTo(3600);
    assertThat(figures.path("deploymentsPerDay").doubleValue()).isEqualTo(deployments);
  }
}
