package dev.slipway.model.health;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LastSignTest {
  private static final String DAY = "2026-01-01T00:%sZ";

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # case                                        | ready   | said  | renewed      | heard of
          a lease tells of a node that is well           | True    | 01:00 | 05:00.500000 | 05:00.500
          its object may be newer                        | True    | 06:00 | 05:00.000000 | 06:00
          without a lease its object tells               | True    | 01:00 | -            | 01:00
          a lease alone does                             | True    | -     | 05:00.000000 | 05:00
          a lost node is not heard of through the others | Unknown | 01:00 | 05:00.000000 | 01:00
          nor one that is not ready                      | False   | 01:00 | 05:00.000000 | 01:00
          a node that never was has no sign              | -       | -     | 05:00.000000 | -
          """)
  void isWhatTheNodeOrItsLeaseSays(
      String name, String ready, String said, String renewed, String heard) {
    KubeObject node =
        KubeObject.make(
            "v1",
            "Node",
            "",
            "n",
            json -> {
              if (ready != null) {
                var condition = Json.child(json, "status").putArray("conditions").addObject();
                condition.put("type", "Ready").put("status", ready);
                if (said != null) {
                  condition.put("lastHeartbeatTime", DAY.formatted(said));
                }
              }
            });
    Optional<KubeObject> lease =
        Optional.ofNullable(renewed)
            .map(
                at ->
                    KubeObject.make(
                        "coordination.k8s.io/v1",
                        "Lease",
                        "kube-node-lease",
                        "n",
                        json -> Json.child(json, "spec").put("renewTime", DAY.formatted(at))));
    assertThat(LastSign.of(node, lease).map(Object::toString))
        .isEqualTo(Optional.ofNullable(heard).map(DAY::formatted));
  }

  @Test
  void aNodeMayNameTheLeaseOfMany() {
    KubeObject one = KubeObject.make("v1", "Node", "", "n", _ -> {});
    assertThat(LastSign.lease(one).name()).isEqualTo("n");
    KubeObject many =
        one.with(
            json ->
                Json.child(Json.child(json, "metadata"), "annotations")
                    .put("slipway.dev/lease", "all"));
    assertThat(LastSign.lease(many).name()).isEqualTo("all");
  }
}
