package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.runtime.mesos.TaskRecord.Phase;
import dev.slipway.runtime.mesos.TaskRules.Meaning;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskRulesTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final TaskRecord NEW =
      TaskRecord.launching("pod.web.0.x", "web", 0, 0, "pod.0.x", false);

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # case                                          | known       | state            | message                  | meaning
          a launch is told to have been staged            | LAUNCHING   | STAGING          |                          | LAUNCHING
          it begins                                       | LAUNCHING   | RUNNING          |                          | RUNNING
          it runs still                                   | RUNNING     | RUNNING          |                          | RUNNING
          an old word comes late                          | RUNNING     | STARTING         |                          | nothing
          it is on its way down                           | RUNNING     | KILLING          |                          | RUNNING
          killing is told after its agent was away        | UNREACHABLE | KILLING          |                          | RUNNING
          its agent does not answer                       | RUNNING     | UNREACHABLE      |                          | UNREACHABLE
          it comes back                                   | UNREACHABLE | RUNNING          |                          | RUNNING
          the master has forgotten it                     | RUNNING     | UNKNOWN          |                          | UNREACHABLE
          the master never knew it                        | LAUNCHING   | UNKNOWN          |                          | never ran
          its offer was gone, or that of a copy           | LAUNCHING   | DROPPED          |                          | ask
          the agent never had it                          | LAUNCHING   | GONE             |                          | never ran
          the agent has it no more                        | RUNNING     | GONE             |                          | ended 137
          the operator gave its agent up                  | UNREACHABLE | GONE_BY_OPERATOR |                          | ended 137
          an old master lost it                           | RUNNING     | LOST             |                          | ended 137
          it is done                                      | RUNNING     | FINISHED         |                          | ended 0
          it fails                                        | RUNNING     | FAILED           | exited with status 3     | ended 3
          it is shot                                      | RUNNING     | FAILED           | terminated with signal 9 | ended 137
          it is shot, in words                            | RUNNING     | FAILED           | terminated with signal Terminated | ended 143
          it fails before it was seen                     | LAUNCHING   | FAILED           | exited with status 3     | ended 3
          it was asked to end                             | RUNNING     | KILLED           |                          | ended 143
          Mesos will not have it                          | LAUNCHING   | ERROR            | no such user             | ended 128
          a namesake is refused                           | RUNNING     | ERROR            | duplicate ID             | nothing
          the end is told twice                           | ENDED       | FINISHED         |                          | nothing
          what ended is killed once more                  | ENDED       | KILLING          |                          | nothing
          what was taken for ended runs                   | ENDED       | RUNNING          |                          | kill
          a stranger of ours begins                       | none        | STAGING          |                          | kill
          a stranger of ours runs                         | none        | RUNNING          |                          | kill
          a stranger of ours may run                      | none        | UNREACHABLE      |                          | kill
          a stranger of ours has ended                    | none        | KILLED           |                          | nothing
          """)
  void takesAStatusForWhatItIs(
      String name, String known, TaskStatus.State state, String message, String meaning) {
    assertThat(
            word(
                TaskRules.of(
                    known.equals("none")
                        ? Optional.empty()
                        : Optional.of(task(Phase.valueOf(known))),
                    status(state, message == null ? "" : message),
                    false)))
        .isEqualTo(meaning);
  }

  private static TaskRecord task(Phase phase) {
    return switch (phase) {
      case LAUNCHING -> NEW;
      case RUNNING -> NEW.running(NOW);
      case UNREACHABLE -> NEW.running(NOW).unreachable("away");
      case ENDED -> NEW.running(NOW).ended(0, "Completed", NOW);
    };
  }

  private static TaskStatus status(TaskStatus.State state, String message) {
    return new TaskStatus(
        NEW.id(),
        "agent",
        state,
        "",
        message,
        "",
        Optional.empty(),
        NOW,
        Optional.empty(),
        "",
        "",
        false);
  }

  private static String word(Meaning meaning) {
    return switch (meaning) {
      case Meaning.Becomes(TaskRecord task) ->
          task.hasEnded() ? "ended " + task.code() : task.phase().name();
      case Meaning.NeverRan _ -> "never ran";
      case Meaning.Ask _ -> "ask";
      case Meaning.Kill _ -> "kill";
      case Meaning.Nothing _ -> "nothing";
    };
  }

  /// Whatever Mesos says, in whatever order: a task that has ended never lives again, a status
  /// means the same when it comes twice, and nothing that may run is forgotten.
  @Test
  void noOrderOfStatusesRevivesATask() {
    Set<Phase> met = EnumSet.noneOf(Phase.class);
    for (Phase phase : Phase.values()) {
      for (TaskStatus.State state : TaskStatus.State.values()) {
        TaskRecord before = task(phase);
        Meaning meaning = TaskRules.of(Optional.of(before), status(state, ""), false);
        if (meaning instanceof Meaning.Becomes(TaskRecord after)) {
          met.add(after.phase());
          assertThat(before.hasEnded()).isFalse();
          Meaning again = TaskRules.of(Optional.of(after), status(state, ""), false);
          if (again instanceof Meaning.Becomes(TaskRecord same)) {
            assertThat(same).isEqualTo(after);
          }
        }
        if (meaning instanceof Meaning.NeverRan) {
          assertThat(phase).isEqualTo(Phase.LAUNCHING);
        }
      }
    }
    assertThat(met).containsExactlyInAnyOrder(Phase.values());
  }

  /// An agent's own word has a uuid; an answer is the last word.
  @Test
  void whatAnAgentDroppedOrAReconciliationFindsDroppedNeverRan() {
    TaskStatus made = status(TaskStatus.State.DROPPED, "");
    assertThat(word(TaskRules.of(Optional.of(NEW), with(made, Optional.of("u"), false), false)))
        .isEqualTo("never ran");
    assertThat(word(TaskRules.of(Optional.of(NEW), with(made, Optional.empty(), true), false)))
        .isEqualTo("never ran");
  }

  private static TaskStatus with(TaskStatus status, Optional<String> uuid, boolean answer) {
    return new TaskStatus(
        status.taskId(),
        status.agentId(),
        status.state(),
        status.reason(),
        status.message(),
        status.source(),
        uuid,
        status.at(),
        status.healthy(),
        status.containerId(),
        status.parentId(),
        answer);
  }

  @Test
  void whatWasKilledWithoutGraceSaysSo() {
    Meaning meaning =
        TaskRules.of(Optional.of(task(Phase.RUNNING)), status(TaskStatus.State.KILLED, ""), true);
    assertThat(word(meaning)).isEqualTo("ended 137");
  }
}
