package dev.slipway.app;

import dev.slipway.model.json.Json;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/// What Kubernetes' admission plugins refuse a new pod for: that it names what there is not. There
/// are the two priority classes that Kubernetes brings along, and no runtime classes.
final class PodAdmission {
  private static final Map<String, Long> PRIORITIES =
      Map.of("system-cluster-critical", 2_000_000_000L, "system-node-critical", 2_000_001_000L);

  private static final String PREEMPTION = "PreemptLowerPriority";

  private PodAdmission() {}

  /// @param hasAccount whether the namespace has a ServiceAccount of a name; every pod may be run
  ///   as `default`, even where that is not made yet
  static Optional<String> refusal(JsonNode spec, String namespace, Predicate<String> hasAccount) {
    String account = Json.string(spec, "serviceAccountName", "default");
    if (!account.isEmpty() && !account.equals("default") && !hasAccount.test(account)) {
      return Optional.of(
          "error looking up service account %s/%s: serviceaccount \"%s\" not found"
              .formatted(namespace, account, account));
    }
    String priorityClass = Json.string(spec, "priorityClassName", "");
    if (!priorityClass.isEmpty() && !PRIORITIES.containsKey(priorityClass)) {
      return Optional.of("no PriorityClass with name %s was found".formatted(priorityClass));
    }
    long computed = PRIORITIES.getOrDefault(priorityClass, 0L);
    long stated = Json.number(spec, "priority", computed);
    if (stated != computed) {
      return Optional.of(
          "the integer value of priority (%d) must not be provided in pod spec; priority admission controller computed %d from the given PriorityClass name"
              .formatted(stated, computed));
    }
    String preemption = Json.string(spec, "preemptionPolicy", PREEMPTION);
    if (!preemption.isEmpty() && !preemption.equals(PREEMPTION)) {
      return Optional.of(
          "the string value of PreemptionPolicy (%s) must not be provided in pod spec; priority admission controller computed %s from the given PriorityClass name"
              .formatted(preemption, PREEMPTION));
    }
    String runtimeClass = Json.string(spec, "runtimeClassName", "");
    return runtimeClass.isEmpty()
        ? Optional.empty()
        : Optional.of("pod rejected: RuntimeClass \"%s\" not found".formatted(runtimeClass));
  }
}
