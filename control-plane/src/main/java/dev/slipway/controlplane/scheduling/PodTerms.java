package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.LabelSelector;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/// Reads what pods ask of each other, and keeps one [Tally] for all that ask the same.
final class PodTerms {
  private static final String REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
  private static final String PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

  /// Pods by namespace and labels, as an affinity term names them.
  private record Whom(Set<String> namespaces, LabelSelector selector, String topologyKey) {
    static Whom read(JsonNode term, PodShape shape) {
      List<String> stated = Json.strings(term, "namespaces");
      return new Whom(
          stated.isEmpty() ? Set.of(shape.namespace()) : Set.copyOf(stated),
          LabelSelector.read(term.path("labelSelector")),
          Json.string(term, "topologyKey", ""));
    }

    boolean matches(PodShape other) {
      return namespaces.contains(other.namespace()) && selector.matches(other.labels());
    }
  }

  private sealed interface Subject {
    /// Pods that a term selects.
    record Selected(Whom whom) implements Subject {}

    /// Pods that will not have those near.
    record Repelling(Whom whom) implements Subject {}

    /// Pods that a spread constraint selects, on the nodes that its pods may use.
    record Spread(Whom whom, JsonNode nodeSelector, JsonNode nodeAffinity) implements Subject {}
  }

  private record Repulsion(Whom whom, Tally tally) {}

  private final List<NodeState> nodes;
  private final Map<String, Topology> topologies = new HashMap<>();
  private final Map<Subject, Tally> tallies = new HashMap<>();
  private final List<Repulsion> repulsions = new ArrayList<>();

  /// All classes whose pods may be counted.
  private final Iterable<PodClass> classes;

  PodTerms(List<NodeState> nodes, Iterable<PodClass> classes) {
    this.nodes = nodes;
    this.classes = classes;
  }

  /// Gives a class its terms and the tallies that it counts in. It must be one of the classes
  /// already.
  ///
  /// @throws IllegalArgumentException when a selector cannot be read
  void complete(PodClass kind) {
    tallies
        .values()
        .forEach(
            tally -> {
              if (tally.counts(kind)) {
                kind.counted.add(tally);
              }
            });
    PodShape shape = kind.shape;
    JsonNode affinity = shape.affinity();
    for (JsonNode json : Json.items(affinity.path("podAffinity"), REQUIRED)) {
      Whom whom = Whom.read(json, shape);
      kind.terms.add(new PodTerm.Near(selected(whom), whom.matches(shape)));
    }
    for (JsonNode json : Json.items(affinity.path("podAntiAffinity"), REQUIRED)) {
      Whom whom = Whom.read(json, shape);
      kind.terms.add(new PodTerm.Apart(selected(whom)));
      repelling(whom);
    }
    spread(kind);
    preferred(kind, affinity.path("podAffinity"), 1);
    preferred(kind, affinity.path("podAntiAffinity"), -1);
  }

  private void preferred(PodClass kind, JsonNode affinity, int sign) {
    for (JsonNode json : Json.items(affinity, PREFERRED)) {
      Whom whom = Whom.read(json.path("podAffinityTerm"), kind.shape);
      kind.terms.add(
          new PodTerm.Preferred(selected(whom), (long) sign * Json.integer(json, "weight", 0)));
    }
  }

  private void spread(PodClass kind) {
    PodShape shape = kind.shape;
    for (JsonNode json : shape.spread()) {
      var requirements =
          new ArrayList<>(LabelSelector.read(json.path("labelSelector")).requirements());
      for (String label : Json.strings(json, "matchLabelKeys")) {
        String value = shape.labels().get(label);
        if (value != null) {
          requirements.add(new LabelSelector.Requirement.In(label, List.of(value)));
        }
      }
      Whom whom =
          new Whom(
              Set.of(shape.namespace()),
              new LabelSelector(requirements),
              Json.string(json, "topologyKey", ""));
      boolean everywhere = Json.string(json, "nodeAffinityPolicy", "Honor").equals("Ignore");
      JsonNode none = Json.object();
      Tally tally =
          tally(
              new Subject.Spread(
                  whom,
                  everywhere ? none : shape.nodeSelector(),
                  everywhere ? none : shape.affinity().path("nodeAffinity")),
              whom.topologyKey(),
              other -> !other.shape.terminating() && whom.matches(other.shape),
              node -> everywhere || kind.rules.selects(nodes.get(node).node));
      kind.terms.add(
          Json.string(json, "whenUnsatisfiable", "DoNotSchedule").equals("DoNotSchedule")
              ? new PodTerm.Spread(
                  tally,
                  Json.integer(json, "maxSkew", 1),
                  whom.matches(shape) ? 1 : 0,
                  Json.integer(json, "minDomains", 1))
              : new PodTerm.Loose(tally));
    }
  }

  private Tally selected(Whom whom) {
    return tally(
        new Subject.Selected(whom),
        whom.topologyKey(),
        other -> whom.matches(other.shape),
        _ -> true);
  }

  private void repelling(Whom whom) {
    Subject subject = new Subject.Repelling(whom);
    boolean known = tallies.containsKey(subject);
    Tally tally =
        tally(subject, whom.topologyKey(), other -> repulses(other.shape, whom), _ -> true);
    if (!known) {
      repulsions.add(new Repulsion(whom, tally));
    }
  }

  private static boolean repulses(PodShape shape, Whom whom) {
    try {
      return Json.items(shape.affinity().path("podAntiAffinity"), REQUIRED).stream()
          .anyMatch(json -> Whom.read(json, shape).equals(whom));
    } catch (IllegalArgumentException e) {
      // The pod itself is refused for it.
      return false;
    }
  }

  private Tally tally(
      Subject subject, String key, Predicate<PodClass> counts, IntPredicate eligible) {
    Tally known = tallies.get(subject);
    if (known != null) {
      return known;
    }
    Topology topology = topologies.computeIfAbsent(key, _ -> new Topology(key, nodes));
    var tally = new Tally(topology, nodes.size(), counts, eligible);
    tallies.put(subject, tally);
    for (PodClass kind : classes) {
      if (tally.counts(kind)) {
        kind.counted.add(tally);
        kind.perNode.forEach(tally::add);
      }
    }
    return tally;
  }

  /// Grows when pods come that will not have others near.
  int repulsions() {
    return repulsions.size();
  }

  /// Which pods, of those from a number on, will not have these near.
  List<PodTerm> repulsions(PodShape shape, int from) {
    return repulsions.subList(from, repulsions.size()).stream()
        .filter(repulsion -> repulsion.whom().matches(shape))
        .<PodTerm>map(repulsion -> new PodTerm.Repelled(repulsion.tally()))
        .toList();
  }
}
