package dev.slipway.runtime.mesos;

import dev.slipway.runtime.mesos.TaskRecord.Phase;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What a status of Mesos means for what is known of a task. Every answer holds for a status that
/// comes twice, late, or after its contrary.
final class TaskRules {
  sealed interface Meaning {
    /// The task is so from now on. Equal to what was known when it was no news.
    record Becomes(TaskRecord task) implements Meaning {}

    /// It never ran and never will: its group may be launched again, under new ids.
    record NeverRan(String why) implements Meaning {}

    /// It may never have run: a reconciliation tells.
    record Ask(String why) implements Meaning {}

    /// It is none of ours any more, and must not run.
    record Kill(String why) implements Meaning {}

    /// It says nothing about this task.
    record Nothing(String why) implements Meaning {}
  }

  private static final Pattern EXIT = Pattern.compile("exited with status (\\d+)");
  private static final Pattern SIGNAL = Pattern.compile("terminated with signal ([A-Za-z0-9]+)");
  private static final Map<String, Integer> SIGNALS =
      Map.of(
          "Hangup", 1,
          "Interrupt", 2,
          "Quit", 3,
          "Aborted", 6,
          "Killed", 9,
          "Segmentation", 11,
          "Broken", 13,
          "Alarm", 14,
          "Terminated", 15);

  private TaskRules() {}

  /// @param known what is written down of the task; empty when nothing is
  /// @param killedHard whether it was asked to end without grace
  static Meaning of(Optional<TaskRecord> known, TaskStatus status, boolean killedHard) {
    if (known.isEmpty()) {
      return switch (status.state()) {
        case STAGING, STARTING, RUNNING, KILLING, UNREACHABLE ->
            new Meaning.Kill("nothing is known of it");
        default -> new Meaning.Nothing("nothing is known of it, and it does not run");
      };
    }
    TaskRecord task = known.get().in(status.containerId(), status.parentId());
    if (task.hasEnded()) {
      return switch (status.state()) {
        case STAGING, STARTING, RUNNING -> new Meaning.Kill("it was taken for ended");
        default -> new Meaning.Nothing("it has ended already");
      };
    }
    return switch (status.state()) {
      case STAGING, STARTING ->
          task.phase() == Phase.LAUNCHING
              ? new Meaning.Becomes(task)
              : new Meaning.Nothing("an old word");
      case RUNNING, KILLING ->
          new Meaning.Becomes(task.phase() == Phase.RUNNING ? task : task.running(status.at()));
      case UNREACHABLE ->
          new Meaning.Becomes(task.unreachable("its agent does not answer the Mesos master"));
      case UNKNOWN ->
          task.phase() == Phase.LAUNCHING
              ? new Meaning.NeverRan("the master knows nothing of it")
              : new Meaning.Becomes(task.unreachable("the Mesos master knows nothing of it"));
      case DROPPED, LOST ->
          task.phase() == Phase.LAUNCHING
              ? dropped(status)
              : new Meaning.Becomes(
                  task.ended(137, "ContainerLost: " + words(status), status.at()));
      case GONE, GONE_BY_OPERATOR ->
          task.phase() == Phase.LAUNCHING
              ? new Meaning.NeverRan(words(status))
              : new Meaning.Becomes(
                  task.ended(137, "ContainerLost: " + words(status), status.at()));
      case FINISHED -> new Meaning.Becomes(task.ended(0, "Completed", status.at()));
      case FAILED -> new Meaning.Becomes(task.ended(code(status, 1), failure(status), status.at()));
      case KILLED ->
          new Meaning.Becomes(
              task.ended(
                  code(status, killedHard ? 137 : 143),
                  status.healthy().orElse(true) ? "Error" : "Unhealthy: its health check failed",
                  status.at()));
      case ERROR -> error(task, status);
    };
  }

  /// What the master makes up when an offer is gone. It does so for the copy of an ACCEPT, too,
  /// whose first one it has taken.
  private static Meaning dropped(TaskStatus status) {
    return status.uuid().isEmpty() && !status.fromReconciliation()
        ? new Meaning.Ask(words(status))
        : new Meaning.NeverRan(words(status));
  }

  /// A second task under the id of one that lives is refused with the living one's id. That is no
  /// word about the living one.
  private static Meaning error(TaskRecord task, TaskStatus status) {
    if (status.uuid().isEmpty() && task.phase() != Phase.LAUNCHING) {
      return new Meaning.Nothing("it is about another task of the same id");
    }
    return new Meaning.Becomes(
        task.ended(128, "ContainerCannotRun: " + words(status), status.at()));
  }

  private static String failure(TaskStatus status) {
    if (status.reason().equals("REASON_CONTAINER_LIMITATION_MEMORY")) {
      return "OOMKilled";
    }
    return EXIT.matcher(status.message()).find() || SIGNAL.matcher(status.message()).find()
        ? "Error"
        : "Error: " + words(status);
  }

  private static int code(TaskStatus status, int otherwise) {
    Matcher exit = EXIT.matcher(status.message());
    if (exit.find()) {
      return Integer.parseInt(exit.group(1));
    }
    Matcher signal = SIGNAL.matcher(status.message());
    if (signal.find()) {
      String word = signal.group(1);
      return word.chars().allMatch(Character::isDigit)
          ? 128 + Integer.parseInt(word)
          : 128 + SIGNALS.getOrDefault(word, 9);
    }
    return status.reason().equals("REASON_CONTAINER_LIMITATION_MEMORY") ? 137 : otherwise;
  }

  static String words(TaskStatus status) {
    String text = status.message().isEmpty() ? status.reason() : status.message();
    return text.isEmpty() ? "TASK_" + status.state() : text;
  }
}
