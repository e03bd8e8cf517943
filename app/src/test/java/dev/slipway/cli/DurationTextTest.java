package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationTextTest {
  @ParameterizedTest(name = "\"{0}\"")
  @CsvSource({
    "15, PT15S",
    "90s, PT1M30S",
    "10m, PT10M",
    "1h30m, PT1H30M",
    "2d, PT48H",
    "1d12h, PT36H",
    "0, PT0S",
    "2H, PT2H"
  })
  void readsWhatPeopleType(String text, Duration expected) {
    assertThat(DurationText.parse(text)).isEqualTo(expected);
  }

  @ParameterizedTest(name = "\"{0}\"")
  @ValueSource(strings = {"36501d", "400000d", "999999999d"})
  void aLifetimeIsTooLong(String text) {
    assertThatThrownBy(() -> DurationText.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at most 36500d");
  }

  @ParameterizedTest(name = "\"{0}\"")
  @ValueSource(strings = {"", "soon", "-5", "5 minutes", "1m1h", "99999999999", "1w", "m"})
  void saysWhatWouldBeRight(String text) {
    assertThatThrownBy(() -> DurationText.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("10m");
  }
}
