package dev.slipway.runtime.spi;

import java.util.Map;
import java.util.Optional;

/// What a node says of itself. Asked at every heartbeat: an answer is the node's sign of life.
@FunctionalInterface
public interface NodeFacts {
  /// @param address where the node's host is reached
  /// @param labels put on the Node object where nobody else has put one
  /// @param capacity amounts by resource name, as Kubernetes writes them
  /// @param allocatable what of it pods may take
  /// @param version name and version of the runtime, as `kubectl get nodes -o wide` shows it
  record Reading(
      String address,
      Map<String, String> labels,
      Map<String, String> capacity,
      Map<String, String> allocatable,
      String version,
      Machine machine) {
    public Reading {
      labels = Map.copyOf(labels);
      capacity = Map.copyOf(capacity);
      allocatable = Map.copyOf(allocatable);
    }

    /// Of a machine of which no more is known.
    public Reading(
        String address,
        Map<String, String> labels,
        Map<String, String> capacity,
        Map<String, String> allocatable,
        String version,
        String osImage,
        String architecture) {
      this(
          address,
          labels,
          capacity,
          allocatable,
          version,
          new Machine(osImage, "", architecture, ""));
    }
  }

  /// @param osImage its system in words
  /// @param architecture in Go's words, as Kubernetes uses them: `amd64`, `arm64`
  /// @param id that no other machine has, as in `/etc/machine-id`; empty where nobody knows
  record Machine(String osImage, String kernelVersion, String architecture, String id) {
    /// Go's word for what a kernel or a JVM calls an architecture.
    public static String architecture(String name) {
      return switch (name) {
        case "x86_64" -> "amd64";
        case "aarch64" -> "arm64";
        default -> name;
      };
    }
  }

  /// Asks the engine, not a memory of it; ends within a few seconds.
  ///
  /// @throws RuntimeFailedException while the engine does not answer: the node's state is unknown
  ///   then, with this message
  Reading read();

  /// Why pods of this node and services do not reach each other, though the node is well; as known
  /// at the last [#read].
  default Optional<String> networkProblem() {
    return Optional.empty();
  }

  /// What this and other nodes are heard of through, under a name that no node has: a single lease
  /// then tells for all of them that somebody listens. Each node still says itself when it is lost.
  default Optional<String> heardThrough() {
    return Optional.empty();
  }

  /// Why the node is to be emptied now, though it is well; as known at the last [#read].
  default Optional<String> leaving() {
    return Optional.empty();
  }
}
