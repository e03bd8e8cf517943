package dev.slipway.sync.plan;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.health.Health;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.ownership.FieldDiff;
import dev.slipway.sync.health.HealthAssessor;
import dev.slipway.sync.health.HealthCheck;
import dev.slipway.sync.plan.SyncPlanner.Owned;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/// What objects of one application were found to differ in, and how they do. A pair of which
/// neither side has moved is not compared again: the wanted side is known by its hash, the live one
/// by its UID and version. For any thread; to lose it costs nothing but time.
public final class Compared {
  private record Pair(
      String hash,
      String declaredKind,
      IgnoredFields ignored,
      String uid,
      String resourceVersion,
      List<FieldDiff.Change> changes) {
    boolean isOf(RenderedObject wanted, KubeObject live, IgnoredFields by) {
      return ignored.equals(by)
          && hash.equals(wanted.hash())
          && declaredKind.equals(wanted.declaredKind())
          && resourceVersion.equals(live.resourceVersion())
          && uid.equals(live.uid());
    }
  }

  private record Assessed(
      List<HealthCheck> checks, String uid, String resourceVersion, Health health) {}

  private final Map<ObjectKey, Pair> pairs = new ConcurrentHashMap<>();
  private final Map<ObjectKey, Assessed> health = new ConcurrentHashMap<>();
  private volatile Inventory inventory = new Inventory(Json.array(), List.of());

  private record Inventory(JsonNode list, List<Owned> owned) {}

  /// What a list in a status says, read once as long as it is the same.
  public List<Owned> inventory(JsonNode list, Function<JsonNode, List<Owned>> read) {
    Inventory known = inventory;
    if (known.list() != list) {
      known = new Inventory(list, List.copyOf(read.apply(list)));
      inventory = known;
    }
    return known.owned();
  }

  /// @param ignored what `compare` leaves out
  List<FieldDiff.Change> changes(
      RenderedObject wanted,
      KubeObject live,
      IgnoredFields ignored,
      Supplier<List<FieldDiff.Change>> compare) {
    ObjectKey key = wanted.object().key();
    Pair known = pairs.get(key);
    if (known != null && known.isOf(wanted, live, ignored)) {
      return known.changes();
    }
    List<FieldDiff.Change> changes = List.copyOf(compare.get());
    if (!live.resourceVersion().isEmpty()) {
      pairs.put(
          key,
          new Pair(
              wanted.hash(),
              wanted.declaredKind(),
              ignored,
              live.uid(),
              live.resourceVersion(),
              changes));
    }
    return changes;
  }

  /// @param by the checks that the application states, if any
  public Health health(KubeObject live, List<HealthCheck> by, HealthAssessor assessor, Instant at) {
    Assessed known = health.get(live.key());
    if (known != null
        && known.checks().equals(by)
        && known.resourceVersion().equals(live.resourceVersion())
        && known.uid().equals(live.uid())) {
      return known.health();
    }
    Health now = assessor.assess(live, by, at);
    if (!live.resourceVersion().isEmpty()) {
      health.put(live.key(), new Assessed(by, live.uid(), live.resourceVersion(), now));
    }
    return now;
  }

  /// What is no longer wanted is forgotten.
  void retain(Set<ObjectKey> wanted) {
    if (pairs.size() > wanted.size()) {
      pairs.keySet().retainAll(wanted);
    }
    if (health.size() > 2 * wanted.size()) {
      health.keySet().retainAll(wanted);
    }
  }
}
