package dev.slipway.sync.window;

import dev.slipway.model.json.Json;
import java.text.ParseException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Date;
import java.util.Optional;
import java.util.TimeZone;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.quartz.CronExpression;
import tools.jackson.databind.JsonNode;

/// A span of time that comes again and again.
///
/// @param allows whether syncs happen only within it, or never within it
/// @param schedule when it begins: five fields as `crontab` has them, or six and seven as Quartz
/// @param manual whether a person may sync while it forbids
public record SyncWindow(
    boolean allows, String schedule, Duration length, ZoneId zone, boolean manual) {
  private static final Pattern PART = Pattern.compile("([0-9]{1,6})(s|m|h|d)");
  private static final Pattern DAY_NUMBER = Pattern.compile("(?<![0-9#/L])([0-7])(?![0-9])");

  /// To Quartz these two numbers mean something else: nothing, and everything.
  private static final Pattern BEYOND = Pattern.compile("(?<![0-9])9[89](?![0-9])");

  private static final int MOST_FIRES = 10_000;

  /// @throws IllegalArgumentException with what is wrong, in a sentence
  public static SyncWindow read(JsonNode window) {
    String kind = Json.string(window, "kind", "");
    if (!kind.equals("allow") && !kind.equals("deny")) {
      throw new IllegalArgumentException(
          "\"%s\" is no kind of window: allow or deny".formatted(kind));
    }
    String zone = Json.string(window, "timeZone", "UTC");
    try {
      var read =
          new SyncWindow(
              kind.equals("allow"),
              Json.string(window, "schedule", ""),
              duration(Json.string(window, "duration", "")),
              ZoneId.of(zone),
              Json.bool(window, "manualSync", false));
      if (read.cron().getNextValidTimeAfter(Date.from(Instant.EPOCH)) == null) {
        throw new IllegalArgumentException(
            "\"%s\" is no schedule: there is never such a day".formatted(read.schedule()));
      }
      return read;
    } catch (DateTimeException e) {
      throw new IllegalArgumentException("\"%s\" is no time zone".formatted(zone), e);
    }
  }

  private static Duration duration(String text) {
    Matcher parts = PART.matcher(text);
    Duration sum = Duration.ZERO;
    int end = 0;
    while (parts.find() && parts.start() == end) {
      long number = Long.parseLong(parts.group(1));
      sum =
          sum.plus(
              switch (parts.group(2)) {
                case "s" -> Duration.ofSeconds(number);
                case "m" -> Duration.ofMinutes(number);
                case "h" -> Duration.ofHours(number);
                default -> Duration.ofDays(number);
              });
      end = parts.end();
    }
    if (sum.isZero() || end != text.length()) {
      throw new IllegalArgumentException(
          "\"%s\" is no duration of a window: write 30m, 8h or 2d".formatted(text));
    }
    return sum;
  }

  private CronExpression cron() {
    try {
      String words = quartz(schedule);
      if (BEYOND.matcher(words).find()) {
        throw new IllegalArgumentException("98 and 99 are no part of a time");
      }
      var cron = new CronExpression(words);
      cron.setTimeZone(TimeZone.getTimeZone(zone));
      return cron;
    } catch (ParseException | RuntimeException e) {
      throw new IllegalArgumentException(
          "\"%s\" is no schedule: %s".formatted(schedule, e.getMessage()), e);
    }
  }

  /// Five fields in Quartz' words: with seconds, one of the two days left open, and weekdays from 1
  /// (Sunday).
  static String quartz(String schedule) {
    String[] fields = schedule.strip().split("\\s+");
    if (fields.length != 5) {
      return schedule.strip();
    }
    boolean everyMonthDay = fields[2].equals("*");
    boolean everyWeekday = fields[4].equals("*");
    if (!everyMonthDay && !everyWeekday) {
      throw new IllegalArgumentException(
          "a day of the month and a day of the week together are not possible: write two windows");
    }
    String weekday =
        DAY_NUMBER
            .matcher(fields[4])
            .replaceAll(day -> Integer.toString(Integer.parseInt(day.group(1)) % 7 + 1));
    return "0 %s %s %s %s %s"
        .formatted(
            fields[0],
            fields[1],
            everyWeekday ? fields[2] : "?",
            fields[3],
            everyWeekday ? "?" : weekday);
  }

  /// When the window that is open now ends; empty while it is closed. Beginnings while it is open
  /// make it longer.
  Optional<Instant> openUntil(Instant now) {
    CronExpression cron = cron();
    Optional<Instant> end = Optional.empty();
    Optional<Instant> fire = after(cron, now.minus(length).minusMillis(1));
    for (int i = 0; i < MOST_FIRES && fire.isPresent(); i++) {
      Instant begin = fire.get();
      if (begin.isAfter(end.orElse(now))) {
        break;
      }
      if (begin.plus(length).isAfter(now)) {
        end = Optional.of(begin.plus(length));
      }
      fire = after(cron, begin);
    }
    return end;
  }

  /// When it opens next after `now`.
  Optional<Instant> opens(Instant now) {
    return after(cron(), now);
  }

  private static Optional<Instant> after(CronExpression cron, Instant instant) {
    return Optional.ofNullable(cron.getNextValidTimeAfter(Date.from(instant))).map(Date::toInstant);
  }

  /// For people.
  String words() {
    return "%s window \"%s\" for %s (%s)"
        .formatted(
            allows ? "allow" : "deny",
            schedule,
            length.toString().substring(2).toLowerCase(java.util.Locale.ROOT),
            zone);
  }
}
