package dev.slipway.sync.plan;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.ObjectKey;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Differences that an application asks to leave alone (`ignoreDifferences`).
public record IgnoredFields(List<Rule> rules) {
  public static final IgnoredFields NONE = new IgnoredFields(List.of());

  /// @param name empty for every object of the kind
  /// @param pointers RFC 6901
  public record Rule(
      String group, String kind, String name, String namespace, List<String> pointers) {
    boolean speaksOf(ObjectKey key) {
      return key.kind().equals(kind)
          && key.group().equals(group)
          && (name.isEmpty() || key.name().equals(name))
          && (namespace.isEmpty() || key.namespace().equals(namespace));
    }
  }

  public IgnoredFields {
    rules = List.copyOf(rules);
  }

  public static IgnoredFields read(JsonNode applicationSpec) {
    var rules = new ArrayList<Rule>();
    for (JsonNode rule : Json.items(applicationSpec, "ignoreDifferences")) {
      rules.add(
          new Rule(
              Json.string(rule, "group", ""),
              Json.string(rule, "kind", ""),
              Json.string(rule, "name", ""),
              Json.string(rule, "namespace", ""),
              Json.strings(rule, "jsonPointers")));
    }
    return new IgnoredFields(rules);
  }

  /// What is wanted of an object, without the fields that are left alone.
  ObjectNode without(ObjectKey declared, ObjectNode wanted) {
    ObjectNode result = wanted;
    for (Rule rule : rules) {
      if (rule.speaksOf(declared)) {
        if (result == wanted) {
          result = wanted.deepCopy();
        }
        for (String pointer : rule.pointers()) {
          remove(result, pointer);
        }
      }
    }
    return result;
  }

  private static void remove(ObjectNode tree, String pointer) {
    String[] steps = pointer.split("/", -1);
    JsonNode at = tree;
    for (int i = 1; i < steps.length - 1; i++) {
      at =
          at instanceof ArrayNode array
              ? array.path(index(steps[i]))
              : at.path(unescaped(steps[i]));
    }
    String last = unescaped(steps[steps.length - 1]);
    if (at instanceof ObjectNode object) {
      object.remove(last);
    }
  }

  private static int index(String step) {
    return step.matches("[0-9]{1,6}") ? Integer.parseInt(step) : -1;
  }

  private static String unescaped(String step) {
    return step.replace("~1", "/").replace("~0", "~");
  }
}
