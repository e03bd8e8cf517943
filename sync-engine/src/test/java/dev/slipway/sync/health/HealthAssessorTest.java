package dev.slipway.sync.health;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.health.Health;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class HealthAssessorTest {
  private static final Instant NOW = Instant.parse("2026-01-01T12:00:00Z");
  private static final HealthCheck WIDGET =
      new HealthCheck(
          "widgets.test/v1",
          "Widget",
          "status.phase == 'Ready' && status.parts.all(p, p.done) && status.ratio >= 0.5",
          "status.phase == 'Working'",
          "status.phase == 'Broken' || (has(status.gone) && status.gone == null)");

  private final HealthAssessor assessor = new HealthAssessor(new Expressions());

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # case                           | status                                                             | health
          the first that holds             | {phase: 'Working', parts: [], ratio: 1}                            | Progressing in progress: status.phase == 'Working'
          ready                            | {phase: 'Ready', parts: [{done: true}], ratio: 0.5}                | Healthy
          a whole number beside a fraction | {phase: 'Ready', parts: [{done: true}], ratio: 1}                  | Healthy
          a part is missing                | {phase: 'Ready', parts: [{done: true}, {done: false}], ratio: 1}   | Progressing
          broken                           | {phase: 'Broken'}                                                  | Degraded failed
          broken, in its own words         | {phase: 'Broken', conditions: [{type: 'Ready', message: 'no key'}]} | Degraded no key
          null is a value                  | {phase: 'Odd', gone: null, parts: [], ratio: 1}                    | Degraded
          no status yet                    | {}                                                                 | Progressing
          an older state                   | {phase: 'Ready', parts: [], ratio: 1, observedGeneration: 1}       | Progressing its last change was not observed yet
          """)
  void decidesByTheFirstExpressionThatHolds(String name, String status, String expected) {
    Health health = assessor.assess(widget(status), List.of(WIDGET), NOW);

    assertThat(health.word() + " " + health.message()).startsWith(expected);
  }

  @Test
  void otherKindsAndVersionsKeepTheirRules() {
    HealthCheck other = new HealthCheck("widgets.test/v2", "Widget", "false", "false", "true");

    assertThat(assessor.assess(widget("{}"), List.of(other), NOW)).isEqualTo(Health.HEALTHY);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          status.phase ==    | is no expression
          unknown.field == 1 | undeclared reference
          1 + 1              | neither true nor false
          """)
  void whatIsNoExpressionMakesNothingHealthy(String text, String why) {
    var check = new HealthCheck("widgets.test/v1", "Widget", text, "", "");
    Health health = assessor.assess(widget("{phase: 'Ready'}"), List.of(check), NOW);

    assertThat(health.word()).isEqualTo(Health.Word.UNKNOWN);
    assertThat(health.message()).contains(why);
  }

  @Test
  void whatIsWrongWithChecksIsSaidBeforeAnyObjectIsLookedAt() {
    assertThat(assessor.problem(List.of(WIDGET))).isEmpty();
    assertThat(assessor.problem(List.of(new HealthCheck("v1", "Widget", "", "", ""))))
        .contains("a health check needs apiVersion, kind and current");
    assertThat(
            assessor.problem(List.of(new HealthCheck("v1", "Widget", "true", "(", ""))).orElse(""))
        .contains("is no expression");
  }

  @Test
  void anExpressionThatWouldRunForLongIsEnded() {
    String numbers = "[0,1,2,3,4,5,6,7,8,9]";
    String loop = "true";
    for (char name = 'a'; name < 'i'; name++) {
      loop = "%s.all(%s, %s)".formatted(numbers, name, loop);
    }
    var check = new HealthCheck("widgets.test/v1", "Widget", loop, "", "");
    Health health = assessor.assess(widget("{}"), List.of(check), NOW);

    assertThat(health.word()).isEqualTo(Health.Word.PROGRESSING);
    assertThat(health.message()).contains("10000");
  }

  @Test
  void checksAreReadFromTheSpec() {
    ObjectNode spec =
        (ObjectNode)
            Json.parse(
                """
                {"healthCheckExprs": [{"apiVersion": "a/v1", "kind": "B", "current": "true", "failed": "false"}]}
                """);

    assertThat(HealthCheck.read(spec))
        .containsExactly(new HealthCheck("a/v1", "B", "true", "", "false"));
    assertThat(HealthCheck.read(Json.object())).isEmpty();
    assertThat(assessor.problem(HealthCheck.read(spec))).isEqualTo(Optional.empty());
  }

  private static KubeObject widget(String status) {
    String json = status.replaceAll("([a-zA-Z]+):", "\"$1\":").replace('\'', '"');
    return KubeObject.make(
        "widgets.test/v1",
        "Widget",
        "shop",
        "one",
        object -> {
          Json.child(object, "metadata").put("generation", 2);
          if (!status.equals("{}")) {
            object.set("status", Json.parse(json));
          }
        });
  }
}
