package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.RuntimeContract;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class OfferPlannerTest {
  private static ObjectNode offer(String id, int agent, double cpus, double memory, int ports) {
    ObjectNode offer = Json.object();
    offer.putObject("id").put("value", id);
    offer.putObject("agent_id").put("value", "S" + agent);
    offer.put("hostname", "host" + agent);
    ObjectNode url = offer.putObject("url").put("scheme", "http").put("path", "/slave(1)");
    url.putObject("address").put("ip", "10.0.0." + agent).put("port", 5051);
    offer.putObject("allocation_info").put("role", "web");
    ArrayNode resources = offer.putArray("resources");
    scalar(resources, "cpus", cpus);
    scalar(resources, "mem", memory);
    scalar(resources, "disk", 1000);
    if (ports > 0) {
      ObjectNode range = tagged(resources, "ports", "RANGES");
      range
          .putObject("ranges")
          .putArray("range")
          .addObject()
          .put("begin", 31000)
          .put("end", 31000 + ports - 1);
    }
    return offer;
  }

  private static void scalar(ArrayNode resources, String name, double value) {
    tagged(resources, name, "SCALAR").putObject("scalar").put("value", value);
  }

  private static ObjectNode tagged(ArrayNode resources, String name, String type) {
    ObjectNode resource = resources.addObject().put("name", name).put("type", type);
    resource.putObject("allocation_info").put("role", "web");
    return resource;
  }

  private static Waiting waiting(
      String uid, int agent, long cpu, long memory, List<PodLaunch.Port> ports) {
    ContainerSpec plain = RuntimeContract.spec("web", 0, "exit 0");
    var spec =
        new ContainerSpec(
            uid,
            "web",
            0,
            0,
            plain.image(),
            plain.command(),
            List.of(),
            "",
            plain.environment(),
            List.of(),
            new ContainerSpec.Limits(
                Optional.empty(),
                Optional.empty(),
                Optional.of(cpu),
                Optional.of(memory << 20),
                java.util.Map.of()),
            plain.security(),
            plain.terminal(),
            "");
    var part = new PodLaunch.Part(spec, false, ports, Optional.empty());
    return new Waiting(
        uid,
        "host" + agent,
        new PodLaunch(uid, List.of(part), Duration.ZERO),
        List.of(),
        !ports.isEmpty(),
        Instant.EPOCH);
  }

  private static List<String> uids(OfferPlanner.Answer answer) {
    return answer.launches().stream().map(launch -> launch.waiting().podUid()).toList();
  }

  private static List<OfferPlanner.Answer> plan(
      List<? extends JsonNode> offers, List<Waiting> waiting) {
    return OfferPlanner.plan(
        List.copyOf(offers),
        node -> waiting.stream().filter(group -> group.node().equals(node)).toList());
  }

  @Test
  void anOfferThatNobodyWaitsForIsGivenBackForLong() {
    var answers = plan(List.of(offer("o", 1, 4, 1000, 0)), List.of());
    assertThat(answers).hasSize(1);
    assertThat(answers.getFirst().launches()).isEmpty();
    assertThat(answers.getFirst().refuse()).isEqualTo(OfferPlanner.IDLE);
    assertThat(answers.getFirst().left()).isEqualTo(new Amounts(4000, 1000, 1000, 0));
  }

  @Test
  void anOfferThatIsTooSmallComesBackSoon() {
    var answers =
        plan(
            List.of(offer("o", 1, 1, 1000, 0), offer("p", 2, 9, 9000, 0)),
            List.of(waiting("a", 1, 2000, 100, List.of())));
    assertThat(answers.get(0).launches()).isEmpty();
    assertThat(answers.get(0).refuse()).isEqualTo(OfferPlanner.TOO_SMALL);
    assertThat(answers.get(1).refuse()).isEqualTo(OfferPlanner.IDLE);
  }

  @Test
  void fragmentsOfOneAgentAreUsedTogether() {
    var answers =
        plan(
            List.of(offer("o", 1, 1, 100, 0), offer("p", 1, 1.5, 100, 0)),
            List.of(waiting("a", 1, 2000, 150, List.of())));
    assertThat(answers).hasSize(1);
    assertThat(answers.getFirst().offers()).containsExactly("o", "p");
    assertThat(uids(answers.getFirst())).containsExactly("a");
    assertThat(answers.getFirst().left()).isEqualTo(new Amounts(500, 50, 1984, 0));
  }

  @Test
  void offersOfDifferentRolesAreNotMixed() {
    ObjectNode other = offer("p", 1, 2, 200, 0);
    other.putObject("allocation_info").put("role", "batch");
    var answers =
        plan(
            List.of(offer("o", 1, 1, 100, 0), other),
            List.of(waiting("a", 1, 1500, 100, List.of())));
    assertThat(answers).hasSize(2);
    assertThat(answers.get(0).launches()).isEmpty();
    assertThat(uids(answers.get(1))).containsExactly("a");
  }

  @Test
  void reservedResourcesGoFirstAndKeepTheirReservation() {
    ObjectNode offer = offer("o", 1, 4, 1000, 0);
    ObjectNode reserved = tagged((ArrayNode) offer.path("resources"), "cpus", "SCALAR");
    reserved.putObject("scalar").put("value", 0.5);
    reserved.putArray("reservations").addObject().put("type", "STATIC").put("role", "web");
    var taken =
        plan(List.of(offer), List.of(waiting("a", 1, 1000, 100, List.of())))
            .getFirst()
            .launches()
            .getFirst()
            .taken();
    var all = new ArrayList<JsonNode>();
    taken.executor().forEach(all::add);
    taken.tasks().forEach(task -> task.forEach(all::add));
    assertThat(
            all.stream()
                .filter(r -> r.has("reservations"))
                .mapToDouble(r -> r.path("scalar").path("value").doubleValue())
                .sum())
        .isEqualTo(0.5);
    assertThat(all).allMatch(r -> Json.string(r.path("allocation_info"), "role", "").equals("web"));
  }

  @Test
  void aPortKeepsItsNumberWhereTheOfferHasItAndElseGetsAnother() {
    var ports = List.of(new PodLaunch.Port("http", 31005, 0), new PodLaunch.Port("admin", 9000, 0));
    var taken =
        plan(List.of(offer("o", 1, 4, 1000, 20)), List.of(waiting("a", 1, 100, 100, ports)))
            .getFirst()
            .launches()
            .getFirst()
            .taken();
    assertThat(taken.ports()).containsEntry(31005, 31005).containsEntry(9000, 31000);
  }

  /// Any offers, any demand: what is taken of an agent and what is left of it add up to what was
  /// offered, and no port goes twice.
  @Test
  void nothingIsTakenThatWasNotOffered() {
    var random = new Random(1);
    int launched = 0;
    for (int round = 0; round < 2_000; round++) {
      var offers = new ArrayList<JsonNode>();
      for (int i = 0; i < 1 + random.nextInt(5); i++) {
        offers.add(
            offer(
                "o" + i,
                1 + random.nextInt(2),
                random.nextInt(40) / 10.0,
                random.nextInt(500),
                random.nextInt(4)));
      }
      var waiting = new ArrayList<Waiting>();
      for (int i = 0; i < random.nextInt(6); i++) {
        var ports = new ArrayList<PodLaunch.Port>();
        for (int p = 0; p < random.nextInt(3); p++) {
          ports.add(new PodLaunch.Port("", 31000 + random.nextInt(6) * 1000 + p, 0));
        }
        waiting.add(
            waiting(
                "pod" + i,
                1 + random.nextInt(2),
                random.nextInt(2500),
                random.nextInt(300),
                ports));
      }
      for (OfferPlanner.Answer answer : plan(offers, waiting)) {
        Amounts offered =
            Pool.of(
                    offers.stream()
                        .filter(
                            o -> answer.offers().contains(Json.string(o.path("id"), "value", "")))
                        .toList())
                .left();
        Amounts sum =
            answer.launches().stream()
                .map(launch -> launch.waiting().total())
                .reduce(answer.left(), Amounts::plus);
        assertThat(sum.cpuMillis()).isEqualTo(offered.cpuMillis());
        assertThat(sum.memoryMiB()).isEqualTo(offered.memoryMiB());
        assertThat(sum.ports()).isEqualTo(offered.ports());
        launched += answer.launches().size();
      }
    }
    assertThat(launched).isGreaterThan(500);
  }
}
