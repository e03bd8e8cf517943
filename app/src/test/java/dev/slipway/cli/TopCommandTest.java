package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class TopCommandTest {
  private static final List<JsonNode> PODS =
      Json.items(
          Json.parse(
              """
              {"items": [
                {"metadata": {"namespace": "shop", "name": "web"}, "containers": [
                  {"name": "log", "usage": {"cpu": "1000n", "memory": "1024Ki"}},
                  {"name": "web", "usage": {"cpu": "250000000n", "memory": "3072Ki"}}]},
                {"metadata": {"namespace": "shop", "name": "store"}, "containers": [
                  {"name": "store", "usage": {"cpu": "2", "memory": "2Mi"}}]}]}"""),
          "items");

  @Test
  void aPodUsesWhatItsContainersUse() {
    assertThat(TopCommand.rows(PODS, false, false, null))
        .containsExactly(List.of("web", "251m", "4Mi"), List.of("store", "2000m", "2Mi"));
    assertThat(TopCommand.rows(PODS, true, true, "memory"))
        .containsExactly(
            List.of("shop", "web", "web", "250m", "3Mi"),
            List.of("shop", "store", "store", "2000m", "2Mi"),
            List.of("shop", "web", "log", "1m", "1Mi"));
    assertThat(TopCommand.rows(PODS, false, false, "cpu").getFirst().getFirst()).isEqualTo("store");
  }

  @Test
  void aNodeIsComparedWithWhatItCanAllot() {
    JsonNode allocatable = Json.parse("{\"cpu\": \"4\", \"memory\": \"8Mi\"}");
    assertThat(
            TopCommand.row(
                "east",
                Json.parse("{\"cpu\": \"500000000n\", \"memory\": \"2048Ki\"}"),
                allocatable))
        .containsExactly("east", "500m", "12%", "2Mi", "25%");
    assertThat(TopCommand.row("deaf", null, allocatable)).contains("<unknown>").hasSize(5);
  }
}
