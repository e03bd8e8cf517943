package dev.slipway.controlplane.store;

import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector.Requirement;
import dev.slipway.model.object.ObjectKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The objects of one kind and the indexes over them. Guarded by the store's lock.
final class Shelf {
  private static final Comparator<KubeObject> ORDER =
      Comparator.comparing(KubeObject::namespace).thenComparing(KubeObject::name);

  static final Comparator<ObjectKey> KEYS =
      Comparator.comparing(ObjectKey::namespace).thenComparing(ObjectKey::name);

  private record Place(String namespace, String name) {}

  private record Label(String name, String value) {}

  private final TreeMap<String, TreeMap<String, KubeObject>> byNamespace = new TreeMap<>();
  private final Map<Label, Map<Place, KubeObject>> byLabel = new HashMap<>();
  private final Map<String, Map<Place, KubeObject>> byOwner = new HashMap<>();
  private final Map<String, Map<Place, KubeObject>> byNode = new HashMap<>();

  void change(@Nullable KubeObject before, @Nullable KubeObject after) {
    if (before != null) {
      takeOut(before, after);
    }
    if (after != null) {
      putIn(after);
    }
  }

  private void takeOut(KubeObject before, @Nullable KubeObject after) {
    Place place = new Place(before.namespace(), before.name());
    if (after == null) {
      remove(byNamespace, place.namespace(), place.name());
    }
    before.labels().forEach((name, value) -> remove(byLabel, new Label(name, value), place));
    before.owners().forEach(owner -> remove(byOwner, owner.uid(), place));
    String node = nodeName(before);
    if (!node.isEmpty()) {
      remove(byNode, node, place);
    }
  }

  private void putIn(KubeObject after) {
    Place place = new Place(after.namespace(), after.name());
    byNamespace.computeIfAbsent(place.namespace(), _ -> new TreeMap<>()).put(place.name(), after);
    after.labels().forEach((name, value) -> add(byLabel, new Label(name, value), place, after));
    after.owners().forEach(owner -> add(byOwner, owner.uid(), place, after));
    String node = nodeName(after);
    if (!node.isEmpty()) {
      add(byNode, node, place, after);
    }
  }

  /// What matches, by namespace and name. Looks only at the smallest group that an index gives.
  List<KubeObject> find(ObjectQuery query) {
    var found = new ArrayList<KubeObject>();
    Collection<KubeObject> indexed = smallest(query);
    if (indexed != null) {
      indexed.forEach(object -> addIfMatching(object, query, found));
      found.sort(ORDER);
    } else if (query.namespace().isPresent()) {
      byNamespace
          .getOrDefault(query.namespace().get(), new TreeMap<>())
          .values()
          .forEach(object -> addIfMatching(object, query, found));
    } else {
      byNamespace
          .values()
          .forEach(names -> names.values().forEach(object -> addIfMatching(object, query, found)));
    }
    return found;
  }

  private @Nullable Collection<KubeObject> smallest(ObjectQuery query) {
    Collection<KubeObject> best = null;
    if (query.ownerUid().isPresent()) {
      best = byOwner.getOrDefault(query.ownerUid().get(), Map.of()).values();
    }
    if (query.nodeName().isPresent()) {
      best = smaller(best, byNode.getOrDefault(query.nodeName().get(), Map.of()).values());
    }
    for (Requirement requirement : query.labels().requirements()) {
      if (requirement instanceof Requirement.In(String label, List<String> values)
          && values.size() == 1) {
        best =
            smaller(
                best, byLabel.getOrDefault(new Label(label, values.getFirst()), Map.of()).values());
      }
    }
    if (best != null && query.namespace().isPresent()) {
      var inNamespace = byNamespace.get(query.namespace().get());
      best = smaller(best, inNamespace == null ? List.of() : inNamespace.values());
    }
    return best;
  }

  private static Collection<KubeObject> smaller(
      @Nullable Collection<KubeObject> one, Collection<KubeObject> other) {
    return one != null && one.size() <= other.size() ? one : other;
  }

  private static void addIfMatching(KubeObject object, ObjectQuery query, List<KubeObject> found) {
    if (matches(object, query)) {
      found.add(object);
    }
  }

  /// Whether the object is selected; its kind is taken for granted.
  static boolean matches(KubeObject object, ObjectQuery query) {
    if (query.namespace().isPresent() && !query.namespace().get().equals(object.namespace())) {
      return false;
    }
    if (query.nodeName().isPresent() && !query.nodeName().get().equals(nodeName(object))) {
      return false;
    }
    if (query.ownerUid().isPresent()) {
      String uid = query.ownerUid().get();
      if (object.owners().stream().noneMatch(owner -> owner.uid().equals(uid))) {
        return false;
      }
    }
    return (query.labels().isEverything() || query.labels().matches(object.labels()))
        && (query.fields().isEverything() || query.fields().matches(object));
  }

  /// Where a pod is bound; empty for everything else.
  static String nodeName(KubeObject object) {
    return object.kind().equals("Pod") ? Json.string(object.spec(), "nodeName", "") : "";
  }

  private static <K, P> void add(
      Map<K, Map<P, KubeObject>> index, K group, P place, KubeObject object) {
    index.computeIfAbsent(group, _ -> new HashMap<>()).put(place, object);
  }

  private static <K, P, M extends Map<P, KubeObject>> void remove(
      Map<K, M> index, K group, P place) {
    M places = index.get(group);
    if (places != null) {
      places.remove(place);
      if (places.isEmpty()) {
        index.remove(group);
      }
    }
  }
}
