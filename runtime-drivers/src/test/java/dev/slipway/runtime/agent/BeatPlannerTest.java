package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BeatPlannerTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # case                                  | changed | leased | written | writes
          nothing new, and the lease tells         | false   | true   | 10      | false
          something of it is new                   | true    | true   | 10      | true
          there is no lease that could tell        | false   | false  | 10      | true
          a daemon that has just come writes once  | false   | true   | -       | true
          just before the longest time             | false   | true   | 299     | false
          after the longest time                   | false   | true   | 300     | true
          """)
  void writesANodeOnlyWhenThatTellsSomething(
      String name, boolean changed, boolean leased, Long written, boolean writes) {
    Optional<Instant> at = Optional.ofNullable(written).map(NOW::minusSeconds);
    assertThat(BeatPlanner.writesNode(new BeatPlanner.Beat(changed, leased, at), NOW))
        .isEqualTo(writes);
  }
}
