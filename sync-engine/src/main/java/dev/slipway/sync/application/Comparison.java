package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.health.Health;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.ownership.FieldDiff;
import dev.slipway.sync.plan.IgnoredFields;
import dev.slipway.sync.plan.SyncPlan;
import dev.slipway.sync.plan.SyncPlanner;
import dev.slipway.sync.plan.SyncPlanner.Owned;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What is live beside what is wanted, and the lines of the status that say so.
final class Comparison {
  private static final int FIELDS_SHOWN = 10;

  private Comparison() {}

  static SyncPlan plan(Pass pass, List<RenderedObject> objects, Map<ObjectKey, KubeObject> live) {
    return SyncPlanner.plan(
        objects,
        live,
        pass.status.inventory(),
        IgnoredFields.read(pass.application.spec()),
        pass.spec.options(),
        pass.compared);
  }

  static Map<ObjectKey, Health> health(Pass pass, Map<ObjectKey, KubeObject> live) {
    Map<ObjectKey, Health> health = new HashMap<>();
    live.forEach((key, object) -> health.put(key, pass.health(object)));
    return health;
  }

  static Map<ObjectKey, KubeObject> live(Pass pass, Collection<RenderedObject> objects) {
    Map<ObjectKey, KubeObject> live =
        pass.cluster.getAll(objects.stream().map(object -> object.object().key()).toList());
    List<ObjectKey> others =
        pass.status.inventory().stream()
            .map(Owned::key)
            .filter(key -> !live.containsKey(key))
            .toList();
    if (others.isEmpty()) {
      return live;
    }
    var all = new HashMap<>(live);
    all.putAll(pass.cluster.getAll(others));
    return all;
  }

  /// What is not as wanted, with the fields that differ.
  private static Map<ObjectKey, List<FieldDiff.Change>> changed(SyncPlan plan) {
    var changed = new HashMap<ObjectKey, List<FieldDiff.Change>>();
    for (SyncPlan.Action action : plan.actions()) {
      List<FieldDiff.Change> fields =
          switch (action) {
            case SyncPlan.Action.Change(_, _, var changes) -> changes;
            case SyncPlan.Action.Overwrite(_, _, var changes) -> changes;
            case SyncPlan.Action.Create _, SyncPlan.Action.Replace _ -> List.of();
          };
      changed.put(action.wanted().object().key(), fields);
    }
    plan.leaving().forEach(key -> changed.put(key, List.of()));
    return changed;
  }

  static Map<ObjectKey, Version> versions(
      Pass pass, Collection<RenderedObject> objects, Map<ObjectKey, KubeObject> live) {
    var versions = new HashMap<ObjectKey, Version>();
    objects.forEach(object -> versions.put(object.object().key(), Version.ABSENT));
    pass.status.inventory().forEach(owned -> versions.put(owned.key(), Version.ABSENT));
    live.forEach((key, object) -> versions.put(key, Version.of(object)));
    return versions;
  }

  /// Which state of which object.
  record Version(String uid, String resourceVersion) {
    static final Version ABSENT = new Version("", "");

    static Version of(KubeObject object) {
      return new Version(object.uid(), object.resourceVersion());
    }

    boolean isOf(@Nullable KubeObject object) {
      return object == null
          ? uid.isEmpty()
          : resourceVersion.equals(object.resourceVersion()) && uid.equals(object.uid());
    }
  }

  /// Writes each object's line into the status.
  ///
  /// @return the health of all of them together
  static Health resources(
      Pass pass, List<RenderedObject> objects, Map<ObjectKey, KubeObject> live, SyncPlan plan) {
    Map<ObjectKey, List<FieldDiff.Change>> changed = changed(plan);
    ArrayNode list = pass.status.json().putArray("resources");
    var all = new ArrayList<Health>();
    var keys = new HashSet<ObjectKey>();
    for (RenderedObject object : objects) {
      ObjectKey key = object.object().key();
      keys.add(key);
      KubeObject known = live.get(key);
      Health health =
          known == null ? new Health(Health.Word.MISSING, key + " is missing") : pass.health(known);
      String message =
          health.message().isEmpty()
              ? ""
              : object.declaredKind() + " " + key.name() + ": " + health.message();
      all.add(new Health(health.word(), message));
      String sync = known == null ? "Missing" : changed.containsKey(key) ? "OutOfSync" : "Synced";
      ObjectNode line = line(list, key, object.declaredKind(), sync, health);
      if (known != null) {
        differences(line, known, changed.getOrDefault(key, List.of()));
      }
    }
    for (Owned owned : pass.status.inventory()) {
      if (!keys.contains(owned.key()) && live.containsKey(owned.key())) {
        line(list, owned.key(), owned.key().kind(), "Extra", Health.HEALTHY);
      }
    }
    return Health.worst(all);
  }

  /// The fields that differ, and whose they are by now.
  private static void differences(
      ObjectNode line, KubeObject live, List<FieldDiff.Change> changes) {
    if (changes.isEmpty()) {
      return;
    }
    ArrayNode list = line.putArray("differences");
    Map<String, Set<String>> owners = FieldDiff.owners(live);
    for (FieldDiff.Change change : changes.subList(0, Math.min(FIELDS_SHOWN, changes.size()))) {
      ObjectNode field = list.addObject().put("path", change.path());
      Set<String> managers = owners.getOrDefault(change.path(), Set.of());
      if (!managers.isEmpty()) {
        field.put("ownedBy", String.join(", ", managers));
      }
    }
  }

  private static ObjectNode line(
      ArrayNode list, ObjectKey key, String declaredKind, String sync, Health health) {
    ObjectNode line = list.addObject();
    line.put("group", key.group())
        .put("kind", key.kind())
        .put("namespace", key.namespace())
        .put("name", key.name());
    line.put("declaredKind", declaredKind)
        .put("sync", sync)
        .put("health", health.word().toString());
    if (!health.message().isEmpty()) {
      line.put("message", health.message());
    }
    return line;
  }
}
