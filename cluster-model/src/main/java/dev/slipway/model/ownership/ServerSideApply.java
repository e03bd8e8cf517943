package dev.slipway.model.ownership;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Server-side apply: an owner states the fields that it wants, and owns these and no others. Pure.
///
/// Source of the rules: Kubernetes' documentation, "Server-Side Apply".
public final class ServerSideApply {
  private static final String LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

  private ServerSideApply() {}

  /// One owner's fields.
  private record Owner(
      String manager, String operation, String subresource, ObjectNode fields, ObjectNode entry) {
    boolean isApplier(String name) {
      return manager.equals(name) && operation.equals("Apply") && subresource.isEmpty();
    }
  }

  /// What an object becomes when this manager applies its intent. `live` itself when nothing
  /// changes.
  ///
  /// @throws ClusterException `CONFLICT` naming each field that another owner holds with another
  ///   value, unless forced
  public static KubeObject apply(
      Optional<KubeObject> live, KubeObject intent, String manager, boolean force, Instant now) {
    return applyStated(live, Intent.stated(intent), manager, force, now);
  }

  private static KubeObject applyStated(
      Optional<KubeObject> live, KubeObject intent, String manager, boolean force, Instant now) {
    ObjectNode mine = FieldSet.of(intent.json());
    if (live.isEmpty()) {
      return intent.with(
          json -> {
            ObjectNode metadata = Json.child(json, "metadata");
            metadata.remove("managedFields");
            metadata
                .putArray("managedFields")
                .add(entry(manager, "Apply", intent.apiVersion(), mine, now));
          });
    }
    KubeObject old = live.get();
    List<Owner> owners = owners(old);
    Owner before =
        owners.stream().filter(owner -> owner.isApplier(manager)).findFirst().orElse(null);
    List<Owner> others = owners.stream().filter(owner -> !owner.isApplier(manager)).toList();
    boolean sameSet = before != null && before.fields().equals(mine);
    if (sameSet && covers(old.json(), intent.json())) {
      return old;
    }
    ObjectNode merged = old.json().deepCopy();
    merge(merged, intent.json());
    List<Owner> left = withoutTakenOver(others, mine, old, intent, manager, force);
    if (before != null) {
      for (List<String> path : FieldSet.leaves(FieldSet.minus(before.fields(), mine))) {
        if (left.stream().noneMatch(owner -> FieldSet.keeps(owner.fields(), path))) {
          FieldSet.remove(merged, path);
        }
      }
    }
    boolean sameOwners = sameSet && left.equals(others);
    ObjectNode metadata = Json.child(merged, "metadata");
    metadata.set("managedFields", old.metadata().path("managedFields").deepCopy());
    if (old.metadata().path("managedFields").isMissingNode()) {
      metadata.remove("managedFields");
    }
    if (sameOwners && merged.equals(old.json())) {
      return old;
    }
    ArrayNode managed = metadata.putArray("managedFields");
    left.forEach(owner -> managed.add(owner.entry()));
    if (!mine.isEmpty()) {
      managed.add(entry(manager, "Apply", intent.apiVersion(), mine, now));
    }
    return KubeObject.of(merged);
  }

  /// The others without the fields that this apply takes over; a field with the same value is
  /// shared.
  private static List<Owner> withoutTakenOver(
      List<Owner> others,
      ObjectNode mine,
      KubeObject live,
      KubeObject intent,
      String manager,
      boolean force) {
    var conflicts = new ArrayList<ClusterException.Cause>();
    var left = new ArrayList<Owner>();
    for (Owner owner : others) {
      ObjectNode lost = Json.object();
      for (List<String> path : FieldSet.leaves(owner.fields())) {
        if (path.isEmpty() || path.getLast().equals(".") || !FieldSet.has(mine, path)) {
          continue;
        }
        JsonNode wanted = FieldSet.value(intent.json(), path);
        if (!wanted.isObject() && !same(wanted, FieldSet.value(live.json(), path))) {
          conflicts.add(
              new ClusterException.Cause(
                  FieldSet.text(path),
                  "FieldManagerConflict",
                  "conflict with \"%s\"".formatted(owner.manager())));
          put(lost, path);
        }
      }
      ObjectNode fields = lost.isEmpty() ? owner.fields() : FieldSet.minus(owner.fields(), lost);
      if (lost.isEmpty()) {
        left.add(owner);
      } else if (!fields.isEmpty()) {
        ObjectNode entry = owner.entry().deepCopy();
        entry.set("fieldsV1", fields);
        left.add(new Owner(owner.manager(), owner.operation(), owner.subresource(), fields, entry));
      }
    }
    if (!conflicts.isEmpty() && !force && !isOwnEarlierApply(live, intent, manager, conflicts)) {
      throw new ClusterException(
          ClusterException.Reason.CONFLICT,
          "Apply failed with %d conflict%s: %s"
              .formatted(
                  conflicts.size(),
                  conflicts.size() == 1 ? "" : "s",
                  String.join(
                      ", ", conflicts.stream().map(c -> c.message() + ": " + c.field()).toList())),
          conflicts);
    }
    return left;
  }

