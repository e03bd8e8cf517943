package dev.slipway.model.patch;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.schema.Schemas;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Strategic merge patch: a merge patch that knows which lists are maps by one of their items'
/// fields, with the directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/…` and
/// `$setElementOrder/…`.
///
/// Source: "Strategic Merge Patch" among Kubernetes' API conventions; which list is merged by which
/// key, its published schema.
public final class StrategicMergePatch {
  private static final String PATCH = "$patch";
  private static final String RETAIN = "$retainKeys";
  private static final String DELETE_FROM = "$deleteFromPrimitiveList/";
  private static final String ORDER = "$setElementOrder/";

  private final Schemas schemas;

  private StrategicMergePatch(Schemas schemas) {
    this.schemas = schemas;
  }

  /// Whether a kind can be patched this way: its schema must say how.
  public static boolean knows(GroupKind kind) {
    return Schemas.kubernetes().type(kind).isPresent() && !kind.group().equals("slipway.dev");
  }

  /// @return the patched tree; the target is left as it was
  /// @throws PatchException when the patch is malformed
  public static ObjectNode apply(GroupKind kind, ObjectNode target, JsonNode patch) {
    if (!(patch instanceof ObjectNode changes)) {
      throw PatchException.unreadable("a strategic merge patch must be an object");
    }
    Schemas schemas = Schemas.kubernetes();
    return new StrategicMergePatch(schemas)
        .object(target.deepCopy(), changes, schemas.type(kind).orElse("*"));
  }

  private ObjectNode object(ObjectNode target, ObjectNode patch, String type) {
    String directive = directive(patch, "merge");
    switch (directive) {
      case "merge" -> {}
      case "delete" -> {
        return Json.object();
      }
      case "replace" -> {
        ObjectNode replaced = patch.deepCopy();
        replaced.remove(PATCH);
        return replaced;
      }
      default -> throw PatchException.unreadable("unknown directive $patch: " + directive);
    }
    if (patch.path(RETAIN) instanceof ArrayNode retained) {
      Set<String> names = texts(retained);
      target.propertyNames().stream()
          .filter(name -> !names.contains(name))
          .toList()
          .forEach(target::remove);
    }
    for (var change : patch.properties()) {
      String name = change.getKey();
      JsonNode value = change.getValue();
      if (name.equals(PATCH)) {
        continue;
      }
      if (name.equals(RETAIN) || name.startsWith(ORDER)) {
        refuseNoList(name, value);
        continue;
      }
      if (name.startsWith(DELETE_FROM)) {
        refuseNoList(name, value);
        String list = name.substring(DELETE_FROM.length());
        if (target.path(list) instanceof ArrayNode from && value instanceof ArrayNode gone) {
          target.set(list, without(from, gone));
        }
      } else if (value.isNull()) {
        target.remove(name);
      } else if (value instanceof ObjectNode inner) {
        ObjectNode child = target.path(name) instanceof ObjectNode known ? known : Json.object();
        boolean dropped = directive(inner, "").equals("delete");
        if (dropped) {
          target.remove(name);
        } else {
          target.set(name, object(child, inner, schemas.property(type, name)));
        }
      } else if (value instanceof ArrayNode list) {
        ArrayNode known = target.path(name) instanceof ArrayNode array ? array : Json.array();
        target.set(name, list(known, list, type, name));
      } else {
        target.set(name, value);
      }
    }
    for (var change : patch.properties()) {
      if (change.getKey().startsWith(ORDER) && change.getValue() instanceof ArrayNode order) {
        String name = change.getKey().substring(ORDER.length());
        if (target.path(name) instanceof ArrayNode array) {
          target.set(name, ordered(array, order, schemas.mergeKey(type, name).orElse("")));
        }
      }
    }
    return target;
  }

  private static String directive(ObjectNode patch, String without) {
    JsonNode directive = patch.path(PATCH);
    if (directive.isMissingNode()) {
      return without;
    }
    if (!directive.isString()) {
      throw PatchException.unreadable("unknown directive $patch: " + directive);
    }
    return directive.stringValue();
  }

  /// What a directive says of a list must be a list.
  private static void refuseNoList(String directive, JsonNode value) {
    if (!value.isArray()) {
      throw PatchException.unreadable("%s must be a list".formatted(directive));
    }
  }

