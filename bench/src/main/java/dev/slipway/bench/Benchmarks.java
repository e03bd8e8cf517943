package dev.slipway.bench;

import dev.slipway.bench.micro.MicroBenchmark;
import dev.slipway.cli.DockerBenchmark;
import dev.slipway.cli.ProgramBenchmark;
import dev.slipway.controlplane.scheduling.SchedulerBenchmark;
import dev.slipway.runtime.mesos.MesosBenchmark;
import java.util.List;

/// All of them, in the order of the report.
final class Benchmarks {
  private Benchmarks() {}

  /// @param full as large as the goals say, where the usual run is smaller
  static List<Benchmark> all(boolean full) {
    return List.of(
        new MicroBenchmark(),
        new ManifestBenchmark(),
        new DeliveryBenchmark(),
        new StoreBenchmark(),
        new ApiBenchmark(),
        new ReplicationBenchmark(),
        new SchedulerBenchmark(),
        new MesosBenchmark(full),
        new RemoteBenchmark(),
        new ApplicationsBenchmark(full),
        new ProxyBenchmark(),
        new DockerBenchmark(),
        new ProgramBenchmark());
  }
}