  /// `kubectl apply --server-side` on what `kubectl apply` made: what stands in its own
  /// last-applied annotation, and is so still, is kubectl's already, whoever is recorded for it.
  private static boolean isOwnEarlierApply(
      KubeObject live, KubeObject intent, String manager, List<ClusterException.Cause> conflicts) {
    String last = live.annotations().get(LAST_APPLIED);
    if (!manager.equals("kubectl") || last == null) {
      return false;
    }
    try {
      KubeObject before =
          Intent.stated(KubeObject.of(Json.parseObject(last.getBytes(StandardCharsets.UTF_8))));
      Set<String> known = new HashSet<>();
      for (List<String> path : FieldSet.leaves(FieldSet.of(before.json()))) {
        if (same(FieldSet.value(before.json(), path), FieldSet.value(live.json(), path))) {
          known.add(FieldSet.text(path));
        }
      }
      return before.key().equals(intent.key())
          && conflicts.stream().allMatch(conflict -> known.contains(conflict.field()));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static void put(ObjectNode set, List<String> path) {
    ObjectNode at = set;
    for (String step : path) {
      at = Json.child(at, step);
    }
  }

  /// What `managedFields` become when somebody writes an object whole: he owns what he changed, the
  /// others lose it.
  ///
  /// `after` itself when nothing but the status or the identity changed.
  public static KubeObject recordUpdate(
      KubeObject before, KubeObject after, String manager, Instant now) {
    ObjectNode changed = Json.object();
    ObjectNode stated = FieldSet.of(after.json());
    stated.remove("f:status");
    for (List<String> path : FieldSet.leaves(stated)) {
      JsonNode value = FieldSet.value(after.json(), path);
      if (!path.isEmpty()
          && !path.getLast().equals(".")
          && !value.equals(FieldSet.value(before.json(), path))) {
        put(changed, path);
      }
    }
    ObjectNode gone = Json.object();
    ObjectNode known = FieldSet.of(before.json());
    known.remove("f:status");
    for (List<String> path : FieldSet.leaves(known)) {
      if (!path.isEmpty() && !FieldSet.has(stated, path)) {
        put(gone, path);
      }
    }
    if (changed.isEmpty() && gone.isEmpty()) {
      return after;
    }
    ObjectNode mine = changed;
    var entries = new ArrayList<ObjectNode>();
    for (Owner owner : owners(before)) {
      if (owner.manager().equals(manager)
          && owner.operation().equals("Update")
          && owner.subresource().isEmpty()) {
        mine = FieldSet.union(owner.fields(), mine);
      } else {
        ObjectNode fields = FieldSet.minus(FieldSet.minus(owner.fields(), changed), gone);
        if (!fields.isEmpty()) {
          ObjectNode entry = owner.entry().deepCopy();
          entry.set("fieldsV1", fields);
          entries.add(entry);
        }
      }
    }
    mine = FieldSet.minus(mine, gone);
    if (mine.isEmpty()) {
      return withEntries(after, entries);
    }
    entries.add(entry(manager, "Update", after.apiVersion(), mine, now));
    return withEntries(after, entries);
  }

  /// Whoever makes an object owns what he stated.
  public static KubeObject recordCreation(KubeObject made, String manager, Instant now) {
    ObjectNode stated = FieldSet.of(made.json());
    stated.remove("f:status");
    return stated.isEmpty()
        ? made
        : withEntries(made, List.of(entry(manager, "Update", made.apiVersion(), stated, now)));
  }

  private static KubeObject withEntries(KubeObject object, List<ObjectNode> entries) {
    return object.withMetadata(
        metadata -> {
          ArrayNode managed = metadata.putArray("managedFields");
          entries.forEach(managed::add);
        });
  }

  /// The fields that this manager applied before and that its new intent leaves out, without those
  /// that others own too.
  ///
  /// How a server divides an object depends on its schema, or on that there is none: what is called
  /// a field there may be stated here as part of another.
  static List<List<String>> dropped(KubeObject live, KubeObject intent, String manager) {
    List<Owner> owners = owners(live);
    ObjectNode mine = FieldSet.of(Intent.stated(intent).json());
    return owners.stream()
        .filter(owner -> owner.isApplier(manager))
        .flatMap(owner -> FieldSet.leaves(FieldSet.minus(owner.fields(), mine)).stream())
        .filter(path -> !path.isEmpty())
        .filter(path -> !FieldSet.states(intent.json(), path))
        .filter(
            path ->
                owners.stream()
                    .filter(owner -> !owner.isApplier(manager))
                    .noneMatch(owner -> FieldSet.keeps(owner.fields(), path)))
        .toList();
  }

  static Map<String, Set<String>> managers(KubeObject object) {
    var managers = new HashMap<String, Set<String>>();
    for (Owner owner : owners(object)) {
      for (List<String> path : FieldSet.leaves(owner.fields())) {
        managers.computeIfAbsent(FieldSet.text(path), _ -> new TreeSet<>()).add(owner.manager());
      }
    }
    return managers;
  }

  private static List<Owner> owners(KubeObject object) {
    var owners = new ArrayList<Owner>();
    for (JsonNode item : Json.items(object.metadata(), "managedFields")) {
      if (item instanceof ObjectNode entry && entry.path("fieldsV1") instanceof ObjectNode fields) {
        owners.add(
            new Owner(
                Json.string(entry, "manager", ""),
                Json.string(entry, "operation", ""),
                Json.string(entry, "subresource", ""),
                fields,
                entry));
      }
    }
    return owners;
  }

  private static ObjectNode entry(
      String manager, String operation, String apiVersion, ObjectNode fields, Instant now) {
    ObjectNode entry = Json.object();
    entry
        .put("manager", manager)
        .put("operation", operation)
        .put("apiVersion", apiVersion)
        .put("time", Conditions.time(now))
        .put("fieldsType", "FieldsV1");
    entry.set("fieldsV1", fields);
    return entry;
  }

  private static boolean same(JsonNode one, JsonNode other) {
    return FieldDiff.sameValue(one, other);
  }

  /// Puts what the intent states into the target; what it does not state stays.
  private static void merge(ObjectNode target, ObjectNode intent) {
    for (var member : intent.properties()) {
      String field = member.getKey();
      JsonNode live = target.path(field);
      if (member.getValue() instanceof ObjectNode wanted && !ListKeys.isAtomic(field)) {
        if (live instanceof ObjectNode child) {
          merge(child, wanted);
        } else {
          target.set(field, wanted.deepCopy());
        }
      } else if (member.getValue() instanceof ArrayNode wanted && live instanceof ArrayNode list) {
        mergeList(target, field, list, wanted);
      } else if (!FieldDiff.sameValue(member.getValue(), live)) {
        target.set(field, member.getValue());
      }
    }
  }

  private static void mergeList(ObjectNode target, String field, ArrayNode live, ArrayNode wanted) {
    if (FieldSet.isSet(field)) {
      mergeSet(target, field, live, wanted);
      return;
    }
    Optional<List<String>> keys = ListKeys.of(field, wanted);
    if (keys.isEmpty() || wanted.isEmpty() || ListKeys.of(field, live).isEmpty()) {
      if (!live.equals(wanted)) {
        target.set(field, wanted.deepCopy());
      }
      return;
    }
    var result = new ArrayList<JsonNode>();
    live.forEach(result::add);
    int last = -1;
    boolean inOrder = true;
    var fresh = new ArrayList<JsonNode>();
    for (JsonNode item : wanted) {
      int at = indexOf(live, keys.get(), ListKeys.key(keys.get(), item));
      if (at < 0) {
        fresh.add(item.deepCopy());
        continue;
      }
      inOrder &= at > last;
      last = at;
      if (live.get(at) instanceof ObjectNode known && item instanceof ObjectNode object) {
        merge(known, object);
      }
    }
    if (inOrder) {
      // Items of others stay where they are: two appliers of one list would reorder it for ever.
      insert(result, keys.get(), wanted, fresh);
    } else {
      result.clear();
      for (JsonNode item : wanted) {
        int at = indexOf(live, keys.get(), ListKeys.key(keys.get(), item));
        result.add(at < 0 ? item.deepCopy() : live.get(at));
      }
      for (JsonNode item : live) {
        if (indexOf(wanted, keys.get(), ListKeys.key(keys.get(), item)) < 0) {
          result.add(item);
        }
      }
    }
    ArrayNode list = Json.array();
    result.forEach(list::add);
    target.set(field, list);
  }

  /// Puts each new item behind the item that precedes it in the intent, the first before the first
  /// known one.
  private static void insert(
      List<JsonNode> result, List<String> keys, ArrayNode wanted, List<JsonNode> fresh) {
    int next = 0;
    int behind = result.size();
    for (int i = result.size() - 1; i >= 0; i--) {
      ObjectNode key = ListKeys.key(keys, result.get(i));
      behind = indexOf(wanted, keys, key) >= 0 ? i : behind;
    }
    for (JsonNode item : wanted) {
      ObjectNode key = ListKeys.key(keys, item);
      int at = -1;
      for (int i = 0; i < result.size(); i++) {
        if (ListKeys.key(keys, result.get(i)).equals(key)) {
          at = i;
        }
      }
      if (at < 0) {
        at = behind;
        result.add(at, fresh.get(next));
        next++;
      }
      behind = at + 1;
    }
  }

  private static int indexOf(ArrayNode list, List<String> keys, ObjectNode key) {
    for (int i = 0; i < list.size(); i++) {
      if (ListKeys.key(keys, list.get(i)).equals(key)) {
        return i;
      }
    }
    return -1;
  }

  private static void mergeSet(ObjectNode target, String field, ArrayNode live, ArrayNode wanted) {
    ArrayNode all = live.deepCopy();
    for (JsonNode item : wanted) {
      if (!contains(all, item)) {
        all.add(item);
      }
    }
    target.set(field, all);
  }

  private static boolean contains(ArrayNode list, JsonNode item) {
    for (JsonNode known : list) {
      if (known.equals(item)) {
        return true;
      }
    }
    return false;
  }

  /// Whether merging the intent would leave the live tree as it is. Copies nothing: most applies
  /// end here.
  private static boolean covers(ObjectNode live, ObjectNode intent) {
    for (var member : intent.properties()) {
      JsonNode known = live.path(member.getKey());
      boolean covered =
          switch (member.getValue()) {
            case ObjectNode wanted -> known instanceof ObjectNode child && covers(child, wanted);
            case ArrayNode wanted ->
                known instanceof ArrayNode list && coversList(member.getKey(), list, wanted);
            default -> same(member.getValue(), known);
          };
      if (!covered) {
        return false;
      }
    }
    return true;
  }

  private static boolean coversList(String field, ArrayNode live, ArrayNode wanted) {
    if (live.equals(wanted)) {
      return true;
    }
    if (FieldSet.isSet(field)) {
      for (JsonNode item : wanted) {
        if (!contains(live, item)) {
          return false;
        }
      }
      return true;
    }
    Optional<List<String>> keys = ListKeys.of(field, wanted);
    if (keys.isEmpty() || wanted.isEmpty() || ListKeys.of(field, live).isEmpty()) {
      return false;
    }
    int last = -1;
    for (JsonNode item : wanted) {
      int at = indexOf(live, keys.get(), ListKeys.key(keys.get(), item));
      if (at <= last
          || !(live.get(at) instanceof ObjectNode known)
          || !(item instanceof ObjectNode object)
          || !covers(known, object)) {
        return false;
      }
      last = at;
    }
    return true;
  }
}
