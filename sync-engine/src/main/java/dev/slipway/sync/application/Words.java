package dev.slipway.sync.application;

import dev.slipway.manifest.Problem;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.words.Count;
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
    return Count.of(problems.size(), "problem")
        + "\n"
        + shown
        + (problems.size() > MOST_PROBLEMS ? "\n…" : "");
  }

  static String brief(String revision) {
    return revision.length() == 40 ? revision.substring(0, 8) : revision;
  }

  /// The option that a command needs for an application that is not where commands look by
  /// themselves.
  static String elsewhere(KubeObject application) {
    return application.namespace().equals("default") ? "" : " -n " + application.namespace();
  }

  static String span(Duration duration) {
    return duration.toString().substring(2).toLowerCase(Locale.ROOT);
  }
}
