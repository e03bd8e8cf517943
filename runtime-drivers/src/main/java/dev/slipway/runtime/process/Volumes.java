package dev.slipway.runtime.process;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// The volumes of one pod as folders. Where a volume is not below the pod's own folder, a note
/// beside it says where.
///
/// @param folder `pods/UID/volumes`
/// @param memory the pod's folder in memory, where there is one
/// @param lasting holds what outlives pods, by namespace
record Volumes(Path folder, Optional<Path> memory, Path lasting) {
  private static final int PER_FOLDER = 0755;
  private static final String DATA = "..data";

  /// How the names of what containers do not look for begin.
  private static final String STATE = "..s";

  /// @param namespace of the pod
  void prepare(VolumeSpec volume, String namespace) throws IOException {
    switch (volume) {
      case VolumeSpec.EmptyDir(String name, boolean inMemory, _) -> makeOpen(place(name, inMemory));
      case VolumeSpec.Named(String name, String called) -> {
        Path place = lasting.resolve(namespace).resolve(called);
        if (Files.notExists(place)) {
          makeOpen(place);
        }
        note(name, place);
      }
      case VolumeSpec.Files files -> prepare(place(files.name(), files.secret()), files);
      case VolumeSpec.HostPath(String name, String path, String type) -> {
        checkHost(name, Path.of(path), type);
        note(name, Path.of(path));
      }
    }
  }

  private static void makeOpen(Path place) throws IOException {
    Files.createDirectories(place);
    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
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

  /// Swaps the files of a volume all at once, as Kubernetes does: they lie in a folder of their
  /// own, to which `..data` leads; what a container sees by a file's name is a link through
  /// `..data`.
  private void prepare(Path place, VolumeSpec.Files files) throws IOException {
    Folders.make(place, PER_FOLDER);
    var names = new TreeSet<String>();
    for (String path : files.files().keySet()) {
      Path relative = Path.of(path).normalize();
      if (relative.isAbsolute() || path.isEmpty() || relative.startsWith("..")) {
        throw new IOException("volume " + files.name() + " has a path that leaves it: " + path);
      }
      names.add(relative.getName(0).toString());
    }
    Path data = place.resolve(DATA);
    if (!Files.isDirectory(data) || !holds(data, files.files())) {
      Path state = Files.createTempDirectory(place, STATE);
      for (var file : files.files().entrySet()) {
        Path target = state.resolve(file.getKey()).normalize();
        for (Path above = target.getParent();
            above != null && !above.equals(state) && Files.notExists(above); ) {
          Folders.make(above, PER_FOLDER);
          above = above.getParent();
        }
        Folders.write(target, file.getValue().bytes(), file.getValue().mode());
      }
      Files.setPosixFilePermissions(state, Folders.permissions(PER_FOLDER));
      link(data, state.getFileName());
    }
    for (String name : names) {
      link(place.resolve(name), Path.of(DATA, name));
    }
    removeOthers(files.name(), place, names);
  }

  private static boolean holds(Path state, Map<String, VolumeSpec.FileContent> wanted)
      throws IOException {
    Path real = state.toRealPath();
    long present;
    try (var files = Files.walk(real)) {
      present = files.filter(Files::isRegularFile).count();
    }
    if (present != wanted.size()) {
      return false;
    }
    for (var file : wanted.entrySet()) {
      Path target = real.resolve(file.getKey()).normalize();
      if (!Files.isRegularFile(target)
          || !Arrays.equals(Files.readAllBytes(target), file.getValue().bytes())
          || !Files.getPosixFilePermissions(target)
              .equals(Folders.permissions(file.getValue().mode()))) {
        return false;
      }
    }
    return true;
  }

  /// A reader finds what was there or the link, at any time.
  private static void link(Path name, Path target) throws IOException {
    if (Files.isSymbolicLink(name) && Files.readSymbolicLink(name).equals(target)) {
      return;
    }
    if (Files.isDirectory(name, LinkOption.NOFOLLOW_LINKS)) {
      Folders.delete(name);
    }
    Path fresh = name.resolveSibling(STATE + "link");
    Files.deleteIfExists(fresh);
    Files.createSymbolicLink(fresh, target);
    Files.move(fresh, name, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private void removeOthers(String volume, Path place, Set<String> kept) throws IOException {
    Path current = Files.readSymbolicLink(place.resolve(DATA));
    Set<String> mounted = mounted(volume);
    try (var entries = Files.newDirectoryStream(place)) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        if (!kept.contains(name)
            && !name.equals(DATA)
            && !name.equals(current.toString())
            && !mounted.contains(name)) {
          Folders.delete(entry);
        }
      }
    }
  }

  /// States of a volume that a container has mounted a part of: that part never changes.
  private Set<String> mounted(String volume) throws IOException {
    Path note = folder.resolve(volume + ".mounted");
    return Files.exists(note) ? new TreeSet<>(Files.readAllLines(note)) : new TreeSet<>();
  }

  private void noteMounted(String volume, Path base, Path source) throws IOException {
    if (Files.isSymbolicLink(base.resolve(DATA)) && !source.equals(base)) {
      Set<String> all = mounted(volume);
      if (all.add(base.relativize(source).getName(0).toString())) {
        byte[] text = String.join("\n", all).getBytes(StandardCharsets.UTF_8);
        Folders.write(folder.resolve(volume + ".mounted"), text, 0600);
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
    Path real = source.toRealPath();
    if (!real.startsWith(base.toRealPath())) {
      throw new IOException(
          "subPath " + mount.subPath() + " leaves the volume " + mount.volume() + " by a link");
    }
    noteMounted(mount.volume(), base.toRealPath(), real);
    return real;
  }
}
