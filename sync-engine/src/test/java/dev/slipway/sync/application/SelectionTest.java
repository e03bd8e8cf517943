package dev.slipway.sync.application;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.object.KubeObject;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SelectionTest {
  private static final KubeObject WEB =
      KubeObject.make(
          "apps/v1",
          "Deployment",
          "shop",
          "web",
          json -> json.withObject("/metadata/labels").put("tier", "front"));

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "Deployment/web, true",
    "deployment/web, true",
    "Deployment/shop/web, true",
    "Deployment/other/web, false",
    "*/web, true",
    "Service/web, false",
    "Deployment/api, false",
    "labels:tier=front, true",
    "labels:tier=back, false",
    "apps:Deployment:web, true",
    "apps:Deployment:shop/web, true",
    "apps:Deployment:other/web, false",
    "*:*:web, true",
    ":Deployment:web, false",
    "batch:Deployment:web, false",
  })
  void anObjectIsMeantOrNot(String entry, boolean meant) {
    assertThat(Selection.fault(entry)).isEmpty();
    assertThat(Selection.matches(List.of(entry), WEB)).isEqualTo(meant);
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "web, names no object",
    "apps:Deployment, names no object",
    "a:b:c:d, names no object",
    "a/b/c/d, names no object",
    "labels:, an empty selector",
  })
  void whatNamesNothingIsRefused(String entry, String words) {
    assertThat(Selection.fault(entry)).contains(words);
  }
}
