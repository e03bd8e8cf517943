package dev.slipway.model.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LabelSelectorTest {
  private static final Map<String, String> LABELS = Map.of("app", "web", "tier", "front");

  @ParameterizedTest(name = "{0} is {1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          app=web               | true
          app==web,tier=front   | true
          app=api               | false
          app!=api              | true
          missing!=x            | true
          app in (api, web)     | true
          app notin (api,web)   | false
          app                   | true
          !app                  | false
          !missing              | true
          """)
  void selectsAsKubectlDoes(String text, boolean expected) {
    assertThat(LabelSelector.parse(text).matches(LABELS)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a=b,,c=d", "a in b", "-x=1", "a=b c", "a=$"})
  void refusesWhatIsNoSelector(String text) {
    assertThatThrownBy(() -> LabelSelector.parse(text))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
