package dev.slipway.runtime.process;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// What a container has written, as one file that only grows. Its beginning is given back to the
/// file system when it gets long: places in it stay the same, so no reader is disturbed and no line
/// of that moment is lost.
///
/// ```
/// log        all that the container writes; before `log.from` there is nothing left
/// log.from   where it begins now; missing for 0
/// log.marks  lines of "size time": how long the log was when it was last written to (ms)
/// ```
record ContainerLog(Path file) {
  /// A log that has become this long is shortened to half of it.
  static final long LONGEST = 32L << 20;

  private static final int MARKS_MAX = 1 << 20;

  boolean exists() {
    return Files.exists(file);
  }

  /// Where its next byte will be; 0 when nothing was written.
  long length() throws IOException {
    try {
      return Files.size(file);
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  /// Where it begins now: a line begins there.
  long begin() {
    try {
      return Long.parseLong(Files.readString(from(), StandardCharsets.US_ASCII).strip());
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }

  private Path from() {
    return file.resolveSibling("log.from");
  }

  private Path marks() {
    return file.resolveSibling("log.marks");
  }

  /// Notes how long it is, and when it was last written to.
  void mark() throws IOException {
    Instant written;
    long size;
    try {
      written = Files.getLastModifiedTime(file).toInstant();
      size = Files.size(file);
    } catch (NoSuchFileException e) {
      return;
    }
    if (size == 0 || size == lastMark()) {
      return;
    }
    Files.writeString(
        marks(),
        size + " " + written.toEpochMilli() + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    if (Files.size(marks()) > MARKS_MAX) {
      thin();
    }
  }

  /// Every second mark is enough for what is long ago.
  private void thin() throws IOException {
    var kept = new ArrayList<String>();
    long begin = begin();
    int number = 0;
    Map<Long, Instant> times = times();
    for (var entry : times.entrySet()) {
      if (entry.getKey() > begin && number++ % 2 == 0 || number == times.size()) {
        kept.add(entry.getKey() + " " + entry.getValue().toEpochMilli());
      }
    }
    Folders.write(
        marks(), (String.join("\n", kept) + "\n").getBytes(StandardCharsets.US_ASCII), 0600);
  }

  private long lastMark() throws IOException {
    try (var file = new RandomAccessFile(marks().toFile(), "r")) {
      long from = Math.max(0, file.length() - 64);
      file.seek(from);
      var tail = new byte[(int) (file.length() - from)];
      file.readFully(tail);
      String[] lines = new String(tail, StandardCharsets.US_ASCII).strip().split("\n", -1);
      return Long.parseLong(lines[lines.length - 1].split(" ", 2)[0]);
    } catch (java.io.FileNotFoundException | NumberFormatException e) {
      return -1;
    }
  }

  /// The marks: how long it was, and when.
  TreeMap<Long, Instant> times() {
    var times = new TreeMap<Long, Instant>();
    try {
      for (String line : Files.exists(marks()) ? Files.readAllLines(marks()) : List.<String>of()) {
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

  /// Gives the beginning of a long log back to the file system.
  ///
  /// Where that is not possible everything is cut off: lines of that very moment may be lost then.
  void shorten(Tools tools, long longest) throws IOException {
    long begin = begin();
    long size = Files.size(file);
    if (size - begin <= longest) {
      return;
    }
    long keepFrom = lineAfter(size - longest / 2);
    Folders.write(from(), Long.toString(keepFrom).getBytes(StandardCharsets.US_ASCII), 0600);
    if (!tools.punchHole(file, keepFrom)) {
      try (var all = FileChannel.open(file, StandardOpenOption.WRITE)) {
        Files.deleteIfExists(marks());
        all.truncate(0);
        Files.deleteIfExists(from());
      }
    }
  }

  private long lineAfter(long place) throws IOException {
    try (var all = new RandomAccessFile(file.toFile(), "r")) {
      all.seek(place);
      var buffer = new byte[64 << 10];
      long at = place;
      int count;
      while ((count = all.read(buffer)) > 0) {
        for (int i = 0; i < count; i++) {
          if (buffer[i] == '\n') {
            return at + i + 1;
          }
        }
        at += count;
      }
      return place;
    }
  }
}
