package dev.slipway.runtime.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.json.Json;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class EndpointsTest {
  private final ManualTimeline time = new ManualTimeline();

  private Endpoints endpoints(boolean allowExec) {
    return new Endpoints(
        new FakeCluster(time, new SeededChance(1)),
        Json::parseObject,
        allowExec,
        _ -> Optional.empty(),
        time);
  }

  private static ObjectNode config(String cluster, String user) {
    return (ObjectNode)
        Json.parse(
            """
            {"current-context":"a","contexts":[{"name":"a","context":{"cluster":"c","user":"u"}}],
             "clusters":[{"name":"c","cluster":%s}],"users":[{"name":"u","user":%s}]}
            """
                .formatted(cluster, user));
  }

  @Test
  void aTokenAndAServerAreAllThatIsNeeded() {
    Endpoint endpoint =
        endpoints(false)
            .kubeconfig(
                config("{\"server\":\"https://192.0.2.1:6443/\"}", "{\"token\":\"secret\"}"), "");
    assertThat(endpoint.server()).hasToString("https://192.0.2.1:6443");
    assertThat(endpoint.bearer().token()).contains("secret");
  }

  @ParameterizedTest(name = "{2}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"server":"192.0.2.1"} | {} | is no address of a server
          {"server":"https://a"} | {"exec":{"command":"aws"}} | the program aws, which is not run: start the daemon with SLIPWAY_ALLOW_EXEC_PLUGINS=true
          {"server":"https://a"} | {"auth-provider":{"name":"gcp"}} | auth-provider
          {"server":"https://a"} | {"username":"ann"} | uses a password
          {"server":"https://a","certificate-authority":"ca.crt"} | {} | names a file as certificate-authority
          {"server":"https://a","certificate-authority-data":"bm9uZQ=="} | {} | certificate authority
          {"server":"https://a"} | {"client-certificate-data":"bm9uZQ=="} | come together
          """)
  void whatCannotBeUsedIsNamed(String cluster, String user, String words) {
    assertThatThrownBy(() -> endpoints(false).kubeconfig(config(cluster, user), ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(words);
  }

  @Test
  void aMissingContextIsNamed() {
    assertThatThrownBy(
            () -> endpoints(false).kubeconfig(config("{\"server\":\"https://a\"}", "{}"), "b"))
        .hasMessageContaining("no context named \"b\"");
  }

  @Test
  void aCredentialProgramRunsOnlyWhenItIsAllowed() {
    String user =
        """
        {"exec":{"command":"sh","args":["-c","echo '{\\"status\\":{\\"token\\":\\"made\\"}}'"]}}
        """;
    Endpoint endpoint = endpoints(true).kubeconfig(config("{\"server\":\"https://a\"}", user), "");
    assertThat(endpoint.bearer().token()).contains("made");
  }
}
