package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/// The records of one framework as files: one a pod, and the framework's own. A write has reached
/// the disk when it returns; a reader sees the old content or the new one.
final class PodFiles {
  private final Path folder;
  private final Path pods;

  private PodFiles(Path folder) {
    this.folder = folder;
    this.pods = folder.resolve("pods");
  }

  static PodFiles in(Path folder) {
    var files = new PodFiles(folder);
    try {
      Files.createDirectories(files.pods);
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make " + folder + ": " + e.getMessage(), e);
    }
    return files;
  }

  Optional<String> frameworkId() {
    return read(folder.resolve("framework.json")).flatMap(json -> Json.string(json, "id"));
  }

  void frameworkId(String id) {
    write(folder.resolve("framework.json"), Json.object().put("id", id));
  }

  List<PodRecord> pods() {
    var records = new ArrayList<PodRecord>();
    try (var files = Files.newDirectoryStream(pods, "*.json")) {
      for (Path file : files) {
        read(file).map(PodRecord::fromJson).ifPresent(records::add);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + pods + ": " + e.getMessage(), e);
    }
    return records;
  }

  void write(PodRecord pod) {
    write(pods.resolve(pod.uid() + ".json"), pod.toJson());
  }

  void delete(String podUid) {
    try {
      Files.deleteIfExists(pods.resolve(podUid + ".json"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot forget pod " + podUid + ": " + e.getMessage(), e);
    }
  }

  private static Optional<ObjectNode> read(Path file) {
    try {
      return Files.exists(file)
          ? Optional.of(Json.parseObject(Files.readAllBytes(file)))
          : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static void write(Path file, ObjectNode json) {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      try (var channel =
          FileChannel.open(
              fresh,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        var bytes = ByteBuffer.wrap(Json.write(json));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      try (var folder = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
        folder.force(true);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
    }
  }
}
