package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.PodLaunch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// What becomes of offers: each is used or given back at once, none is kept. Where a pod goes was
/// decided by the scheduler before; here it only takes its place.
final class OfferPlanner {
  /// Given back because nothing waits: the filter lasts until the next REVIVE, or so long.
  static final Duration IDLE = Duration.ofHours(1);

  /// Given back because it was too small for what waits there: what is free of the agent comes back
  /// in one piece.
  static final Duration TOO_SMALL = Duration.ofSeconds(1);

  /// What one group takes, as Mesos writes it.
  ///
  /// @param ports those of the agent, by those of the containers
  record Taken(ArrayNode executor, List<ArrayNode> tasks, Map<Integer, Integer> ports) {}

  record Launch(Waiting waiting, Taken taken) {}

  /// The offers of one agent (and one role), and what is done with them.
  ///
  /// @param launches empty to decline
  /// @param left what is free there now
  record Answer(
      AgentInfo agent, List<String> offers, List<Launch> launches, Duration refuse, Amounts left) {}

  private record Place(String agent, String role) {}

  private OfferPlanner() {}

  /// @param waitingOn what waits for a node, in the order to serve it; asked once a node
  static List<Answer> plan(List<JsonNode> offers, Function<String, List<Waiting>> waitingOn) {
    Map<Place, List<JsonNode>> places = new LinkedHashMap<>();
    for (JsonNode offer : offers) {
      var place =
          new Place(
              Json.string(offer.path("agent_id"), "value", ""),
              Json.string(offer.path("allocation_info"), "role", "*"));
      places.computeIfAbsent(place, _ -> new ArrayList<>()).add(offer);
    }
    Map<String, List<Waiting>> byNode = new HashMap<>();
    var answers = new ArrayList<Answer>(places.size());
    for (List<JsonNode> ofOne : places.values()) {
      AgentInfo agent = AgentInfo.ofOffer(ofOne.getFirst());
      List<Waiting> waiting =
          byNode.computeIfAbsent(agent.nodeName(), node -> new ArrayList<>(waitingOn.apply(node)));
      answers.add(answer(agent, ofOne, waiting));
    }
    return answers;
  }

  private static Answer answer(AgentInfo agent, List<JsonNode> offers, List<Waiting> waiting) {
    Pool pool = Pool.of(offers);
    var launches = new ArrayList<Launch>();
    var without = new ArrayList<Waiting>();
    for (Waiting group : waiting) {
      take(pool, group)
          .ifPresentOrElse(
              taken -> launches.add(new Launch(group, taken)), () -> without.add(group));
    }
    // What is left is for the offers of another role.
    waiting.clear();
    waiting.addAll(without);
    List<String> ids =
        offers.stream().map(offer -> Json.string(offer.path("id"), "value", "")).toList();
    return new Answer(agent, ids, launches, waiting.isEmpty() ? IDLE : TOO_SMALL, pool.left());
  }

  /// All of a group or nothing.
  private static Optional<Taken> take(Pool pool, Waiting group) {
    if (!pool.left().covers(group.total())) {
      return Optional.empty();
    }
    Optional<ArrayNode> executor = pool.take(Waiting.executor());
    var tasks = new ArrayList<ArrayNode>();
    var ports = new LinkedHashMap<Integer, Integer>();
    List<Amounts> amounts = group.tasks();
    for (int i = 0; i < amounts.size(); i++) {
      ArrayNode resources = pool.take(amounts.get(i)).orElseThrow();
      if (group.mapsPorts()) {
        for (PodLaunch.Port port : group.launch().parts().get(i).ports()) {
          int preferred = port.host() > 0 ? port.host() : port.number();
          ports.put(port.number(), pool.takePort(preferred, resources).orElseThrow());
        }
      }
      tasks.add(resources);
    }
    return Optional.of(new Taken(executor.orElseThrow(), tasks, Map.copyOf(ports)));
  }
}
