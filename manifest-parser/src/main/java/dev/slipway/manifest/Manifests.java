package dev.slipway.manifest;

import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import java.util.List;
import java.util.Map;

/// What a source tree holds: its objects in the order of its files, and everything that is wrong
/// with it.
///
/// @param files how many were read
/// @param defined the kinds that the tree itself defines
public record Manifests(
    List<Manifest> items, List<Problem> problems, int files, Map<GroupKind, ResourceType> defined) {
  public Manifests {
    defined = Map.copyOf(defined);
    items = List.copyOf(items);
    problems = problems.stream().sorted().toList();
  }
}
