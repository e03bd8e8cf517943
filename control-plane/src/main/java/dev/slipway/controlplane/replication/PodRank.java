package dev.slipway.controlplane.replication;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Which pod goes first when there are too many: the one that is missed least.
///
/// Source of the order: `ActivePodsWithRanks` in Kubernetes' `pkg/controller`.
final class PodRank {
  private PodRank() {}

  /// The pods, the first to go in front.
  static List<KubeObject> firstToGo(List<KubeObject> pods) {
    Map<String, Integer> onNode = new HashMap<>();
    for (KubeObject pod : pods) {
      onNode.merge(node(pod), 1, Integer::sum);
    }
    return pods.stream()
        .sorted(
            Comparator.comparing((KubeObject pod) -> !node(pod).isEmpty())
                .thenComparingInt(PodRank::phase)
                .thenComparing(PodRank::isReady)
                .thenComparingInt(PodRank::deletionCost)
                .thenComparingInt(pod -> -onNode.getOrDefault(node(pod), 0))
                .thenComparing(PodRank::readySince, Comparator.reverseOrder())
                .thenComparingInt(pod -> -restarts(pod))
                .thenComparing(
                    pod -> pod.creationTimestamp().orElse(Instant.MAX), Comparator.reverseOrder())
                .thenComparing(KubeObject::name))
        .toList();
  }

  static boolean isReady(KubeObject pod) {
    return Conditions.isTrue(pod.status(), "Ready");
  }

  /// When it became ready; the far past when it is not.
  static Instant readySince(KubeObject pod) {
    return Conditions.find(pod.status(), "Ready")
        .filter(condition -> Json.string(condition, "status", "").equals("True"))
        .flatMap(condition -> KubeObject.instant(condition, "lastTransitionTime"))
        .orElse(Instant.MIN);
  }

  private static String node(KubeObject pod) {
    return Json.string(pod.spec(), "nodeName", "");
  }

  private static int phase(KubeObject pod) {
    return switch (Json.string(pod.status(), "phase", "Pending")) {
      case "Pending" -> 0;
      case "Unknown" -> 1;
      default -> 2;
    };
  }

  private static int deletionCost(KubeObject pod) {
    try {
      return pod.annotation("controller.kubernetes.io/pod-deletion-cost")
          .map(Integer::valueOf)
          .orElse(0);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static int restarts(KubeObject pod) {
    return Json.items(pod.status(), "containerStatuses").stream()
        .mapToInt(container -> Json.integer(container, "restartCount", 0))
        .max()
        .orElse(0);
  }
}
