package dev.slipway.sync.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.report.CommitStatus.Reported;
import dev.slipway.sync.report.CommitStatus.State;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class StatusPlannerTest {
  private static final String NEW = "b".repeat(40);
  private static final String OLD = "a".repeat(40);

  private static KubeObject application(String phase, String health, String more) {
    ObjectNode status =
        Json.parseObject(
            """
            {"source": {"revision": "%1$s"},
             "operation": {"revision": "%1$s", "phase": "%2$s", "message": "a message"},
             "health": {"status": "%3$s", "message": "pods fail"}%4$s}"""
                .formatted(NEW, phase, health, more)
                .getBytes(StandardCharsets.UTF_8));
    return KubeObject.make(
        "slipway.dev/v1", "Application", "web", "shop", json -> json.set("status", status));
  }

  private static Optional<State> told(String state) {
    return state.isEmpty() ? Optional.empty() : Optional.of(State.valueOf(state));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # phase, health, told before, said now
          Running, Healthy, '', PENDING
          Running, Healthy, PENDING, ''
          WaitingForConfirmation, Healthy, '', PENDING
          Succeeded, Progressing, '', PENDING
          Succeeded, Progressing, PENDING, ''
          Succeeded, Healthy, PENDING, SUCCESS
          Succeeded, Healthy, '', SUCCESS
          Succeeded, Healthy, SUCCESS, ''
          Succeeded, Degraded, PENDING, FAILURE
          Succeeded, Degraded, SUCCESS, ''
          Succeeded, Progressing, SUCCESS, ''
          Succeeded, Healthy, FAILURE, SUCCESS
          Running, Healthy, SUCCESS, ''
          Failed, Healthy, PENDING, FAILURE
          Terminated, Healthy, PENDING, FAILURE
          Superseded, Healthy, PENDING, ''
          """)
  void aDeliveryIsToldUntilItHasEnded(String phase, String health, String before, String now) {
    assertThat(
            StatusPlanner.next(
                    application(phase, health, ""),
                    told(before).map(state -> new Reported(NEW, state)))
                .map(CommitStatus::state))
        .isEqualTo(told(now));
  }

  @Test
  void aCommitThatIsGivenUpFailedAlsoWhenItWasHealthyBefore() {
    KubeObject application =
        application(
            "Succeeded",
            "Healthy",
            ", \"rejected\": [{\"revision\": \"%s\", \"reason\": \"rolled back by ann\"}]"
                .formatted(NEW));
    assertThat(StatusPlanner.next(application, Optional.of(new Reported(NEW, State.SUCCESS))))
        .contains(new CommitStatus(NEW, State.FAILURE, "slipway/web/shop", "rolled back by ann"));
    assertThat(StatusPlanner.next(application, Optional.of(new Reported(NEW, State.FAILURE))))
        .isEmpty();
  }

  @Test
  void invalidManifestsFailTheirCommit() {
    KubeObject application =
        application(
            "Succeeded",
            "Healthy",
            ", \"conditions\": [{\"type\": \"InvalidManifests\", \"status\": \"True\", \"message\": \"a.yaml:1:1: no\"}]");
    assertThat(StatusPlanner.next(application, Optional.empty()))
        .contains(new CommitStatus(NEW, State.FAILURE, "slipway/web/shop", "a.yaml:1:1: no"));
  }

  @Test
  void whoWasLeftWaitingHearsThatANewerCommitCame() {
    KubeObject application = application("Running", "Healthy", "");
    assertThat(StatusPlanner.next(application, Optional.of(new Reported(OLD, State.PENDING))))
        .contains(
            new CommitStatus(OLD, State.SUPERSEDED, "slipway/web/shop", "superseded by bbbbbbbb"));
    assertThat(StatusPlanner.next(application, Optional.of(new Reported(OLD, State.SUPERSEDED))))
        .map(CommitStatus::commit)
        .contains(NEW);
  }

  @Test
  void aPartialSyncSaysNothingOfACommit() {
    ObjectNode status =
        Json.parseObject(
            """
            {"source": {"revision": "%1$s"}, "health": {"status": "Healthy"},
             "operation": {"revision": "%1$s", "phase": "Succeeded", "selection": ["ConfigMap/web"]}}"""
                .formatted(NEW)
                .getBytes(StandardCharsets.UTF_8));
    KubeObject application =
        KubeObject.make(
            "slipway.dev/v1", "Application", "web", "shop", json -> json.set("status", status));
    assertThat(StatusPlanner.next(application, Optional.empty())).isEmpty();
  }

  private static KubeObject plan(String by, String steps) {
    return KubeObject.make(
        "slipway.dev/v1",
        "Plan",
        "web",
        "shop-1",
        json -> {
          json.putObject("spec").put("application", "shop").put("revision", NEW).put("by", by);
          Json.child(json, "spec").set("steps", Json.parse(steps));
        });
  }

  @Test
  void thePlanOfAPullRequestIsToldOnce() {
    String steps = "[{\"action\": \"create\"}, {\"action\": \"change\"}, {\"action\": \"create\"}]";
    Optional<CommitStatus> status =
        StatusPlanner.ofPlan(plan("proposal #7 colours", steps), Optional.empty());
    assertThat(status)
        .contains(
            new CommitStatus(
                NEW,
                State.SUCCESS,
                "slipway/web/shop/plan",
                "2 to create, 1 to change: plan shop-1"));
    assertThat(
            StatusPlanner.ofPlan(
                plan("proposal #7 colours", steps), status.map(CommitStatus::reported)))
        .isEmpty();
    assertThat(StatusPlanner.ofPlan(plan("proposal #7", "[]"), Optional.empty()))
        .map(CommitStatus::description)
        .contains("nothing to do: plan shop-1");
    assertThat(StatusPlanner.ofPlan(plan("ann", steps), Optional.empty())).isEmpty();
  }

  @Test
  void aPullRequestThatCannotBePlannedHasFailed() {
    KubeObject failed =
        plan("proposal #7", "[]")
            .with(json -> Json.child(json, "spec").put("problem", "a.yaml:1:1: no kind"));
    assertThat(StatusPlanner.ofPlan(failed, Optional.empty()))
        .contains(
            new CommitStatus(NEW, State.FAILURE, "slipway/web/shop/plan", "a.yaml:1:1: no kind"));
  }

  @Test
  void whatWasToldIsReadAsItWasWritten() {
    var reported = new Reported(NEW, State.SUPERSEDED);
    assertThat(Reported.parse(reported.toString())).contains(reported);
    assertThat(Reported.parse("of another program")).isEmpty();
    assertThat(Reported.parse("")).isEmpty();
  }
}
