package dev.slipway.model.schema;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/// One thing that is wrong with an object.
///
/// @param path names and indexes that lead to it
/// @param code Kubernetes' word: `FieldValueInvalid`, `FieldValueRequired`, `FieldValueUnknown` …
/// @param message what is wrong and what would be right; never holds a value of a Secret
public record Fault(List<Object> path, String code, String message) {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_-]+");

  /// What is below these is no field but a key.
  private static final Set<String> MAPS = Set.of("data", "binaryData", "limits", "requests");

  public Fault {
    path = List.copyOf(path);
  }

  /// `spec.template.spec.containers[0].image`
  public String field() {
    var text = new StringBuilder();
    Object owner = "";
    for (Object step : path) {
      boolean key = MAPS.contains(String.valueOf(owner));
      owner = step;
      if (step instanceof Integer index) {
        text.append('[').append(index).append(']');
      } else if (!key && PLAIN.matcher(String.valueOf(step)).matches()) {
        text.append(text.isEmpty() ? "" : ".").append(step);
      } else {
        text.append("[").append(step).append("]");
      }
    }
    return text.toString();
  }
}
