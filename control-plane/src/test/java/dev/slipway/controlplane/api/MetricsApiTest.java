package dev.slipway.controlplane.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.access.User;
import dev.slipway.model.json.Json;
import dev.slipway.model.pod.UsageSource.Amount;
import dev.slipway.model.pod.UsageSource.PodUsage;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class MetricsApiTest {
  private static final String METRICS = "/apis/metrics.k8s.io/v1beta1";
  private static final PodUsage USED =
      new PodUsage(
          Instant.parse("2026-01-02T03:04:05.678Z"),
          Duration.ofMillis(1_500),
          Map.of("web", new Amount(250_000_000, 3 << 20), "log", new Amount(1_000, 1 << 20)));

  private final ApiSubject api = new ApiSubject();

  @BeforeEach
  void twoPodsOnTwoNodes() {
    for (String node : List.of("east", "west", "deaf")) {
      api.send(
          "POST",
          "/api/v1/nodes",
          "{'apiVersion':'v1','kind':'Node','metadata':{'name':'%s','labels':{'side':'%s'}}}"
              .formatted(node, node));
    }
    pod("one", "east");
    pod("two", "deaf");
    pod("waiting", "");
    api.usage =
        asked ->
            asked.entrySet().stream()
                .filter(node -> !node.getKey().equals("deaf"))
                .collect(
                    Collectors.toMap(
                        Map.Entry::getKey,
                        node ->
                            node.getValue().stream()
                                .collect(Collectors.toMap(uid -> uid, _ -> USED))));
  }

  private void pod(String name, String node) {
    String on = node.isEmpty() ? "" : "'nodeName':'" + node + "',";
    assertThat(
            api.send(
                    "POST",
                    "/api/v1/namespaces/default/pods",
                    "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'%s','labels':{'app':'%s'}},'spec':{%s'containers':[{'name':'web','image':'x'}]}}"
                        .formatted(name, name, on))
                .code())
        .isEqualTo(201);
  }

  @AfterEach
  void close() {
    api.close();
  }

  private static List<String> names(JsonNode list) {
    return Json.items(list, "items").stream()
        .map(item -> Json.string(item.path("metadata"), "name", ""))
        .toList();
  }

  @Test
  void podsAreListedWithWhatTheirContainersUse() {
    JsonNode list = api.get(METRICS + "/pods").json();
    assertThat(Json.string(list, "kind", "")).isEqualTo("PodMetricsList");
    assertThat(names(list)).containsExactly("one");
    JsonNode one = list.path("items").path(0);
    assertThat(one.path("containers").toString())
        .isEqualTo(
            "[{\"name\":\"log\",\"usage\":{\"cpu\":\"1000n\",\"memory\":\"1024Ki\"}},"
                + "{\"name\":\"web\",\"usage\":{\"cpu\":\"250000000n\",\"memory\":\"3072Ki\"}}]");
    assertThat(Json.string(one, "timestamp", "")).isEqualTo("2026-01-02T03:04:05Z");
    assertThat(Json.string(one, "window", "")).isEqualTo("1.500s");
    assertThat(names(api.get(METRICS + "/namespaces/default/pods?labelSelector=app=two").json()))
        .isEmpty();
  }

  @Test
  void aNodeUsesWhatItsPodsUse() {
    JsonNode list = api.get(METRICS + "/nodes").json();
    assertThat(names(list)).containsExactly("east", "west");
    assertThat(list.path("items").path(0).path("usage").toString())
        .isEqualTo("{\"cpu\":\"250001000n\",\"memory\":\"4096Ki\"}");
    assertThat(list.path("items").path(1).path("usage").toString())
        .isEqualTo("{\"cpu\":\"0n\",\"memory\":\"0Ki\"}");
    assertThat(names(api.get(METRICS + "/nodes?labelSelector=side=west").json()))
        .containsExactly("west");
  }

  @Test
  void whatNothingIsKnownOfIsNotFound() {
    assertThat(api.get(METRICS + "/namespaces/default/pods/one").code()).isEqualTo(200);
    assertThat(api.get(METRICS + "/nodes/east").code()).isEqualTo(200);
    for (String path :
        List.of("/namespaces/default/pods/two", "/namespaces/default/pods/nobody", "/nodes/deaf")) {
      ApiSubject.Reply reply = api.get(METRICS + path);
      assertThat(reply.code()).as(path).isEqualTo(404);
      assertThat(reply.text()).contains("metrics.metrics.k8s.io");
    }
    assertThat(api.send("DELETE", METRICS + "/nodes/east", "").code()).isEqualTo(405);
  }

  @Test
  void onlyWhoMayReadsThem() {
    api.user = User.authenticated("nobody", List.of());
    assertThat(api.get(METRICS + "/pods").code()).isEqualTo(403);
    assertThat(api.get(METRICS + "/nodes").code()).isEqualTo(403);
  }

  @Test
  void clientsFindThem() {
    assertThat(api.get("/apis").text()).contains("metrics.k8s.io/v1beta1");
    JsonNode resources = api.get(METRICS).json();
    assertThat(
            Json.items(resources, "resources").stream()
                .map(each -> Json.string(each, "kind", ""))
                .toList())
        .containsExactly("NodeMetrics", "PodMetrics");
  }
}
