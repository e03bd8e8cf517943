package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.pod.UsageSource.Amount;
import dev.slipway.model.pod.UsageSource.PodUsage;
import dev.slipway.runtime.spi.ContainerRuntime.Usage;
import dev.slipway.testing.ManualTimeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class UsageMeterTest {
  private final ManualTimeline timeline = new ManualTimeline();
  private final List<Integer> pauses = new ArrayList<>();
  private long cpuNanos = 5_000_000_000L;
  private boolean tells = true;

  /// Uses a quarter of a processor.
  private final UsageMeter meter =
      new UsageMeter(
          _ ->
              tells
                  ? Optional.of(
                      List.of(new Usage("uid", "web", "uid/1", cpuNanos, 4_096, timeline.nanos())))
                  : Optional.empty(),
          timeline,
          () -> {
            pauses.add(1);
            pass(Duration.ofSeconds(1));
          });

  private void pass(Duration time) {
    timeline.advance(time);
    cpuNanos += time.toNanos() / 4;
  }

  private PodUsage measured() {
    return Optional.ofNullable(meter.measure(Set.of("uid")).orElseThrow().get("uid")).orElseThrow();
  }

  private Duration window() {
    PodUsage measured = measured();
    assertThat(measured.containers()).containsEntry("web", new Amount(250_000_000, 4_096));
    return measured.window();
  }

  @Test
  void whoAsksFirstWaitsForASecondReading() {
    assertThat(window()).isEqualTo(Duration.ofSeconds(1));
    assertThat(pauses).hasSize(1);
  }

  @Test
  void whoAsksAgainGetsWhatWasUsedSince() {
    window();
    pass(Duration.ofSeconds(9));
    assertThat(window()).isEqualTo(Duration.ofSeconds(10));
    pass(Duration.ofSeconds(10));
    assertThat(window()).isEqualTo(Duration.ofSeconds(20));
    pass(Duration.ofSeconds(2));
    assertThat(window()).isEqualTo(Duration.ofSeconds(2));
    assertThat(pauses).hasSize(1);
  }

  @Test
  void whatWasReadLongAgoSaysNothingOfNow() {
    window();
    pass(Duration.ofMinutes(10));
    assertThat(window()).isEqualTo(Duration.ofSeconds(1));
    assertThat(pauses).hasSize(2);
  }

  @Test
  void aCounterThatFallsBackIsNoNegativeRate() {
    window();
    timeline.advance(Duration.ofSeconds(5));
    cpuNanos = 0;
    assertThat(measured().total()).isEqualTo(new Amount(0, 4_096));
  }

  @Test
  void aRuntimeThatCannotTellIsNotAskedTwice() {
    tells = false;
    assertThat(meter.measure(Set.of("uid"))).isEmpty();
    assertThat(pauses).isEmpty();
  }
}
