package dev.slipway.controlplane.scheduling;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/// Pods of some kind counted by domain, kept up to date with every pod that comes or goes.
final class Tally {
  final Topology topology;
  private final Predicate<PodClass> counts;
  private final boolean[] eligible;
  private final int[] amounts;
  private final boolean[] open;
  private int domains;
  private int total;
  private int least;

  /// How many open domains have each amount.
  private int[] having = new int[8];

  /// @param counts which pods
  /// @param eligible on which nodes; a domain without any is left out of [#least]
  Tally(Topology topology, int nodes, Predicate<PodClass> counts, IntPredicate eligible) {
    this.topology = topology;
    this.counts = counts;
    this.eligible = new boolean[nodes];
    this.amounts = new int[topology.count()];
    this.open = new boolean[topology.count()];
    for (int i = 0; i < nodes; i++) {
      int domain = topology.domain(i);
      this.eligible[i] = domain != Topology.NONE && eligible.test(i);
      if (this.eligible[i] && !open[domain]) {
        open[domain] = true;
        domains++;
      }
    }
    having[0] = domains;
  }

  boolean counts(PodClass pods) {
    return counts.test(pods);
  }

  /// `change` pods more or fewer on a node.
  void add(int node, int change) {
    if (!eligible[node]) {
      return;
    }
    int domain = topology.domain(node);
    int before = amounts[domain];
    int after = before + change;
    amounts[domain] = after;
    total += change;
    if (after >= having.length) {
      having = Arrays.copyOf(having, Math.max(after + 1, 2 * having.length));
    }
    having[before]--;
    having[after]++;
    if (after < least) {
      least = after;
    } else {
      while (total > 0 && having[least] == 0) {
        least++;
      }
    }
  }

  /// In the domain of a node; 0 when it is in none.
  int near(int node) {
    int domain = topology.domain(node);
    return domain == Topology.NONE ? 0 : amounts[domain];
  }

  int total() {
    return total;
  }

  int domains() {
    return domains;
  }

  /// The amount of the open domain that has fewest.
  int least() {
    return least;
  }
}
