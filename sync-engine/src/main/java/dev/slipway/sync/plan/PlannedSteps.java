package dev.slipway.sync.plan;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.ownership.FieldDiff;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// What a sync would do, each step with a fingerprint of everything that it depends on: what is
/// wanted, what is live, and which object that is. No value can be read from it.
public record PlannedSteps(List<Step> steps) {
  /// @param fingerprint of the change: equal ones do the same
  public record Step(ObjectKey key, String action, String fingerprint) {}

  public PlannedSteps {
    steps = List.copyOf(steps);
  }

  /// @param hooks that the sync runs
  /// @param prunes whether it deletes what Git no longer has
  public static PlannedSteps of(SyncPlan plan, List<RenderedObject> hooks, boolean prunes) {
    var steps = new ArrayList<Step>();
    for (RenderedObject hook : hooks) {
      steps.add(new Step(hook.object().key(), "hook", hook.hash()));
    }
    for (SyncPlan.Action action : plan.actions()) {
      RenderedObject wanted = action.wanted();
      ObjectKey key = wanted.object().key();
      steps.add(
          switch (action) {
            case SyncPlan.Action.Create _ -> new Step(key, "create", wanted.hash());
            case SyncPlan.Action.Change(_, KubeObject live, var changes) ->
                step(key, "change", wanted, live, changes);
            case SyncPlan.Action.Overwrite(_, KubeObject live, var changes) ->
                step(key, "overwrite", wanted, live, changes);
            case SyncPlan.Action.Replace(_, KubeObject live, String why) ->
                new Step(key, "replace", hash(wanted.hash() + live.uid() + why));
          });
    }
    if (prunes) {
      plan.prunes().forEach(gone -> steps.add(new Step(gone.key(), "prune", hash(gone.uid()))));
    }
    return new PlannedSteps(steps);
  }

  private static Step step(
      ObjectKey key,
      String action,
      RenderedObject wanted,
      KubeObject live,
      List<FieldDiff.Change> changes) {
    var text = new StringBuilder(wanted.hash()).append(live.uid());
    changes.forEach(
        change ->
            text.append('\n').append(change.path()).append(change.live()).append(change.desired()));
    if (key.kind().equals("Secret")) {
      // What differs is masked in a difference, but it may not change unnoticed.
      text.append(live.json().path("data"));
    }
    return new Step(key, action, hash(text.toString()));
  }

  private static String hash(String text) {
    return Renderer.hash(text.getBytes(StandardCharsets.UTF_8));
  }

  /// Of all steps of a commit together.
  public String digest(String commit) {
    return hash(commit + toJson());
  }

  public ArrayNode toJson() {
    ArrayNode list = Json.object().putArray("steps");
    for (Step step : steps) {
      ObjectKey key = step.key();
      list.addObject()
          .put("action", step.action())
          .put("group", key.group())
          .put("kind", key.kind())
          .put("namespace", key.namespace())
          .put("name", key.name())
          .put("fingerprint", step.fingerprint());
    }
    return list;
  }

  /// The first step that is not as it was.
  ///
  /// @param before as [#toJson] wrote it
  public Optional<String> movedSince(JsonNode before) {
    Map<String, String> old = new LinkedHashMap<>();
    Map<String, String> now = new LinkedHashMap<>();
    before.forEach(
        step ->
            old.put(
                name(step),
                Json.string(step, "action", "") + Json.string(step, "fingerprint", "")));
    toJson()
        .forEach(
            step ->
                now.put(
                    name(step),
                    Json.string(step, "action", "") + Json.string(step, "fingerprint", "")));
    for (var step : now.entrySet()) {
      String planned = old.remove(step.getKey());
      if (planned == null) {
        return Optional.of(step.getKey() + " is not in the plan");
      }
      if (!planned.equals(step.getValue())) {
        return Optional.of(step.getKey() + " is not what it was");
      }
    }
    return old.keySet().stream().findFirst().map(name -> name + " needs no change any more");
  }

  private static String name(JsonNode step) {
    String namespace = Json.string(step, "namespace", "");
    return Json.string(step, "kind", "")
        + " "
        + (namespace.isEmpty() ? "" : namespace + "/")
        + Json.string(step, "name", "");
  }
}
