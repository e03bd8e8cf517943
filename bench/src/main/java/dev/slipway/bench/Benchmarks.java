package dev.slipway.bench;

import dev.slipway.cli.ProgramBenchmark;
import dev.slipway.controlplane.scheduling.SchedulerBenchmark;
import java.util.List;

/// All of them, in the order of the report.
final class Benchmarks {
  private Benchmarks() {}

  static List<Benchmark> all() {
    return List.of(
        new ManifestBenchmark(),
        new DeliveryBenchmark(),
        new StoreBenchmark(),
        new ApiBenchmark(),
        new ReplicationBenchmark(),
        new SchedulerBenchmark(),
        new RemoteBenchmark(),
        new ApplicationsBenchmark(),
        new ProxyBenchmark(),
        new ProgramBenchmark());
  }
}
