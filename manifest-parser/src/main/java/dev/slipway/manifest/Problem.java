package dev.slipway.manifest;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/// One thing that somebody must change in Git.
///
/// @param line from 1; 0 when it speaks of the whole file
/// @param column from 1
/// @param code one word that stays the same: `unknown-field`, `syntax`, `duplicate` …
/// @param message what is wrong, and what would be right
/// @param excerpt the offending line; empty when there is none, or when it may hold a secret
public record Problem(
    String file, int line, int column, String code, String message, String excerpt)
    implements Comparable<Problem> {
  private static final Comparator<Problem> ORDER =
      Comparator.comparing(Problem::file)
          .thenComparingInt(Problem::line)
          .thenComparingInt(Problem::column)
          .thenComparing(Problem::message);

  private static final int LONGEST = 4_000;

  public Problem {
    file = printable(file);
    message = printable(message);
  }

  /// A file may be named, and say, what would take a terminal over.
  private static String printable(String text) {
    String shown = text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
    return shown.replaceAll("[\\p{Cntrl}&&[^\n]]", "?");
  }

  /// `deploy/web.yaml:12:5`, as editors understand it.
  public String place() {
    return line == 0 ? file : file + ":" + line + ":" + column;
  }

  /// The message, and under it the line with a mark at the column.
  public String text() {
    String head = place() + ": " + message;
    if (excerpt.isEmpty()) {
      return head;
    }
    return head
        + "\n    "
        + excerpt
        + "\n    "
        + " ".repeat(Math.max(0, Math.min(column - 1, excerpt.length())))
        + "^";
  }

  @Override
  public int compareTo(Problem other) {
    return ORDER.compare(this, other);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Problem that && compareTo(that) == 0;
  }

  @Override
  public int hashCode() {
    return message.hashCode() * 31 + file.hashCode() + line;
  }
}
