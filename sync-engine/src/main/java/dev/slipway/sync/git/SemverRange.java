package dev.slipway.sync.git;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A range of versions: `1.x`, `1.2.*`, `^1.2`, `~1.2.3`, `>=1.2 <2`, `*`. Pre-releases are left
/// out unless the range names one.
public record SemverRange(List<Bound> bounds, boolean preReleases) {
  /// @param comparison of a version with the bound: one of `<`, `<=`, `>`, `>=`, `=`
  record Bound(String comparison, Version version) {
    boolean holds(Version other) {
      int order = other.compareTo(version);
      return switch (comparison) {
        case "<" -> order < 0;
        case "<=" -> order <= 0;
        case ">" -> order > 0;
        case ">=" -> order >= 0;
        default -> order == 0;
      };
    }
  }

  record Version(long major, long minor, long patch, String pre) implements Comparable<Version> {
    private static final Pattern FORM =
        Pattern.compile(
            "v?([0-9]{1,9})(?:\\.([0-9]{1,9}))?(?:\\.([0-9]{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\\+.*)?");

    static Optional<Version> parse(String text) {
      Matcher m = FORM.matcher(text);
      return m.matches()
          ? Optional.of(
              new Version(
                  number(m.group(1)),
                  number(m.group(2)),
                  number(m.group(3)),
                  m.group(4) == null ? "" : m.group(4)))
          : Optional.empty();
    }

    private static long number(@org.jspecify.annotations.Nullable String text) {
      return text == null ? 0 : Long.parseLong(text);
    }

    @Override
    public int compareTo(Version other) {
      int order = Long.compare(major, other.major);
      order = order != 0 ? order : Long.compare(minor, other.minor);
      order = order != 0 ? order : Long.compare(patch, other.patch);
      if (order != 0 || pre.equals(other.pre)) {
        return order;
      }
      if (pre.isEmpty() || other.pre.isEmpty()) {
        return pre.isEmpty() ? 1 : -1;
      }
      String[] mine = pre.split("\\.", -1);
      String[] theirs = other.pre.split("\\.", -1);
      for (int i = 0; i < Math.min(mine.length, theirs.length); i++) {
        boolean a = mine[i].matches("[0-9]{1,18}");
        boolean b = theirs[i].matches("[0-9]{1,18}");
        int part =
            a && b
                ? Long.compare(Long.parseLong(mine[i]), Long.parseLong(theirs[i]))
                : a != b ? (a ? -1 : 1) : mine[i].compareTo(theirs[i]);
        if (part != 0) {
          return part;
        }
      }
      return Integer.compare(mine.length, theirs.length);
    }
  }

  private static final Pattern TERM =
      Pattern.compile(
          "(>=|<=|>|<|=|\\^|~)?\\s*v?([0-9xX*]+(?:\\.[0-9xX*]+){0,2}(?:-[0-9A-Za-z.-]+)?)");

  /// Empty when the text is no range but a name.
  public static Optional<SemverRange> parse(String text) {
    if (!text.matches(".*[*xX<>=^~ ].*")) {
      return Optional.empty();
    }
    var bounds = new ArrayList<Bound>();
    boolean pre = false;
    for (String part : text.strip().replaceAll("([<>=^~])\\s+", "$1").split("[ ,]+")) {
      Matcher m = TERM.matcher(part);
      if (!m.matches()) {
        return Optional.empty();
      }
      String operator = m.group(1) == null ? "" : m.group(1);
      String word = m.group(2);
      pre |= word.contains("-");
      String[] numbers = word.split("-", 2)[0].split("\\.", -1);
      int fixed = 0;
      while (fixed < numbers.length && numbers[fixed].matches("[0-9]{1,9}")) {
        fixed++;
      }
      String suffix = word.contains("-") ? word.substring(word.indexOf('-')) : "";
      var low = Version.parse(String.join(".", fill(numbers, fixed)) + suffix).orElseThrow();
      switch (operator) {
        case "^" -> between(bounds, low, low.major() > 0 ? 1 : low.minor() > 0 ? 2 : 3);
        case "~" -> between(bounds, low, Math.max(1, Math.min(2, fixed)));
        case ">", "<", ">=", "<=" -> bounds.add(new Bound(operator, low));
        default -> {
          if (fixed == 3) {
            bounds.add(new Bound("=", low));
          } else if (fixed > 0) {
            between(bounds, low, fixed);
          }
        }
      }
    }
    return Optional.of(new SemverRange(List.copyOf(bounds), pre));
  }

  private static String[] fill(String[] numbers, int fixed) {
    String[] full = {"0", "0", "0"};
    System.arraycopy(numbers, 0, full, 0, fixed);
    return full;
  }

  /// From `low` up to the next version in which one of the first `fixed` numbers changes.
  private static void between(List<Bound> bounds, Version low, int fixed) {
    bounds.add(new Bound(">=", low));
    bounds.add(
        new Bound(
            "<",
            switch (fixed) {
              case 1 -> new Version(low.major() + 1, 0, 0, "0");
              case 2 -> new Version(low.major(), low.minor() + 1, 0, "0");
              default -> new Version(low.major(), low.minor(), low.patch() + 1, "0");
            }));
  }

  boolean matches(Version version) {
    return (preReleases || version.pre().isEmpty())
        && bounds.stream().allMatch(bound -> bound.holds(version));
  }
}
