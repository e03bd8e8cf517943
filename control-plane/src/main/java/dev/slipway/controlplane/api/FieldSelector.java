package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// A query over fields, as `kubectl --field-selector` writes it: `status.phase!=Running,metadata.name=web`.
record FieldSelector(List<Term> terms) {
  record Term(List<String> path, String value, boolean equal) {}

  static final FieldSelector EVERYTHING = new FieldSelector(List.of());

  static FieldSelector parse(String text) {
    var terms = new ArrayList<Term>();
    for (String part : text.split(",", -1)) {
      if (part.isBlank()) {
        continue;
      }
      int unequal = part.indexOf("!=");
      int at = unequal >= 0 ? unequal : part.indexOf('=');
      if (at <= 0) {
        throw new ClusterException(
            ClusterException.Reason.BAD_REQUEST, "invalid field selector \"" + part + "\"");
      }
      String value = part.substring(unequal >= 0 || part.startsWith("==", at) ? at + 2 : at + 1);
      terms.add(
          new Term(List.of(part.substring(0, at).strip().split("\\.", -1)), value.strip(), unequal < 0));
    }
    return new FieldSelector(List.copyOf(terms));
  }

  boolean isEverything() {
    return terms.isEmpty();
  }

  boolean matches(KubeObject object) {
    for (Term term : terms) {
      JsonNode node = object.json();
      for (String name : term.path()) {
        node = node.path(name);
      }
      String value = node.isMissingNode() || node.isNull() ? "" : node.asString();
      if (value.equals(term.value()) != term.equal()) {
        return false;
      }
    }
    return true;
  }
}
