package dev.slipway.model.ownership;

import dev.slipway.model.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Sets of fields as trees in the form `FieldsV1`: `f:name` is a member, `k:{…}` an item of a list
/// by its key, `.` the thing itself.
final class FieldSet {
  private static final List<String> IDENTITY =
      List.of(
          "name",
          "namespace",
          "uid",
          "resourceVersion",
          "generation",
          "creationTimestamp",
          "deletionTimestamp",
          "deletionGracePeriodSeconds",
          "managedFields",
          "selfLink",
          "generateName");

  private FieldSet() {}

  /// Every field that an object states, but for its identity.
  static ObjectNode of(ObjectNode object) {
    ObjectNode set = Json.object();
    for (var member : object.properties()) {
      String name = member.getKey();
      if (name.equals("apiVersion") || name.equals("kind")) {
        continue;
      }
      JsonNode value = member.getValue();
      if (name.equals("metadata") && value instanceof ObjectNode metadata) {
        ObjectNode inner = Json.object();
        for (var field : metadata.properties()) {
          if (!IDENTITY.contains(field.getKey())) {
            inner.set("f:" + field.getKey(), of(field.getKey(), field.getValue()));
          }
        }
        if (!inner.isEmpty()) {
          set.set("f:metadata", inner);
        }
      } else {
        set.set("f:" + name, of(name, value));
      }
    }
    return set;
  }

  private static ObjectNode of(String field, JsonNode value) {
    ObjectNode set = Json.object();
    if (value instanceof ObjectNode object && !ListKeys.isAtomic(field)) {
      for (var member : object.properties()) {
        set.set("f:" + member.getKey(), of(member.getKey(), member.getValue()));
      }
    } else if (value instanceof ArrayNode list && isSet(field)) {
      for (JsonNode item : list) {
        set.putObject("v:" + Json.text(item));
      }
    } else if (value instanceof ArrayNode list) {
      ListKeys.of(field, list)
          .ifPresent(
              keys -> {
                for (JsonNode item : list) {
                  ObjectNode inner = of("", item);
                  ObjectNode own = Json.object();
                  own.putObject(".");
                  own.setAll(inner);
                  set.set("k:" + Json.text(ListKeys.key(keys, item)), own);
                }
              });
    }
    return set;
  }

  /// What is in the one and not in the other. Nothing left is an empty tree.
  static ObjectNode minus(ObjectNode one, ObjectNode other) {
    ObjectNode left = Json.object();
    for (var member : one.properties()) {
      if (!(member.getValue() instanceof ObjectNode mine)) {
        continue;
      }
      if (!(other.path(member.getKey()) instanceof ObjectNode theirs)) {
        left.set(member.getKey(), mine.deepCopy());
      } else if (!mine.isEmpty()) {
        ObjectNode inner = minus(mine, theirs);
        if (!inner.isEmpty()) {
          left.set(member.getKey(), inner);
        }
      }
    }
    return left;
  }

  static ObjectNode union(ObjectNode one, ObjectNode other) {
    ObjectNode all = one.deepCopy();
    for (var member : other.properties()) {
      if (member.getValue() instanceof ObjectNode theirs) {
        all.set(
            member.getKey(),
            all.path(member.getKey()) instanceof ObjectNode mine
                ? union(mine, theirs)
                : theirs.deepCopy());
      }
    }
    return all;
  }

  /// Whether a list is a set of values, each owned by itself.
  static boolean isSet(String field) {
    return field.equals("finalizers");
  }

  /// Whether the set holds on to what is at this path: the field itself, or, for an item of a list,
  /// any part of the item.
  static boolean keeps(ObjectNode set, List<String> path) {
    boolean item = !path.isEmpty() && path.getLast().equals(".");
    return has(set, item ? path.subList(0, path.size() - 1) : path);
  }

  /// Whether the set has this very field or anything below it.
  static boolean has(ObjectNode set, List<String> path) {
    JsonNode at = set;
    for (String step : path) {
      at = at.path(step);
    }
    return !at.isMissingNode();
  }

  /// The leaves, each as the steps that lead to it.
  static List<List<String>> leaves(ObjectNode set) {
    var leaves = new ArrayList<List<String>>();
    collect(set, List.of(), leaves);
    return leaves;
  }

  private static void collect(ObjectNode set, List<String> path, List<List<String>> leaves) {
    if (set.isEmpty()) {
      if (!path.isEmpty()) {
        leaves.add(path);
      }
      return;
    }
    for (var member : set.properties()) {
      if (member.getValue() instanceof ObjectNode inner) {
        var longer = new ArrayList<>(path);
        longer.add(member.getKey());
        collect(inner, longer, leaves);
      }
    }
  }

