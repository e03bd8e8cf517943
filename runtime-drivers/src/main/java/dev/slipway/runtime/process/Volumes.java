package dev.slipway.runtime.process;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The volumes of one pod as folders. Where a volume is not below the pod's own folder, a note
/// beside it says where.
///
/// @param folder `pods/UID/volumes`
/// @param memory the pod's folder in memory, where there is one
record Volumes(Path folder, Optional<Path> memory) {
  private static final int PER_FOLDER = 0755;

  void prepare(VolumeSpec volume) throws IOException {
    switch (volume) {
      case VolumeSpec.EmptyDir(String name, boolean inMemory) -> {
        Path place = place(name, inMemory);
        Files.createDirectories(place);
        Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
      }
      case VolumeSpec.Files files -> prepare(place(files.name(), files.secret()), files);
      case VolumeSpec.HostPath(String name, String path, String type) -> {
        checkHost(name, Path.of(path), type);
        note(name, Path.of(path));
      }
    }
  }

  private Path place(String name, boolean inMemory) throws IOException {
    if (!inMemory || memory.isEmpty()) {
      return folder.resolve(name);
    }
    Path place = memory.get().resolve(name);
    note(name, place);
    return place;
  }

  private void note(String name, Path place) throws IOException {
    Path note = folder.resolve(name + ".place");
    byte[] text = place.toString().getBytes(StandardCharsets.UTF_8);
    if (Files.notExists(note) || !Arrays.equals(Files.readAllBytes(note), text)) {
      Folders.write(note, text, 0600);
    }
  }

  private static void prepare(Path place, VolumeSpec.Files files) throws IOException {
    Folders.make(place, PER_FOLDER);
    for (var file : files.files().entrySet()) {
      Path target = place.resolve(file.getKey()).normalize();
      if (!target.startsWith(place) || target.equals(place)) {
        throw new IOException(
            "volume " + files.name() + " has a path that leaves it: " + file.getKey());
      }
      VolumeSpec.FileContent content = file.getValue();
      boolean same =
          Files.isRegularFile(target)
              && Arrays.equals(Files.readAllBytes(target), content.bytes())
              && Files.getPosixFilePermissions(target).equals(Folders.permissions(content.mode()));
      if (!same) {
        for (Path above = target.getParent();
            above != null && !above.equals(place) && Files.notExists(above); ) {
          Folders.make(above, PER_FOLDER);
          above = above.getParent();
        }
        Folders.write(target, content.bytes(), content.mode());
      }
    }
    removeOthers(place, files.files().keySet());
  }

  private static void removeOthers(Path place, Set<String> kept) throws IOException {
    List<Path> present;
    try (var files = Files.walk(place)) {
      present = files.filter(Files::isRegularFile).toList();
    }
    for (Path file : present) {
      if (!kept.contains(place.relativize(file).toString())) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static void checkHost(String name, Path target, String type) throws IOException {
    if (type.equals("DirectoryOrCreate")) {
      Files.createDirectories(target);
    } else if (type.equals("FileOrCreate") && Files.notExists(target)) {
      Files.createFile(target);
    }
    boolean right =
        switch (type) {
          case "Directory", "DirectoryOrCreate" -> Files.isDirectory(target);
          case "File", "FileOrCreate" -> Files.isRegularFile(target);
          default -> Files.exists(target);
        };
    if (!right) {
      String what =
          type.startsWith("Directory")
              ? "is no directory"
              : type.startsWith("File") ? "is no file" : "does not exist";
      throw new IOException("volume %s: %s %s on this node".formatted(name, target, what));
    }
  }

  /// What a mount shows.
  ///
  /// @throws IOException when the sub-path leaves the volume, by its words or by a link
  Path source(ContainerSpec.Mount mount) throws IOException {
    Path note = folder.resolve(mount.volume() + ".place");
    Path base =
        Files.exists(note) ? Path.of(Files.readString(note)) : folder.resolve(mount.volume());
    if (mount.subPath().isEmpty()) {
      return base;
    }
    Path source = base.resolve(mount.subPath()).normalize();
    if (!source.startsWith(base)) {
      throw new IOException("subPath " + mount.subPath() + " leaves the volume " + mount.volume());
    }
    if (Files.notExists(source)) {
      Files.createDirectories(source);
    }
    if (!source.toRealPath().startsWith(base.toRealPath())) {
      throw new IOException(
          "subPath " + mount.subPath() + " leaves the volume " + mount.volume() + " by a link");
    }
    return source;
  }
}
