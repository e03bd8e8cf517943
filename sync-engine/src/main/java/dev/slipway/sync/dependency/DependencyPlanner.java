package dev.slipway.sync.dependency;

import dev.slipway.model.health.Health;
import dev.slipway.model.health.HealthRules;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/// Whether the applications that another one depends on (`spec.dependsOn`) are as they should be.
public final class DependencyPlanner {
  /// Whether a sync may begin.
  public sealed interface Verdict {
    record Ready() implements Verdict {}

    /// @param why what is waited for, in a sentence
    record Waiting(String why) implements Verdict {}

    /// Nobody in the circle could ever begin.
    ///
    /// @param path from the application back to itself
    record Cycle(List<ObjectKey> path) implements Verdict {
      public Cycle {
        path = List.copyOf(path);
      }

      public String words() {
        return path.stream()
            .map(key -> key.namespace() + "/" + key.name())
            .collect(Collectors.joining(" → "));
      }
    }
  }

  private DependencyPlanner() {}

  public static boolean hasDependencies(KubeObject application) {
    return !Json.items(application.spec(), "dependsOn").isEmpty();
  }

  /// @param all every application, this one included
  public static Verdict verdict(KubeObject application, Collection<KubeObject> all) {
    if (!hasDependencies(application)) {
      return new Verdict.Ready();
    }
    Map<ObjectKey, KubeObject> known = new HashMap<>();
    all.forEach(one -> known.put(one.key(), one));
    known.put(application.key(), application);
    List<ObjectKey> cycle = cycle(application.key(), known);
    if (!cycle.isEmpty()) {
      return new Verdict.Cycle(cycle);
    }
    for (JsonNode dependency : Json.items(application.spec(), "dependsOn")) {
      Set<ObjectKey> keys = keys(application, dependency, known.values());
      if (keys.isEmpty()) {
        return new Verdict.Waiting(
            "an application with the labels " + dependency.path("matchLabels") + ": there is none");
      }
      for (ObjectKey key : keys) {
        KubeObject other = known.get(key);
        if (other == null) {
          return new Verdict.Waiting(
              "application %s/%s: it does not exist".formatted(key.namespace(), key.name()));
        }
        Health health = HealthRules.assess(other);
        if (health.word() != Health.Word.HEALTHY) {
          return new Verdict.Waiting(
              "application %s/%s to be healthy: %s%s"
                  .formatted(
                      key.namespace(),
                      key.name(),
                      health.word(),
                      health.message().isEmpty() ? "" : ", " + health.message()));
        }
      }
    }
    return new Verdict.Ready();
  }

  private static Set<ObjectKey> keys(
      KubeObject application, JsonNode dependency, Collection<KubeObject> all) {
    String namespace = Json.string(dependency, "namespace", application.namespace());
    String name = Json.string(dependency, "name", "");
    if (!name.isEmpty()) {
      return Set.of(ObjectKey.slipway("Application", namespace, name));
    }
    LabelSelector labels = LabelSelector.ofMap(Json.stringMap(dependency, "matchLabels"));
    return all.stream()
        .filter(
            other -> other.namespace().equals(namespace) && !other.key().equals(application.key()))
        .filter(other -> labels.matches(other.labels()))
        .map(KubeObject::key)
        .sorted()
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /// The shortest way from an application back to itself; empty when there is none.
  private static List<ObjectKey> cycle(ObjectKey start, Map<ObjectKey, KubeObject> known) {
    Map<ObjectKey, ObjectKey> cameFrom = new HashMap<>();
    Set<ObjectKey> seen = new HashSet<>();
    var queue = new java.util.ArrayDeque<ObjectKey>(List.of(start));
    while (!queue.isEmpty()) {
      ObjectKey at = queue.poll();
      KubeObject application = known.get(at);
      if (application == null) {
        continue;
      }
      for (JsonNode dependency : Json.items(application.spec(), "dependsOn")) {
        for (ObjectKey next : keys(application, dependency, known.values())) {
          if (next.equals(start)) {
            return path(start, at, cameFrom);
          }
          if (seen.add(next)) {
            cameFrom.put(next, at);
            queue.add(next);
          }
        }
      }
    }
    return List.of();
  }

  private static List<ObjectKey> path(
      ObjectKey start, ObjectKey last, Map<ObjectKey, ObjectKey> cameFrom) {
    var path = new ArrayList<ObjectKey>();
    path.add(start);
    for (ObjectKey at = last; at != null && !at.equals(start); at = cameFrom.get(at)) {
      path.addFirst(at);
    }
    path.addFirst(start);
    return path;
  }
}
