package dev.slipway.runtime.process;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// One container as files. What the shim wrote is the only truth about it.
///
/// @param pod `pods/UID`
/// @param path `pods/UID/containers/NAME-ATTEMPT`
record ContainerFolder(Path pod, Path path) {
  /// A shim that was launched and has not written its name within this time has died.
  private static final long LAUNCH_MILLIS = 10_000;

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

  Optional<ProcessTable.Identity> shim() {
    return read("shim").flatMap(ProcessTable.Identity::parse);
  }

  Optional<ProcessTable.Identity> child() {
    return read("child").flatMap(ProcessTable.Identity::parse);
  }

  boolean isStarted() {
    return Files.isDirectory(path.resolve("started"));
  }

  boolean hasEnded() {
    return Files.exists(path.resolve("exit"));
  }

  int backoffLevel() {
    return read("spec").map(text -> Json.integer(Json.parse(text), "backoffLevel", 0)).orElse(0);
  }

  /// @param now for a shim that has only just been launched
  ContainerState state(String bootId, Cgroups groups, Instant now) {
    if (!isStarted()) {
      return new ContainerState.Created();
    }
    Instant startedAt = modified("started");
    Optional<String> exit = read("exit");
    if (exit.isPresent()) {
      String[] parts = exit.get().strip().split(" ", 2);
      int code = Integer.parseInt(parts[0]);
      Instant at = parts.length == 2 ? Instant.ofEpochMilli(Long.parseLong(parts[1])) : modified("exit");
      return new ContainerState.Exited(code, startedAt, at, reason(code, groups));
    }
    if (!read("boot").map(String::strip).orElse("").equals(bootId)) {
      return lost(startedAt, "the machine was restarted");
    }
    Optional<ProcessTable.Identity> shim = shim();
    if (shim.isEmpty()) {
      boolean fresh = startedAt.toEpochMilli() + LAUNCH_MILLIS > now.toEpochMilli();
      return fresh ? new ContainerState.Running(startedAt) : lost(startedAt, "its shim never began");
    }
    if (ProcessTable.lives(shim.get())) {
      return new ContainerState.Running(startedAt);
    }
    return hasEnded() ? state(bootId, groups, now) : lost(startedAt, "its shim was killed");
  }

  private ContainerState lost(Instant startedAt, String why) {
    return new ContainerState.Exited(137, startedAt, startedAt, "ContainerLost: " + why);
  }

  private String reason(int code, Cgroups groups) {
    if (code == 0) {
      return "Completed";
    }
    return code == 137 && groups.outOfMemory(group()) ? "OOMKilled" : "Error";
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
      return Optional.of(Files.readString(path.resolve(file)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  JsonNode spec() {
    return read("spec").map(Json::parse).orElse(Json.object());
  }
}
