package dev.slipway.controlplane.scheduling;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A [PodShape] made ready for work on one [Board], and what is remembered for all pods that have
/// it.
final class PodClass {
  final PodShape shape;
  final NodeRules rules;
  final int[] resources;
  final long[] amounts;
  final long cpu;
  final long memory;

  /// What these pods ask of other pods, in the order in which refusals are reported.
  final List<PodTerm> terms = new ArrayList<>();

  /// The tallies in which these pods count.
  final List<Tally> counted = new ArrayList<>();

  /// How many of them each node has.
  final Map<Integer, Integer> perNode = new HashMap<>();

  /// What is wrong with the pod itself: it can be placed nowhere.
  @Nullable String fault;

  /// The last answer "nowhere", and the state of the board that it was given for.
  @Nullable String refusal;

  long refusedAt = -1;

  PodClass(PodShape shape, ResourceNames names) {
    this.shape = shape;
    this.rules = NodeRules.of(shape);
    Map<String, Long> requests = shape.requests().amounts();
    this.resources = requests.keySet().stream().mapToInt(names::number).sorted().toArray();
    this.amounts = new long[resources.length];
    for (int i = 0; i < resources.length; i++) {
      amounts[i] = shape.requests().of(names.name(resources[i]));
    }
    this.cpu = shape.requests().of("cpu");
    this.memory = shape.requests().of("memory");
  }
}
