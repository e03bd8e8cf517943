package dev.slipway.controlplane.nodes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/// A node that was tainted at noon, a pod on it that has been there since eleven or came later, at
/// ten seconds past noon.
class EvictionPlannerTest {
  private static final Instant NOW = Instant.parse("2026-01-01T12:00:10Z");

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          # case                             | taints                     | tolerations                                              | since    | silent | what it does
          another effect evicts nobody       | {'key':'e','effect':'NoSchedule'} |                                                   | 11:00:00 | false  | stays
          what is not tolerated, at once     | TAINT                        |                                                          | 11:00:00 | false  | leaves
          what is tolerated, never           | TAINT                        | {'key':'e','operator':'Exists'}                          | 11:00:00 | false  | stays
          an empty key tolerates all         | TAINT                        | {'operator':'Exists'}                                    | 11:00:00 | false  | stays
          another value does not             | TAINT                        | {'key':'e','value':'g'}                                  | 11:00:00 | false  | leaves
          another effect does not            | TAINT                        | {'key':'e','operator':'Exists','effect':'NoSchedule'}    | 11:00:00 | false  | leaves
          for a while                        | TAINT                        | {'key':'e','operator':'Exists','tolerationSeconds':15}   | 11:00:00 | false  | 5
          the while is over                  | TAINT                        | {'key':'e','operator':'Exists','tolerationSeconds':10}   | 11:00:00 | false  | leaves
          it counts from when the pod came   | TAINT                        | {'key':'e','operator':'Exists','tolerationSeconds':10}   | 12:00:08 | false  | 8
          no time at all                     | TAINT                        | {'key':'e','operator':'Exists','tolerationSeconds':-1}   | 12:00:08 | false  | leaves
          the shortest of several            | TAINT,{'key':'g','effect':'NoExecute','timeAdded':'2026-01-01T12:00:00Z'} | {'key':'e','operator':'Exists','tolerationSeconds':60},{'key':'g','operator':'Exists','tolerationSeconds':30} | 11:00:00 | false | 20
          all of them must be tolerated      | TAINT,{'key':'g','effect':'NoExecute'} | {'key':'e','operator':'Exists'}                  | 11:00:00 | false  | leaves
          silence may be over soon           | SILENT                     |                                                          | 11:00:00 | false  | stays
          a silent node has its own patience | SILENT                     |                                                          | 11:00:00 | true   | 290
          and the pod its own                | SILENT                     | {'key':'node.kubernetes.io/unreachable','operator':'Exists','tolerationSeconds':30} | 11:00:00 | true | 20
          """)
  void decides(
      String name, String taints, String tolerations, String since, boolean silent, String does) {
    KubeObject node =
        read(
            "{'kind':'Node','metadata':{'name':'n1'},'spec':{'taints':[%s]}}"
                .formatted(
                    taints
                        .replace(
                            "TAINT",
                            "{'key':'e','value':'f','effect':'NoExecute','timeAdded':'2026-01-01T12:00:00Z'}")
                        .replace(
                            "SILENT",
                            "{'key':'node.kubernetes.io/unreachable','effect':'NoExecute','timeAdded':'2026-01-01T12:00:00Z'}")));
    KubeObject pod =
        read(
            "{'kind':'Pod','metadata':{'name':'p','creationTimestamp':'2026-01-01T%sZ'},'spec':{'tolerations':[%s]}}"
                .formatted(since, tolerations == null ? "" : tolerations));
    EvictionPlanner.Plan plan = EvictionPlanner.plan(node, List.of(pod), silent, NOW);
    assertThat(
            plan.leave().isEmpty()
                ? plan.next().map(left -> Long.toString(left.toSeconds())).orElse("stays")
                : "leaves")
        .isEqualTo(does);
  }

  private static KubeObject read(String json) {
    return KubeObject.of((ObjectNode) Json.parse(json.replace('\'', '"')));
  }
}
