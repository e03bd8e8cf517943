package dev.slipway.model.ownership;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Server-side apply: an owner states the fields that it wants, and owns these and no others. Pure.
///
/// Source of the rules: Kubernetes' documentation, "Server-Side Apply".
public final class ServerSideApply {
  private ServerSideApply() {}

  /// One owner's fields.
  private record Owner(String manager, String operation, String subresource, ObjectNode fields, ObjectNode entry) {
    boolean isApplier(String name) {
      return manager.equals(name) && operation.equals("Apply") && subresource.isEmpty();
    }
  }

  /// What an object becomes when this manager applies its intent. `live` itself when nothing changes.
  ///
  /// @throws ClusterException `CONFLICT` naming each field that another owner holds with another value, unless forced
  public static KubeObject apply(
      Optional<KubeObject> live, KubeObject intent, String manager, boolean force, Instant now) {
    ObjectNode mine = FieldSet.of(intent.json());
    if (live.isEmpty()) {
      return intent.with(
          json -> {
            ObjectNode metadata = Json.child(json, "metadata");
            metadata.remove("managedFields");
            metadata.putArray("managedFields").add(entry(manager, "Apply", intent.apiVersion(), mine, now));
          });
    }
    KubeObject old = live.get();
    List<Owner> owners = owners(old);
    Owner before = owners.stream().filter(owner -> owner.isApplier(manager)).findFirst().orElse(null);
    List<Owner> others = owners.stream().filter(owner -> !owner.isApplier(manager)).toList();
    ObjectNode merged = old.json().deepCopy();
    merge(merged, intent.json());
    boolean sameSet = before != null && before.fields().equals(mine);
    if (sameSet && merged.equals(old.json())) {
      return old;
    }
    List<Owner> left = withoutTakenOver(others, mine, old, intent, force);
    if (before != null) {
      for (List<String> path : FieldSet.leaves(FieldSet.minus(before.fields(), mine))) {
        if (left.stream().noneMatch(owner -> FieldSet.has(owner.fields(), path))) {
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
    managed.add(entry(manager, "Apply", intent.apiVersion(), mine, now));
    return KubeObject.of(merged);
  }

  /// The others without the fields that this apply takes over; a field with the same value is shared.
  private static List<Owner> withoutTakenOver(
      List<Owner> others, ObjectNode mine, KubeObject live, KubeObject intent, boolean force) {
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
    if (!conflicts.isEmpty() && !force) {
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

  private static void put(ObjectNode set, List<String> path) {
    ObjectNode at = set;
    for (String step : path) {
      at = Json.child(at, step);
    }
  }

  /// What `managedFields` become when somebody writes an object whole: he owns what he changed, the others lose it.
  ///
  /// `after` itself when nothing but the status or the identity changed.
  public static KubeObject recordUpdate(
      KubeObject before, KubeObject after, String manager, Instant now) {
    ObjectNode changed = Json.object();
    ObjectNode stated = FieldSet.of(after.json());
    stated.remove("f:status");
    for (List<String> path : FieldSet.leaves(stated)) {
      JsonNode value = FieldSet.value(after.json(), path);
      if (!path.isEmpty() && !path.getLast().equals(".") && !value.equals(FieldSet.value(before.json(), path))) {
        put(changed, path);
      }
    }
    if (changed.isEmpty()) {
      return after;
    }
    ObjectNode mine = changed;
    var entries = new ArrayList<ObjectNode>();
    for (Owner owner : owners(before)) {
      if (owner.manager().equals(manager) && owner.operation().equals("Update") && owner.subresource().isEmpty()) {
        mine = FieldSet.union(owner.fields(), mine);
      } else {
        ObjectNode fields = FieldSet.minus(owner.fields(), changed);
        if (!fields.isEmpty()) {
          ObjectNode entry = owner.entry().deepCopy();
          entry.set("fieldsV1", fields);
          entries.add(entry);
        }
      }
    }
    entries.add(entry(manager, "Update", after.apiVersion(), mine, now));
    return after.withMetadata(
        metadata -> {
          ArrayNode managed = metadata.putArray("managedFields");
          entries.forEach(managed::add);
        });
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
      if (member.getValue() instanceof ObjectNode wanted) {
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
    Optional<List<String>> keys = ListKeys.of(field, wanted);
    if (keys.isEmpty() || wanted.isEmpty() || ListKeys.of(field, live).isEmpty()) {
      if (!live.equals(wanted)) {
        target.set(field, wanted.deepCopy());
      }
      return;
    }
    ArrayNode result = Json.array();
    var taken = new ArrayList<ObjectNode>();
    for (JsonNode item : wanted) {
      ObjectNode key = ListKeys.key(keys.get(), item);
      Optional<ObjectNode> known = ListKeys.find(live, keys.get(), key);
      if (known.isPresent() && item instanceof ObjectNode object) {
        taken.add(known.get());
        merge(known.get(), object);
        result.add(known.get());
      } else {
        result.add(item.deepCopy());
      }
    }
    for (JsonNode item : live) {
      if (taken.stream().noneMatch(other -> other == item)) {
        result.add(item);
      }
    }
    target.set(field, result);
  }
}
