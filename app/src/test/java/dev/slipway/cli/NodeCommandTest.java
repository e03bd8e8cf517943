package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.controlplane.nodes.DrainPlanner;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What `slipway node` decides by itself.
class NodeCommandTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "unix:///run/docker.sock",
        "tcp://127.0.0.1:2375",
        "tcp://localhost:2375",
        "tcp://[::1]:2375",
        "ssh://me@there",
        "ssh://there:2222"
      })
  void aHostThatNobodyElseReachesIsAccepted(String host) {
    EngineHost.check(host, false, false);
  }

  @Test
  void plainTcpBeyondThisMachineNeedsTlsOrAWord() {
    assertThatThrownBy(() -> EngineHost.check("tcp://10.0.0.5:2375", false, false))
        .hasMessageContaining("without TLS")
        .hasMessageContaining("--allow-insecure");
    EngineHost.check("tcp://10.0.0.5:2376", true, false);
    EngineHost.check("tcp://10.0.0.5:2375", false, true);
  }

  @ParameterizedTest
  @CsvSource({
    "unix://run/docker.sock, three slashes",
    "unix://, is no URL",
    "tcp://10.0.0.5, tcp://HOST:PORT",
    "http://10.0.0.5:2375, must begin with",
    "/run/docker.sock, must begin with",
    "ssh:///there, ssh://USER@HOST"
  })
  void aHostOfAnotherFormIsRefused(String host, String why) {
    assertThatThrownBy(() -> EngineHost.check(host, true, true))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining(why);
  }

  @Test
  void theEnvironmentNamesTheEngineFirst() {
    assertThat(EngineHost.find(Map.of("DOCKER_HOST", "tcp://1.2.3.4:2376")))
        .contains("tcp://1.2.3.4:2376");
  }

  private static KubeObject object(String json) {
    return KubeObject.of(
        Json.parseObject(json.replace('\'', '"').getBytes(StandardCharsets.UTF_8)));
  }

  private static KubeObject controller(String name, int wanted, int there, int ready) {
    return object(
        "{'apiVersion':'v1','kind':'ReplicationController','metadata':{'name':'%s','namespace':'d','uid':'%s'},'spec':{'replicas':%d},'status':{'replicas':%d,'readyReplicas':%d}}"
            .formatted(name, name, wanted, there, ready));
  }

  private static KubeObject pod(String name, String owner, String more, String ready) {
    return object(
        "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'%s','namespace':'d','uid':'%s'%s%s},'status':{'phase':'Running','conditions':[{'type':'Ready','status':'%s'}]}}"
            .formatted(
                name,
                name,
                owner.isEmpty()
                    ? ""
                    : ",'ownerReferences':[{'kind':'ReplicationController','name':'%s','uid':'%s','controller':true}]"
                        .formatted(owner, owner),
                more,
                ready));
  }

  private static final String LEAVING = ",'deletionTimestamp':'2026-01-01T00:00:00Z'";

  private static List<String> leaving(List<KubeObject> here, List<KubeObject> controllers) {
    return DrainPlanner.next(here, controllers, false).evict().stream()
        .map(KubeObject::name)
        .toList();
  }

  @Test
  void onePodOfEachWorkloadLeavesAtATime() {
    List<KubeObject> here =
        List.of(
            pod("web-1", "web", "", "True"),
            pod("web-2", "web", "", "True"),
            pod("db-1", "db", "", "True"));
    List<KubeObject> whole = List.of(controller("web", 3, 3, 3), controller("db", 1, 1, 1));
    assertThat(leaving(here, whole)).containsExactly("web-1", "db-1");
  }

  @Test
  void theNextOneWaitsUntilTheWorkloadIsWholeAgain() {
    List<KubeObject> here = List.of(pod("web-2", "web", "", "True"));
    assertThat(leaving(here, List.of(controller("web", 3, 3, 2)))).isEmpty();
    assertThat(DrainPlanner.next(here, List.of(controller("web", 3, 3, 2)), false).waitsFor())
        .isEqualTo("d/web has 2 of 3 pods ready");
    assertThat(leaving(here, List.of(controller("web", 3, 4, 3)))).isEmpty();
    assertThat(leaving(here, List.of(controller("web", 3, 3, 3)))).containsExactly("web-2");
  }

  @Test
  void whileOneEndsTheOthersOfItsWorkloadStay() {
    List<KubeObject> here =
        List.of(pod("web-1", "web", LEAVING, "True"), pod("web-2", "web", "", "True"));
    assertThat(leaving(here, List.of(controller("web", 3, 3, 3)))).isEmpty();
  }

  @Test
  void aPodThatServesNobodyLeavesAtOnce() {
    List<KubeObject> here = List.of(pod("web-1", "web", "", "False"));
    assertThat(leaving(here, List.of(controller("web", 3, 3, 2)))).containsExactly("web-1");
  }

  @Test
  void aPodThatNothingMakesAgainStaysUnlessForced() {
    List<KubeObject> here = List.of(pod("lone", "", "", "True"));
    DrainPlanner.Step step = DrainPlanner.next(here, List.of(), false);
    assertThat(step.evict()).isEmpty();
    assertThat(step.waitsFor()).isEmpty();
    assertThat(step.orphans()).hasSize(1);
    assertThat(DrainPlanner.next(here, List.of(), true).evict()).hasSize(1);
  }
}
