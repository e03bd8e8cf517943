package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.json.Json;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import tools.jackson.databind.node.ObjectNode;

class AppCommandTest {
  private static ObjectNode spec(String... options) {
    ObjectNode spec = Json.object();
    CommandLine.populateCommand(new AppCommand.Fields(), options).write(spec);
    return spec;
  }

  @Test
  void theFlagsOfArgoAreUnderstood() {
    assertThat(
            spec(
                "--sync-policy",
                "automated",
                "--auto-prune",
                "--self-heal",
                "--directory-recurse",
                "--dest-name",
                "east",
                "--revision-history-limit",
                "3"))
        .isEqualTo(
            spec(
                "--auto-sync",
                "--prune",
                "--self-heal",
                "--recurse",
                "--dest-cluster",
                "east",
                "--history-limit",
                "3"));
    assertThat(spec("--sync-policy", "none")).isEqualTo(spec("--no-auto-sync"));
  }

  @Test
  void whatIsNotSaidIsLeftAlone() {
    assertThat(spec("--prune"))
        .isEqualTo(Json.parse("{\"syncPolicy\": {\"automated\": {\"prune\": true}}}"));
  }

  @Test
  void syncOptionsAreAList() {
    assertThat(spec("--sync-option", "PruneLast=true", "--sync-option", "Delete=confirm"))
        .isEqualTo(
            Json.parse(
                "{\"syncPolicy\": {\"syncOptions\": [\"PruneLast=true\", \"Delete=confirm\"]}}"));
    assertThat(spec("--sync-option="))
        .isEqualTo(Json.parse("{\"syncPolicy\": {\"syncOptions\": []}}"));
  }

  @Test
  void anUnknownPolicyIsRefused() {
    assertThatThrownBy(() -> spec("--sync-policy", "sometimes"))
        .isInstanceOf(ParameterException.class)
        .hasMessageContaining("automated");
  }
}
