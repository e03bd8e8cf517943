package dev.slipway.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.manifest.MemoryTree;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SentFilesTest {
  @Test
  void theyAreATreeOfFiles() throws Exception {
    MemoryTree files = SentFiles.read(Json.parse("{\"a/web.yaml\": \"a2luZDogeA==\"}"));

    assertThat(files.entries()).hasSize(1);
    assertThat(new String(files.read("a/web.yaml", 100), java.nio.charset.StandardCharsets.UTF_8))
        .isEqualTo("kind: x");
    assertThatThrownBy(() -> files.read("a/web.yaml", 3)).hasMessageContaining("larger");
    assertThatThrownBy(() -> files.read("b", 3)).hasMessageContaining("no such file");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{\"/etc/x\": \"\"}",
        "{\"a/../../x\": \"\"}",
        "{\"\": \"\"}",
        "{\"a\": \"%\"}"
      })
  void whatIsNoSuchTreeIsRefused(String files) {
    assertThatThrownBy(() -> SentFiles.read(Json.parse(files)))
        .isInstanceOfSatisfying(
            ClusterException.class,
            e -> assertThat(e.reason()).isEqualTo(ClusterException.Reason.BAD_REQUEST));
  }
}
