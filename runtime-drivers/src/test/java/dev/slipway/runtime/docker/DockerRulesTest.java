package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.ImageRequest.Login;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DockerRulesTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # address                    | meaning
          unix:///run/docker.sock      | unix:///run/docker.sock
          tcp://127.0.0.1:2375         | tcp://127.0.0.1:2375
          tcp://localhost              | tcp://localhost:2375
          ssh://ops@host.example:2222  | ssh://ops@host.example:2222
          ssh://host.example           | ssh://host.example
          tcp://10.0.0.1:2375          | would be used without TLS
          unix://run/docker.sock       | does not name a socket
          ssh://-oProxyCommand=x/      | names no host
          ssh://a:b@host               | may name a user
          http://host                  | has an unknown form
          docker.sock                  | has an unknown form
          """)
  void readsWhereAnEngineListens(String text, String meaning) {
    try {
      EngineAddress address =
          EngineAddress.parse(text, Optional.empty(), Optional.empty(), Optional.empty(), false);
      assertThat(address).hasToString(meaning);
    } catch (RuntimeFailedException e) {
      assertThat(e.permanent()).isTrue();
      assertThat(e.getMessage()).contains(meaning);
    }
  }

  @ParameterizedTest(name = "{0} {1} {3}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # status | code | oom   | error   | state
          created  | 0    | false | ''      | Created[]
          created  | 127  | false | no such | ContainerCannotRun: no such
          created  | 0    | false | taken   | code=128
          running  | 0    | false | ''      | Running[
          paused   | 0    | false | ''      | Running[
          exited   | 0    | false | ''      | Completed
          exited   | 3    | false | ''      | Error
          exited   | 137  | true  | ''      | OOMKilled
          dead     | 1    | false | ''      | Error
          removing | 0    | false | ''      | nothing
          strange  | 0    | false | ''      | Unknown[
          """)
  void readsTheStateOfAContainer(
      String status, int code, boolean outOfMemory, String error, String state) {
    Instant at = Instant.EPOCH;
    Optional<ContainerState> seen = Inspection.of(status, code, outOfMemory, error, at, at, at);
    assertThat(seen.map(Object::toString).orElse("nothing")).contains(state);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # image                     | registry
          busybox                     | docker.io
          shop/web:1                  | docker.io
          ghcr.io/shop/web            | ghcr.io
          localhost/web               | localhost
          127.0.0.1:5000/shop/web:1   | 127.0.0.1:5000
          index.docker.io/shop/web    | docker.io
          """)
  void knowsTheRegistryOfAnImage(String image, String registry) {
    assertThat(Images.registry(image)).isEqualTo(registry);
  }

  @Test
  void aLoginIsShownToItsOwnRegistryOnly() {
    var hub = new Login("https://index.docker.io/v1/", "a", "x", "");
    var other = new Login("ghcr.io", "b", "y", "");
    assertThat(Images.logins("shop/web", List.of(other, hub))).containsExactly(hub);
    assertThat(Images.logins("ghcr.io.example/shop/web", List.of(other, hub))).isEmpty();
    assertThat(hub.toString()).doesNotContain("x,").doesNotContain("=x");
  }

  @Test
  void addressesAreGivenOnceAndNeverThoseOfTheNetworkItself() {
    PodNetwork.Range range = PodNetwork.Range.of("10.64.3.0/28", "10.64.3.1");
    var taken = new HashSet<String>();
    for (int i = 0; i < 13; i++) {
      assertThat(taken.add(range.free("pod-" + i, taken))).isTrue();
    }
    assertThat(taken).doesNotContain("10.64.3.0", "10.64.3.1", "10.64.3.15");
    assertThatThrownBy(() -> range.free("one-more", taken)).hasMessageContaining("taken");
    assertThatThrownBy(() -> PodNetwork.Range.of("10.0.0.0/99", null))
        .isInstanceOf(RuntimeFailedException.class);
  }

  @Test
  void aLinkIsOnlyMadeToAnotherHost() throws Exception {
    assertThat(LinkPlan.elsewhere(new EngineAddress.Unix(java.nio.file.Path.of("/run/x"))))
        .isEmpty();
    assertThat(LinkPlan.elsewhere(new EngineAddress.Tcp("127.0.0.1", 2375, Optional.empty())))
        .isEmpty();
    assertThat(LinkPlan.elsewhere(new EngineAddress.Tcp("192.0.2.7", 2376, Optional.empty())))
        .contains("192.0.2.7");
  }

  @Test
  void bothEndsOfALinkKnowEachOtherWithoutAsking() {
    var services = new LinkPlan.Services("10.96.0.0/12", "10.96.0.10");
    var plan = new LinkPlan("far", "192.0.2.1", "192.0.2.7", "10.112.3.0/24", services);
    var other = new LinkPlan("further", "192.0.2.1", "192.0.2.7", "10.112.4.0/24", services);
    assertThat(plan.device()).hasSizeLessThan(16).isNotEqualTo(other.device());
    String local = String.join("\n", plan.localBatch());
    String mac = local.replaceAll("(?s).*lladdr (\\S+).*", "$1");
    assertThat(plan.remoteScript())
        .contains("address " + mac, "remote 192.0.2.1", "10.112.3.1/32", "10.96.0.0/12");
    assertThat(local).contains("route replace 10.112.3.0/24", "src 10.96.0.10");
  }
}
