package dev.slipway.sync.application;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ThrashDetectorTest {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private final ThrashDetector detector = new ThrashDetector();

  @ParameterizedTest(name = "{0} times, one each {1} s: waits {2} s")
  @CsvSource({"8, 1, 0", "9, 1, 2", "10, 2, 4", "12, 1, 16", "20, 1, 300", "60, 10, 0", "9, 60, 0"})
  void healingBacksOffWhenItIsInVain(int times, int seconds, int pause) {
    Instant now = heal(times, seconds);
    assertThat(detector.pause("app", live().key(), now)).isEqualTo(Duration.ofSeconds(pause));
    assertThat(detector.pause("other", live().key(), now)).isZero();
    assertThat(detector.report("app", now)).hasSize(pause == 0 ? 0 : 1);
  }

  @Test
  void theReportNamesTheFieldsTheWritersAndTheRate() {
    Instant now = heal(10, 2);
    assertThat(detector.report("app", now))
        .containsExactly(
            "Deployment.apps default/web: slipway and kube-autoscaler change .spec.replicas in turn, 10 times within 18 s; healed every 4 s from now on");
  }

  @Test
  void calmIsForgotten() {
    Instant now = heal(30, 1);
    assertThat(detector.report("app", now.plus(Duration.ofMinutes(9)))).isNotEmpty();
    assertThat(detector.report("app", now.plus(Duration.ofMinutes(11)))).isEmpty();
    assertThat(detector.pause("app", live().key(), now)).isZero();
  }

  private Instant heal(int times, int seconds) {
    Instant now = START;
    for (int i = 0; i < times; i++) {
      now = START.plusSeconds((long) seconds * i);
      detector.healed("app", List.of(".spec.replicas"), live(), now);
    }
    return now;
  }

  private static KubeObject live() {
    return KubeObject.make(
        "apps/v1",
        "Deployment",
        "default",
        "web",
        json -> {
          var managed = Json.child(json, "metadata").putArray("managedFields");
          managed.addObject().put("manager", "slipway").put("time", "2026-01-01T00:00:03Z");
          managed.addObject().put("manager", "kubectl-edit").put("time", "2026-01-01T00:00:01Z");
          managed.addObject().put("manager", "kube-autoscaler").put("time", "2026-01-01T00:00:02Z");
        });
  }
}
