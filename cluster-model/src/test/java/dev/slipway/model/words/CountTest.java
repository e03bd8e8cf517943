package dev.slipway.model.words;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CountTest {
  @ParameterizedTest
  @CsvSource({"0, 0 pods, 0 pods are", "1, 1 pod, 1 pod is", "2, 2 pods, 2 pods are"})
  void oneIsSaidAsOne(int number, String alone, String withVerb) {
    assertThat(Count.of(number, "pod")).isEqualTo(alone);
    assertThat(Count.of(number, "pod is", "pods are")).isEqualTo(withVerb);
  }
}