  private ArrayNode list(ArrayNode target, ArrayNode patch, String type, String name) {
    Optional<String> key = schemas.mergeKey(type, name);
    if (key.isEmpty()) {
      return patch.deepCopy();
    }
    if (key.get().isEmpty()) {
      ArrayNode union = target.deepCopy();
      patch.forEach(
          value -> {
            if (!contains(union, value)) {
              union.add(value);
            }
          });
      return union;
    }
    String property = schemas.property(type, name);
    String itemType = property.startsWith("[") ? property.substring(1) : "*";
    boolean replaces = false;
    var changes = new ArrayList<ObjectNode>();
    for (JsonNode item : patch) {
      if (!(item instanceof ObjectNode change)) {
        throw PatchException.unreadable("the items of " + name + " must be objects");
      }
      if (directive(change, "").equals("replace")) {
        replaces = true;
      }
      changes.add(change);
    }
    var items = new LinkedHashMap<JsonNode, ObjectNode>();
    if (!replaces) {
      for (JsonNode item : target) {
        if (item instanceof ObjectNode known) {
          items.put(known.path(key.get()), known);
        }
      }
    }
    for (ObjectNode change : changes) {
      boolean bare = change.size() == 1 && change.has(PATCH);
      JsonNode id = change.path(key.get());
      if (bare && directive(change, "").equals("replace")) {
        continue;
      }
      if (id.isMissingNode()) {
        throw PatchException.unreadable(
            "an item of %s has no %s, by which the list is merged".formatted(name, key.get()));
      }
      if (directive(change, "").equals("delete")) {
        items.remove(id);
      } else {
        ObjectNode known = items.get(id);
        items.put(id, object(known == null ? Json.object() : known, change, itemType));
      }
    }
    return inOrder(target, patch, items, key.get());
  }

  /// The patch's items in its order and the others in theirs; where both know an order, the
  /// target's counts, and elsewhere the patch's items come first.
  private static ArrayNode inOrder(
      ArrayNode target, ArrayNode patch, Map<JsonNode, ObjectNode> items, String key) {
    var rank = new HashMap<JsonNode, Integer>();
    target.forEach(item -> rank.putIfAbsent(item.path(key), rank.size()));
    var patched = new ArrayList<JsonNode>();
    for (JsonNode item : patch) {
      JsonNode id = item.path(key);
      if (items.containsKey(id) && !patched.contains(id)) {
        patched.add(id);
      }
    }
    var others = new ArrayList<>(items.keySet());
    others.removeAll(patched);
    ArrayNode result = Json.array();
    while (!patched.isEmpty() || !others.isEmpty()) {
      boolean first =
          others.isEmpty()
              || (!patched.isEmpty()
                  && (!rank.containsKey(patched.getFirst())
                      || rank.get(patched.getFirst())
                          < rank.getOrDefault(others.getFirst(), Integer.MAX_VALUE)));
      result.add(items.get(first ? patched.removeFirst() : others.removeFirst()));
    }
    return result;
  }

  /// What the order names comes in that order; each other item stays behind the one it followed.
  private static ArrayNode ordered(ArrayNode items, ArrayNode order, String key) {
    Map<JsonNode, Integer> rank = new HashMap<>();
    for (JsonNode wanted : order) {
      rank.putIfAbsent(key.isEmpty() ? wanted : wanted.path(key), rank.size());
    }
    var named = new ArrayList<JsonNode>();
    var others = new LinkedHashMap<JsonNode, List<JsonNode>>();
    var first = new ArrayList<JsonNode>();
    JsonNode before = null;
    for (JsonNode item : items) {
      if (rank.containsKey(key.isEmpty() ? item : item.path(key))) {
        named.add(item);
        before = item;
      } else if (before == null) {
        first.add(item);
      } else {
        others.computeIfAbsent(before, _ -> new ArrayList<>()).add(item);
      }
    }
    named.sort(
        java.util.Comparator.comparing(item -> rank.get(key.isEmpty() ? item : item.path(key))));
    ArrayNode result = Json.array();
    first.forEach(result::add);
    for (JsonNode item : named) {
      result.add(item);
      others.getOrDefault(item, List.of()).forEach(result::add);
    }
    return result;
  }

  private static ArrayNode without(ArrayNode list, ArrayNode gone) {
    ArrayNode left = Json.array();
    for (JsonNode value : list) {
      if (!contains(gone, value)) {
        left.add(value);
      }
    }
    return left;
  }

  private static boolean contains(ArrayNode list, JsonNode value) {
    for (JsonNode known : list) {
      if (known.equals(value)) {
        return true;
      }
    }
    return false;
  }

  private static Set<String> texts(ArrayNode array) {
    var texts = new HashSet<String>();
    array.forEach(value -> texts.add(value.asString()));
    return texts;
  }
}
