package dev.slipway.controlplane.proxy;

import dev.slipway.model.service.RoutingTable.Endpoint;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Chooses an endpoint for each new connection of one route: the one with the fewest open
/// connections for its weight, in turn when several have as few; the same again for the same client
/// while affinity lasts. Used by one thread.
final class Balancer {
  private static final long PENALTY_MILLIS = 1_000;
  private static final int MAX_CLIENTS = 100_000;

  private List<Place> places = List.of();
  private long affinityMillis;
  private int turn;

  /// Also those that have left and still have connections.
  private final Map<String, Place> known = new HashMap<>();

  private final Map<InetAddress, Sticky> clients = new HashMap<>();

  private record Sticky(Place place, long until) {}

  /// One address and port, as long as the table has it or a connection goes there.
  static final class Place {
    private final String key;
    private Endpoint endpoint;
    private boolean listed;
    private int open;
    private long refusedUntil;

    private Place(String key, Endpoint endpoint) {
      this.key = key;
      this.endpoint = endpoint;
    }

    Endpoint endpoint() {
      return endpoint;
    }

    /// Whether the table in force has it.
    boolean isListed() {
      return listed;
    }

    private boolean takesMore() {
      return endpoint.weight() > 0;
    }
  }

  void update(List<Endpoint> next, long affinity) {
    affinityMillis = affinity;
    places.forEach(place -> place.listed = false);
    var fresh = new ArrayList<Place>(next.size());
    for (Endpoint endpoint : next) {
      String key = endpoint.address() + ":" + endpoint.port();
      Place place = known.computeIfAbsent(key, _ -> new Place(key, endpoint));
      if (!place.listed) {
        fresh.add(place);
      }
      place.endpoint = endpoint;
      place.listed = true;
    }
    places = fresh;
    known.values().removeIf(place -> !place.listed && place.open == 0);
  }

  boolean isEmpty() {
    return places.stream().noneMatch(Place::takesMore);
  }

  /// @param tried places that have refused this connection already
  Optional<Place> choose(InetAddress client, Set<Place> tried, long nowMillis) {
    if (affinityMillis > 0) {
      Sticky sticky = clients.get(client);
      if (sticky != null
          && sticky.until() > nowMillis
          && sticky.place().listed
          && !tried.contains(sticky.place())) {
        remember(client, sticky.place(), nowMillis);
        return Optional.of(sticky.place());
      }
    }
    Place best = least(tried, nowMillis);
    if (best != null && affinityMillis > 0) {
      remember(client, best, nowMillis);
    }
    return Optional.ofNullable(best);
  }

  private @Nullable Place least(Set<Place> tried, long nowMillis) {
    Place best = null;
    double least = Double.MAX_VALUE;
    boolean bestPenalised = true;
    int size = places.size();
    turn = size == 0 ? 0 : (turn + 1) % size;
    for (int i = 0; i < size; i++) {
      Place place = places.get((turn + i) % size);
      if (!place.takesMore() || tried.contains(place)) {
        continue;
      }
      boolean penalised = place.refusedUntil > nowMillis;
      double load = (double) place.open / place.endpoint.weight();
      if (best == null
          || (bestPenalised && !penalised)
          || (penalised == bestPenalised && load < least)) {
        best = place;
        least = load;
        bestPenalised = penalised;
      }
    }
    return best;
  }

  private void remember(InetAddress client, Place place, long nowMillis) {
    if (clients.size() >= MAX_CLIENTS) {
      clients.values().removeIf(sticky -> sticky.until() <= nowMillis);
      if (clients.size() >= MAX_CLIENTS) {
        clients.clear();
      }
    }
    clients.put(client, new Sticky(place, nowMillis + affinityMillis));
  }

  void opened(Place place) {
    place.open++;
  }

  void closed(Place place) {
    if (--place.open == 0 && !place.listed) {
      known.remove(place.key, place);
    }
  }

  void refused(Place place, long nowMillis) {
    place.refusedUntil = nowMillis + PENALTY_MILLIS;
  }

  /// Whether new connections may go to this pod.
  boolean hasPod(String pod) {
    return places.stream().anyMatch(place -> place.takesMore() && place.endpoint.pod().equals(pod));
  }
}
