package dev.slipway.sync.git;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SemverRangeTest {
  @ParameterizedTest(name = "{1} in {0}: {2}")
  @CsvSource({
    "1.x, 1.9.3, true",
    "1.x, 2.0.0, false",
    "1.2.*, v1.2.7, true",
    "1.2.*, 1.3.0, false",
    "'>=1.2 <2', 1.2.0, true",
    "'>=1.2 <2', 2.0.0, false",
    "^1.2, 1.9.9, true",
    "^0.2.3, 0.3.0, false",
    "~1.2.3, 1.2.9, true",
    "~1.2.3, 1.3.0, false",
    "*, 7.0.0, true",
    "1.x, 1.2.0-rc.1, false",
    "'>=1.2.0-rc.1', 1.2.0-rc.2, true"
  })
  void aVersionIsWithinOrNot(String range, String version, boolean within) {
    assertThat(
            SemverRange.parse(range)
                .orElseThrow()
                .matches(SemverRange.Version.parse(version).orElseThrow()))
        .isEqualTo(within);
  }

  @ParameterizedTest
  @CsvSource({"main", "v1.2.3", "release-1"})
  void aNameIsNoRange(String name) {
    assertThat(SemverRange.parse(name)).isEmpty();
  }
}
