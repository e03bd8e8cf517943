package dev.slipway.testing.history;

import java.util.List;

/// What one follower of one scope saw, in the order in which it saw it. Keys are `scope/name`.
///
/// @param glances the first is a list; a watch goes on where the glance before it ended
public record Follower(String name, String scope, List<Glance> glances) {
  public Follower {
    glances = List.copyOf(glances);
  }
}
