package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.LabelSelector;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/// What was found wrong with one object so far, and what is asked of fields of every kind. An empty
/// text says as little as none: it is filled with the default.
abstract class Rules {
  final List<Fault> faults;

  Rules() {
    this(new ArrayList<>());
  }

  /// @param faults of the object so far, to be added to
  Rules(List<Fault> faults) {
    this.faults = faults;
  }

  void fault(List<Object> path, String code, String message) {
    faults.add(new Fault(path, code, message));
  }

  void invalid(List<Object> path, String message) {
    fault(path, "FieldValueInvalid", message);
  }

  void invalid(List<Object> path, String value, String why) {
    invalid(path, "Invalid value: \"%s\": %s".formatted(value, why));
  }

  void invalid(List<Object> path, long value, String why) {
    invalid(path, "Invalid value: %d: %s".formatted(value, why));
  }

  void required(List<Object> path) {
    fault(path, "FieldValueRequired", "Required value");
  }

  void required(List<Object> path, String why) {
    fault(path, "FieldValueRequired", "Required value: " + why);
  }

  void forbidden(List<Object> path, String why) {
    fault(path, "FieldValueForbidden", "Forbidden: " + why);
  }

  void duplicate(List<Object> path, String value) {
    fault(path, "FieldValueDuplicate", "Duplicate value: \"%s\"".formatted(value));
  }

  void notSupported(List<Object> path, String value, List<String> supported) {
    fault(
        path,
        "FieldValueNotSupported",
        "Unsupported value: \"%s\": supported values: %s"
            .formatted(
                value,
                supported.stream()
                    .map(one -> "\"" + one + "\"")
                    .collect(Collectors.joining(", "))));
  }

  static List<Object> path(List<Object> base, Object... steps) {
    var path = new ArrayList<>(base);
    path.addAll(List.of(steps));
    return path;
  }

  void atLeast(JsonNode node, List<Object> base, String field, long least) {
    JsonNode value = node.path(field);
    if (value.isIntegralNumber() && value.longValue() < least) {
      invalid(path(base, field), value.longValue(), "must be greater than or equal to " + least);
    }
  }

  void between(JsonNode node, List<Object> base, String field, long least, long most) {
    JsonNode value = node.path(field);
    if (value.isIntegralNumber() && (value.longValue() < least || value.longValue() > most)) {
      invalid(path(base, field), value.longValue(), Names.between(least, most));
    }
  }

  void oneOf(JsonNode node, List<Object> base, String field, List<String> supported) {
    String value = Json.string(node, field, "");
    if (!value.isEmpty() && !supported.contains(value)) {
      notSupported(path(base, field), value, supported);
    }
  }

  void named(JsonNode node, List<Object> base, String field, Names.Rule rule) {
    String value = Json.string(node, field, "");
    if (!value.isEmpty()) {
      named(value, rule, base, field);
    }
  }

  /// Of a value that must be there.
  void needed(JsonNode node, List<Object> base, String field, Names.Rule rule) {
    String value = Json.string(node, field, "");
    if (value.isEmpty()) {
      required(path(base, field));
    } else {
      named(value, rule, base, field);
    }
  }

  void named(String value, Names.Rule rule, List<Object> base, Object... steps) {
    String why = rule.fault(value);
    if (!why.isEmpty()) {
      invalid(path(base, steps), value, why);
    }
  }

  void labels(JsonNode labels, List<Object> base) {
    for (var label : labels.properties()) {
      named(label.getKey(), Names::qualified, base, label.getKey());
      if (label.getValue().isString()) {
        named(label.getValue().stringValue(), Names::labelValue, base, label.getKey());
      }
    }
  }

  void annotations(JsonNode annotations, List<Object> base) {
    for (var annotation : annotations.properties()) {
      // Domains of annotations may be written in capitals.
      String name = annotation.getKey().toLowerCase(Locale.ROOT);
      named(name, Names::qualified, base, annotation.getKey());
    }
  }

  /// @return what it selects; empty when something is wrong with it
  Optional<LabelSelector> selector(JsonNode selector, List<Object> base) {
    if (selector.isEmpty()) {
      return Optional.of(LabelSelector.EVERYTHING);
    }
    int before = faults.size();
    labels(selector.path("matchLabels"), path(base, "matchLabels"));
    List<JsonNode> expressions = Json.items(selector, "matchExpressions");
    for (int i = 0; i < expressions.size(); i++) {
      List<Object> at = path(base, "matchExpressions", i);
      named(Json.string(expressions.get(i), "key", ""), Names::qualified, at, "key");
      boolean valued = !expressions.get(i).path("values").isEmpty();
      String operator = Json.string(expressions.get(i), "operator", "");
      switch (operator) {
        case "In", "NotIn" -> {
          if (!valued) {
            required(path(at, "values"), "must be specified when `operator` is 'In' or 'NotIn'");
          }
        }
        case "Exists", "DoesNotExist" -> {
          if (valued) {
            forbidden(
                path(at, "values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
          }
        }
        default -> invalid(path(at, "operator"), operator, "not a valid selector operator");
      }
    }
    return faults.size() == before ? Optional.of(LabelSelector.read(selector)) : Optional.empty();
  }
}
