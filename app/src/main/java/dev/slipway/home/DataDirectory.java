package dev.slipway.home;

import dev.slipway.model.time.Chance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;

/// Where a daemon keeps everything: only its owner can look inside.
///
/// | path | what |
/// |---|---|
/// | `slipway.sock` | the Unix socket of the API |
/// | `token` | the bearer token of the API's TCP port |
/// | `tls/` | the certificate authority of the TCP port |
/// | `address` | `https://127.0.0.1:PORT` of the running daemon |
/// | `daemon.log` | what the daemon says when it runs in the background |
/// | `store/` | the object store |
/// | `git/` | bare mirrors of the repositories |
/// | `pods/` | the process runtime |
/// | `proxy/` | the service proxy |
/// | `repo.git` | the bare repository that the quick start makes |
public final class DataDirectory {
  private final Path root;

  private DataDirectory(Path root) {
    this.root = root;
  }

  /// `--data-dir`, else `SLIPWAY_DATA`, else `~/.slipway`.
  public static Path standard(java.util.Map<String, String> environment, String home) {
    String set = environment.get("SLIPWAY_DATA");
    return set != null && !set.isBlank() ? Path.of(set) : Path.of(home, ".slipway");
  }

  /// The folder as it is: nothing is made.
  public static DataDirectory at(Path root) {
    return new DataDirectory(root.toAbsolutePath().normalize());
  }

  /// Makes what is missing.
  public DataDirectory create() {
    try {
      for (Path folder : new Path[] {root, store(), git(), pods(), proxy(), tls()}) {
        if (Files.notExists(folder)) {
          Files.createDirectories(folder);
          Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot make the data directory " + root + ": " + e.getMessage(), e);
    }
    return this;
  }

  public Path root() {
    return root;
  }

  public Path socket() {
    return root.resolve("slipway.sock");
  }

  public Path log() {
    return root.resolve("daemon.log");
  }

  public Path store() {
    return root.resolve("store");
  }

  /// Held locked by the daemon that owns this directory.
  public Path lockFile() {
    return root.resolve("lock");
  }

  public Path git() {
    return root.resolve("git");
  }

  public Path pods() {
    return root.resolve("pods");
  }

  public Path proxy() {
    return root.resolve("proxy");
  }

  public Path tls() {
    return root.resolve("tls");
  }

  public Path repository() {
    return root.resolve("repo.git");
  }

  public Path addressFile() {
    return root.resolve("address");
  }

  public Path tokenFile() {
    return root.resolve("token");
  }

  /// What this Slipway is known by on engines that it shares with others, made at first use. It
  /// outlives the store: containers are known again when the store is lost.
  public String identity(Chance chance) {
    Path file = root.resolve("identity");
    try {
      if (Files.notExists(file)) {
        writePrivate(file, HexFormat.of().toHexDigits(chance.nextLong()) + "\n");
      }
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  /// The token of the API's TCP port, made at first use.
  public String token(Chance chance) {
    try {
      if (Files.notExists(tokenFile())) {
        var bytes = new byte[32];
        for (int i = 0; i < bytes.length; i++) {
          bytes[i] = (byte) chance.nextLong();
        }
        writePrivate(tokenFile(), HexFormat.of().formatHex(bytes) + "\n");
      }
      return Files.readString(tokenFile()).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + tokenFile() + ": " + e.getMessage(), e);
    }
  }

  /// Writes a small file whole, for its owner only.
  public static void writePrivate(Path file, String text) {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.deleteIfExists(fresh);
      Files.createFile(
          fresh,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(fresh, text, StandardOpenOption.WRITE);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
    }
  }
}
