package dev.slipway.controlplane.nodes;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.OwnerReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which pods may leave a node now, or several nodes that are emptied together, so that no workload
/// misses more than one of its pods because of it.
public final class DrainPlanner {
  /// @param evict may be deleted now
  /// @param waitsFor what must happen before the next ones, in words; empty when nothing must
  /// @param orphans belong to nothing that would make them again
  public record Step(List<KubeObject> evict, String waitsFor, List<KubeObject> orphans) {}

  private DrainPlanner() {}

  /// @param here the pods of the nodes
  /// @param controllers every replication controller
  /// @param force pods without an owner go too
  public static Step next(List<KubeObject> here, List<KubeObject> controllers, boolean force) {
    Map<String, KubeObject> byUid = new HashMap<>();
    controllers.forEach(controller -> byUid.put(controller.uid(), controller));
    var evict = new ArrayList<KubeObject>();
    var orphans = new ArrayList<KubeObject>();
    var asked = new HashSet<String>();
    String waits = "";
    for (KubeObject pod : here) {
      Optional<OwnerReference> owner = pod.controller();
      if (pod.isTerminating()) {
        waits = "pod %s/%s ends".formatted(pod.namespace(), pod.name());
        owner.ifPresent(reference -> asked.add(reference.uid()));
      }
    }
    for (KubeObject pod : here) {
      if (pod.isTerminating()) {
        continue;
      }
      Optional<OwnerReference> owner = pod.controller();
      if (owner.isEmpty()) {
        if (force || isDone(pod)) {
          evict.add(pod);
        } else {
          orphans.add(pod);
        }
        continue;
      }
      KubeObject controller = byUid.get(owner.get().uid());
      if (controller == null || isDone(pod)) {
        evict.add(pod);
      } else if (asked.contains(owner.get().uid())) {
        waits = waits.isEmpty() ? "another pod of " + controller.name() + " ends" : waits;
      } else if (isWhole(controller) || !isReady(pod)) {
        asked.add(owner.get().uid());
        evict.add(pod);
      } else {
        waits =
            "%s/%s has %d of %d pods ready"
                .formatted(
                    controller.namespace(),
                    controller.name(),
                    Json.integer(controller.status(), "readyReplicas", 0),
                    Json.integer(controller.spec(), "replicas", 1));
      }
    }
    return new Step(evict, waits, orphans);
  }

  private static boolean isWhole(KubeObject controller) {
    return Json.integer(controller.status(), "readyReplicas", 0)
            >= Json.integer(controller.spec(), "replicas", 1)
        && Json.integer(controller.status(), "replicas", 0)
            <= Json.integer(controller.spec(), "replicas", 1);
  }

  private static boolean isReady(KubeObject pod) {
    return Conditions.isTrue(pod.status(), "Ready");
  }

  private static boolean isDone(KubeObject pod) {
    String phase = Json.string(pod.status(), "phase", "");
    return phase.equals("Succeeded") || phase.equals("Failed");
  }
}
