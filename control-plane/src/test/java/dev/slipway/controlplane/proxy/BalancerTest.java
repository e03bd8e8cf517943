package dev.slipway.controlplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.proxy.Balancer.Place;
import dev.slipway.model.service.RoutingTable.Endpoint;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BalancerTest {
  private static final InetAddress CLIENT = InetAddress.ofLiteral("192.0.2.1");

  private final Balancer balancer = new Balancer();

  private static Endpoint endpoint(String pod, int weight) {
    return new Endpoint("127.1.1." + (pod.charAt(0) - 'a' + 1), 80, weight, pod);
  }

  private void table(String... pods) {
    balancer.update(Stream.of(pods).map(pod -> endpoint(pod, 1)).toList(), 0);
  }

  private Place choose(long now) {
    return balancer.choose(CLIENT, Set.of(), now).orElseThrow();
  }

  private String pod(long now) {
    return choose(now).endpoint().pod();
  }

  @Test
  void takesEachInTurnWhenAllAreIdle() {
    table("a", "b", "c");
    var counts = new TreeMap<String, Integer>();
    for (int i = 0; i < 300; i++) {
      counts.merge(pod(0), 1, Integer::sum);
    }
    assertThat(counts).isEqualTo(Map.of("a", 100, "b", 100, "c", 100));
  }

  @Test
  void opensConnectionsByWeight() {
    balancer.update(List.of(endpoint("a", 3), endpoint("b", 1), endpoint("c", 0)), 0);
    var counts = new TreeMap<String, Integer>();
    for (int i = 0; i < 400; i++) {
      Place place = choose(0);
      balancer.opened(place);
      counts.merge(place.endpoint().pod(), 1, Integer::sum);
    }
    assertThat(counts).isEqualTo(Map.of("a", 300, "b", 100));
    assertThat(balancer.hasPod("c")).as("a weight of 0 takes nothing new").isFalse();
  }

  @Test
  void prefersTheOneWithFewerConnectionsUntilTheyAreClosed() {
    table("a", "b");
    Place busy = choose(0);
    balancer.opened(busy);
    String other = busy.endpoint().pod().equals("a") ? "b" : "a";
    assertThat(Stream.generate(() -> pod(0)).limit(5)).containsOnly(other);
    balancer.closed(busy);
    assertThat(Stream.generate(() -> pod(0)).limit(4)).contains("a", "b");
  }

  @Test
  void passesOverWhatRefusedForASecondAndTakesItWhenNothingElseIsLeft() {
    table("a", "b");
    Place refusing = choose(0);
    balancer.refused(refusing, 0);
    assertThat(Stream.generate(() -> choose(999)).limit(5)).doesNotContain(refusing);
    assertThat(Stream.generate(() -> choose(1_000)).limit(4)).contains(refusing);
    table(refusing.endpoint().pod());
    assertThat(choose(1)).isSameAs(refusing);
    assertThat(balancer.choose(CLIENT, Set.of(refusing), 1)).isEmpty();
  }

  @Test
  void aClientKeepsItsEndpointWhileAffinityLasts() {
    List<Endpoint> both = List.of(endpoint("a", 1), endpoint("b", 1));
    balancer.update(both, 1_000);
    String first = pod(0);
    assertThat(Stream.of(1, 500, 999).map(now -> pod(now))).containsOnly(first);
    assertThat(pod(1_998)).as("each use renews it").isEqualTo(first);
    balancer.update(both.stream().filter(e -> !e.pod().equals(first)).toList(), 1_000);
    assertThat(pod(1_999)).as("until it leaves").isNotEqualTo(first);
  }

  @Test
  void aPlaceThatLeftIsForgottenWithItsLastConnection() {
    table("a");
    Place place = choose(0);
    balancer.opened(place);
    table();
    assertThat(place.isListed()).isFalse();
    assertThat(balancer.isEmpty()).isTrue();
    table("a");
    assertThat(choose(0)).as("it came back before that").isSameAs(place);
    table();
    balancer.closed(place);
    table("a");
    assertThat(choose(0)).isNotSameAs(place);
  }

  @Test
  void anEndpointNamedTwiceCountsOnce() {
    table("a", "a", "b");
    var pods = Stream.generate(() -> pod(0)).limit(4).toList();
    assertThat(pods).filteredOn("a"::equals).hasSize(2);
  }
}
