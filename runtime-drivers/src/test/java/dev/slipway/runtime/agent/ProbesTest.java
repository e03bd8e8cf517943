package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.testing.ManualTimeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// When containers are asked, and what follows from their answers.
class ProbesTest {
  private static final String ID = "pod-1/main-0";

  private final ManualTimeline time = new ManualTimeline();
  private final Map<ProbeSpec.Kind, Optional<String>> answers =
      new EnumMap<>(
          Map.of(
              ProbeSpec.Kind.STARTUP, Optional.empty(),
              ProbeSpec.Kind.READINESS, Optional.empty(),
              ProbeSpec.Kind.LIVENESS, Optional.empty()));
  private final List<ProbeSpec.Kind> asked = new ArrayList<>();
  private final List<String> heard = new ArrayList<>();
  private final Probes probes =
      new Probes(
          (spec, _, _) -> {
            asked.add(spec.kind());
            return answers.getOrDefault(spec.kind(), Optional.empty());
          },
          time,
          (id, word) -> heard.add(id + " " + word));

  @AfterEach
  void nothingIsAskedWhenClosed() {
    probes.close();
    asked.clear();
    pass(60);
    assertThat(asked).isEmpty();
  }

  private void watch(String container) {
    probes.watch(
        ID, "127.0.0.1", ProbeSpec.of(Json.parse(container.replace('\'', '"'))), false, false);
  }

  private void answer(ProbeSpec.Kind kind, String failure) {
    answers.put(kind, failure.isEmpty() ? Optional.empty() : Optional.of(failure));
  }

  private void pass(double seconds) {
    time.advance(Duration.ofMillis((long) (seconds * 1000)));
  }

  private PodView.ProbeWord word() {
    return probes.word(ID).orElseThrow();
  }

  private long times(ProbeSpec.Kind kind) {
    return asked.stream().filter(kind::equals).count();
  }

  @Test
  void whatHasNoProbesIsWell() {
    watch("{}");
    assertThat(word()).isEqualTo(new PodView.ProbeWord(true, true, Optional.empty()));
    assertThat(probes.word("unknown")).isEmpty();
  }

  @Test
  void isReadySoonAfterItCanBeAndThenAskedOncePeriod() {
    answer(ProbeSpec.Kind.READINESS, "refused");
    watch("{'readinessProbe': {'tcpSocket': {'port': 80}, 'periodSeconds': 10}}");
    pass(0.5);
    assertThat(word().ready()).isFalse();
    answer(ProbeSpec.Kind.READINESS, "");
    pass(0.2);
    assertThat(word().ready()).isTrue();
    assertThat(heard).containsExactly(ID + " ");
    asked.clear();
    pass(30);
    assertThat(times(ProbeSpec.Kind.READINESS)).isEqualTo(3);
  }

  @Test
  void losesReadinessAfterTheThresholdOnly() {
    watch(
        "{'readinessProbe': {'tcpSocket': {'port': 80}, 'periodSeconds': 1, 'failureThreshold': 3}}");
    pass(0.5);
    answer(ProbeSpec.Kind.READINESS, "refused");
    pass(2);
    assertThat(word().ready()).isTrue();
    pass(1);
    assertThat(word().ready()).isFalse();
    assertThat(word().failed()).as("it is not restarted").isEmpty();
    assertThat(heard.getLast()).isEqualTo(ID + " Readiness probe failed: refused");
  }

  @Test
  void needsAsManySuccessesAsAreStated() {
    watch("{'readinessProbe': {'tcpSocket': {'port': 80}, 'successThreshold': 3}}");
    pass(0.15);
    assertThat(word().ready()).isFalse();
    pass(0.1);
    assertThat(word().ready()).isTrue();
  }

  @Test
  void waitsForTheInitialDelay() {
    watch("{'readinessProbe': {'tcpSocket': {'port': 80}, 'initialDelaySeconds': 5}}");
    pass(4.9);
    assertThat(asked).isEmpty();
    pass(0.2);
    assertThat(word().ready()).isTrue();
  }

  @Test
  void livenessFailsAfterTheThresholdInARow() {
    watch(
        "{'livenessProbe': {'exec': {'command': ['x']}, 'periodSeconds': 2, 'failureThreshold': 2}}");
    pass(1);
    answer(ProbeSpec.Kind.LIVENESS, "stuck");
    pass(2);
    answer(ProbeSpec.Kind.LIVENESS, "");
    pass(2);
    answer(ProbeSpec.Kind.LIVENESS, "stuck");
    pass(2);
    assertThat(word().failed()).isEmpty();
    pass(2);
    assertThat(word().failed()).contains("Liveness probe failed: stuck");
    pass(10);
    assertThat(heard).as("told once").hasSize(1);
  }

  @Test
  void nothingElseIsAskedBeforeItHasStarted() {
    answer(ProbeSpec.Kind.STARTUP, "not yet");
    watch(
        "{'startupProbe': {'tcpSocket': {'port': 80}},"
            + " 'livenessProbe': {'tcpSocket': {'port': 80}, 'periodSeconds': 1}}");
    pass(5);
    assertThat(times(ProbeSpec.Kind.LIVENESS)).isZero();
    assertThat(word().started()).isFalse();
    answer(ProbeSpec.Kind.STARTUP, "");
    pass(2);
    assertThat(word().started()).isTrue();
    pass(3);
    assertThat(times(ProbeSpec.Kind.LIVENESS)).isGreaterThanOrEqualTo(3);
    long startups = times(ProbeSpec.Kind.STARTUP);
    pass(60);
    assertThat(times(ProbeSpec.Kind.STARTUP)).as("it is over").isEqualTo(startups);
  }

  /// Asked more often than its period at first: the time that it is given stays the same.
  @Test
  void hasAllItsTimeToStartAndNoMore() {
    answer(ProbeSpec.Kind.STARTUP, "not yet");
    watch(
        "{'startupProbe': {'tcpSocket': {'port': 80}, 'periodSeconds': 10, 'failureThreshold': 30}}");
    pass(299);
    assertThat(word().failed()).isEmpty();
    pass(21);
    assertThat(word().failed()).contains("Startup probe failed: not yet");
  }

  @Test
  void aRestartOfOursChangesNothing() {
    answer(ProbeSpec.Kind.STARTUP, "down");
    answer(ProbeSpec.Kind.READINESS, "down");
    probes.watch(
        ID,
        "127.0.0.1",
        ProbeSpec.of(
            Json.parse(
                "{\"startupProbe\":{\"tcpSocket\":{\"port\":80}},\"readinessProbe\":{\"tcpSocket\":{\"port\":80}}}")),
        true,
        true);
    assertThat(word()).isEqualTo(new PodView.ProbeWord(true, true, Optional.empty()));
    pass(1);
    assertThat(times(ProbeSpec.Kind.STARTUP)).isZero();
    assertThat(word().ready()).as("one failure is not three").isTrue();
  }

  @Test
  void whatIsGoneIsForgotten() {
    watch("{'livenessProbe': {'tcpSocket': {'port': 80}, 'periodSeconds': 1}}");
    pass(1);
    probes.retain("pod-2/", Set.of());
    assertThat(probes.word(ID)).isPresent();
    probes.retain("pod-1/", Set.of(ID));
    assertThat(probes.word(ID)).isPresent();
    probes.retain("pod-1/", Set.of());
    assertThat(probes.word(ID)).isEmpty();
    asked.clear();
    pass(10);
    assertThat(asked).isEmpty();
  }
}
