package dev.slipway.runtime.spi;

import java.util.Optional;

/// Connects to the engines of one kind.
public interface NodeDriver {
  /// A declared node's engine. Closing it ends the connection and leaves everything running.
  interface Connection extends AutoCloseable {
    /// Where the declared node's pods run; empty where the declaration stands for a whole cluster,
    /// whose nodes come through the [NodePool].
    Optional<ContainerRuntime> runtime();

    NodeFacts facts();

    /// The declaration is gone: takes back what was made for the connection alone. Pods stay, and
    /// nodes that came through the pool leave it.
    default void leave() {}

    @Override
    void close();
  }

  /// Whether its pods have addresses of a subnet that is allotted to the node.
  default boolean needsPodSubnet() {
    return false;
  }

  /// Called on a thread of its own, and again with growing delay after a failure. An engine that is
  /// away is no failure: its [NodeFacts] say so, and when it is back.
  ///
  /// @param pool where a driver of many nodes says which there are
  /// @throws RuntimeFailedException permanent when the declaration cannot mean anything (a host of
  ///   an unknown form, plain TCP that nobody allowed, no key for a certificate)
  Connection connect(NodeDeclaration declaration, NodePool pool);
}
