package dev.slipway.runtime.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Control groups, of either version, where this user may make them. One group a container: it
/// holds the limits, and it knows every process of the container, whatever these do.
final class Cgroups {
  private enum Version {
    NONE,
    ONE,
    TWO
  }

  private static final Logger log = LoggerFactory.getLogger(Cgroups.class);
  private static final Path ROOT = Path.of("/sys/fs/cgroup");
  private static final String OWN = "slipway";
  private static final long PERIOD_MICROS = 100_000;

  private final Version version;

  private Cgroups(Version version) {
    this.version = version;
  }

  static Cgroups detect() {
    try {
      if (Files.exists(ROOT.resolve("cgroup.controllers"))) {
        Files.createDirectories(ROOT.resolve(OWN));
        Files.writeString(ROOT.resolve("cgroup.subtree_control"), "+cpu +memory");
        Files.writeString(ROOT.resolve(OWN).resolve("cgroup.subtree_control"), "+cpu +memory");
        return new Cgroups(Version.TWO);
      }
      if (Files.isDirectory(ROOT.resolve("memory")) && Files.isDirectory(ROOT.resolve("cpu"))) {
        Files.createDirectories(ROOT.resolve("memory").resolve(OWN));
        Files.createDirectories(ROOT.resolve("cpu").resolve(OWN));
        return new Cgroups(Version.ONE);
      }
    } catch (IOException e) {
      log.info("no control groups cause={}", e.toString());
    }
    return new Cgroups(Version.NONE);
  }

  boolean available() {
    return version != Version.NONE;
  }

  /// Makes the group of a container.
  ///
  /// @return the `cgroup.procs` files that a process must be written to
  List<Path> create(String name, Optional<Long> cpuMillis, Optional<Long> memoryBytes)
      throws IOException {
    var files = new ArrayList<Path>();
    for (Path folder : folders(name)) {
      Files.createDirectories(folder);
      files.add(folder.resolve("cgroup.procs"));
    }
    switch (version) {
      case ONE -> {
        if (cpuMillis.isPresent()) {
          Path cpu = ROOT.resolve("cpu").resolve(OWN).resolve(name);
          Files.writeString(cpu.resolve("cpu.cfs_period_us"), Long.toString(PERIOD_MICROS));
          Files.writeString(cpu.resolve("cpu.cfs_quota_us"), Long.toString(quota(cpuMillis.get())));
        }
        if (memoryBytes.isPresent()) {
          Path memory = ROOT.resolve("memory").resolve(OWN).resolve(name);
          Files.writeString(
              memory.resolve("memory.limit_in_bytes"), Long.toString(memoryBytes.get()));
        }
      }
      case TWO -> {
        Path group = ROOT.resolve(OWN).resolve(name);
        if (cpuMillis.isPresent()) {
          Files.writeString(group.resolve("cpu.max"), quota(cpuMillis.get()) + " " + PERIOD_MICROS);
        }
        if (memoryBytes.isPresent()) {
          Files.writeString(group.resolve("memory.max"), Long.toString(memoryBytes.get()));
        }
      }
      case NONE -> {}
    }
    return files;
  }

  private static long quota(long millis) {
    return Math.max(1_000, millis * PERIOD_MICROS / 1_000);
  }

  private List<Path> folders(String name) {
    return switch (version) {
      case ONE ->
          List.of(
              ROOT.resolve("memory").resolve(OWN).resolve(name),
              ROOT.resolve("cpu").resolve(OWN).resolve(name));
      case TWO -> List.of(ROOT.resolve(OWN).resolve(name));
      case NONE -> List.of();
    };
  }

  /// The files through which a process joins the group, of those that exist.
  List<Path> joinFiles(String name) {
    return folders(name).stream()
        .map(folder -> folder.resolve("cgroup.procs"))
        .filter(Files::exists)
        .toList();
  }

  /// The file that lists the processes of the group.
  Optional<Path> processes(String name) {
    return joinFiles(name).stream().findFirst();
  }

  /// Every process in the group.
  List<Long> members(String name) {
    List<Path> folders = folders(name);
    if (folders.isEmpty()) {
      return List.of();
    }
    try {
      return Files.readAllLines(folders.getFirst().resolve("cgroup.procs")).stream()
          .map(Long::valueOf)
          .toList();
    } catch (IOException | NumberFormatException e) {
      return List.of();
    }
  }

  /// Whether the kernel ended a process of the group for want of memory.
  boolean outOfMemory(String name) {
    List<Path> folders = folders(name);
    if (folders.isEmpty()) {
      return false;
    }
    Path file =
        folders.getFirst().resolve(version == Version.ONE ? "memory.oom_control" : "memory.events");
    try {
      return Files.readAllLines(file).stream()
          .anyMatch(line -> line.matches("oom_kill [1-9][0-9]*"));
    } catch (IOException e) {
      return false;
    }
  }

  /// Processor time of a group's processes, also of those that have ended; empty where the kernel
  /// does not count it by group.
  Optional<Long> cpuNanos(String name) {
    List<Path> folders = folders(name);
    return switch (version) {
      case ONE -> number(folders.getLast().resolve("cpuacct.usage"));
      case TWO ->
          entry(folders.getFirst().resolve("cpu.stat"), "usage_usec").map(micros -> micros * 1_000);
      case NONE -> Optional.empty();
    };
  }

  /// What a group holds, without files that the kernel keeps at hand.
  Optional<Long> memoryBytes(String name) {
    List<Path> folders = folders(name);
    return switch (version) {
      case ONE ->
          inUse(folders.getFirst(), "memory.usage_in_bytes", "memory.stat", "total_inactive_file");
      case TWO -> inUse(folders.getFirst(), "memory.current", "memory.stat", "inactive_file");
      case NONE -> Optional.empty();
    };
  }

  private static Optional<Long> inUse(Path group, String all, String details, String idle) {
    return number(group.resolve(all))
        .map(bytes -> Math.max(0, bytes - entry(group.resolve(details), idle).orElse(0L)));
  }

  private static Optional<Long> number(Path file) {
    try {
      return Optional.of(Long.parseLong(Files.readString(file).strip()));
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static Optional<Long> entry(Path file, String name) {
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> line.startsWith(name + " "))
          .map(line -> Long.parseLong(line.substring(name.length() + 1).strip()))
          .findFirst();
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  void remove(String name) {
    for (Path folder : folders(name)) {
      try {
        Files.deleteIfExists(folder);
      } catch (IOException e) {
        log.debug("control group stays folder={} cause={}", folder, e.toString());
      }
    }
  }
}
