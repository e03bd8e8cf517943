package dev.slipway.model.time;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CronScheduleTest {
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # schedule         | zone             | after                | next                 | last before it
          */15 * * * *       |                  | 2026-11-25T10:07:30Z | 2026-11-25T10:15:00Z | 2026-11-25T10:00:00Z
          0 9 * * MON-FRI    |                  | 2026-11-27T09:00:00Z | 2026-11-30T09:00:00Z | 2026-11-27T09:00:00Z
          0 9 * * 1-5        | Europe/Berlin    | 2026-11-27T09:00:00Z | 2026-11-30T08:00:00Z | 2026-11-27T08:00:00Z
          0 0 13 * FRI       |                  | 2026-11-25T10:00:00Z | 2026-11-27T00:00:00Z | 2026-11-20T00:00:00Z
          0 0 */2 * 5        |                  | 2026-11-25T10:00:00Z | 2026-11-27T00:00:00Z | 2026-11-13T00:00:00Z
          0 0 ? * 0          |                  | 2026-11-25T10:00:00Z | 2026-11-29T00:00:00Z | 2026-11-22T00:00:00Z
          @hourly            |                  | 2026-11-25T10:07:30Z | 2026-11-25T11:00:00Z | 2026-11-25T10:00:00Z
          @every 1h30m       |                  | 2026-11-25T10:00:00Z | 2026-11-25T11:30:00Z |
          30 2 29 2 *        |                  | 2026-11-25T10:00:00Z | 2028-02-29T02:30:00Z | 2024-02-29T02:30:00Z
          30 2 * * *         | America/New_York | 2026-03-07T12:00:00Z | 2026-03-09T06:30:00Z | 2026-03-07T07:30:00Z
          0 0 31 2 *         |                  | 2026-11-25T10:00:00Z |                      |
          """)
  void isDue(String schedule, String zone, Instant after, Instant next, Instant last) {
    var cron = CronSchedule.parse(schedule, zone == null ? "" : zone);
    assertThat(cron.next(after)).isEqualTo(Optional.ofNullable(next));
    if (!schedule.startsWith("@every")) {
      assertThat(cron.last(Instant.EPOCH, after)).isEqualTo(Optional.ofNullable(last));
    }
  }

  @Test
  void anIntervalCountsFromWhereItBegan() {
    var cron = CronSchedule.parse("@every 10m", "");
    Instant from = Instant.parse("2026-01-01T00:05:00Z");
    assertThat(cron.last(from, from.plusSeconds(3_000))).contains(from.plusSeconds(3_000));
    assertThat(cron.last(from, from.plusSeconds(599))).isEmpty();
    assertThat(cron.between(from, from.plusSeconds(86_400), 3)).hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "61 * * * *",
        "* * * *",
        "* * * * * *",
        "0 0 * * 7",
        "TZ=UTC 0 0 * * *",
        "@sometimes",
        ""
      })
  void isRefused(String schedule) {
    assertThatThrownBy(() -> CronSchedule.parse(schedule, ""))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aZoneMustBeKnown() {
    assertThatThrownBy(() -> CronSchedule.parse("@hourly", "Nowhere/Town"))
        .hasMessageContaining("\"Nowhere/Town\" is no time zone");
  }
}