  /// The value of a field in an object; missing when it is not there.
  static JsonNode value(JsonNode object, List<String> path) {
    JsonNode at = object;
    String field = "";
    for (String step : path) {
      if (step.startsWith("f:")) {
        field = step.substring(2);
        at = at.path(field);
      } else if (step.startsWith("v:")) {
        JsonNode wanted = Json.parse(step.substring(2));
        JsonNode found = Json.object().path("missing");
        for (JsonNode item : at) {
          found = item.equals(wanted) ? item : found;
        }
        at = found;
      } else if (step.startsWith("k:")) {
        at =
            item(at, field, step)
                .<JsonNode>map(found -> found)
                .orElse(Json.object().path("missing"));
      }
    }
    return at;
  }

  /// Whether an object states what is at this path, however its lists are keyed.
  static boolean states(JsonNode object, List<String> path) {
    JsonNode at = object;
    for (String step : path) {
      if (step.startsWith("f:")) {
        at = at.path(step.substring(2));
      } else if (step.startsWith("v:") || step.startsWith("k:")) {
        at = item(at, Json.parse(step.substring(2)), step.startsWith("k:"));
      }
    }
    return !at.isMissingNode();
  }

  private static JsonNode item(JsonNode list, JsonNode wanted, boolean byKey) {
    for (JsonNode item : list) {
      if (byKey
          ? wanted.properties().stream()
              .allMatch(key -> item.path(key.getKey()).equals(key.getValue()))
          : item.equals(wanted)) {
        return item;
      }
    }
    return Json.object().path("missing");
  }

  /// Removes a field, and the objects and lists that it leaves empty.
  static void remove(ObjectNode object, List<String> path) {
    String step = path.getFirst();
    List<String> rest = path.subList(1, path.size());
    if (!step.startsWith("f:")) {
      return;
    }
    String field = step.substring(2);
    if (rest.isEmpty()) {
      object.remove(field);
      return;
    }
    switch (object.path(field)) {
      case ObjectNode child -> {
        remove(child, rest);
        if (child.isEmpty()) {
          object.remove(field);
        }
      }
      case ArrayNode list when rest.getFirst().startsWith("v:") -> {
        JsonNode value = Json.parse(rest.getFirst().substring(2));
        for (int i = list.size() - 1; i >= 0; i--) {
          if (list.get(i).equals(value)) {
            list.remove(i);
          }
        }
        if (list.isEmpty()) {
          object.remove(field);
        }
      }
      case ArrayNode list -> {
        Optional<ObjectNode> found = item(list, field, rest.getFirst());
        if (found.isPresent()) {
          List<String> inner = rest.subList(1, rest.size());
          if (inner.isEmpty() || inner.equals(List.of("."))) {
            removeItem(list, found.get());
          } else if (inner.size() > 1 || !isKey(rest.getFirst(), inner.getFirst())) {
            remove(found.get(), inner);
          }
          if (list.isEmpty()) {
            object.remove(field);
          }
        }
      }
      default -> {}
    }
  }

  /// An item that stays keeps what it is known by.
  private static boolean isKey(String item, String member) {
    return Json.parse(item.substring(2)).has(member.substring(2));
  }

  private static void removeItem(ArrayNode list, ObjectNode item) {
    for (int i = 0; i < list.size(); i++) {
      if (list.get(i).equals(item)) {
        list.remove(i);
        return;
      }
    }
  }

  private static Optional<ObjectNode> item(JsonNode list, String field, String step) {
    if (!(list instanceof ArrayNode array) || !step.startsWith("k:")) {
      return Optional.empty();
    }
    if (!(Json.parse(step.substring(2)) instanceof ObjectNode key)) {
      return Optional.empty();
    }
    return ListKeys.of(field, array).flatMap(keys -> ListKeys.find(array, keys, key));
  }

  /// As people read it: `.spec.containers[name="web"].image`.
  static String text(List<String> path) {
    var text = new StringBuilder();
    for (String step : path) {
      if (step.startsWith("f:")) {
        text.append('.').append(step, 2, step.length());
      } else if (step.startsWith("k:") && Json.parse(step.substring(2)) instanceof ObjectNode key) {
        text.append('[');
        boolean first = true;
        for (var member : key.properties()) {
          text.append(first ? "" : ",")
              .append(member.getKey())
              .append('=')
              .append(Json.text(member.getValue()));
          first = false;
        }
        text.append(']');
      } else if (step.startsWith("v:")) {
        text.append('[').append(step, 2, step.length()).append(']');
      }
    }
    return text.toString();
  }
}
