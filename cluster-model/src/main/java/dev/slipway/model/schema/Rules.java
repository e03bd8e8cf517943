package dev.slipway.model.schema;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// What was found wrong with one object so far.
abstract class Rules {
  final List<Fault> faults = new ArrayList<>();

  void fault(List<Object> path, String code, String message) {
    faults.add(new Fault(path, code, message));
  }

  void invalid(List<Object> path, String message) {
    fault(path, "FieldValueInvalid", message);
  }

  static List<Object> path(List<Object> base, Object... steps) {
    var path = new ArrayList<>(base);
    path.addAll(List.of(steps));
    return path;
  }

  void atLeast(JsonNode node, List<Object> base, String field, long least) {
    JsonNode value = node.path(field);
    if (value.isIntegralNumber() && value.longValue() < least) {
      invalid(
          path(base, field), "%d is too small: at least %d".formatted(value.longValue(), least));
    }
  }
}
