package dev.slipway.runtime.spi;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A container to make. Its name within the runtime is pod UID, container name and attempt.
///
/// @param backoffLevel how many quick failures came before, kept for the next restart
/// @param environment in the order of the manifest
/// @param workingDirectory empty for the runtime's own choice
/// @param cpuMillis limit in thousandths of a processor
/// @param memoryBytes limit
public record ContainerSpec(
    String podUid,
    String container,
    int attempt,
    int backoffLevel,
    String image,
    List<String> command,
    List<String> arguments,
    String workingDirectory,
    Map<String, String> environment,
    List<Mount> mounts,
    Optional<Long> cpuMillis,
    Optional<Long> memoryBytes,
    Optional<Long> userId,
    Optional<Long> groupId) {
  public ContainerSpec {
    command = List.copyOf(command);
    arguments = List.copyOf(arguments);
    environment = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(environment));
    mounts = List.copyOf(mounts);
  }

  /// A volume of the pod where the container sees it.
  ///
  /// @param subPath within the volume; empty for all of it
  public record Mount(String volume, String path, String subPath, boolean readOnly) {}
}
