package dev.slipway.manifest.render;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.manifest.Kinds;
import dev.slipway.manifest.Manifest;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Who rolls a Deployment out: at home always Slipway, on another cluster only when it is asked to.
class StrategyTest {
  private static KubeObject rendered(boolean own, String annotations) {
    String text =
        """
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","annotations":{%s}},
         "spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},
          "strategy":{"rollingUpdate":{"maxSurge":"50%%"}},
          "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"web:1"}]}}}}
        """
            .formatted(annotations);
    var manifest =
        new Manifest(KubeObject.parse(text.getBytes(StandardCharsets.UTF_8)), "web.yaml", 1);
    List<RenderedObject> all =
        Renderer.render(
            List.of(manifest), new Renderer.Target("shop", "default.shop", Kinds.OWN, own));
    assertThat(all).hasSize(1);
    assertThat(all.getFirst().declaredKind()).isEqualTo("Deployment");
    return all.getFirst().object();
  }

  @Test
  void anotherClusterRollsItsDeploymentsOutByItself() {
    KubeObject object = rendered(false, "");

    assertThat(object.apiVersion() + " " + object.kind()).isEqualTo("apps/v1 Deployment");
    assertThat(object.spec().path("strategy").toString())
        .isEqualTo("{\"rollingUpdate\":{\"maxSurge\":\"50%\"}}");
  }

  @Test
  void withAStrategyItIsARolloutOfSlipway() {
    KubeObject object =
        rendered(
            false,
            "\"slipway.dev/strategy\":\"RollingUpdate\",\"slipway.dev/max-surge\":\"2\",\"slipway.dev/max-unavailable\":\"10%\",\"slipway.dev/progress-deadline-seconds\":\"90\"");

    assertThat(object.apiVersion() + " " + object.kind()).isEqualTo("slipway.dev/v1 Rollout");
    JsonNode strategy = object.spec().path("strategy");
    assertThat(Json.string(strategy, "type", "")).isEqualTo("RollingUpdate");
    assertThat(strategy.path("rollingUpdate").toString())
        .as("what the annotations say goes before what the manifest says")
        .isEqualTo("{\"maxSurge\":2,\"maxUnavailable\":\"10%\"}");
    assertThat(Json.integer(object.spec(), "progressDeadlineSeconds", 0)).isEqualTo(90);
    assertThat(Json.string(object.spec().path("selector").path("matchLabels"), "app", ""))
        .isEqualTo("web");
  }

  @Test
  void recreateNeedsNoAmounts() {
    KubeObject object = rendered(false, "\"slipway.dev/strategy\":\"Recreate\"");

    assertThat(object.kind()).isEqualTo("Rollout");
    assertThat(Json.string(object.spec().path("strategy"), "type", "")).isEqualTo("Recreate");
  }

  @Test
  void atHomeADeploymentStaysWhatItIs() {
    assertThat(rendered(true, "\"slipway.dev/strategy\":\"Recreate\"").kind())
        .isEqualTo("Deployment");
  }
}
