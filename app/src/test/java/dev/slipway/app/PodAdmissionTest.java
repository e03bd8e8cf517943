package dev.slipway.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PodAdmissionTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # of the spec                                                       | what is said
          {}                                                                  | -
          {'serviceAccountName': 'default'}                                   | -
          {'serviceAccountName': 'robot'}                                     | -
          {'serviceAccountName': 'ghost'}                                     | error looking up service account shop/ghost: serviceaccount "ghost" not found
          {'priorityClassName': 'urgent'}                                     | no PriorityClass with name urgent was found
          {'priorityClassName': 'system-node-critical'}                       | -
          {'priorityClassName': 'system-node-critical', 'priority': 2000001000} | -
          {'priority': 0, 'preemptionPolicy': 'PreemptLowerPriority'}         | -
          {'priority': 5}                                                     | the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name
          {'preemptionPolicy': 'Never'}                                       | the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name
          {'runtimeClassName': 'gvisor'}                                      | pod rejected: RuntimeClass "gvisor" not found
          """,
      quoteCharacter = '`')
  void refusesWhatIsNotThere(String spec, String expected) {
    assertThat(PodAdmission.refusal(Json.parse(spec.replace('\'', '"')), "shop", "robot"::equals))
        .isEqualTo(java.util.Optional.ofNullable(expected));
  }
}
