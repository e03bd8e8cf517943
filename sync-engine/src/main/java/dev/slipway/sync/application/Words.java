package dev.slipway.sync.application;

import dev.slipway.manifest.Problem;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// How revisions, spans and problems are written in a status.
final class Words {
  static final int MOST_PROBLEMS = 20;

  private Words() {}

  static String problems(List<Problem> problems) {
    String shown =
        problems.stream()
            .limit(MOST_PROBLEMS)
            .map(problem -> problem.place() + ": " + problem.message())
            .collect(Collectors.joining("\n"));
    return problems.size()
        + (problems.size() == 1 ? " problem\n" : " problems\n")
        + shown
        + (problems.size() > MOST_PROBLEMS ? "\n…" : "");
  }

  static String brief(String revision) {
    return revision.length() == 40 ? revision.substring(0, 8) : revision;
  }

  static String span(Duration duration) {
    return duration.toString().substring(2).toLowerCase(Locale.ROOT);
  }
}
