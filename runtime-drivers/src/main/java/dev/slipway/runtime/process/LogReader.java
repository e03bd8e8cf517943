package dev.slipway.runtime.process;

import dev.slipway.runtime.spi.ContainerRuntime.LogRange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/// Reads a container's log. When a line was written is known from the marks that the daemon makes
/// beside the log: to about 50 ms while it runs.
final class LogReader {
  private static final long POLL_NANOS = 50_000_000;
  private static final int LONGEST_LINE = 1 << 20;
  private static final LogRange FOLLOWED =
      new LogRange(Optional.empty(), Optional.empty(), false, true);

  private final ContainerLog log;

  LogReader(ContainerLog log) {
    this.log = log;
  }

  /// @param more whether the container may still write
  void write(LogRange range, Instant startedAt, OutputStream out, BooleanSupplier more) {
    write(
        range,
        file -> {
          long at =
              Math.max(
                  log.begin(),
                  range.since().map(since -> offsetAt(log.times(), startedAt, since)).orElse(0L));
          return range.tail().isPresent() ? offsetOfTail(file, at, range.tail().get()) : at;
        },
        startedAt,
        out,
        more);
  }

  /// @param place of the first byte, as of [ContainerLog#length]
  /// @param more whether the container may still write
  void writeFrom(long place, OutputStream out, BooleanSupplier more) {
    write(FOLLOWED, file -> place, Instant.EPOCH, out, more);
  }

  private interface Place {
    long in(RandomAccessFile file) throws IOException;
  }

  private void write(
      LogRange range, Place from, Instant startedAt, OutputStream out, BooleanSupplier more) {
    if (!log.exists() && !range.follow()) {
      return;
    }
    try {
      while (!log.exists()) {
        if (!more.getAsBoolean()) {
          return;
        }
        LockSupport.parkNanos(POLL_NANOS);
      }
      try (var file = new RandomAccessFile(log.file().toFile(), "r")) {
        long at = from.in(file);
        while (true) {
          boolean last = !range.follow() || !more.getAsBoolean();
          TreeMap<Long, Instant> times = range.timestamps() ? log.times() : new TreeMap<>();
          at = copy(file, Math.max(at, log.begin()), last, range, times, startedAt, out);
          out.flush();
          if (last) {
            return;
          }
          LockSupport.parkNanos(POLL_NANOS);
          if (Thread.interrupted()) {
            return;
          }
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
    // A log that had to be cut off begins again.
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

  private static long offsetOfTail(RandomAccessFile file, long begin, int lines)
      throws IOException {
    long end = file.length();
    if (lines == 0) {
      return end;
    }
    var buffer = new byte[64 << 10];
    int found = 0;
    long position = end;
    while (position > begin) {
      int size = (int) Math.min(buffer.length, position - begin);
      position -= size;
      file.seek(position);
      file.readFully(buffer, 0, size);
      for (int i = size - 1; i >= 0; i--) {
        if (buffer[i] == '\n' && position + i != end - 1 && ++found == lines) {
          return position + i + 1;
        }
      }
    }
    return begin;
  }
}
