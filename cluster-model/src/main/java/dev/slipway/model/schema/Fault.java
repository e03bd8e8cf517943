package dev.slipway.model.schema;

import java.util.List;

/// One thing that is wrong with an object.
///
/// @param path names and indexes that lead to it
/// @param code Kubernetes' word: `FieldValueInvalid`, `FieldValueRequired`, `FieldValueUnknown` …
/// @param message what is wrong and what would be right; never holds a value of a Secret
public record Fault(List<Object> path, String code, String message) {
  public Fault {
    path = List.copyOf(path);
  }

  /// `spec.template.spec.containers[0].image`
  public String field() {
    var text = new StringBuilder();
    for (Object step : path) {
      if (step instanceof Integer index) {
        text.append('[').append(index).append(']');
      } else if (String.valueOf(step).matches("[A-Za-z0-9_-]+")) {
        text.append(text.isEmpty() ? "" : ".").append(step);
      } else {
        text.append("[").append(step).append("]");
      }
    }
    return text.toString();
  }
}
