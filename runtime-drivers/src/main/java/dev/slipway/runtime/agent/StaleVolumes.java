package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Which pods of a node have volumes whose content has changed since it was last written. An agent
/// that starts does not know, and looks at each once.
final class StaleVolumes {
  private final Map<ObjectKey, Map<String, ObjectKey>> users = new HashMap<>();
  private final Set<String> stale = new HashSet<>();

  /// A pod was bound to the node, or has changed.
  synchronized void moved(@Nullable KubeObject before, KubeObject after) {
    if (before == null) {
      Set<ObjectKey> sources = sources(after);
      sources.forEach(
          source ->
              users.computeIfAbsent(source, _ -> new HashMap<>()).put(after.uid(), after.key()));
      if (!sources.isEmpty() || !projections(after, "downwardAPI").isEmpty() || asksTokens(after)) {
        stale.add(after.uid());
      }
    } else if (!projections(after, "downwardAPI").isEmpty()
        && !(before.labels().equals(after.labels())
            && before.annotations().equals(after.annotations()))) {
      stale.add(after.uid());
    }
  }

  /// @return the pods that show it
  synchronized List<ObjectKey> changed(ObjectKey source) {
    Map<String, ObjectKey> pods = users.getOrDefault(source, Map.of());
    stale.addAll(pods.keySet());
    return List.copyOf(pods.values());
  }

  synchronized void gone(KubeObject pod) {
    for (ObjectKey source : sources(pod)) {
      users.computeIfPresent(
          source,
          (_, pods) -> {
            pods.remove(pod.uid());
            return pods.isEmpty() ? null : pods;
          });
    }
    stale.remove(pod.uid());
  }

  synchronized boolean has(String podUid) {
    return stale.contains(podUid);
  }

  synchronized void add(String podUid) {
    stale.add(podUid);
  }

  /// Called before the content is read: what changes from then on counts again.
  synchronized void written(String podUid) {
    stale.remove(podUid);
  }

  private static boolean asksTokens(KubeObject pod) {
    return !projections(pod, "serviceAccountToken").isEmpty();
  }

  /// The ConfigMaps and Secrets that a pod's volumes show.
  static Set<ObjectKey> sources(KubeObject pod) {
    var sources = new HashSet<ObjectKey>();
    Map<String, String> kinds = Map.of("configMap", "ConfigMap", "secret", "Secret");
    kinds.forEach(
        (field, kind) ->
            projections(pod, field)
                .forEach(
                    source ->
                        Json.string(source, "name")
                            .or(() -> Json.string(source, "secretName"))
                            .ifPresent(
                                name -> sources.add(ObjectKey.core(kind, pod.namespace(), name)))));
    return sources;
  }

  private static List<JsonNode> projections(KubeObject pod, String field) {
    return Json.items(pod.spec(), "volumes").stream()
        .flatMap(
            volume ->
                Stream.concat(
                    Stream.of(volume), Json.items(volume.path("projected"), "sources").stream()))
        .map(source -> source.path(field))
        .filter(JsonNode::isObject)
        .toList();
  }
}
