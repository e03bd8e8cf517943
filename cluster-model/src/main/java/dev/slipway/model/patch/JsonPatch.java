package dev.slipway.model.patch;

import dev.slipway.model.json.Json;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// JSON patch, RFC 6902, with JSON pointers of RFC 6901.
public final class JsonPatch {
  /// As many operations as a real API server takes.
  static final int MAX_OPERATIONS = 10_000;

  private static final int MAX_COPIED = 3 << 20;

  private JsonPatch() {}

  /// All operations or none.
  ///
  /// @return the patched tree; the target is left as it was
  /// @throws PatchException when the patch is malformed, a path does not exist, or a test fails
  public static ObjectNode apply(ObjectNode target, JsonNode patch) {
    if (!(patch instanceof ArrayNode operations)) {
      throw PatchException.unreadable("a JSON patch must be a list of operations");
    }
    if (operations.size() > MAX_OPERATIONS) {
      throw PatchException.unreadable(
          "a JSON patch may hold at most " + MAX_OPERATIONS + " operations");
    }
    JsonNode tree = target.deepCopy();
    long copied = 0;
    for (JsonNode operation : operations) {
      if (Json.string(operation, "op", "").equals("copy")) {
        // Each copy may hold all the copies before it.
        copied += Json.write(found(tree, pointer(operation, "from"))).length;
        if (copied > MAX_COPIED) {
          throw PatchException.unreadable(
              "the copy operations of a JSON patch may copy at most " + MAX_COPIED + " bytes");
        }
      }
      tree = applied(tree, operation);
    }
    if (tree instanceof ObjectNode result) {
      return result;
    }
    throw PatchException.misfit("the patch leaves no object");
  }

  private static JsonNode applied(JsonNode tree, JsonNode operation) {
    String op = Json.string(operation, "op", "");
    List<String> path = pointer(operation, "path");
    return switch (op) {
      case "add" -> added(tree, path, value(operation).deepCopy());
      case "remove" -> removed(tree, path);
      case "replace" -> {
        found(tree, path);
        yield path.isEmpty()
            ? value(operation).deepCopy()
            : replaced(tree, path, value(operation).deepCopy());
      }
      case "move" -> {
        List<String> from = pointer(operation, "from");
        if (path.size() > from.size() && path.subList(0, from.size()).equals(from)) {
          throw PatchException.unreadable("a value cannot be moved into itself");
        }
        JsonNode moved = found(tree, from);
        yield from.equals(path) ? tree : added(removed(tree, from), path, moved);
      }
      case "copy" -> added(tree, path, found(tree, pointer(operation, "from")).deepCopy());
      case "test" -> {
        if (!same(found(tree, path), value(operation))) {
          throw PatchException.misfit("the test of " + text(path) + " failed");
        }
        yield tree;
      }
      default -> throw PatchException.unreadable("unknown operation \"" + op + "\"");
    };
  }

  private static boolean same(JsonNode one, JsonNode other) {
    return one.isNumber() && other.isNumber()
        ? one.decimalValue().compareTo(other.decimalValue()) == 0
        : one.equals(other);
  }

  private static JsonNode value(JsonNode operation) {
    JsonNode value = operation.path("value");
    if (value.isMissingNode()) {
      throw PatchException.unreadable("the operation has no value");
    }
    return value;
  }

  private static List<String> pointer(JsonNode operation, String field) {
    JsonNode node = operation.path(field);
    if (!node.isString()) {
      throw PatchException.unreadable("the operation has no " + field);
    }
    String text = node.stringValue();
    if (text.isEmpty()) {
      return List.of();
    }
    if (text.charAt(0) != '/') {
      throw PatchException.unreadable("no JSON pointer: \"" + text + "\"");
    }
    var steps = new ArrayList<String>();
    for (String step : text.substring(1).split("/", -1)) {
      steps.add(step.replace("~1", "/").replace("~0", "~"));
    }
    return steps;
  }

  private static void refuseTooDeep(List<String> path, JsonNode value) {
    if (path.size() > Json.MAX_DEPTH || Json.isDeeperThan(value, Json.MAX_DEPTH - path.size())) {
      throw PatchException.unreadable("nested too deeply: more than " + Json.MAX_DEPTH + " levels");
    }
  }

  private static JsonNode added(JsonNode tree, List<String> path, JsonNode value) {
    refuseTooDeep(path, value);
    if (path.isEmpty()) {
      return value;
    }
    JsonNode parent = found(tree, path.subList(0, path.size() - 1));
    String last = path.getLast();
    if (parent instanceof ObjectNode object) {
      object.set(last, value);
    } else if (parent instanceof ArrayNode array) {
      array.insert(last.equals("-") ? array.size() : index(last, array.size(), path), value);
    } else {
      throw missing(path);
    }
    return tree;
  }

  private static JsonNode replaced(JsonNode tree, List<String> path, JsonNode value) {
    refuseTooDeep(path, value);
    JsonNode parent = found(tree, path.subList(0, path.size() - 1));
    if (parent instanceof ObjectNode object) {
      object.set(path.getLast(), value);
    } else if (parent instanceof ArrayNode array) {
      array.set(index(path.getLast(), array.size() - 1, path), value);
    }
    return tree;
  }

  private static JsonNode removed(JsonNode tree, List<String> path) {
    found(tree, path);
    if (path.isEmpty()) {
      throw PatchException.misfit("the whole object cannot be removed by a patch");
    }
    JsonNode parent = found(tree, path.subList(0, path.size() - 1));
    if (parent instanceof ObjectNode object) {
      object.remove(path.getLast());
    } else if (parent instanceof ArrayNode array) {
      array.remove(index(path.getLast(), array.size() - 1, path));
    }
    return tree;
  }

  private static JsonNode found(JsonNode tree, List<String> path) {
    JsonNode node = tree;
    for (String step : path) {
      JsonNode next =
          switch (node) {
            case ObjectNode object -> object.path(step);
            case ArrayNode array -> array.get(index(step, array.size() - 1, path));
            default -> throw missing(path);
          };
      if (next == null || next.isMissingNode()) {
        throw missing(path);
      }
      node = next;
    }
    return node;
  }

  private static int index(String step, int highest, List<String> path) {
    if (!step.matches("0|[1-9][0-9]{0,8}") || Integer.parseInt(step) > highest) {
      throw missing(path);
    }
    return Integer.parseInt(step);
  }

  private static PatchException missing(List<String> path) {
    return PatchException.misfit("there is no " + text(path) + " to change");
  }

  private static String text(List<String> path) {
    return "\"/" + String.join("/", path) + "\"";
  }
}
