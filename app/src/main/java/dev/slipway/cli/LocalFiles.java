package dev.slipway.cli;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Base64;
import tools.jackson.databind.node.ObjectNode;

/// The files of a folder as they are sent to the server: no links, nothing of Git's own.
final class LocalFiles {
  private static final long MOST = 5 << 20;

  private LocalFiles() {}

  static ObjectNode read(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new CommandFailed(2, folder + " is no folder");
    }
    ObjectNode request = Json.object();
    ObjectNode files = request.putObject("files");
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            private long total;

            @Override
            public FileVisitResult preVisitDirectory(Path each, BasicFileAttributes attributes) {
              return each.endsWith(".git")
                  ? FileVisitResult.SKIP_SUBTREE
                  : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              if (attributes.isRegularFile()) {
                total += attributes.size();
                if (total > MOST) {
                  throw new CommandFailed(
                      2, "the files of %s are more than %d MiB".formatted(folder, MOST >> 20));
                }
                files.put(
                    folder.relativize(file).toString().replace('\\', '/'),
                    Base64.getEncoder().encodeToString(Files.readAllBytes(file)));
              }
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new CommandFailed(2, "%s cannot be read: %s".formatted(folder, e.getMessage()));
    }
    return request;
  }
}
