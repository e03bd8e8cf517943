package dev.slipway.runtime.process;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// One container as files. What the shim wrote is the only truth about it.
///
/// @param pod `pods/UID`
/// @param path `pods/UID/containers/NAME-ATTEMPT`
record ContainerFolder(Path pod, Path path) {
  /// A shim that was launched and has not written its name within this time is given up: it may not
  /// run any more.
  private static final long LAUNCH_MILLIS = 10_000;

  /// In the environment of every process of a container: its id.
  static final String MARK = "SLIPWAY_CONTAINER";

  private static final String LOST = "ContainerStatusUnknown";

  String id() {
    return pod.getFileName() + "/" + path.getFileName();
  }

  String podUid() {
    return String.valueOf(pod.getFileName());
  }

  String container() {
    String name = String.valueOf(path.getFileName());
    return name.substring(0, name.lastIndexOf('-'));
  }

  int attempt() {
    String name = String.valueOf(path.getFileName());
    return Integer.parseInt(name.substring(name.lastIndexOf('-') + 1));
  }

  Path log() {
    return path.resolve("log");
  }

  /// The name of its control group.
  String group() {
    return podUid() + "-" + path.getFileName();
  }

  boolean exists() {
    return Files.isDirectory(path);
  }

  Optional<ProcessTable.Identity> shim() {
    return read("shim").flatMap(ProcessTable.Identity::parse);
  }

  Optional<ProcessTable.Identity> child() {
    return read("child").flatMap(ProcessTable.Identity::parse);
  }

  boolean isStarted() {
    return Files.exists(path.resolve("started"));
  }

  boolean hasEnded() {
    return Files.exists(path.resolve("exit"));
  }

  /// Takes the right to run from a shim that has not begun.
  ///
  /// @return whether nothing of this container will ever run
  boolean giveUp() {
    try {
      Files.createFile(path.resolve("run"));
      return true;
    } catch (FileAlreadyExistsException e) {
      return shim().isEmpty();
    } catch (IOException e) {
      return !exists();
    }
  }

  JsonNode spec() {
    try {
      return read("spec").map(Json::parse).orElse(Json.object());
    } catch (IllegalArgumentException e) {
      return Json.object();
    }
  }

  /// What is observed of it. A container whose end nobody saw is noted as ended, once nothing of it
  /// runs.
  ///
  /// @param now for a shim that has only just been launched
  ContainerState state(Cgroups groups, Instant now) {
    Optional<String> exit = read("exit");
    if (exit.isPresent()) {
      return ended(exit.get(), groups);
    }
    if (!isStarted()) {
      return new ContainerState.Created();
    }
    Instant startedAt = modified("started");
    Optional<ProcessTable.Identity> shim = shim();
    if (shim.isEmpty()) {
      boolean fresh = startedAt.toEpochMilli() + LAUNCH_MILLIS > now.toEpochMilli();
      return fresh || !giveUp()
          ? new ContainerState.Running(startedAt)
          : lost(groups, startedAt, "its shim never began");
    }
    if (ProcessTable.lives(shim.get()) || child().filter(ProcessTable::lives).isPresent()) {
      return new ContainerState.Running(startedAt);
    }
    if (hasEnded()) {
      return state(groups, now);
    }
    String why =
        shim.get().boot().equals(ProcessTable.bootId())
            ? "its shim was killed, so nobody saw its exit code"
            : "the machine was restarted";
    return lost(groups, startedAt, why);
  }

  private ContainerState lost(Cgroups groups, Instant startedAt, String why) {
    Set<Long> left = leftovers(groups);
    if (!left.isEmpty()) {
      ProcessTable.kill(left);
      return new ContainerState.Running(startedAt);
    }
    Instant log = modified("log");
    Instant at = log.isAfter(startedAt) ? log : startedAt;
    String line = "137 %d %s: %s%n".formatted(at.toEpochMilli(), LOST, why);
    try {
      Path fresh = Files.createTempFile(path, "exit", ".lost");
      Files.writeString(fresh, line);
      try {
        Files.createLink(path.resolve("exit"), fresh);
      } catch (FileAlreadyExistsException e) {
        return ended(read("exit").orElse(line), groups);
      } finally {
        Files.deleteIfExists(fresh);
      }
    } catch (IOException e) {
      return new ContainerState.Unknown("its end cannot be noted: " + e.getMessage());
    }
    return ended(line, groups);
  }

  private ContainerState ended(String line, Cgroups groups) {
    Instant startedAt = modified("started");
    String[] parts = line.strip().split(" ", 3);
    int code;
    try {
      code = Integer.parseInt(parts[0]);
    } catch (NumberFormatException e) {
      return new ContainerState.Exited(
          137, startedAt, modified("exit"), LOST + ": the exit code cannot be read");
    }
    Instant at;
    try {
      at = parts.length > 1 ? Instant.ofEpochMilli(Long.parseLong(parts[1])) : modified("exit");
    } catch (NumberFormatException e) {
      at = modified("exit");
    }
    return new ContainerState.Exited(
        code, startedAt, at, parts.length > 2 ? parts[2] : reason(code, groups));
  }

  private String reason(int code, Cgroups groups) {
    if (code == 0) {
      return "Completed";
    }
    return code == 137 && groups.outOfMemory(group()) ? "OOMKilled" : "Error";
  }

  /// Every process of the container but its shim, whatever these did to get away.
  Set<Long> leftovers(Cgroups groups) {
    if (groups.available()) {
      return leftovers(new HashSet<>(groups.members(group())));
    }
    return leftovers(new HashSet<>(ProcessTable.withEnvironment(MARK + "=" + id())));
  }

  private Set<Long> leftovers(Set<Long> members) {
    child().filter(ProcessTable::lives).ifPresent(child -> members.add(child.pid()));
    shim()
        .filter(ProcessTable::lives)
        .ifPresent(
            shim -> {
              members.addAll(ProcessTable.ofSession(shim.pid()));
              members.remove(shim.pid());
            });
    return members;
  }

  /// Whether anything of it runs or may begin to.
  boolean isAlive(Cgroups groups) {
    if (!isStarted()) {
      return false;
    }
    Optional<ProcessTable.Identity> shim = shim();
    return shim.isEmpty() && !giveUp()
        || shim.filter(ProcessTable::lives).isPresent()
        || !leftovers(groups).isEmpty();
  }

  private Instant modified(String file) {
    try {
      return Files.getLastModifiedTime(path.resolve(file)).toInstant();
    } catch (IOException e) {
      return Instant.EPOCH;
    }
  }

  private Optional<String> read(String file) {
    try {
      return Optional.of(Files.readString(path.resolve(file), StandardCharsets.UTF_8));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
