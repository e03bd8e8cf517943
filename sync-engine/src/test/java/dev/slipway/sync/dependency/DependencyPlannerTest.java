package dev.slipway.sync.dependency;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class DependencyPlannerTest {
  /// An application is written as `name:health>dependency+dependency`; `#x` is a label.
  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "a:Healthy,                                            Ready",
    "a:Healthy>b b:Healthy,                                Ready",
    "a:Healthy>b b:Progressing,                            application default/b to be healthy: Progressing",
    "a:Healthy>b b:Degraded,                               application default/b to be healthy: Degraded",
    "a:Healthy>b,                                          application default/b: it does not exist",
    "a:Healthy>b+c b:Healthy c:Degraded,                   application default/c to be healthy: Degraded",
    "a:Healthy>#db b:Healthy#db,                           Ready",
    "a:Healthy>#db b:Healthy#db c:Progressing#db,          application default/c to be healthy: Progressing",
    "a:Healthy>#db b:Healthy,                              there is none",
    "a:Healthy>a,                                          default/a → default/a",
    "a:Healthy>b b:Healthy>c c:Healthy>a,                  default/a → default/b → default/c → default/a",
    "a:Healthy>b b:Healthy>c c:Healthy>b,                  Ready",
    "a:Healthy>#x b:Healthy#x>a,                           default/a → default/b → default/a",
    "a:Healthy>b+c b:Healthy>d c:Healthy>a d:Healthy>a,    default/a → default/c → default/a",
  })
  void theVerdictFollowsFromTheOthers(String applications, String verdict) {
    List<KubeObject> all =
        Arrays.stream(applications.split(" ", -1)).map(DependencyPlannerTest::application).toList();
    String said =
        switch (DependencyPlanner.verdict(all.getFirst(), all)) {
          case DependencyPlanner.Verdict.Ready() -> "Ready";
          case DependencyPlanner.Verdict.Waiting(String why) -> why;
          case DependencyPlanner.Verdict.Cycle cycle -> cycle.words();
        };
    assertThat(said).contains(verdict);
  }

  private static KubeObject application(String text) {
    String[] halves = text.split(">", -1);
    String[] own = halves[0].split("#", -1);
    String name = own[0].split(":", -1)[0];
    return KubeObject.make(
        "slipway.dev/v1",
        "Application",
        "default",
        name,
        json -> {
          if (own.length > 1) {
            Json.child(json, "metadata").putObject("labels").put("role", own[1]);
          }
          ObjectNode spec = json.putObject("spec");
          spec.putObject("syncPolicy").putObject("automated");
          if (halves.length > 1) {
            ArrayNode dependencies = spec.putArray("dependsOn");
            for (String dependency : halves[1].split("\\+", -1)) {
              if (dependency.startsWith("#")) {
                dependencies
                    .addObject()
                    .putObject("matchLabels")
                    .put("role", dependency.substring(1));
              } else {
                dependencies.addObject().put("name", dependency);
              }
            }
          }
          ObjectNode status = json.putObject("status");
          status.putObject("sync").put("status", "Synced");
          status.putObject("health").put("status", own[0].split(":", -1)[1]);
        });
  }
}
