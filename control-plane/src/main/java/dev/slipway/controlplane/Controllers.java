package dev.slipway.controlplane;

import dev.slipway.controlplane.access.Aggregation;
import dev.slipway.controlplane.endpoints.EndpointsLoop;
import dev.slipway.controlplane.garbage.GarbageLoop;
import dev.slipway.controlplane.jobs.CronJobLoop;
import dev.slipway.controlplane.jobs.JobLoop;
import dev.slipway.controlplane.namespaces.NamespaceLoop;
import dev.slipway.controlplane.nodes.DrainLoop;
import dev.slipway.controlplane.nodes.NodeLoop;
import dev.slipway.controlplane.replication.ReplicationLoop;
import dev.slipway.controlplane.scheduling.SchedulerLoop;
import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.controlplane.services.ServiceLoop;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.loop.Together;
import dev.slipway.model.service.DataPlane;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// The controllers of the embedded cluster. They have no thread of their own: everything runs on
/// the timeline.
public final class Controllers implements AutoCloseable {
  private final List<AutoCloseable> loops;
  private final EventRecorder events;

  private Controllers(List<AutoCloseable> loops, EventRecorder events) {
    this.loops = List.copyOf(loops);
    this.events = events;
  }

  /// @param authority as [NamespaceLoop#start] takes it
  public static Controllers start(
      Cluster cluster,
      DataPlane dataPlane,
      ServiceAddresses addresses,
      Supplier<Optional<String>> authority,
      Together together,
      Timeline timeline,
      Chance chance) {
    var events = new EventRecorder(cluster, timeline, "slipway");
    events.keepTidy();
    return new Controllers(
        List.of(
            NamespaceLoop.start(cluster, authority, timeline, chance),
            Aggregation.start(cluster, timeline, chance),
            GarbageLoop.start(cluster, timeline, chance),
            NodeLoop.start(cluster, events, timeline, chance),
            DrainLoop.start(cluster, events, timeline, chance),
            SchedulerLoop.start(cluster, events, together, timeline, chance),
            ReplicationLoop.start(cluster, events, together, timeline, chance),
            JobLoop.start(cluster, events, timeline, chance),
            CronJobLoop.start(cluster, events, timeline, chance),
            EndpointsLoop.start(cluster, timeline, chance),
            ServiceLoop.start(cluster, dataPlane, addresses, events, timeline, chance)),
        events);
  }

  @Override
  public void close() {
    for (AutoCloseable loop : loops) {
      try {
        loop.close();
      } catch (Exception e) {
        throw new IllegalStateException("a controller did not close", e);
      }
    }
    events.close();
  }
}
