package dev.slipway.controlplane.jobs;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Whether enough indexes of a job have succeeded by one of the rules of `spec.successPolicy`.
final class SuccessPolicy {
  private SuccessPolicy() {}

  static Optional<JobPlanner.Verdict> met(KubeObject job, BitSet completed, int completions) {
    List<JsonNode> rules = Json.items(job.spec().path("successPolicy"), "rules");
    for (int i = 0; i < rules.size(); i++) {
      if (!completed.isEmpty() && holds(rules.get(i), completed, completions)) {
        return Optional.of(
            new JobPlanner.Verdict(true, "SuccessPolicy", "Matched rules at index " + i));
      }
    }
    return Optional.empty();
  }

  private static boolean holds(JsonNode rule, BitSet completed, int completions) {
    Optional<String> named = Json.string(rule, "succeededIndexes");
    BitSet wanted = named.map(text -> Indexes.read(text, completions)).orElse(new BitSet());
    if (named.isPresent() && wanted.isEmpty()) {
      return false;
    }
    BitSet counted = (BitSet) completed.clone();
    if (named.isPresent()) {
      counted.and(wanted);
    }
    return (named.isPresent() && counted.equals(wanted))
        || counted.cardinality() >= Json.integer(rule, "succeededCount", Integer.MAX_VALUE);
  }
}
