package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.pod.PodStreams;
import dev.slipway.model.service.ServingGate;
import dev.slipway.runtime.spi.FakeRuntime;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.io.ByteArrayOutputStream;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What a container is told, and what is told of it when it has ended.
class ContainerWordsTest {
  private final ManualTimeline timeline = new ManualTimeline();
  private final SeededChance chance = new SeededChance(1);
  private final FakeCluster cluster = new FakeCluster(timeline, chance);
  private final FakeRuntime runtime = new FakeRuntime(timeline);
  private final NodeAgent agent =
      NodeAgent.start(
          cluster,
          runtime,
          ServingGate.OPEN,
          new EventRecorder(cluster, timeline, "test"),
          new NodeAgent.Settings("n1", ContainerWordsTest::facts, true),
          new NodeAgent.Sources(
              (pod, audiences, life) -> Optional.empty(), SourceChanges.follow(cluster, timeline)),
          timeline,
          chance);

  private static NodeFacts.Reading facts() {
    Map<String, String> amounts = Map.of("cpu", "4", "memory", "8Gi", "pods", "10");
    return new NodeFacts.Reading("10.0.0.1", Map.of(), amounts, amounts, "fake://1", "Linux", "x");
  }

  private KubeObject pod(Consumer<ObjectNode> details) {
    KubeObject pod =
        cluster.create(
            KubeObject.make(
                "v1",
                "Pod",
                "default",
                "p",
                json -> {
                  ObjectNode spec = json.putObject("spec");
                  spec.put("nodeName", "n1").put("restartPolicy", "Never");
                  var command =
                      spec.putArray("containers")
                          .addObject()
                          .put("name", "a")
                          .put("image", "i")
                          .putArray("command");
                  command.add("sh").add("-c").add("echo first; echo last; sleep 1000");
                  details.accept(spec);
                }));
    timeline.runUntilIdle();
    return pod;
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # case                              | policy                | file | code | message
          the file is read                    | File                  | bye  |  1   | bye
          the log is not, unless wanted       | File                  | -    |  1   | -
          the log is read when it failed      | FallbackToLogsOnError | -    |  1   | first last
          but not when the file says more     | FallbackToLogsOnError | bye  |  1   | bye
          and not when all went well          | FallbackToLogsOnError | -    |  0   | -
          """)
  void anEndedContainerHasItsLastWords(
      String name, String policy, String file, int code, String message) {
    KubeObject pod =
        pod(
            spec ->
                ((ObjectNode) spec.path("containers").path(0))
                    .put("terminationMessagePolicy", policy));
    String id = pod.uid() + "/a-0";
    if (file != null) {
      runtime.lastWords.put(id, file);
    }
    runtime.exits(id, code);
    timeline.runUntilIdle();
    JsonNode ended = status().path("containerStatuses").path(0).path("state").path("terminated");
    assertThat(ended.path("exitCode").asInt()).isEqualTo(code);
    assertThat(Json.string(ended, "message").map(text -> text.strip().replace('\n', ' ')))
        .isEqualTo(Optional.ofNullable(message));
  }

  private JsonNode status() {
    return cluster.get(ObjectKey.core("Pod", "default", "p")).orElseThrow().status();
  }

  @Test
  void aPodSaysWhereItIs() {
    pod(spec -> {});
    assertThat(status().path("hostIPs").toString()).isEqualTo("[{\"ip\":\"10.0.0.1\"}]");
    assertThat(Conditions.isTrue(status(), "PodReadyToStartContainers")).isTrue();
  }

  @Test
  void aLogOfSeveralContainersIsThatOfNone() {
    pod(
        spec ->
            ((tools.jackson.databind.node.ArrayNode) spec.path("containers"))
                .addObject()
                .put("name", "b")
                .put("image", "i")
                .putArray("command")
                .add("run"));
    var request =
        new PodStreams.LogRequest(
            "default", "p", "", false, false, false, Optional.empty(), Optional.empty());
    assertThatThrownBy(() -> agent.logs(request, new ByteArrayOutputStream()))
        .isInstanceOf(ClusterException.class)
        .hasMessage("a container name must be specified for pod p, choose one of: [a b]");
  }

  @ParameterizedTest
  @CsvSource({
    "limits.cpu,        1,   4",
    "limits.memory,     1Mi, 8192",
    "requests.memory,   1,   0",
    "requests.cpu,      1m,  0"
  })
  void whoHasNoLimitHearsWhatTheNodeGives(String resource, String divisor, String value) {
    KubeObject pod =
        pod(
            spec ->
                ((ObjectNode) spec.path("containers").path(0))
                    .putArray("env")
                    .addObject()
                    .put("name", "MOST")
                    .putObject("valueFrom")
                    .putObject("resourceFieldRef")
                    .put("resource", resource)
                    .put("divisor", divisor));
    assertThat(runtime.spec(pod.uid() + "/a-0").environment()).containsEntry("MOST", value);
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void theApiIsToldWhateverIsSaidOfServices(boolean links) {
    service("kubernetes", "127.96.0.1", 443);
    service("web", "127.96.0.7", 80);
    cluster.create(
        KubeObject.make(
            "v1",
            "Endpoints",
            "default",
            "kubernetes",
            json -> {
              ObjectNode subset = json.putArray("subsets").addObject();
              subset.putArray("addresses").addObject().put("ip", "127.0.0.1");
              subset.putArray("ports").addObject().put("name", "https").put("port", 6440);
            }));
    KubeObject pod = pod(spec -> spec.put("enableServiceLinks", links));
    Map<String, String> environment = runtime.spec(pod.uid() + "/a-0").environment();
    boolean ofProcess = environment.getOrDefault("POD_IP", "").startsWith("127.");
    assertThat(environment.get("KUBERNETES_SERVICE_HOST"))
        .isEqualTo(ofProcess ? "127.0.0.1" : "10.96.0.1");
    assertThat(environment.get("KUBERNETES_SERVICE_PORT")).isEqualTo(ofProcess ? "6440" : "443");
    assertThat(environment.containsKey("WEB_PORT_80_TCP")).isEqualTo(links);
  }

  private void service(String name, String address, int port) {
    cluster.create(
        KubeObject.make(
            "v1",
            "Service",
            "default",
            name,
            json -> {
              Json.child(json, "metadata")
                  .putObject("annotations")
                  .put("slipway.dev/container-address", address.replace("127.", "10."));
              ObjectNode spec = json.putObject("spec").put("clusterIP", address);
              spec.putArray("ports").addObject().put("port", port);
            }));
  }
}
