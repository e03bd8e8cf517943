package dev.slipway.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;

/// A folder for one benchmark, on the disk of the project, removed afterwards.
public record Folder(Path path) implements AutoCloseable {
  public static Folder make(String name) throws IOException {
    Path root =
        Path.of(Optional.ofNullable(System.getenv("SLIPWAY_HOME")).orElse("."))
            .resolve("bench/target/tmp")
            .toAbsolutePath();
    Files.createDirectories(root);
    return new Folder(Files.createTempDirectory(root, name));
  }

  @Override
  public void close() throws IOException {
    try (var all = Files.walk(path)) {
      for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
