package dev.slipway.runtime.spi;

/// Nodes that a driver finds by itself. Safe from any thread, and safe to repeat.
public interface NodePool {
  /// The node is there: its object is made if it is missing, and an agent runs its pods. A node
  /// that cannot be reached for now stays; its facts say so. With another runtime than before,
  /// which a driver has after it connected anew, the node gets a new agent; its pods go on. With
  /// the same, its facts are read at once: something of them has changed.
  void join(String node, ContainerRuntime runtime, NodeFacts facts);

  /// The node is gone for good: its agent ends and its object is deleted.
  void leave(String node);
}
