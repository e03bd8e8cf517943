package dev.slipway.cli;

import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.Locale;

/// Lengths of time as people type them: `90s`, `10m`, `1h30m`, `2d`; a bare number is seconds.
final class DurationText {
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private DurationText() {}

  /// @throws IllegalArgumentException saying what would be right
  static Duration parse(String text) {
    Duration length = read(text);
    if (length.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException("\"" + text + "\" is too long: at most 36500d");
    }
    return length;
  }

  private static Duration read(String text) {
    String plain = text.strip().toUpperCase(Locale.ROOT);
    try {
      if (plain.matches("[0-9]{1,9}")) {
        return Duration.ofSeconds(Long.parseLong(plain));
      }
      if (plain.matches("(?:[0-9]{1,9}[DHMS])+")) {
        int days = plain.indexOf('D') + 1;
        String rest = plain.substring(days);
        return Duration.parse("P" + plain.substring(0, days) + (rest.isEmpty() ? "" : "T" + rest));
      }
    } catch (DateTimeParseException | ArithmeticException e) {
      throw new IllegalArgumentException(wrong(text), e);
    }
    throw new IllegalArgumentException(wrong(text));
  }

  private static String wrong(String text) {
    return "\"" + text + "\" is no length of time: write 90s, 10m, 1h30m or 2d";
  }
}
