package dev.slipway.runtime.agent;

import dev.slipway.model.pod.UsageSource.Amount;
import dev.slipway.model.pod.UsageSource.PodUsage;
import dev.slipway.runtime.spi.ContainerRuntime.Usage;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// Makes rates of what a runtime counts. Nothing is measured while nobody asks: who asks first
/// waits for a second reading; who asks again gets what was used since the reading before.
final class UsageMeter {
  static final Duration SHORTEST = Duration.ofSeconds(1);
  private static final Duration LONGEST = Duration.ofSeconds(60);
  private static final Duration RENEWED = Duration.ofSeconds(15);
  private static final int KEPT = 10_000;

  /// What running containers of pods have used, by [ContainerRuntime#usage].
  interface Counters {
    Optional<List<Usage>> read(Set<String> podUids);
  }

  private final Counters counters;
  private final InstantSource clock;
  private final Runnable pause;

  /// The reading that rates are measured from, by container id.
  private final Map<String, Usage> bases = new HashMap<>();

  /// @param pause waits for [#SHORTEST]
  UsageMeter(Counters counters, InstantSource clock, Runnable pause) {
    this.counters = counters;
    this.clock = clock;
    this.pause = pause;
  }

  /// @return by pod UID; empty when the runtime can tell nothing
  Optional<Map<String, PodUsage>> measure(Set<String> podUids) {
    Optional<List<Usage>> now = counters.read(podUids);
    if (now.isPresent() && !remembered(now.get())) {
      pause.run();
      now = counters.read(podUids);
    }
    return now.map(this::rates);
  }

  /// Notes what is new.
  ///
  /// @return whether every container has a reading from which a rate can be measured
  private synchronized boolean remembered(List<Usage> now) {
    boolean all = true;
    for (Usage usage : now) {
      Usage base = bases.get(usage.id());
      if (base == null || age(base, usage).compareTo(LONGEST) > 0) {
        bases.put(usage.id(), usage);
        all = false;
      } else {
        all &= age(base, usage).compareTo(SHORTEST) >= 0;
      }
    }
    return all;
  }

  private synchronized Map<String, PodUsage> rates(List<Usage> now) {
    Map<String, Map<String, Amount>> amounts = new TreeMap<>();
    Map<String, Duration> windows = new HashMap<>();
    for (Usage usage : now) {
      Usage base = bases.get(usage.id());
      if (base == null || !age(base, usage).isPositive()) {
        bases.putIfAbsent(usage.id(), usage);
        continue;
      }
      Duration window = age(base, usage);
      double share = (double) Math.max(0, usage.cpuNanos() - base.cpuNanos()) / window.toNanos();
      amounts
          .computeIfAbsent(usage.podUid(), _ -> new TreeMap<>())
          .put(usage.container(), new Amount(Math.round(share * 1e9), usage.memoryBytes()));
      windows.merge(usage.podUid(), window, (one, two) -> one.compareTo(two) > 0 ? one : two);
      if (window.compareTo(RENEWED) >= 0) {
        bases.put(usage.id(), usage);
      }
    }
    forgetOld(now);
    var measured = new TreeMap<String, PodUsage>();
    amounts.forEach(
        (pod, containers) ->
            measured.put(
                pod,
                new PodUsage(
                    clock.instant(), windows.getOrDefault(pod, Duration.ZERO), containers)));
    return measured;
  }

  private void forgetOld(List<Usage> now) {
    if (bases.size() > KEPT && !now.isEmpty()) {
      Usage any = now.getFirst();
      bases.values().removeIf(base -> age(base, any).compareTo(LONGEST) > 0);
    }
  }

  private static Duration age(Usage base, Usage now) {
    return Duration.ofNanos(now.nanos() - base.nanos());
  }
}
