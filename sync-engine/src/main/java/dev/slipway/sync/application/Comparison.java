package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.health.Health;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
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
    var keys = new HashSet<ObjectKey>();
    objects.forEach(object -> keys.add(object.object().key()));
    pass.status.inventory().forEach(owned -> keys.add(owned.key()));
    return pass.cluster.getAll(keys);
  }

  static Set<ObjectKey> changed(SyncPlan plan) {
    Set<ObjectKey> changed = new HashSet<>();
    plan.actions().forEach(action -> changed.add(action.wanted().object().key()));
    changed.addAll(plan.leaving());
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
      Pass pass,
      List<RenderedObject> objects,
      Map<ObjectKey, KubeObject> live,
      Set<ObjectKey> changed) {
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
      String sync = known == null ? "Missing" : changed.contains(key) ? "OutOfSync" : "Synced";
      line(list, key, object.declaredKind(), sync, health);
    }
    for (Owned owned : pass.status.inventory()) {
      if (!keys.contains(owned.key()) && live.containsKey(owned.key())) {
        line(list, owned.key(), owned.key().kind(), "Extra", Health.HEALTHY);
      }
    }
    return Health.worst(all);
  }

  private static void line(
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
  }
}
