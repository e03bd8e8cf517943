package dev.slipway.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class TroubleTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # case                              | active | pods (reason/restarts)                   | hopeless | word
          no pod is unready                   | 2      |                                          | false    | ''
          they are being made                 | 1      | ContainerCreating/0                      | false    | ''
          crashed twice                       | 1      | CrashLoopBackOff/2                       | false    | pod p0: CrashLoopBackOff: why
          crashes again and again             | 1      | CrashLoopBackOff/3                       | true     | pod p0: CrashLoopBackOff: why
          every pod does                      | 2      | CrashLoopBackOff/3,CrashLoopBackOff/5    | true     | pod p0: CrashLoopBackOff: why
          one of them may yet work            | 2      | CrashLoopBackOff/3,ContainerCreating/0   | false    | pod p0: CrashLoopBackOff: why
          one of them works                   | 2      | CrashLoopBackOff/3                       | false    | pod p0: CrashLoopBackOff: why
          its node refuses it                 | 1      | CreateContainerError/0                   | true     | pod p0: CreateContainerError: why
          something is missing as yet         | 1      | CreateContainerConfigError/0             | false    | pod p0: CreateContainerConfigError: why
          runs after crashes                  | 1      | /2                                       | false    | pod p0: container web was started 3 times
          """)
  void tellsWhatMayHealFromWhatWillNot(
      String name, int active, String pods, boolean hopeless, String word) {
    var unready = new ArrayList<KubeObject>();
    for (String pod : pods == null ? List.<String>of() : List.of(pods.split(",", -1))) {
      unready.add(pod("p" + unready.size(), pod.split("/", 2)[0], pod.split("/", 2)[1]));
    }
    assertThat(Trouble.of(unready, active)).isEqualTo(new Trouble(word, hopeless));
  }

  @Test
  void aNodeThatDoesNotAnswerIsNamedBeforeWhatThePodLastSaid() {
    KubeObject pod =
        pod("p0", "", "2")
            .with(
                json -> {
                  Json.child(json, "spec").put("nodeName", "east-1");
                  Json.child(json, "status")
                      .putArray("conditions")
                      .addObject()
                      .put("type", "Ready")
                      .put("status", "False")
                      .put("reason", "NodeNotReady");
                });
    assertThat(Trouble.of(List.of(pod), 1))
        .isEqualTo(new Trouble("pod p0: its node east-1 does not answer", false));
  }

  private static KubeObject pod(String name, String reason, String restarts) {
    ObjectNode status = Json.object();
    ObjectNode container = status.putArray("containerStatuses").addObject();
    container.put("name", "web").put("restartCount", Integer.parseInt(restarts));
    if (!reason.isEmpty()) {
      container.putObject("state").putObject("waiting").put("reason", reason).put("message", "why");
    }
    return KubeObject.make("v1", "Pod", "shop", name, json -> {}).withStatus(status);
  }
}
