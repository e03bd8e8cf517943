package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

/// The variables of a service, compared with what a kubelet gives.
class ServiceLinksTest {
  private static String links(String name, String address, String ports) {
    ObjectNode spec =
        Json.parseObject(
            "{'ports':[%s]}".formatted(ports).replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    return ServiceLinks.of(name, address, Json.items(spec, "ports")).entrySet().stream()
        .map(entry -> entry.getKey() + "=" + entry.getValue() + "\n")
        .collect(Collectors.joining());
  }

  @Test
  void eachPortIsTheirsAndTheFirstIsTheServices() {
    assertThat(
            links(
                "shop-db.x",
                "127.96.1.2",
                "{'name':'sql','port':5432,'protocol':'TCP'},{'port':53,'protocol':'UDP'}"))
        .isEqualTo(
            """
            SHOP_DB_X_PORT=tcp://127.96.1.2:5432
            SHOP_DB_X_PORT_53_UDP=udp://127.96.1.2:53
            SHOP_DB_X_PORT_53_UDP_ADDR=127.96.1.2
            SHOP_DB_X_PORT_53_UDP_PORT=53
            SHOP_DB_X_PORT_53_UDP_PROTO=udp
            SHOP_DB_X_PORT_5432_TCP=tcp://127.96.1.2:5432
            SHOP_DB_X_PORT_5432_TCP_ADDR=127.96.1.2
            SHOP_DB_X_PORT_5432_TCP_PORT=5432
            SHOP_DB_X_PORT_5432_TCP_PROTO=tcp
            SHOP_DB_X_SERVICE_HOST=127.96.1.2
            SHOP_DB_X_SERVICE_PORT=5432
            SHOP_DB_X_SERVICE_PORT_SQL=5432
            """);
  }

  @Test
  void aServiceWithoutAnAddressIsNotFoundByVariables() {
    assertThat(links("a", "None", "{'port':80}")).isEmpty();
    assertThat(links("a", "", "{'port':80}")).isEmpty();
    assertThat(links("a", "127.96.0.2", "")).isEmpty();
  }
}
