package dev.slipway.sync.dependency;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class DependencyPlannerTest {
  private static final String COMMIT = "a".repeat(40);
  private static final Instant NOW = Instant.parse("2026-01-01T12:00:00Z");

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
        switch (DependencyPlanner.verdict(all.getFirst(), COMMIT, all, NOW)) {
          case DependencyPlanner.Verdict.Ready() -> "Ready";
          case DependencyPlanner.Verdict.Waiting(String why) -> why;
          case DependencyPlanner.Verdict.Cycle cycle -> cycle.words();
        };
    assertThat(said).contains(verdict);
  }

  /// What another application was healthy with, and what it has seen since.
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "it has the commit,                       git/1, aaaa, aaaa, '',   '',   true,  Ready",
    "it has not looked yet,                   git/1, bbbb, bbbb, '',   '',   true,  'to look at commit aaaa'",
    "it waits itself,                         git/1, aaaa, bbbb, '',   '',   true,  'to be synced to aaaaaaaa, which waits for a window'",
    "it failed with this very commit,         git/1, aaaa, bbbb, aaaa, aaaa, true,  'to be synced to aaaaaaaa, which it was taken back from: it broke'",
    "a person went back from this commit,     git/1, aaaa, bbbb, '',   aaaa, true,  'to be synced to aaaaaaaa, which it was taken back from'",
    "it does not follow,                      git/1, aaaa, bbbb, '',   '',   false, Ready",
    "another repository: it has all,          git/2, cccc, cccc, '',   '',   true,  Ready",
    "another repository: more to come,        git/2, cccc, bbbb, '',   '',   true,  'to be synced to cccc'",
    "another repository: it went back,        git/2, cccc, bbbb, cccc, cccc, true,  Ready",
  })
  void whoIsHealthyWithAnOlderCommitIsWaitedFor(
      String name,
      String repository,
      String seen,
      String synced,
      String rejected,
      String held,
      boolean follows,
      String verdict) {
    KubeObject first =
        application("a:Healthy>b").with(json -> source((ObjectNode) json.path("spec"), "git/1"));
    KubeObject other =
        application("b:Healthy")
            .with(
                json -> {
                  ObjectNode spec = (ObjectNode) json.path("spec");
                  source(spec, repository);
                  ((ObjectNode) spec.path("syncPolicy").path("automated")).put("enabled", follows);
                  ObjectNode status = (ObjectNode) json.path("status");
                  status.putObject("source").put("revision", seen.repeat(10));
                  ((ObjectNode) status.path("sync")).put("revision", synced.repeat(10));
                  status.putObject("waiting").put("for", "a window");
                  if (!rejected.isEmpty()) {
                    status
                        .putArray("rejected")
                        .addObject()
                        .put("revision", rejected.repeat(10))
                        .put("reason", "it broke");
                  }
                  if (!held.isEmpty()) {
                    status.putObject("hold").put("revision", held.repeat(10));
                  }
                });
    String said =
        switch (DependencyPlanner.verdict(first, COMMIT, List.of(first, other), NOW)) {
          case DependencyPlanner.Verdict.Ready() -> "Ready";
          case DependencyPlanner.Verdict.Waiting(String why) -> why;
          case DependencyPlanner.Verdict.Cycle cycle -> cycle.words();
        };
    assertThat(said).contains(verdict);
  }

  private static void source(ObjectNode spec, String repository) {
    spec.putObject("source").put("repoURL", repository).put("targetRevision", "main");
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
          spec.putObject("source").put("repoURL", "git/" + name);
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
