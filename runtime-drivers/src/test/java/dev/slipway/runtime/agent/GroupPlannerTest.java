package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.object.KubeObject;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A pod of an init container, a web and a log container.
class GroupPlannerTest {
  private static final Instant NOW = Instant.parse("2026-01-01T01:00:00Z");

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # case                                  | policy    | init | web | log | backoff | steps
          nothing is there: all at once           | Always    | -    | -   | -   | 0       | launch 0
          they wait for an offer                  | Always    | C    | C   | C   | 0       |
          the init container runs                 | Always    | R    | C   | C   | 0       |
          all is well                             | Always    | E0   | R   | R   | 0       |
          one fails, Mesos ends the rest          | Always    | E0   | E1  | R   | 0       | stop log
          all have ended: again at once           | Always    | E0   | E1  | E143| 0       | launch 1
          again, but not yet                      | Always    | E0   | E1  | E143| 3       | wait
          a clean end asks for all of them, too   | Always    | E0   | E0  | R   | 0       | stop log
          a clean end is an end                   | OnFailure | E0   | E0  | R   | 0       |
          both are done                           | OnFailure | E0   | E0  | E0  | 0       |
          a failure is not                        | OnFailure | E0   | E0  | E2  | 0       | launch 1
          never means never                       | Never     | E0   | E1  | E143| 0       |
          a failed beginning                      | Always    | E1   | E143| E143| 0       | launch 1
          a failed beginning, and never again     | Never     | E1   | E143| E143| 0       |
          its agent does not answer               | Always    | E0   | U   | U   | 0       |
          one failed while the agent is away      | Always    | E0   | E1  | U   | 0       |
          """)
  void decidesForTheWholeGroup(
      String name,
      String policy,
      String init,
      String web,
      String logs,
      int backoff,
      String expected) {
    var observed = new ArrayList<Observed>();
    add(observed, "init", init, backoff);
    add(observed, "web", web, backoff);
    add(observed, "log", logs, backoff);
    PodPlanner.Plan plan = GroupPlanner.plan(view(policy, observed));
    String steps =
        plan.steps().stream()
            .map(
                step ->
                    switch (step) {
                      case PodStep.Launch launch -> "launch " + launch.attempt();
                      case PodStep.Stop stop -> "stop " + stop.container();
                      default -> step.toString();
                    })
            .collect(Collectors.joining(", "));
    assertThat(steps.isEmpty() && plan.recheckAfter().isPresent() ? "wait" : steps)
        .isEqualTo(expected == null ? "" : expected);
  }

  private static void add(List<Observed> observed, String container, String word, int backoff) {
    if (word.equals("-")) {
      return;
    }
    Instant before = NOW.minusSeconds(5);
    ContainerState state =
        switch (word.charAt(0)) {
          case 'C' -> new ContainerState.Created();
          case 'R' -> new ContainerState.Running(before);
          case 'U' -> new ContainerState.Unknown("away");
          default ->
              new ContainerState.Exited(
                  Integer.parseInt(word.substring(1)), before, NOW.minusSeconds(1), "Error");
        };
    observed.add(new Observed("uid", container, 0, backoff, "uid/" + container, "", state));
  }

  private static PodView view(String policy, List<Observed> observed) {
    KubeObject pod =
        KubeObject.make(
            "v1",
            "Pod",
            "default",
            "web",
            json -> {
              var spec = json.putObject("spec").put("restartPolicy", policy);
              spec.putArray("initContainers").addObject().put("name", "init");
              var main = spec.putArray("containers");
              main.addObject().put("name", "web");
              main.addObject().put("name", "log");
            });
    return new PodView(
        pod, Optional.of("127.1.1.1"), observed, Map.of(), Map.of(), false, NOW, NOW);
  }
}
