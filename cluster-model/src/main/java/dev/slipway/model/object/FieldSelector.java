package dev.slipway.model.object;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// A query over fields, as `kubectl --field-selector` writes it:
/// `status.phase!=Running,metadata.name=web`. Any field that holds a single value may be asked for;
/// one that is absent counts as empty.
public record FieldSelector(List<Term> terms) {
  /// @param equal whether the value is to be this one or any other
  public record Term(List<String> path, String value, boolean equal) {
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
    for (String part : text.split(",", -1)) {
      if (part.isBlank()) {
        continue;
      }
      int unequal = part.indexOf("!=");
      int at = unequal >= 0 ? unequal : part.indexOf('=');
      if (at <= 0) {
        throw new IllegalArgumentException("invalid field selector \"" + part + "\"");
      }
      String value = part.substring(unequal >= 0 || part.startsWith("==", at) ? at + 2 : at + 1);
      terms.add(
          new Term(
              List.of(part.substring(0, at).strip().split("\\.", -1)), value.strip(), unequal < 0));
    }
    return new FieldSelector(terms);
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
      String value = node.isValueNode() && !node.isNull() ? node.asString() : "";
      if (value.equals(term.value()) != term.equal()) {
        return false;
      }
    }
    return true;
  }
}
