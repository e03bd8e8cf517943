package dev.slipway.simulation;

import dev.slipway.model.service.DataPlane;
import dev.slipway.model.service.RoutingTable;
import dev.slipway.model.service.ServingGate;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The service proxy: it goes on by its last table while the daemon is dead. No connection lasts
/// longer than its request.
final class SimulatedProxy implements DataPlane, ServingGate {
  private static final Duration POLL = Duration.ofMillis(20);

  private Set<String> receiving = Set.of();
  private long version;

  /// Whether a request that comes now may be sent to this pod, `namespace/name`.
  boolean receives(String pod) {
    return receiving.contains(pod);
  }

  @Override
  public List<String> publish(RoutingTable table) {
    if (table.version() >= version) {
      version = table.version();
      var pods = new HashSet<String>();
      table.routes().forEach(route -> route.endpoints().forEach(e -> pods.add(e.pod())));
      receiving = Set.copyOf(pods);
    }
    return List.of();
  }

  @Override
  public boolean hasInForce(long other) {
    return version >= other;
  }

  @Override
  public Optional<Duration> holds(String namespace, String pod) {
    return receives(namespace + "/" + pod) ? Optional.of(POLL) : Optional.empty();
  }
}
