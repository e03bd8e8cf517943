package dev.slipway.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SystemTimelineTest {
  @Test
  void aLengthBeyondAllCountingNeitherThrowsNorComesSoon() throws InterruptedException {
    try (var timeline = new SystemTimeline(InstantSource.system(), System::nanoTime)) {
      var early = new CountDownLatch(1);
      timeline.schedule(Duration.ofDays(400_000), early::countDown);
      timeline.schedule(Duration.ofSeconds(Long.MAX_VALUE), early::countDown);
      var soon = new CountDownLatch(1);
      timeline.schedule(Duration.ofMillis(1), soon::countDown);

      assertThat(soon.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(early.getCount()).isEqualTo(1);
    }
  }
}
