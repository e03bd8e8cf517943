package dev.slipway.manifest;

import java.util.List;

/// What a source tree holds: its objects in the order of its files, and everything that is wrong
/// with it.
///
/// @param files how many were read
/// @param kinds those that the cluster serves, and those that the tree itself defines
public record Manifests(List<Manifest> items, List<Problem> problems, int files, Kinds kinds) {
  public Manifests {
    items = List.copyOf(items);
    problems = problems.stream().sorted().toList();
  }
}
