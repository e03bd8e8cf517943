package dev.slipway.model.quantity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantityTest {
  @ParameterizedTest(name = "{0} {1} {2}")
  @CsvSource({
    "1000m, =, 1",
    "1Gi, =, 1024Mi",
    "0.5, =, 500m",
    "1e3, =, 1k",
    "1E3, =, 1000",
    "1E, =, 1e18",
    ".5, =, 500m",
    "100n, <, 1u",
    "1M, <, 1Mi",
    "1Ei, >, 1E",
    "-1, <, 0",
    "-0, =, 0",
    "1., =, 1",
    "+2, =, 2",
    "12e-1, =, 1200m"
  })
  void comparesAmountsAndNotTexts(String one, String relation, String other) {
    int expected = relation.equals("<") ? -1 : relation.equals(">") ? 1 : 0;
    assertThat(Integer.signum(Quantity.parse(one).compareTo(Quantity.parse(other))))
        .isEqualTo(expected);
    assertThat(Quantity.parse(one).equals(Quantity.parse(other))).isEqualTo(expected == 0);
  }

  @ParameterizedTest(name = "{0} is {1} thousandths")
  @CsvSource({"1, 1000", "1u, 1", "1500u, 2", "250m, 250", "100Ei, 9223372036854775807"})
  void roundsThousandthsUp(String text, long milli) {
    assertThat(Quantity.parse(text).milliValue()).isEqualTo(milli);
  }

  @ParameterizedTest(name = "\"{0}\" is no quantity")
  @ValueSource(
      strings = {
        "",
        "m",
        "1 Gi",
        "1gb",
        "1ki",
        "0x10",
        "1e1000000000",
        "1.2.3",
        "--1",
        "NaN",
        "1Gi "
      })
  void refusesWhatIsNone(String text) {
    assertThatThrownBy(() -> Quantity.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is no quantity");
  }
}
