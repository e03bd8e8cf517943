package dev.slipway.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.testing.ManualTimeline;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OldHeapTest {
  private static final long MB = 1 << 20;

  @ParameterizedTest
  @CsvSource({
    // used, lived, due
    "0, 0, false",
    "48, 0, false",
    "49, 0, true",
    "60, 20, false",
    "69, 20, true",
    "250, 130, false",
    "261, 130, true",
    // Just collected.
    "130, 130, false",
    "120, 130, false",
  })
  void itIsCollectedWhenAsMuchBecameOldAsLived(long used, long lived, boolean due) {
    assertThat(new OldHeap.Sizes(used * MB, lived * MB).isDue()).isEqualTo(due);
  }

  @Test
  void itLooksAgainAndAgain() {
    var timeline = new ManualTimeline();
    var used = new AtomicInteger(10);
    var collected = new AtomicInteger();
    new OldHeap(
            () -> new OldHeap.Sizes(used.get() * MB, collected.get() == 0 ? 0 : 20 * MB),
            () -> {
              collected.incrementAndGet();
              used.set(20);
            },
            timeline)
        .look();
    timeline.advance(Duration.ofMinutes(5));
    assertThat(collected).hasValue(0);
    used.set(100);
    timeline.advance(Duration.ofSeconds(10));
    assertThat(collected).hasValue(1);
    timeline.advance(Duration.ofMinutes(5));
    assertThat(collected).hasValue(1);
    used.set(69);
    timeline.advance(Duration.ofSeconds(10));
    assertThat(collected).hasValue(2);
  }
}
