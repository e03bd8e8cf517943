package dev.slipway.sync.dependency;

import dev.slipway.model.health.Health;
import dev.slipway.model.health.HealthRules;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

  /// @param commit that the application is to be synced to
  /// @param all every application, this one included
  public static Verdict verdict(
      KubeObject application, String commit, Collection<KubeObject> all, Instant now) {
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
        Health health = HealthRules.assess(other, now);
        if (health.word() != Health.Word.HEALTHY) {
          return new Verdict.Waiting(
              "application %s/%s to be healthy: %s%s"
                  .formatted(
                      key.namespace(),
                      key.name(),
                      health.word(),
                      health.message().isEmpty() ? "" : ", " + health.message()));
        }
        Optional<String> behind = behind(application, commit, other, now);
        if (behind.isPresent()) {
          return new Verdict.Waiting(
              "application %s/%s %s".formatted(key.namespace(), key.name(), behind.get()));
        }
      }
    }
    return new Verdict.Ready();
  }

  /// What an application that is healthy has yet to do for a newer commit: it may be healthy as it
  /// was before.
  ///
  /// A commit that it was taken back from is settled, unless it is the very commit that is waited
  /// for.
  private static Optional<String> behind(
      KubeObject application, String commit, KubeObject dependency, Instant now) {
    if (!HealthRules.follows(dependency, now)) {
      return Optional.empty();
    }
    JsonNode status = dependency.status();
    String seen = Json.string(status.path("source"), "revision", "");
    boolean together = origin(application).equals(origin(dependency));
    if (together && !seen.equals(commit)) {
      return Optional.of("to look at commit " + brief(commit));
    }
    if (seen.isEmpty() || seen.equals(Json.string(status.path("sync"), "revision", ""))) {
      return Optional.empty();
    }
    Optional<JsonNode> rejected =
        Json.items(status, "rejected").stream()
            .filter(entry -> Json.string(entry, "revision", "").equals(seen))
            .findFirst();
    boolean held = Json.string(status.path("hold"), "revision", "").equals(seen);
    if (rejected.isEmpty() && !held) {
      return Optional.of(
          "to be synced to %s%s"
              .formatted(
                  brief(seen),
                  Json.string(status.path("waiting"), "for")
                      .map(what -> ", which waits for " + what)
                      .orElse(
                          Conditions.isTrue(status, "InvalidManifests")
                              ? ", whose manifests have problems"
                              : "")));
    }
    return together
        ? Optional.of(
            "to be synced to %s, which it was taken back from%s"
                .formatted(
                    brief(seen),
                    rejected.map(entry -> ": " + Json.string(entry, "reason", "")).orElse("")))
        : Optional.empty();
  }

  /// Where the commits of an application come from.
  private static List<String> origin(KubeObject application) {
    JsonNode source = application.spec().path("source");
    return List.of(
        Json.string(source, "repoURL", ""), Json.string(source, "targetRevision", "HEAD"));
  }

  private static String brief(String commit) {
    return commit.substring(0, Math.min(8, commit.length()));
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
