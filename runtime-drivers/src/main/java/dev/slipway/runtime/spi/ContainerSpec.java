package dev.slipway.runtime.spi;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A container to make. Its name within the runtime is pod UID, container name and attempt.
///
/// @param backoffLevel how many quick failures came before, kept for the next restart
/// @param command takes the place of the image's entry point; empty for that one
/// @param environment in the order of the manifest
/// @param workingDirectory empty for the runtime's own choice
/// @param messagePath where it leaves its last words; empty when it leaves none
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
    Limits limits,
    Security security,
    Terminal terminal,
    String messagePath) {
  public ContainerSpec {
    command = List.copyOf(command);
    arguments = List.copyOf(arguments);
    environment = Collections.unmodifiableMap(new LinkedHashMap<>(environment));
    mounts = List.copyOf(mounts);
  }

  /// A volume of the pod where the container sees it.
  ///
  /// @param subPath within the volume; empty for all of it
  /// @param otherwise the variable that tells the container where the volume is, when it cannot be
  ///   mounted; without one it does not run then
  public record Mount(
      String volume, String path, String subPath, boolean readOnly, Optional<String> otherwise) {
    public Mount(String volume, String path, String subPath, boolean readOnly) {
      this(volume, path, subPath, readOnly, Optional.empty());
    }
  }

  /// What the container may use at most, and its share when others want it too.
  ///
  /// @param cpuMillis limit in thousandths of a processor
  /// @param memoryBytes limit
  /// @param cpuShareMillis what it asked for, in thousandths of a processor
  /// @param memoryReservedBytes what it asked for
  /// @param ulimits by name (`nofile`): soft and hard limit
  public record Limits(
      Optional<Long> cpuMillis,
      Optional<Long> memoryBytes,
      Optional<Long> cpuShareMillis,
      Optional<Long> memoryReservedBytes,
      Map<String, Ulimit> ulimits) {
    public static final Limits NONE =
        new Limits(
            Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Map.of());

    public Limits {
      ulimits = Map.copyOf(ulimits);
    }
  }

  /// @param soft -1 for none
  /// @param hard -1 for none
  public record Ulimit(long soft, long hard) {}

  /// Who the container is and what it may do.
  ///
  /// @param groups further groups of its user
  /// @param notRoot must not run as root, whatever its image says
  /// @param noNewPrivileges a program of another owner gives it no more rights
  /// @param profiles by kind (`seccomp`, `apparmor`): `unconfined` or the name of a profile
  public record Security(
      Optional<Long> userId,
      Optional<Long> groupId,
      List<Long> groups,
      boolean notRoot,
      boolean readOnlyRoot,
      boolean privileged,
      boolean noNewPrivileges,
      List<String> addedCapabilities,
      List<String> droppedCapabilities,
      Map<String, String> profiles) {
    public static final Security DEFAULT = as(Optional.empty(), Optional.empty());

    public Security {
      groups = List.copyOf(groups);
      addedCapabilities = List.copyOf(addedCapabilities);
      droppedCapabilities = List.copyOf(droppedCapabilities);
      profiles = Map.copyOf(profiles);
    }

    public static Security as(Optional<Long> userId, Optional<Long> groupId) {
      return new Security(
          userId, groupId, List.of(), false, false, false, false, List.of(), List.of(), Map.of());
    }
  }

  /// @param tty has a terminal of its own
  /// @param stdin its input is kept open, for those who attach
  /// @param stdinOnce its input ends with the first who attached
  public record Terminal(boolean tty, boolean stdin, boolean stdinOnce) {
    public static final Terminal NONE = new Terminal(false, false, false);
  }

  public Optional<Long> cpuMillis() {
    return limits.cpuMillis();
  }

  public Optional<Long> memoryBytes() {
    return limits.memoryBytes();
  }

  public Optional<Long> userId() {
    return security.userId();
  }

  public Optional<Long> groupId() {
    return security.groupId();
  }
}
