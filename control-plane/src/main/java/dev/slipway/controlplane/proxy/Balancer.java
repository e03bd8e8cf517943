package dev.slipway.controlplane.proxy;

import dev.slipway.model.service.RoutingTable.Endpoint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Chooses an endpoint for each new connection of one route: the one with the fewest open
/// connections for its weight, in turn when several have as few; the same again for the same client
/// while affinity lasts. Used by one thread.
final class Balancer {
  private static final long PENALTY_MILLIS = 1_000;
  private static final int MAX_CLIENTS = 100_000;

  private List<Endpoint> endpoints = List.of();
  private long affinityMillis;
  private int turn;
  private final Map<String, Integer> open = new HashMap<>();
  private final Map<String, Long> penalties = new HashMap<>();
  private final Map<String, Sticky> clients = new HashMap<>();

  private record Sticky(String endpoint, long until) {}

  void update(List<Endpoint> next, long affinity) {
    endpoints = next;
    affinityMillis = affinity;
    penalties
        .keySet()
        .removeIf(key -> next.stream().noneMatch(endpoint -> key(endpoint).equals(key)));
  }

  boolean isEmpty() {
    return endpoints.stream().noneMatch(endpoint -> endpoint.weight() > 0);
  }

  /// @param tried endpoints that have refused this connection already
  Optional<Endpoint> choose(String client, Set<String> tried, long nowMillis) {
    if (affinityMillis > 0) {
      Sticky sticky = clients.get(client);
      if (sticky != null && sticky.until() > nowMillis && !tried.contains(sticky.endpoint())) {
        for (Endpoint endpoint : endpoints) {
          if (key(endpoint).equals(sticky.endpoint())) {
            remember(client, endpoint, nowMillis);
            return Optional.of(endpoint);
          }
        }
      }
    }
    Endpoint best = null;
    double least = Double.MAX_VALUE;
    boolean bestPenalised = true;
    int size = endpoints.size();
    turn++;
    for (int i = 0; i < size; i++) {
      Endpoint endpoint = endpoints.get((turn + i) % size);
      if (endpoint.weight() <= 0 || tried.contains(key(endpoint))) {
        continue;
      }
      boolean penalised = penalties.getOrDefault(key(endpoint), 0L) > nowMillis;
      double load = (double) open.getOrDefault(key(endpoint), 0) / endpoint.weight();
      if (best == null
          || (bestPenalised && !penalised)
          || (penalised == bestPenalised && load < least)) {
        best = endpoint;
        least = load;
        bestPenalised = penalised;
      }
    }
    if (best != null && affinityMillis > 0) {
      remember(client, best, nowMillis);
    }
    return Optional.ofNullable(best);
  }

  private void remember(String client, Endpoint endpoint, long nowMillis) {
    if (clients.size() >= MAX_CLIENTS) {
      clients.values().removeIf(sticky -> sticky.until() <= nowMillis);
      if (clients.size() >= MAX_CLIENTS) {
        clients.clear();
      }
    }
    clients.put(client, new Sticky(key(endpoint), nowMillis + affinityMillis));
  }

  void opened(Endpoint endpoint) {
    open.merge(key(endpoint), 1, Integer::sum);
  }

  void closed(Endpoint endpoint) {
    open.computeIfPresent(key(endpoint), (key, count) -> count > 1 ? count - 1 : null);
  }

  void refused(Endpoint endpoint, long nowMillis) {
    penalties.put(key(endpoint), nowMillis + PENALTY_MILLIS);
  }

  boolean has(Endpoint endpoint) {
    return endpoints.stream().anyMatch(known -> key(known).equals(key(endpoint)));
  }

  /// Whether new connections may go to this pod.
  boolean hasPod(String pod) {
    return endpoints.stream().anyMatch(known -> known.weight() > 0 && known.pod().equals(pod));
  }

  static String key(Endpoint endpoint) {
    return endpoint.address() + ":" + endpoint.port();
  }
}
