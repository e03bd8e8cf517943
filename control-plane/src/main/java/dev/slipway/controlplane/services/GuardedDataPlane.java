package dev.slipway.controlplane.services;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.DataPlane;
import dev.slipway.model.service.RoutingTable;
import dev.slipway.model.service.ServingGate;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Keeps a table that was computed a moment ago from sending connections to a pod that is told to
/// stop just now.
///
/// The pods of a table are announced before it is put in force, and only then are those that are to
/// end taken out. Who asks the gate has seen before that the pod is to end: so either the gate
/// knows of the pod, or the table does not have it.
public final class GuardedDataPlane implements DataPlane, ServingGate {
  private static final Duration AGAIN = Duration.ofMillis(20);

  private final Cluster cluster;
  private final DataPlane dataPlane;
  private final ServingGate gate;
  private volatile Set<String> announced = Set.of();
  private Set<String> inForce = Set.of();

  public GuardedDataPlane(Cluster cluster, DataPlane dataPlane, ServingGate gate) {
    this.cluster = cluster;
    this.dataPlane = dataPlane;
    this.gate = gate;
  }

  @Override
  public synchronized List<String> publish(RoutingTable table) {
    var pods = new HashSet<String>();
    table.routes().forEach(route -> route.endpoints().forEach(place -> pods.add(place.pod())));
    announced = Set.copyOf(pods);
    try {
      // Of those in force already the data plane itself tells the gate.
      Set<String> known = inForce;
      inForce = Set.of();
      pods.removeIf(pod -> !known.contains(pod) && isEnding(pod));
      List<String> problems = dataPlane.publish(table.onlyTo(pods));
      inForce = pods;
      return problems;
    } finally {
      announced = Set.of();
    }
  }

  private boolean isEnding(String pod) {
    int slash = pod.indexOf('/');
    return slash > 0
        && cluster
            .get(ObjectKey.core("Pod", pod.substring(0, slash), pod.substring(slash + 1)))
            .filter(KubeObject::isTerminating)
            .isPresent();
  }

  @Override
  public boolean hasInForce(long version) {
    return dataPlane.hasInForce(version);
  }

  @Override
  public Optional<Duration> holds(String namespace, String pod) {
    return announced.contains(namespace + "/" + pod)
        ? Optional.of(AGAIN)
        : gate.holds(namespace, pod);
  }
}
