package dev.slipway.runtime.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PaceTest {
  /// A server that does not get faster beyond so many at once.
  private static Pace after(Pace start, int rounds, int knee) {
    Pace pace = start;
    long nanos = pace.roundStart();
    for (int i = 0; i < rounds * 2 * Pace.MOST; i++) {
      nanos += 10_000_000L / Math.min(pace.limit(), knee);
      pace = pace.answered(nanos, true);
    }
    return pace;
  }

  @ParameterizedTest(name = "a server with room for {0} at once")
  @CsvSource({"4, 4, 14", "20, 18, 34", "200, 90, 96"})
  void findsAboutAsManyAsHelp(int knee, int least, int most) {
    assertThat(after(Pace.start(0), 40, knee).limit()).isBetween(least, most);
  }

  @Test
  void aRefusalHalvesAndNothingGoesBelowOne() {
    Pace pace = new Pace(40, 3, 0, 100, 40);
    assertThat(pace.refused(1).limit()).isEqualTo(20);
    for (int i = 0; i < 10; i++) {
      pace = pace.refused(i);
    }
    assertThat(pace.limit()).isEqualTo(1);
    assertThat(after(pace, 40, 200).limit()).isGreaterThan(30);
  }

  @Test
  void anIdleTimeTellsNothing() {
    Pace pace = Pace.start(0);
    for (int i = 0; i < 1_000; i++) {
      pace = pace.answered(i, false);
    }
    assertThat(pace.limit()).isEqualTo(Pace.FIRST);
  }
}
