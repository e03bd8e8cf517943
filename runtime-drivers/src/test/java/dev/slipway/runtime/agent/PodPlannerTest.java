package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/// The pod has the init containers `migrate` and `mesh` (a sidecar with a startup probe) and the
/// container `web`.
class PodPlannerTest {
  private static final Instant NOW = Instant.parse("2026-01-01T12:00:00Z");

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # case                                     | policy    | observed                                  | steps
          nothing runs: the first init container     | Always    |                                           | start migrate#0
          one after the other                        | Always    | migrate:running                           |
          created by an agent that died              | Always    | migrate:created                           | start-created migrate
          an init container failed                   | Always    | migrate:exit1                             | start migrate#1
          ... and nothing is run again               | Never     | migrate:exit1                             |
          a sidecar begins when its turn comes       | Always    | migrate:exit0                             | start mesh#0
          it holds up the rest until it has started  | Always    | migrate:exit0,mesh:starting               |
          then the main container                    | Always    | migrate:exit0,mesh:running                | start web#0
          all runs                                   | Always    | migrate:exit0,mesh:running,web:running    |
          a sidecar is run again even so             | Never     | migrate:exit0,mesh:exit0,web:running      | start mesh#1
          ... while the main container is kept       | Always    | migrate:exit0,mesh:exit1,web:exit0        | start mesh#1; start web#1
          main container ended well                  | OnFailure | migrate:exit0,mesh:running,web:exit0      |
          main container failed                      | OnFailure | migrate:exit0,mesh:running,web:exit3      | start web#1
          main container failed                      | Never     | migrate:exit0,mesh:running,web:exit3      |
          liveness failed                            | Always    | migrate:exit0,mesh:running,web:sick       | stop web
          """)
  void bringsAPodUp(String name, String policy, String observed, String steps) {
    PodPlanner.Plan plan = PodPlanner.plan(view(pod(policy, _ -> {}), observed));
    assertThat(words(plan)).isEqualTo(steps == null ? "" : steps);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # case                                     | observed                                          | steps
          the main container goes first              | migrate:exit0,mesh:running,web:running            | stop web
          then the sidecar                           | migrate:exit0,mesh:running,web:exit0              | stop mesh
          then the pod                               | migrate:exit0,mesh:exit0,web:exit0                | finish
          """)
  void endsAPodInOrder(String name, String observed, String steps) {
    assertThat(words(PodPlanner.plan(view(terminating(NOW.plusSeconds(30)), observed))))
        .isEqualTo(steps);
  }

  @Test
  void killsEverythingWhenTheGraceIsOver() {
    var view = view(terminating(NOW), "migrate:exit0,mesh:running,web:running");
    assertThat(words(PodPlanner.plan(view))).isEqualTo("kill mesh; kill web");
  }

  @Test
  void waitsForTheDataPlaneForHalfOfTheGrace() {
    KubeObject early = terminating(NOW.plusSeconds(29));
    PodView serving = holding(view(early, "migrate:exit0,mesh:running,web:running"));
    assertThat(PodPlanner.plan(serving).steps()).isEmpty();
    KubeObject late = terminating(NOW.plusSeconds(15));
    serving = holding(view(late, "migrate:exit0,mesh:running,web:running"));
    assertThat(words(PodPlanner.plan(serving))).isEqualTo("stop web");
  }

  @Test
  void aNodeThatWasAwayGivesAPodItsWholeGrace() {
    PodView away =
        view(terminating(NOW.minusSeconds(100)), "migrate:exit0,mesh:running,web:running");
    PodView back =
        new PodView(
            away.pod(), away.sandbox(), away.containers(), Map.of(), away.probes(), true, NOW, NOW);
    assertThat(PodPlanner.plan(back).steps()).isEmpty();
    PodView later =
        new PodView(
            away.pod(),
            away.sandbox(),
            away.containers(),
            Map.of(),
            away.probes(),
            false,
            NOW.minusSeconds(1),
            NOW);
    assertThat(PodPlanner.plan(later).steps())
        .containsExactly(
            new PodStep.Stop("u/web-0", "web", Duration.ofSeconds(29), "the pod is being deleted"));
  }

  @Test
  void keepsTheAddressOfAPodThatHasEndedWhileConnectionsGoThere() {
    String ended = "migrate:exit0,mesh:exit0,web:exit0";
    PodView early = view(terminating(NOW.plusSeconds(29)), ended);
    assertThat(PodPlanner.plan(holding(early)).steps()).isEmpty();
    PodView late = view(terminating(NOW.plusSeconds(10)), ended);
    assertThat(words(PodPlanner.plan(holding(late)))).isEqualTo("finish");
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 10", "2, 20", "3, 40", "5, 160", "6, 300", "30, 300"})
  void backsOffLongerEachTime(int level, int seconds) {
    assertThat(PodPlanner.backoff(level)).isEqualTo(Duration.ofSeconds(seconds));
  }

  @Test
  void aRestartWaitsForItsBackOff() {
    var exited = new ContainerState.Exited(1, NOW.minusSeconds(9), NOW.minusSeconds(4), "Error");
    var view = view(pod("Always", _ -> {}), "migrate:exit0,mesh:running");
    var containers = new ArrayList<>(view.containers());
    containers.add(new Observed("u", "web", 3, 1, "u/web-3", "", exited));
    PodPlanner.Plan plan = PodPlanner.plan(with(view, containers));
    assertThat(plan.steps()).isEmpty();
    assertThat(plan.recheckAfter()).contains(Duration.ofSeconds(6));
  }

  @Test
  void tenGoodMinutesForgiveAll() {
    var exited = new ContainerState.Exited(1, NOW.minusSeconds(600), NOW, "Error");
    var view = view(pod("Always", _ -> {}), "migrate:exit0,mesh:running");
    var containers = new ArrayList<>(view.containers());
    containers.add(new Observed("u", "web", 3, 6, "u/web-3", "", exited));
    assertThat(PodPlanner.plan(with(view, containers)).steps())
        .containsExactly(new PodStep.Start("web", 4, 0));
  }

  @Test
  void keepsTheAttemptBeforeTheNewestForItsLog() {
    var view = view(pod("Always", _ -> {}), "migrate:exit0,mesh:running");
    var containers = new ArrayList<>(view.containers());
    for (int attempt = 0; attempt < 3; attempt++) {
      var exited = new ContainerState.Exited(1, NOW.minusSeconds(9), NOW.minusSeconds(5), "Error");
      containers.add(new Observed("u", "web", attempt, attempt, "u/web-" + attempt, "", exited));
    }
    assertThat(words(PodPlanner.plan(with(view, containers)))).isEqualTo("forget u/web-0");
  }

  @Test
  void aPodThatHasHadItsTimeIsEnded() {
    KubeObject pod =
        pod("Always", json -> Json.child(json, "spec").put("activeDeadlineSeconds", 60));
    pod = pod.withStatus(Json.object().put("startTime", NOW.minusSeconds(50).toString()));
    PodView view = view(pod, "migrate:exit0,mesh:running,web:running");
    assertThat(PodPlanner.plan(view).recheckAfter()).contains(Duration.ofSeconds(10));
    ObjectNode status = Json.object().put("startTime", NOW.minusSeconds(60).toString());
    view = view(pod.withStatus(status), "migrate:exit0,mesh:running,web:running");
    status = PodStatus.of(view, "127.0.0.1");
    assertThat(Json.string(status, "phase", "")).isEqualTo("Failed");
    assertThat(Json.string(status, "reason", "")).isEqualTo("DeadlineExceeded");
    assertThat(words(PodPlanner.plan(view(pod.withStatus(status), "web:running"))))
        .isEqualTo("stop web");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # case                            | policy    | observed                                 | phase     | ready
          init containers run               | Always    | migrate:running                          | Pending   | false
          an init container failed for good | Never     | migrate:exit1                            | Failed    | false
          has not begun to run              | Always    | migrate:exit0,mesh:running,web:created   | Pending   | false
          all runs                          | Always    | migrate:exit0,mesh:running,web:running   | Running   | true
          the sidecar is down               | Always    | migrate:exit0,mesh:exit1,web:running     | Running   | false
          not ready yet                     | Always    | migrate:exit0,mesh:running,web:unready   | Running   | false
          done                              | OnFailure | migrate:exit0,mesh:running,web:exit0     | Succeeded | false
          failed                            | Never     | migrate:exit0,mesh:running,web:exit2     | Failed    | false
          will be run again                 | OnFailure | migrate:exit0,mesh:running,web:exit2     | Running   | false
          """)
  void saysHowAPodIs(String name, String policy, String observed, String phase, boolean ready) {
    ObjectNode status = PodStatus.of(view(pod(policy, _ -> {}), observed), "127.0.0.1");
    assertThat(Json.string(status, "phase", "")).isEqualTo(phase);
    assertThat(dev.slipway.model.object.Conditions.isTrue(status, "Ready")).isEqualTo(ready);
  }

  @Test
  void aReadinessGateHoldsTheReadinessUp() {
    KubeObject pod =
        pod(
            "Always",
            json ->
                Json.child(json, "spec")
                    .putArray("readinessGates")
                    .addObject()
                    .put("conditionType", "example.com/warm"));
    String all = "migrate:exit0,mesh:running,web:running";
    ObjectNode status = PodStatus.of(view(pod, all), "127.0.0.1");
    assertThat(dev.slipway.model.object.Conditions.isTrue(status, "ContainersReady")).isTrue();
    assertThat(dev.slipway.model.object.Conditions.isTrue(status, "Ready")).isFalse();
    status
        .withArray("conditions")
        .addObject()
        .put("type", "example.com/warm")
        .put("status", "True");
    status = PodStatus.of(view(pod.withStatus(status), all), "127.0.0.1");
    assertThat(dev.slipway.model.object.Conditions.isTrue(status, "Ready")).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "'', '', BestEffort",
    "'cpu=1,memory=1Gi', '', Guaranteed",
    "'cpu=1,memory=1Gi', 'cpu=1000m', Guaranteed",
    "'cpu=1', '', Burstable",
    "'', 'memory=1Mi', Burstable",
    "'cpu=2,memory=1Gi', 'cpu=1', Burstable"
  })
  void saysHowFirmlyResourcesArePromised(String limits, String requests, String expected) {
    KubeObject pod =
        KubeObject.make(
            "v1",
            "Pod",
            "shop",
            "web",
            json -> {
              ObjectNode resources =
                  Json.child(json, "spec")
                      .putArray("containers")
                      .addObject()
                      .putObject("resources");
              amounts(resources.putObject("limits"), limits);
              amounts(resources.putObject("requests"), requests);
            });
    assertThat(Qos.of(pod)).isEqualTo(expected);
  }

  private static void amounts(ObjectNode into, String text) {
    for (String part : text.isEmpty() ? new String[0] : text.split(",", -1)) {
      into.put(part.split("=", 2)[0], part.split("=", 2)[1]);
    }
  }

  private interface Change {
    void to(ObjectNode json);
  }

  private static KubeObject pod(String policy, Change change) {
    return KubeObject.make(
        "v1",
        "Pod",
        "shop",
        "web",
        json -> {
          Json.child(json, "metadata").put("uid", "u");
          ObjectNode spec = Json.child(json, "spec").put("restartPolicy", policy);
          var init = spec.putArray("initContainers");
          init.addObject().put("name", "migrate");
          init.addObject()
              .put("name", "mesh")
              .put("restartPolicy", "Always")
              .putObject("startupProbe");
          spec.putArray("containers").addObject().put("name", "web");
          change.to(json);
        });
  }

  private static KubeObject terminating(Instant until) {
    return pod(
        "Always",
        json ->
            Json.child(json, "metadata")
                .put("deletionTimestamp", until.toString())
                .put("deletionGracePeriodSeconds", 30));
  }

  private static PodView view(KubeObject pod, String observed) {
    var containers = new ArrayList<Observed>();
    var probes = new HashMap<String, PodView.ProbeWord>();
    for (String one : observed == null ? new String[0] : observed.split(",", -1)) {
      String name = one.split(":", 2)[0];
      String word = one.split(":", 2)[1];
      String id = "u/" + name + "-0";
      ContainerState state =
          word.equals("created")
              ? new ContainerState.Created()
              : word.startsWith("exit")
                  ? new ContainerState.Exited(
                      Integer.parseInt(word.substring(4)), NOW.minusSeconds(5), NOW, "Error")
                  : new ContainerState.Running(NOW.minusSeconds(5));
      containers.add(new Observed("u", name, 0, 0, id, "", state));
      probes.put(
          id,
          new PodView.ProbeWord(
              !word.equals("starting"),
              !word.equals("unready"),
              word.equals("sick") ? Optional.of("Liveness probe failed") : Optional.empty()));
    }
    return new PodView(
        pod, Optional.of("127.64.0.1"), containers, Map.of(), probes, false, seen(pod), NOW);
  }

  /// By a node that was there all the time.
  private static Instant seen(KubeObject pod) {
    return pod.deletionTimestamp().map(until -> until.minus(PodPlanner.grace(pod))).orElse(NOW);
  }

  private static PodView with(PodView view, List<Observed> containers) {
    return new PodView(
        view.pod(),
        view.sandbox(),
        containers,
        Map.of(),
        view.probes(),
        false,
        view.endingSince(),
        view.now());
  }

  private static PodView holding(PodView view) {
    return new PodView(
        view.pod(),
        view.sandbox(),
        view.containers(),
        Map.of(),
        view.probes(),
        true,
        view.endingSince(),
        view.now());
  }

  private static String words(PodPlanner.Plan plan) {
    return plan.steps().stream()
        .map(
            step ->
                switch (step) {
                  case PodStep.Launch launch -> "launch " + launch.attempt();
                  case PodStep.Prepare _ -> "prepare";
                  case PodStep.Start(String container, int attempt, _) ->
                      "start " + container + "#" + attempt;
                  case PodStep.StartCreated(_, String container) -> "start-created " + container;
                  case PodStep.Stop(_, String container, _, _) -> "stop " + container;
                  case PodStep.Kill(String id, _) -> "kill " + id.substring(2, id.lastIndexOf('-'));
                  case PodStep.Forget(String id) -> "forget " + id;
                  case PodStep.Finish _ -> "finish";
                })
        .collect(Collectors.joining("; "));
  }
}
