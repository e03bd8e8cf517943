package dev.slipway.model.time;

import com.cronutils.model.definition.CronDefinition;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.model.time.ExecutionTime;
import com.cronutils.parser.CronParser;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// When a CronJob is due: the five fields of `crontab`, `@hourly` and its like, or `@every 1h30m`.
/// Immutable.
///
/// A day is due when the day of the month or the day of the week says so, once both are restricted;
/// a field that begins with `*` does not restrict. A local time that a clock change skips is left
/// out.
///
/// Source: the page on cron schedules of Kubernetes' documentation and its examples.
public final class CronSchedule {
  private static final CronDefinition FIVE_FIELDS =
      CronDefinitionBuilder.defineCron()
          .withMinutes()
          .withStrictRange()
          .and()
          .withHours()
          .withStrictRange()
          .and()
          .withDayOfMonth()
          .withStrictRange()
          .and()
          .withMonth()
          .withStrictRange()
          .and()
          .withDayOfWeek()
          .withValidRange(0, 6)
          .withMondayDoWValue(1)
          .withStrictRange()
          .and()
          .withSupportedNicknameYearly()
          .withSupportedNicknameAnnually()
          .withSupportedNicknameMonthly()
          .withSupportedNicknameWeekly()
          .withSupportedNicknameDaily()
          .withSupportedNicknameMidnight()
          .withSupportedNicknameHourly()
          .instance();
  private static final Pattern EVERY = Pattern.compile("@every +((?:[0-9]{1,6}[hms])+)");
  private static final Pattern PART = Pattern.compile("([0-9]+)([hms])");

  /// Every one of them must be due; the first proposes.
  private final List<ExecutionTime> cron;

  /// Zero unless it is `@every`.
  private final Duration every;

  private final ZoneId zone;

  private CronSchedule(List<ExecutionTime> cron, Duration every, ZoneId zone) {
    this.cron = List.copyOf(cron);
    this.every = every;
    this.zone = zone;
  }

  /// @throws IllegalArgumentException with what is wrong, in a sentence
  public static CronSchedule parse(String schedule, String zone) {
    String text = schedule.strip();
    ZoneId in = zone(zone);
    if (text.startsWith("TZ=") || text.startsWith("CRON_TZ=")) {
      throw new IllegalArgumentException("the zone goes into timeZone, not into the schedule");
    }
    Matcher every = EVERY.matcher(text);
    if (every.matches()) {
      return new CronSchedule(List.of(), duration(every.group(1)), in);
    }
    String[] fields = text.replace('?', '*').split("\\s+");
    try {
      if (fields.length == 5 && bothDays(fields)) {
        String time = fields[0] + " " + fields[1] + " ";
        return new CronSchedule(
            List.of(
                cron(time + fields[2] + " " + fields[3] + " *"),
                cron(time + "* " + fields[3] + " " + fields[4])),
            Duration.ZERO,
            in);
      }
      return new CronSchedule(List.of(cron(String.join(" ", fields))), Duration.ZERO, in);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(
          "\"%s\" is no schedule: %s".formatted(schedule, e.getMessage()), e);
    }
  }

  /// `*/2` does not restrict by itself, so the other day has to be due as well.
  private static boolean bothDays(String[] fields) {
    boolean month = fields[2].startsWith("*/") && !fields[4].equals("*");
    boolean week = fields[4].startsWith("*/") && !fields[2].equals("*");
    return month || week;
  }

  private static ExecutionTime cron(String text) {
    return ExecutionTime.forCron(new CronParser(FIVE_FIELDS).parse(text).validate());
  }

  private static ZoneId zone(String zone) {
    try {
      if (zone.equalsIgnoreCase("local")) {
        throw new DateTimeException("the zone must be named");
      }
      return zone.isEmpty() ? ZoneId.of("UTC") : ZoneId.of(zone);
    } catch (DateTimeException e) {
      throw new IllegalArgumentException(
          "\"%s\" is no time zone: write a name like Europe/Berlin".formatted(zone), e);
    }
  }

  private static Duration duration(String text) {
    Duration sum = Duration.ZERO;
    Matcher part = PART.matcher(text);
    while (part.find()) {
      long number = Long.parseLong(part.group(1));
      sum =
          sum.plus(
              switch (part.group(2)) {
                case "h" -> Duration.ofHours(number);
                case "m" -> Duration.ofMinutes(number);
                default -> Duration.ofSeconds(number);
              });
    }
    return sum.isZero() ? Duration.ofSeconds(1) : sum;
  }

  /// The first time after `after`; empty when there is none (`0 0 31 2 *`).
  public Optional<Instant> next(Instant after) {
    if (!every.isZero()) {
      return Optional.of(after.plus(every));
    }
    ZonedDateTime at = after.atZone(zone);
    while (true) {
      Optional<ZonedDateTime> next = cron.getFirst().nextExecution(at);
      if (next.isEmpty()) {
        return Optional.empty();
      }
      at = next.get();
      if (isDue(at)) {
        return Optional.of(at.toInstant());
      }
    }
  }

  /// The due times after `after` up to `until`, earliest first, at most `limit` of them from the
  /// beginning.
  public List<Instant> between(Instant after, Instant until, int limit) {
    var due = new ArrayList<Instant>();
    Optional<Instant> next = next(after);
    while (next.isPresent() && !next.get().isAfter(until) && due.size() < limit) {
      due.add(next.get());
      next = next(next.get());
    }
    return due;
  }

  /// The last due time after `after` and not after `until`, found from the end.
  public Optional<Instant> last(Instant after, Instant until) {
    if (!every.isZero()) {
      long times = Duration.between(after, until).dividedBy(every);
      return times < 1 ? Optional.empty() : Optional.of(after.plus(every.multipliedBy(times)));
    }
    ZonedDateTime at = until.plusNanos(1).atZone(zone);
    while (true) {
      Optional<ZonedDateTime> last = cron.getFirst().lastExecution(at);
      if (last.isEmpty() || !last.get().toInstant().isAfter(after)) {
        return Optional.empty();
      }
      at = last.get();
      if (isDue(at)) {
        return Optional.of(at.toInstant());
      }
    }
  }

  private boolean isDue(ZonedDateTime at) {
    return cron.stream().skip(1).allMatch(other -> other.isMatch(at));
  }
}
