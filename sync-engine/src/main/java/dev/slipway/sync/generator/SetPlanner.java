package dev.slipway.sync.generator;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.words.Count;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What an ApplicationSet makes of its parameters, and what it does about the applications that are
/// there.
public final class SetPlanner {
  /// What is to be done.
  ///
  /// @param apply applications to make or change, by name
  /// @param delete applications of the set that nothing generates any more
  /// @param problem why nothing at all is done, or why nothing is deleted; empty when all is well
  public record Plan(List<KubeObject> apply, List<KubeObject> delete, String problem) {
    public Plan {
      apply = List.copyOf(apply);
      delete = List.copyOf(delete);
    }
  }

  private SetPlanner() {}

  /// @param parameters one map for each application; an empty list is a doubt, not a wish
  /// @param owned the applications that this set made before
  public static Plan plan(
      KubeObject set, List<Map<String, String>> parameters, Collection<KubeObject> owned) {
    JsonNode policy = set.spec().path("syncPolicy");
    Map<String, KubeObject> wanted = new TreeMap<>();
    for (Map<String, String> values : parameters) {
      KubeObject application;
      try {
        application = fill(set, values);
      } catch (IllegalArgumentException e) {
        return new Plan(List.of(), List.of(), String.valueOf(e.getMessage()));
      }
      if (wanted.put(application.name(), application) != null) {
        return new Plan(
            List.of(),
            List.of(),
            "two of its applications would be named %s: nothing is changed"
                .formatted(application.name()));
      }
    }
    String mode = Json.string(policy, "applicationsSync", "sync");
    Map<String, KubeObject> known = new LinkedHashMap<>();
    owned.forEach(one -> known.put(one.name(), one));
    List<KubeObject> apply =
        wanted.values().stream()
            .filter(one -> !mode.equals("create-only") || !known.containsKey(one.name()))
            .toList();
    List<KubeObject> delete =
        mode.equals("sync")
            ? owned.stream()
                .filter(one -> !wanted.containsKey(one.name()) && !one.isTerminating())
                .toList()
            : List.of();
    if (wanted.isEmpty() && !owned.isEmpty() && !Json.bool(policy, "allowEmpty", false)) {
      return new Plan(
          apply, List.of(), "it generates nothing now: nothing is deleted (allowEmpty is off)");
    }
    int most = Json.integer(policy, "maxDeleted", 3);
    if (delete.size() > most) {
      return new Plan(
          apply,
          List.of(),
          "%s would be deleted, the limit is %d (syncPolicy.maxDeleted): nothing is deleted"
              .formatted(Count.of(delete.size(), "application"), most));
    }
    return new Plan(apply, delete, "");
  }

  private static KubeObject fill(KubeObject set, Map<String, String> values) {
    JsonNode template = set.spec().path("template");
    ObjectNode filled = (ObjectNode) Parameters.filled(template.deepCopy(), values);
    ObjectNode metadata = Json.child(filled, "metadata");
    String name = Json.string(metadata, "name", "");
    if (!name.matches("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")) {
      throw new IllegalArgumentException(
          "\"%s\" is no name of an application: nothing is changed".formatted(name));
    }
    return KubeObject.make(
        "slipway.dev/v1",
        "Application",
        set.namespace(),
        name,
        json -> {
          ObjectNode own = Json.child(json, "metadata");
          boolean keeps =
              Json.bool(set.spec().path("syncPolicy"), "preserveResourcesOnDeletion", false);
          for (String part : List.of("labels", "annotations", "finalizers")) {
            if (metadata.has(part) && !(keeps && part.equals("finalizers"))) {
              own.set(part, metadata.path(part));
            }
          }
          own.putArray("ownerReferences").add(OwnerReference.controlledBy(set).toJson());
          json.set("spec", filled.path("spec"));
        });
  }
}
