package dev.slipway.model.pod;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// What running containers use just now.
@FunctionalInterface
public interface UsageSource {
  /// @param nanoCores processor time, in billionths of a processor
  /// @param memoryBytes without what the kernel can drop at once
  record Amount(long nanoCores, long memoryBytes) {
    public static final Amount NOTHING = new Amount(0, 0);

    public Amount plus(Amount other) {
      return new Amount(nanoCores + other.nanoCores, memoryBytes + other.memoryBytes);
    }
  }

  /// @param at when it was measured
  /// @param window the time before that which the processor time is of
  /// @param containers by name; those that run
  record PodUsage(Instant at, Duration window, Map<String, Amount> containers) {
    public PodUsage {
      containers = java.util.Collections.unmodifiableMap(new TreeMap<>(containers));
    }

    public Amount total() {
      return containers.values().stream().reduce(Amount.NOTHING, Amount::plus);
    }
  }

  /// Measures; may take a second or two. A node that does not answer, or cannot tell, is not among
  /// the answers, and neither is a pod of which nothing is known.
  ///
  /// @param podUids of each node
  /// @return by node, then by pod UID
  Map<String, Map<String, PodUsage>> usage(Map<String, Set<String>> podUids);
}
