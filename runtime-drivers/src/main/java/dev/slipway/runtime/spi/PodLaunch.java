package dev.slipway.runtime.spi;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// The containers of a pod, to be started together.
///
/// @param parts init containers first, each group in the order of the manifest
/// @param grace between asking a container to end and ending it
public record PodLaunch(String podUid, List<Part> parts, Duration grace) {
  public PodLaunch {
    parts = List.copyOf(parts);
  }

  /// @param init must have succeeded before the next part begins
  /// @param liveness for the runtime itself to look at; the agent asks all other probes
  public record Part(
      ContainerSpec container, boolean init, List<Port> ports, Optional<Liveness> liveness) {
    public Part {
      ports = List.copyOf(ports);
    }
  }

  /// @param name may be empty
  /// @param number that the container listens on
  /// @param host of the node that it must be reached by; 0 for any
  public record Port(String name, int number, int host) {}

  /// A check beside the container, that goes on while no daemon runs.
  public record Liveness(
      Check check, Duration delay, Duration period, Duration timeout, int failures) {
    public sealed interface Check {
      /// Asked at 127.0.0.1 of the node.
      record Http(int port, String path, boolean secure) implements Check {}

      record Tcp(int port) implements Check {}

      record Command(List<String> command) implements Check {}
    }
  }
}
