package dev.slipway.manifest;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/// A folder on the disk, or a single file. Links are listed and not followed; `.git` is left out.
public final class DirectoryTree implements SourceTree {
  private final Path root;

  public DirectoryTree(Path root) {
    this.root = root.toAbsolutePath().normalize();
  }

  @Override
  public List<Entry> entries() throws IOException {
    if (Files.isRegularFile(root)) {
      return List.of(new Entry(String.valueOf(root.getFileName()), Files.size(root), false));
    }
    var entries = new ArrayList<Entry>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            return !folder.equals(root) && folder.getFileName().toString().equals(".git")
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            entries.add(
                new Entry(
                    root.relativize(file).toString().replace('\\', '/'),
                    attributes.size(),
                    attributes.isSymbolicLink()));
            return FileVisitResult.CONTINUE;
          }
        });
    return entries;
  }

  @Override
  public byte[] read(String path, int limit) throws IOException {
    Path file = Files.isRegularFile(root) ? root : root.resolve(path).normalize();
    if (!file.startsWith(root) || Files.isSymbolicLink(file)) {
      throw new IOException(path + " leaves the folder");
    }
    try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      return in.readNBytes(limit);
    }
  }
}
