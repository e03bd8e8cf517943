package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.ImageRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class MovedTagsTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final String RUNS = "sha256:aa";

  private final Map<String, String> registry = new TreeMap<>();
  private final List<String> asked = new ArrayList<>();
  private final MovedTags tags =
      new MovedTags(
          request -> {
            asked.add(request.image());
            return Optional.ofNullable(registry.get(request.image()));
          });

  private static ImageRequest request(String image) {
    return new ImageRequest(image, image, ImageRequest.Policy.IF_NOT_PRESENT, List.of());
  }

  private Optional<JsonNode> condition(ObjectNode status, String imageId) {
    KubeObject pod =
        KubeObject.make(
            "v1",
            "Pod",
            "default",
            "web",
            json ->
                json.putObject("spec")
                    .putArray("containers")
                    .addObject()
                    .put("name", "web")
                    .put("image", "shop/web:1"));
    var running =
        new Observed("uid", "web", 0, 0, "uid/1", imageId, new ContainerState.Running(NOW));
    var view =
        new PodView(pod, Optional.empty(), List.of(running), Map.of(), Map.of(), false, NOW, NOW);
    tags.write(status, Json.items(pod.spec(), "containers"), view, NOW);
    return Conditions.find(status, MovedTags.CURRENT);
  }

  @Test
  void aTagThatMovedIsSaidAndSoIsItsReturn() {
    ObjectNode status = Json.object();
    registry.put("shop/web:1", RUNS);
    assertThat(tags.look(List.of(request("shop/web:1")))).containsExactly("shop/web:1");
    assertThat(condition(status, "shop/web@" + RUNS)).isEmpty();
    assertThat(tags.look(List.of(request("shop/web:1")))).isEmpty();

    registry.put("shop/web:1", "sha256:bb");
    assertThat(tags.look(List.of(request("shop/web:1")))).containsExactly("shop/web:1");
    JsonNode moved = condition(status, "shop/web@" + RUNS).orElseThrow();
    assertThat(Json.string(moved, "status", "")).isEqualTo("False");
    assertThat(Json.string(moved, "message", ""))
        .isEqualTo("shop/web:1 means sha256:bb at its registry, and sha256:aa runs");

    assertThat(condition(status, "shop/web@sha256:bb").orElseThrow().path("status").asString(""))
        .isEqualTo("True");
  }

  @Test
  void whatIsNotKnownChangesNothing() {
    ObjectNode status = Json.object();
    Conditions.set(status, MovedTags.CURRENT, false, "TagMoved", "as it was", NOW);
    assertThat(tags.look(List.of(request("shop/web:1")))).isEmpty();
    assertThat(condition(status, "shop/web@" + RUNS).orElseThrow().path("message").asString(""))
        .isEqualTo("as it was");
    registry.put("shop/web:1", RUNS);
    tags.look(List.of(request("shop/web:1")));
    assertThat(condition(Json.object(), "sha256:local")).isEmpty();
  }

  @Test
  void aRegistryIsAskedOnceForEachTagAndNeverForADigest() {
    tags.look(
        List.of(
            request("shop/web:1"),
            request("shop/web:1"),
            request("shop/web@sha256:cc"),
            request("shop/store:2")));
    assertThat(asked).containsExactly("shop/web:1", "shop/store:2");
  }
}
