package dev.slipway.sync.plan;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.health.Health;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.ownership.FieldDiff;
import dev.slipway.sync.health.HealthAssessor;
import dev.slipway.sync.health.HealthCheck;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/// What objects of one application were found to differ in, and how they do. A pair of which
/// neither side has moved is not compared again: the wanted side is known by its hash, the live one
/// by its UID and version. Used by one thread at a time; to lose it costs nothing but time.
public final class Compared {
  private record Pair(
      String hash,
      String declaredKind,
      String uid,
      String resourceVersion,
      List<FieldDiff.Change> changes) {
    boolean isOf(RenderedObject wanted, KubeObject live) {
      return hash.equals(wanted.hash())
          && declaredKind.equals(wanted.declaredKind())
          && resourceVersion.equals(live.resourceVersion())
          && uid.equals(live.uid());
    }
  }

  private record Assessed(String uid, String resourceVersion, Health health) {}

  private final Map<ObjectKey, Pair> pairs = new HashMap<>();
  private final Map<ObjectKey, Assessed> health = new HashMap<>();
  private List<HealthCheck> checks = List.of();
  private IgnoredFields ignored = IgnoredFields.NONE;

  /// Pairs that were compared while other fields were ignored are forgotten.
  void ignoring(IgnoredFields now) {
    if (!ignored.equals(now)) {
      pairs.clear();
      ignored = now;
    }
  }

  List<FieldDiff.Change> changes(
      RenderedObject wanted, KubeObject live, Supplier<List<FieldDiff.Change>> compare) {
    ObjectKey key = wanted.object().key();
    Pair known = pairs.get(key);
    if (known != null && known.isOf(wanted, live)) {
      return known.changes();
    }
    List<FieldDiff.Change> changes = List.copyOf(compare.get());
    if (!live.resourceVersion().isEmpty()) {
      pairs.put(
          key,
          new Pair(
              wanted.hash(), wanted.declaredKind(), live.uid(), live.resourceVersion(), changes));
    }
    return changes;
  }

  /// @param by the checks that the application states, if any
  public Health health(KubeObject live, List<HealthCheck> by, HealthAssessor assessor) {
    if (!checks.equals(by)) {
      health.clear();
      checks = by;
    }
    Assessed known = health.get(live.key());
    if (known != null
        && known.resourceVersion().equals(live.resourceVersion())
        && known.uid().equals(live.uid())) {
      return known.health();
    }
    Health now = assessor.assess(live, by);
    if (!live.resourceVersion().isEmpty()) {
      health.put(live.key(), new Assessed(live.uid(), live.resourceVersion(), now));
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
