package dev.slipway.sync.window;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.json.Json;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class WindowPlannerTest {
  @ParameterizedTest(name = "{0} {1} for {2} in {3} at {4}: open {5} until {6}")
  @CsvSource({
    "allow, 0 22 * * *,       8h,  UTC,           2026-03-02T23:00:00Z, true,  2026-03-03T06:00:00Z",
    "allow, 0 22 * * *,       8h,  UTC,           2026-03-02T06:00:00Z, false, 2026-03-02T22:00:00Z",
    "allow, 0 22 * * *,       8h,  UTC,           2026-03-02T21:59:59Z, false, 2026-03-02T22:00:00Z",
    "allow, 0 22 * * *,       8h,  UTC,           2026-03-02T22:00:00Z, true,  2026-03-03T06:00:00Z",
    "deny,  0 22 * * *,       8h,  UTC,           2026-03-02T23:00:00Z, false, 2026-03-03T06:00:00Z",
    "deny,  0 22 * * *,       8h,  UTC,           2026-03-02T12:00:00Z, true,  2026-03-02T22:00:00Z",
    // Monday to Friday as crontab counts them; 2026-03-07 is a Saturday.
    "allow, 0 9 * * 1-5,      8h,  UTC,           2026-03-06T10:00:00Z, true,  2026-03-06T17:00:00Z",
    "allow, 0 9 * * 1-5,      8h,  UTC,           2026-03-07T10:00:00Z, false, 2026-03-09T09:00:00Z",
    "deny,  0 0 * * 0,        1d,  UTC,           2026-03-08T10:00:00Z, false, 2026-03-09T00:00:00Z",
    "deny,  0 0 * * 7,        1d,  UTC,           2026-03-08T10:00:00Z, false, 2026-03-09T00:00:00Z",
    "allow, 0 9 * * MON-FRI,  8h,  UTC,           2026-03-06T10:00:00Z, true,  2026-03-06T17:00:00Z",
    // As Quartz writes it.
    "allow, 0 0 9 ? * MON-FRI,8h,  UTC,           2026-03-06T10:00:00Z, true,  2026-03-06T17:00:00Z",
    // A day with 23 hours and one with 25: 09:00 is 08:00Z before 29 March 2026, and 07:00Z after.
    "allow, 0 9 * * *,        1h,  Europe/Berlin, 2026-03-28T08:30:00Z, true,  2026-03-28T09:00:00Z",
    "allow, 0 9 * * *,        1h,  Europe/Berlin, 2026-03-29T07:30:00Z, true,  2026-03-29T08:00:00Z",
    "allow, 0 9 * * *,        1h,  Europe/Berlin, 2026-03-29T08:30:00Z, false, 2026-03-30T07:00:00Z",
    // Openings that touch each other are one.
    "deny,  */30 0-1 * * *,   1h,  UTC,           2026-03-02T00:10:00Z, false, 2026-03-02T02:30:00Z",
  })
  void aWindowIsOpenAsItsScheduleSays(
      String kind,
      String schedule,
      String length,
      String zone,
      Instant now,
      boolean open,
      Instant until) {
    WindowPlanner.Verdict verdict =
        WindowPlanner.verdict(List.of(window(kind, schedule, length, zone)), now);
    switch (verdict) {
      case WindowPlanner.Verdict.Open(Optional<Instant> end) -> {
        assertThat(open).isTrue();
        assertThat(end).contains(until);
      }
      case WindowPlanner.Verdict.Closed(_, Optional<Instant> end, boolean manual) -> {
        assertThat(open).isFalse();
        assertThat(end).contains(until);
        assertThat(manual).isFalse();
      }
    }
  }

  @Test
  void withoutWindowsAllIsOpen() {
    assertThat(WindowPlanner.verdict(List.of(), Instant.EPOCH))
        .isEqualTo(new WindowPlanner.Verdict.Open(Optional.empty()));
  }

  @Test
  void aDenialWinsOverAnAllowance() {
    var verdict =
        WindowPlanner.verdict(
            List.of(
                window("allow", "0 0 * * *", "24h", "UTC"),
                window("deny", "0 12 * * *", "1h", "UTC")),
            Instant.parse("2026-03-02T12:30:00Z"));
    assertThat(verdict).isInstanceOf(WindowPlanner.Verdict.Closed.class);
    assertThat(((WindowPlanner.Verdict.Closed) verdict).why())
        .contains("deny window \"0 12 * * *\" for 1h (UTC)");
  }

  @ParameterizedTest(name = "{1} for {2} in {3} is refused: {4}")
  @CsvSource({
    "never, 0 22 * * *, 8h, UTC, is no kind of window",
    "allow, 0 25 * * *, 8h, UTC, is no schedule",
    "allow, 0 9 31 2 *, 8h, UTC, there is never such a day",
    "deny, 99 9 * * *, 8h, UTC, 98 and 99 are no part of a time",
    "deny, 0 9 99 2 *, 8h, UTC, 98 and 99 are no part of a time",
    "allow, whenever, 8h, UTC, is no schedule",
    "allow, 0 22 1 * 1, 8h, UTC, write two windows",
    "allow, 0 22 * * *, 8 hours, UTC, is no duration",
    "allow, 0 22 * * *, 0h, UTC, is no duration",
    "allow, 0 22 * * *, 8h, Europe/Nowhere, is no time zone",
  })
  void whatMeansNothingIsRefused(
      String kind, String schedule, String length, String zone, String why) {
    assertThatThrownBy(() -> window(kind, schedule, length, zone))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }

  private static SyncWindow window(String kind, String schedule, String length, String zone) {
    ObjectNode spec = Json.object();
    ArrayNode windows = spec.putObject("syncPolicy").putArray("windows");
    windows
        .addObject()
        .put("kind", kind)
        .put("schedule", schedule)
        .put("duration", length)
        .put("timeZone", zone);
    return WindowPlanner.read(spec).getFirst();
  }
}
