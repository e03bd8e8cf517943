package dev.slipway.controlplane.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.RoutingTable;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Where services listen, for processes and for containers.
class RoutingPlannerTest {
  private static KubeObject object(String json) {
    return KubeObject.of(
        Json.parseObject(
            json.replace('\'', '"').getBytes(java.nio.charset.StandardCharsets.UTF_8)));
  }

  private static final KubeObject WEB =
      object(
          "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web','namespace':'shop'},"
              + "'spec':{'clusterIP':'127.98.4.5','ports':[{'name':'http','port':80}]}}");
  private static final KubeObject HEADLESS =
      object(
          "{'apiVersion':'v1','kind':'Service','metadata':{'name':'db','namespace':'shop'},"
              + "'spec':{'clusterIP':'None','ports':[{'name':'sql','port':5432}]}}");
  private static final Map<ObjectKey, KubeObject> ENDPOINTS =
      Map.of(
          ObjectKey.core("Endpoints", "shop", "web"),
          object(
              "{'apiVersion':'v1','kind':'Endpoints','metadata':{'name':'web','namespace':'shop'},"
                  + "'subsets':[{'addresses':[{'ip':'172.20.0.2','targetRef':{'namespace':'shop','name':'web-1'}}],"
                  + "'ports':[{'name':'http','port':8080}]}]}"),
          ObjectKey.core("Endpoints", "shop", "db"),
          object(
              "{'apiVersion':'v1','kind':'Endpoints','metadata':{'name':'db','namespace':'shop'},"
                  + "'subsets':[{'addresses':[{'ip':'172.20.0.3','hostname':'db-0'}],"
                  + "'ports':[{'name':'sql','port':5432}]}]}"));

  private static RoutingTable table(boolean containers) {
    return RoutingPlanner.plan(
            List.of(WEB, HEADLESS), ENDPOINTS, Map.of(), ServiceAddresses.DEFAULT, containers)
        .table();
  }

  @Test
  void withoutContainersAServiceListensOnTheLoopbackOnly() {
    RoutingTable table = table(false);
    assertThat(table.routes())
        .extracting(RoutingTable.Route::listenAddress)
        .containsExactly("127.98.4.5");
    assertThat(table.containers()).isEmpty();
    assertThat(table.names()).isEmpty();
  }

  @Test
  void withContainersItListensOnItsTwinTooAndHasAName() {
    RoutingTable table = table(true);
    assertThat(table.routes())
        .extracting(RoutingTable.Route::listenAddress)
        .containsExactly("127.98.4.5", "10.98.4.5");
    assertThat(table.routes().getLast().endpoints())
        .containsExactly(new RoutingTable.Endpoint("172.20.0.2", 8080, 1, "shop/web-1"));
    assertThat(table.names())
        .containsExactly(
            new RoutingTable.Name(
                "web.shop",
                List.of("10.98.4.5"),
                "",
                List.of(new RoutingTable.NamedPort("http", "tcp", 80)),
                List.of()),
            new RoutingTable.Name(
                "db.shop",
                List.of("172.20.0.3"),
                "",
                List.of(new RoutingTable.NamedPort("sql", "tcp", 5432)),
                List.of(new RoutingTable.Host("db-0", "172.20.0.3"))));
    assertThat(table.withoutContainers().routes()).isEqualTo(table(false).routes());
  }

  @ParameterizedTest
  @CsvSource({
    "127.96.0.1, 10.96.0.1",
    "127.111.255.3, 10.111.255.3",
    "127.0.0.1, ''",
    "127.112.0.1, ''",
    "10.1.2.3, ''",
    "None, ''"
  })
  void anAddressHasItsTwin(String address, String twin) {
    assertThat(ServiceAddresses.DEFAULT.forContainers(address).orElse("")).isEqualTo(twin);
  }

  @Test
  void anotherRangeMovesTheTwins() {
    var moved = new ServiceAddresses(127, 96, "172.16.0.0/12", "127.0.0.1");
    assertThat(moved.forContainers("127.97.0.7")).contains("172.17.0.7");
    assertThat(moved.resolver()).isEqualTo("172.16.0.10");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"10.96.0.0/16", "10.97.0.0/12", "10.96.1.0/12", "fd00::/12", "300.0.0.0/12"})
  void aRangeOfAnotherFormIsRefused(String range) {
    assertThatThrownBy(() -> new ServiceAddresses(127, 96, range, "127.0.0.1"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(range);
  }
}
