package dev.slipway.runtime.process;

import dev.slipway.runtime.spi.ContainerRuntime.LogRange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/// Reads a container's log. When a line was written is known to the second, from the marks that the
/// daemon makes beside the log while it runs.
final class LogReader {
  private static final long POLL_NANOS = 50_000_000;
  private static final int LONGEST_LINE = 1 << 20;

  private final Path log;

  LogReader(Path log) {
    this.log = log;
  }

  /// Notes how long the log is now. Called about once a second while it grows.
  static void mark(Path log, Instant now) throws IOException {
    if (Files.notExists(log)) {
      return;
    }
    long size = Files.size(log);
    Path marks = marks(log);
    long last = lastMark(marks);
    if (size != last) {
      Files.writeString(
          marks,
          size + " " + now.toEpochMilli() + "\n",
          java.nio.file.StandardOpenOption.CREATE,
          java.nio.file.StandardOpenOption.APPEND);
    }
  }

  private static long lastMark(Path marks) throws IOException {
    if (Files.notExists(marks)) {
      return -1;
    }
    try (var file = new RandomAccessFile(marks.toFile(), "r")) {
      long from = Math.max(0, file.length() - 64);
      file.seek(from);
      var tail = new byte[(int) (file.length() - from)];
      file.readFully(tail);
      String[] lines = new String(tail, StandardCharsets.US_ASCII).strip().split("\n", -1);
      return Long.parseLong(lines[lines.length - 1].split(" ", 2)[0]);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static Path marks(Path log) {
    return log.resolveSibling("log.marks");
  }

  /// @param more whether the container may still write
  void write(LogRange range, Instant startedAt, OutputStream out, BooleanSupplier more) {
    if (Files.notExists(log) && !range.follow()) {
      return;
    }
    try {
      while (Files.notExists(log)) {
        if (!more.getAsBoolean()) {
          return;
        }
        LockSupport.parkNanos(POLL_NANOS);
      }
      try (var file = new RandomAccessFile(log.toFile(), "r")) {
        TreeMap<Long, Instant> known = times();
        long from = range.since().map(since -> offsetAt(known, startedAt, since)).orElse(0L);
        if (range.tail().isPresent()) {
          from = Math.max(from, offsetOfTail(file, range.tail().get()));
        }
        long at = from;
        TreeMap<Long, Instant> times = known;
        while (true) {
          boolean last = !range.follow() || !more.getAsBoolean();
          at = copy(file, at, last, range, times, startedAt, out);
          out.flush();
          if (last) {
            return;
          }
          LockSupport.parkNanos(POLL_NANOS);
          if (Thread.interrupted()) {
            return;
          }
          times = range.timestamps() ? times() : times;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Copies what there is; with times only whole lines, unless nothing follows.
  ///
  /// @return where to go on
  private static long copy(
      RandomAccessFile file,
      long from,
      boolean last,
      LogRange range,
      TreeMap<Long, Instant> times,
      Instant startedAt,
      OutputStream out)
      throws IOException {
    long at = from > file.length() ? 0 : from;
    file.seek(at);
    var buffer = new byte[64 << 10];
    int count;
    if (!range.timestamps()) {
      while ((count = file.read(buffer)) > 0) {
        out.write(buffer, 0, count);
        at += count;
      }
      return at;
    }
    var line = new ByteArrayOutputStream();
    while ((count = file.read(buffer)) > 0) {
      for (int i = 0; i < count; i++) {
        line.write(buffer[i]);
        if (buffer[i] == '\n' || line.size() >= LONGEST_LINE) {
          at = write(line, at, times, startedAt, out);
        }
      }
    }
    return last && line.size() > 0 ? write(line, at, times, startedAt, out) : at;
  }

  private static long write(
      ByteArrayOutputStream line,
      long at,
      TreeMap<Long, Instant> times,
      Instant startedAt,
      OutputStream out)
      throws IOException {
    var end = times.ceilingEntry(at + 1);
    Instant time =
        end != null ? end.getValue() : times.isEmpty() ? startedAt : times.lastEntry().getValue();
    out.write((time + " ").getBytes(StandardCharsets.US_ASCII));
    line.writeTo(out);
    long next = at + line.size();
    line.reset();
    return next;
  }

  private TreeMap<Long, Instant> times() {
    var times = new TreeMap<Long, Instant>();
    try {
      for (String line :
          Files.exists(marks(log)) ? Files.readAllLines(marks(log)) : List.<String>of()) {
        String[] parts = line.split(" ", 2);
        if (parts.length == 2) {
          times.put(Long.parseLong(parts[0]), Instant.ofEpochMilli(Long.parseLong(parts[1])));
        }
      }
    } catch (IOException | NumberFormatException e) {
      return times;
    }
    return times;
  }

  private static long offsetAt(TreeMap<Long, Instant> times, Instant startedAt, Instant since) {
    if (!since.isAfter(startedAt)) {
      return 0;
    }
    long offset = 0;
    for (var entry : times.entrySet()) {
      if (entry.getValue().isAfter(since)) {
        return offset;
      }
      offset = entry.getKey();
    }
    return offset;
  }

  private static long offsetOfTail(RandomAccessFile file, int lines) throws IOException {
    long end = file.length();
    if (lines == 0) {
      return end;
    }
    var buffer = new byte[64 << 10];
    int found = 0;
    long position = end;
    while (position > 0) {
      int size = (int) Math.min(buffer.length, position);
      position -= size;
      file.seek(position);
      file.readFully(buffer, 0, size);
      for (int i = size - 1; i >= 0; i--) {
        if (buffer[i] == '\n' && position + i != end - 1 && ++found == lines) {
          return position + i + 1;
        }
      }
    }
    return 0;
  }
}
