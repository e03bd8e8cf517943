package dev.slipway.model.object;

import dev.slipway.model.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// A query over labels: every requirement must hold. No requirement at all selects everything.
public record LabelSelector(List<Requirement> requirements) {
  public static final LabelSelector EVERYTHING = new LabelSelector(List.of());

  public LabelSelector {
    requirements = List.copyOf(requirements);
  }

  /// One condition on one label.
  public sealed interface Requirement {
    String label();

    boolean holds(Map<String, String> labels);

    /// The label has one of these values.
    record In(String label, List<String> values) implements Requirement {
      public In {
        values = values.stream().sorted().toList();
      }

      @Override
      public boolean holds(Map<String, String> labels) {
        String value = labels.get(label);
        return value != null && values.contains(value);
      }
    }

    /// The label is absent or has none of these values.
    record NotIn(String label, List<String> values) implements Requirement {
      public NotIn {
        values = values.stream().sorted().toList();
      }

      @Override
      public boolean holds(Map<String, String> labels) {
        String value = labels.get(label);
        return value == null || !values.contains(value);
      }
    }

    record Exists(String label) implements Requirement {
      @Override
      public boolean holds(Map<String, String> labels) {
        return labels.containsKey(label);
      }
    }

    record Absent(String label) implements Requirement {
      @Override
      public boolean holds(Map<String, String> labels) {
        return !labels.containsKey(label);
      }
    }
  }

  public boolean matches(Map<String, String> labels) {
    for (Requirement requirement : requirements) {
      if (!requirement.holds(labels)) {
        return false;
      }
    }
    return true;
  }

  public boolean isEverything() {
    return requirements.isEmpty();
  }

  /// The old form of services and replication controllers: a plain map, all of which must match.
  public static LabelSelector ofMap(Map<String, String> labels) {
    var requirements = new ArrayList<Requirement>();
    new TreeMap<>(labels).forEach((k, v) -> requirements.add(new Requirement.In(k, List.of(v))));
    return new LabelSelector(requirements);
  }

  /// The form with `matchLabels` and `matchExpressions`.
  ///
  /// @throws IllegalArgumentException when an operator is unknown or its values do not fit it
  public static LabelSelector read(JsonNode json) {
    var requirements = new ArrayList<>(ofMap(Json.stringMap(json, "matchLabels")).requirements());
    for (JsonNode expression : Json.items(json, "matchExpressions")) {
      String label = Json.string(expression, "key", "");
      List<String> values = Json.strings(expression, "values");
      String operator = Json.string(expression, "operator", "");
      requirements.add(
          switch (operator) {
            case "In" -> new Requirement.In(label, needed(operator, values));
            case "NotIn" -> new Requirement.NotIn(label, needed(operator, values));
            case "Exists" -> new Requirement.Exists(label);
            case "DoesNotExist" -> new Requirement.Absent(label);
            default ->
                throw new IllegalArgumentException(
                    "\"%s\" is not a valid label selector operator".formatted(operator));
          });
    }
    return new LabelSelector(requirements);
  }

  private static List<String> needed(String operator, List<String> values) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException("operator " + operator + " needs at least one value");
    }
    return values;
  }

  /// The text form of `kubectl -l`: `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
  ///
  /// @throws IllegalArgumentException when the text is no selector
  public static LabelSelector parse(String text) {
    var requirements = new ArrayList<Requirement>();
    for (String part : splitOutsideBrackets(text)) {
      String term = part.strip();
      if (term.isEmpty()) {
        if (text.isBlank()) {
          continue;
        }
        throw new IllegalArgumentException("empty term in label selector \"" + text + "\"");
      }
      requirements.add(term(term));
    }
    return new LabelSelector(requirements);
  }

  private static Requirement term(String term) {
    if (term.endsWith(")")) {
      int open = term.indexOf('(');
      if (open > 0) {
        String[] head = term.substring(0, open).strip().split("\\s+");
        List<String> values =
            java.util.Arrays.stream(term.substring(open + 1, term.length() - 1).split(",", -1))
                .map(String::strip)
                .toList();
        if (head.length == 2 && head[1].equals("in")) {
          return new Requirement.In(checked(head[0]), values);
        }
        if (head.length == 2 && head[1].equals("notin")) {
          return new Requirement.NotIn(checked(head[0]), values);
        }
      }
      throw new IllegalArgumentException("cannot read label selector term \"" + term + "\"");
    }
    int unequal = term.indexOf("!=");
    if (unequal > 0) {
      return new Requirement.NotIn(
          checked(term.substring(0, unequal)), List.of(value(term.substring(unequal + 2))));
    }
    int equal = term.indexOf('=');
    if (equal > 0) {
      int after = term.startsWith("==", equal) ? equal + 2 : equal + 1;
      return new Requirement.In(
          checked(term.substring(0, equal)), List.of(value(term.substring(after))));
    }
    if (term.startsWith("!")) {
      return new Requirement.Absent(checked(term.substring(1)));
    }
    return new Requirement.Exists(checked(term));
  }

  private static String checked(String label) {
    String name = label.strip();
    if (!name.matches("([A-Za-z0-9][-A-Za-z0-9_.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")) {
      throw new IllegalArgumentException("\"" + name + "\" is no label name");
    }
    return name;
  }

  private static String value(String text) {
    String value = text.strip();
    if (!value.matches("([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")) {
      throw new IllegalArgumentException("\"" + value + "\" is no label value");
    }
    return value;
  }

  private static List<String> splitOutsideBrackets(String text) {
    var parts = new ArrayList<String>();
    int depth = 0;
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '(') {
        depth++;
      } else if (c == ')') {
        depth--;
      } else if (c == ',' && depth == 0) {
        parts.add(text.substring(start, i));
        start = i + 1;
      }
    }
    parts.add(text.substring(start));
    return parts;
  }

  @Override
  public String toString() {
    var text = new ArrayList<String>();
    for (Requirement requirement : requirements) {
      text.add(
          switch (requirement) {
            case Requirement.In(var label, var values) ->
                values.size() == 1
                    ? label + "=" + values.getFirst()
                    : label + " in (" + String.join(",", values) + ")";
            case Requirement.NotIn(var label, var values) ->
                values.size() == 1
                    ? label + "!=" + values.getFirst()
                    : label + " notin (" + String.join(",", values) + ")";
            case Requirement.Exists(var label) -> label;
            case Requirement.Absent(var label) -> "!" + label;
          });
    }
    return String.join(",", text);
  }
}
