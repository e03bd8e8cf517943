package dev.slipway.app;

import dev.slipway.controlplane.cluster.Admission;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.loop.Together;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Schedules;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.kubernetes.RemoteClusters;
import dev.slipway.sync.destination.Destinations;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/// The parts of the program that it keeps to itself.
public final class Lent {
  private Lent() {}

  /// Real time.
  public static Timeline timeline() {
    return new SystemTimeline(InstantSource.system(), System::nanoTime);
  }

  /// Ends what [#timeline()] gave: nothing that waits is run any more.
  public static void close(Timeline timeline) {
    if (timeline instanceof SystemTimeline kept) {
      kept.close();
    }
  }

  /// As the daemon looks after its heap.
  public static void watchHeap(Timeline timeline) {
    OldHeap.watch(timeline);
  }

  public static Destinations destinations(
      Cluster home, Together together, RemoteClusters clusters) {
    return new RemoteDestinations(home, together, clusters);
  }

  public static Admission admission() {
    return new ObjectAdmission();
  }

  /// Kept by Quartz; to be closed.
  public static Schedules schedules(Timeline timeline, Chance chance) {
    return QuartzSchedules.start(timeline, chance);
  }

  public static void close(Schedules schedules) {
    if (schedules instanceof QuartzSchedules kept) {
      kept.close();
    }
  }

  /// What starts a service proxy, as the daemon does.
  public static List<String> proxyCommand() {
    return Daemon.proxyCommand();
  }

  public static Chance chance() {
    return () -> ThreadLocalRandom.current().nextLong();
  }
}
