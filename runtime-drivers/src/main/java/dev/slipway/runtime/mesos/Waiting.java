package dev.slipway.runtime.mesos;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.VolumeSpec;
import java.time.Instant;
import java.util.List;

/// A group that waits for an offer of its agent.
///
/// @param mapsPorts its containers share the address of the agent, so their ports are of the offer
record Waiting(
    String podUid,
    String node,
    PodLaunch launch,
    List<VolumeSpec> volumes,
    boolean mapsPorts,
    Instant since) {
  private static final long LEAST_CPU = 10;
  private static final long LEAST_MEMORY = 32;
  private static final long EXECUTOR_CPU = 10;
  private static final long EXECUTOR_MEMORY = 32;
  private static final long EXECUTOR_DISK = 16;

  Waiting {
    volumes = List.copyOf(volumes);
  }

  /// What the executor takes. It is part of what the pod asks for, where that is enough: so the
  /// scheduler and Mesos count the same.
  static Amounts executor() {
    return new Amounts(EXECUTOR_CPU, EXECUTOR_MEMORY, EXECUTOR_DISK, 0);
  }

  /// What the tasks take, in the order of the parts. The first one that can bears the executor's
  /// share.
  List<Amounts> tasks() {
    var amounts = new java.util.ArrayList<Amounts>();
    long cpuOwed = EXECUTOR_CPU;
    long memoryOwed = EXECUTOR_MEMORY;
    for (PodLaunch.Part part : launch.parts()) {
      ContainerSpec.Limits asked = part.container().limits();
      long cpu = asked.cpuShareMillis().orElse(0L);
      long memory = asked.memoryReservedBytes().orElse(0L) >> 20;
      long cpuGiven = Math.max(0, Math.min(cpuOwed, cpu - LEAST_CPU));
      long memoryGiven = Math.max(0, Math.min(memoryOwed, memory - LEAST_MEMORY));
      cpuOwed -= cpuGiven;
      memoryOwed -= memoryGiven;
      amounts.add(
          new Amounts(
              Math.max(LEAST_CPU, cpu - cpuGiven),
              Math.max(LEAST_MEMORY, memory - memoryGiven),
              0,
              mapsPorts ? part.ports().size() : 0));
    }
    return amounts;
  }

  Amounts total() {
    return tasks().stream().reduce(executor(), Amounts::plus);
  }
}
