package dev.slipway.model.object;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// A query over fields, as `kubectl --field-selector` writes it:
/// `status.phase!=Running,metadata.name=web`. Any field that holds a single value may be asked for.
public record FieldSelector(List<Term> terms) {
  /// @param absent what a field counts as that is not there
  /// @param equal whether the value is to be this one or any other
  public record Term(List<String> path, String value, String absent, boolean equal) {
    public Term {
      path = List.copyOf(path);
    }
  }

  public static final FieldSelector EVERYTHING = new FieldSelector(List.of());

  public FieldSelector {
    terms = List.copyOf(terms);
  }

  /// @throws IllegalArgumentException naming the part that cannot be read
  public static FieldSelector parse(String text) {
    var terms = new ArrayList<Term>();
    int from = 0;
    for (int i = 0; i <= text.length(); i++) {
      if (i == text.length() || text.charAt(i) == ',') {
        if (i > from) {
          terms.add(term(text.substring(from, i)));
        }
        from = i + 1;
      } else if (text.charAt(i) == '\\') {
        i++;
      }
    }
    return new FieldSelector(terms);
  }

  private static Term term(String part) {
    int at = part.indexOf('=');
    boolean unequal = at > 0 && part.charAt(at - 1) == '!';
    int end = unequal ? at - 1 : at;
    if (end <= 0) {
      throw invalid(part);
    }
    String value = part.substring(!unequal && part.startsWith("==", at) ? at + 2 : at + 1);
    return new Term(
        List.of(part.substring(0, end).split("\\.", -1)), plain(part, value), "", !unequal);
  }

  /// A comma, an equals sign and a backslash are written after a backslash.
  private static String plain(String part, String value) {
    var plain = new StringBuilder();
    for (int i = 0; i < value.length(); i++) {
      char letter = value.charAt(i);
      if (letter == '\\') {
        if (++i == value.length() || "\\,=".indexOf(value.charAt(i)) < 0) {
          throw invalid(part);
        }
        letter = value.charAt(i);
      } else if (letter == '=') {
        throw invalid(part);
      }
      plain.append(letter);
    }
    return plain.toString();
  }

  private static IllegalArgumentException invalid(String part) {
    return new IllegalArgumentException("invalid field selector \"" + part + "\"");
  }

  public boolean isEverything() {
    return terms.isEmpty();
  }

  /// The value that this field must have, when the selector says so.
  public Optional<String> exact(String... path) {
    List<String> wanted = List.of(path);
    return terms.stream()
        .filter(term -> term.equal() && term.path().equals(wanted))
        .map(Term::value)
        .findFirst();
  }

  public boolean matches(KubeObject object) {
    for (Term term : terms) {
      JsonNode node = object.json();
      for (String name : term.path()) {
        node = node.path(name);
      }
      String value = node.isValueNode() && !node.isNull() ? node.asString() : term.absent();
      if (value.equals(term.value()) != term.equal()) {
        return false;
      }
    }
    return true;
  }
}
