package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/// The records of one framework on the disk: its own in a file, those of its pods in a log. A write
/// has reached the disk when it returns; those that come at the same time share a flush.
///
/// A line of the log is a checksum and a record, the last one of a pod counts. What follows a line
/// that is not whole was never acknowledged. When most of the log has been overtaken, it is written
/// anew.
final class PodLog implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PodLog.class);
  private static final int SUM = 8;

  /// Shorter ones are left as they are.
  private static final long SHORT = 1 << 20;

  /// @param length of its line
  private record Kept(PodRecord record, int length) {}

  /// @param record empty when the pod is forgotten
  private record Change(String uid, Optional<PodRecord> record, int length) {}

  /// What goes to the disk together.
  private static final class Batch {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    final List<Change> changes = new ArrayList<>();
    boolean done;
    @Nullable IOException failure;
  }

  private final Path folder;
  private final Path file;
  private final Opening opening;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition flushed = lock.newCondition();
  private final Map<String, Kept> kept = new LinkedHashMap<>();
  private FileChannel channel;
  private Batch next = new Batch();
  private boolean flushing;
  private boolean broken;
  private boolean closed;
  private long length;
  private long keptLength;

  /// Opens a file to append to.
  interface Opening {
    FileChannel open(Path file) throws IOException;
  }

  private PodLog(Path folder, Opening opening) throws IOException {
    this.folder = folder;
    this.opening = opening;
    this.file = folder.resolve("pods.log");
    length = load();
    channel = opening.open(file);
    Path before = folder.resolve("pods");
    if (Files.isDirectory(before)) {
      takeOver(before);
    }
  }

  /// @param folder made when it is not there
  static PodLog in(Path folder) {
    return in(
        folder,
        file -> FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND));
  }

  static PodLog in(Path folder, Opening opening) {
    try {
      Files.createDirectories(folder);
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
      return new PodLog(folder, opening);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + folder + ": " + e.getMessage(), e);
    }
  }

  /// @return how much of the file is whole; the rest is cut off
  private long load() throws IOException {
    if (Files.notExists(file)) {
      return 0;
    }
    byte[] all = Files.readAllBytes(file);
    int at = 0;
    while (at < all.length) {
      int end = at;
      while (end < all.length && all[end] != '\n') {
        end++;
      }
      if (end == all.length || !isWhole(all, at, end)) {
        log.warn("the log of pods ends early file={} at={} of={}", file, at, all.length);
        try (var whole = FileChannel.open(file, StandardOpenOption.WRITE)) {
          whole.truncate(at);
          whole.force(true);
        }
        break;
      }
      ObjectNode json = Json.parseObject(Arrays.copyOfRange(all, at + SUM, end));
      String uid = Json.string(json, "uid", "");
      Optional<PodRecord> record =
          json.has("gone") ? Optional.empty() : Optional.of(PodRecord.fromJson(json));
      keep(new Change(uid, record, end + 1 - at));
      at = end + 1;
    }
    return at;
  }

  private static boolean isWhole(byte[] all, int from, int to) {
    return to - from > SUM
        && new String(all, from, SUM, StandardCharsets.ISO_8859_1)
            .equals(sum(all, from + SUM, to - from - SUM));
  }

  private static String sum(byte[] bytes, int from, int length) {
    var sum = new CRC32();
    sum.update(bytes, from, length);
    return "%08x".formatted(sum.getValue());
  }

  private static byte[] line(ObjectNode json) {
    byte[] text = Json.write(json);
    byte[] line =
        Arrays.copyOf(
            sum(text, 0, text.length).getBytes(StandardCharsets.US_ASCII), SUM + text.length + 1);
    System.arraycopy(text, 0, line, SUM, text.length);
    line[line.length - 1] = '\n';
    return line;
  }

  /// Once each pod had a file of its own.
  private void takeOver(Path before) throws IOException {
    try (var files = Files.newDirectoryStream(before, "*.json")) {
      for (Path old : files) {
        write(PodRecord.fromJson(Json.parseObject(Files.readAllBytes(old))));
      }
    }
    try (var files = Files.newDirectoryStream(before)) {
      for (Path old : files) {
        Files.delete(old);
      }
    }
    Files.delete(before);
  }

  Optional<String> frameworkId() {
    Path id = folder.resolve("framework.json");
    try {
      return Files.exists(id)
          ? Json.string(Json.parseObject(Files.readAllBytes(id)), "id")
          : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + id + ": " + e.getMessage(), e);
    }
  }

  void frameworkId(String id) {
    Path fresh = folder.resolve("framework.json.new");
    try (var to =
        FileChannel.open(
            fresh,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      writeAll(to, Json.write(Json.object().put("id", id)));
      replace(to, fresh, folder.resolve("framework.json"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + fresh + ": " + e.getMessage(), e);
    }
  }

  private static void writeAll(FileChannel to, byte[] bytes) throws IOException {
    var buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      to.write(buffer);
    }
  }

  private static void replace(FileChannel written, Path fresh, Path file) throws IOException {
    written.force(true);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    try (var folder = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
      folder.force(true);
    }
  }

  List<PodRecord> pods() {
    lock.lock();
    try {
      return kept.values().stream().map(Kept::record).toList();
    } finally {
      lock.unlock();
    }
  }

  void write(PodRecord pod) {
    byte[] line = line(pod.toJson());
    append(new Change(pod.uid(), Optional.of(pod), line.length), line);
  }

  void delete(String podUid) {
    byte[] line = line(Json.object().put("uid", podUid).put("gone", true));
    append(new Change(podUid, Optional.empty(), line.length), line);
  }

  /// Whoever finds nobody flushing does so, for all that wait by then.
  private void append(Change change, byte[] line) {
    lock.lock();
    try {
      if (closed) {
        throw new IOException("it is closed");
      }
      Batch mine = next;
      mine.bytes.writeBytes(line);
      mine.changes.add(change);
      while (!mine.done) {
        if (flushing) {
          flushed.awaitUninterruptibly();
        } else {
          flush();
        }
      }
      if (mine.failure != null) {
        throw mine.failure;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
    } finally {
      lock.unlock();
    }
  }

  /// Called with the lock, which is given away meanwhile.
  private void flush() {
    Batch batch = next;
    next = new Batch();
    flushing = true;
    boolean anew = broken || (length > SHORT && length > 4 * keptLength);
    boolean written = false;
    lock.unlock();
    try {
      if (anew) {
        rewrite();
      }
      writeAll(channel, batch.bytes.toByteArray());
      channel.force(false);
      written = true;
    } catch (IOException e) {
      batch.failure = e;
    } finally {
      lock.lock();
      flushing = false;
      batch.done = true;
      // What a write that failed has left behind must not stay before what follows.
      broken = !written;
      if (!written && batch.failure == null) {
        batch.failure = new IOException("whoever wrote it stumbled");
      }
      if (written) {
        length += batch.bytes.size();
        batch.changes.forEach(this::keep);
      }
      flushed.signalAll();
    }
  }

  private void keep(Change change) {
    Kept before = kept.remove(change.uid());
    keptLength -= before == null ? 0 : before.length();
    if (change.record().isPresent()) {
      kept.put(change.uid(), new Kept(change.record().get(), change.length()));
      keptLength += change.length();
    }
  }

  /// Only by who flushes: nobody else changes what is kept.
  private void rewrite() throws IOException {
    Path fresh = folder.resolve("pods.log.new");
    Files.deleteIfExists(fresh);
    FileChannel to = opening.open(fresh);
    try {
      var all = new ByteArrayOutputStream();
      kept.values().forEach(pod -> all.writeBytes(line(pod.record().toJson())));
      writeAll(to, all.toByteArray());
      replace(to, fresh, file);
      length = all.size();
    } catch (IOException e) {
      to.close();
      throw e;
    }
    channel.close();
    channel = to;
  }

  /// What is being written is finished; nothing is written after that.
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      while (flushing) {
        flushed.awaitUninterruptibly();
      }
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + file + ": " + e.getMessage(), e);
    } finally {
      lock.unlock();
    }
  }
}
