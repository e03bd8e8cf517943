package dev.slipway.controlplane.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.DataPlane;
import dev.slipway.model.service.RoutingTable;
import dev.slipway.model.service.ServingGate;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GuardedDataPlaneTest {
  private static final Duration LONG = Duration.ofSeconds(7);

  private final Cluster cluster = new FakeCluster(new ManualTimeline(), new SeededChance(1));
  private final Proxy proxy = new Proxy();
  private final GuardedDataPlane guarded = new GuardedDataPlane(cluster, proxy, proxy);

  @BeforeEach
  void aNamespace() {
    cluster.create(KubeObject.make("v1", "Namespace", "", "shop", _ -> {}));
  }

  /// Knows what was published, and runs something while it is told.
  private static final class Proxy implements DataPlane, ServingGate {
    final List<String> receiving = new ArrayList<>();
    Runnable meanwhile = () -> {};

    @Override
    public List<String> publish(RoutingTable table) {
      meanwhile.run();
      receiving.clear();
      table.routes().forEach(route -> route.endpoints().forEach(e -> receiving.add(e.pod())));
      return List.of();
    }

    @Override
    public Optional<Duration> holds(String namespace, String pod) {
      return receiving.contains(namespace + "/" + pod) ? Optional.of(LONG) : Optional.empty();
    }
  }

  @Test
  void aPodThatIsToEndNeverEntersATable() {
    pod("a");
    pod("b");
    end("b");
    guarded.publish(table("shop/a", "shop/b", ""));
    assertThat(proxy.receiving).containsExactly("shop/a", "");
    assertThat(guarded.holds("shop", "a")).contains(LONG);
    assertThat(guarded.holds("shop", "b")).isEmpty();
  }

  @Test
  void aPodIsHeldWhileItsTableIsOnTheWay() {
    pod("a");
    var held = new ArrayList<Optional<Duration>>();
    proxy.meanwhile = () -> held.add(guarded.holds("shop", "a"));
    guarded.publish(table("shop/a"));
    assertThat(held).singleElement().matches(Optional::isPresent);
  }

  @Test
  void aTableThatFailedHoldsNobody() {
    pod("a");
    proxy.meanwhile =
        () -> {
          throw new IllegalStateException("no answer");
        };
    assertThatThrownBy(() -> guarded.publish(table("shop/a"))).hasMessage("no answer");
    assertThat(guarded.holds("shop", "a")).isEmpty();
  }

  /// Connections to a pod of the table before are the data plane's to tell of.
  @Test
  void aPodInForceStaysUntilATableLeavesItOut() {
    pod("a");
    guarded.publish(table("shop/a"));
    end("a");
    guarded.publish(table("shop/a"));
    assertThat(guarded.holds("shop", "a")).contains(LONG);
    guarded.publish(table());
    assertThat(guarded.holds("shop", "a")).isEmpty();
  }

  private void pod(String name) {
    cluster.create(
        KubeObject.make(
            "v1",
            "Pod",
            "shop",
            name,
            json ->
                Json.child(json, "spec")
                    .put("nodeName", "n1")
                    .put("terminationGracePeriodSeconds", 30)));
  }

  private void end(String name) {
    cluster.delete(ObjectKey.core("Pod", "shop", name), DeleteOptions.BACKGROUND);
  }

  private static RoutingTable table(String... pods) {
    return new RoutingTable(
        1,
        List.of(
            new RoutingTable.Route(
                "shop/web:80",
                "127.0.0.1",
                80,
                0,
                Stream.of(pods)
                    .map(pod -> new RoutingTable.Endpoint("127.1.1.1", 80, 1, pod))
                    .toList())),
        Optional.empty(),
        List.of());
  }
}
