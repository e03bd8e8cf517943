package dev.slipway.runtime.process;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/// The processes of this machine, as `/proc` tells of them.
final class ProcessTable {
  /// One process, never taken for another that has its number later.
  ///
  /// @param startTicks its start in clock ticks since boot
  /// @param boot which boot: process numbers of an earlier one mean nothing
  record Identity(long pid, long startTicks, String boot) {
    /// Empty for what is not written whole yet.
    static Optional<Identity> parse(String text) {
      String[] parts = text.strip().split(" ", -1);
      if (parts.length != 3 || !text.endsWith("\n")) {
        return Optional.empty();
      }
      try {
        return Optional.of(
            new Identity(Long.parseLong(parts[0]), Long.parseLong(parts[1]), parts[2]));
      } catch (NumberFormatException e) {
        return Optional.empty();
      }
    }
  }

  private static final Path PROC = Path.of("/proc");
  private static final int STATE = 0;
  private static final int SESSION = 3;
  private static final int USER_TICKS = 11;
  private static final int ENDED_CHILDREN_SYSTEM_TICKS = 14;
  private static final int RESIDENT_PAGES = 21;

  /// The kernel's for programs, on every architecture that a JDK runs on.
  private static final long TICK_NANOS = 10_000_000;

  private static final long PAGE_BYTES = pageBytes();
  private static final int START = 19;

  private ProcessTable() {}

  static boolean lives(Identity identity) {
    return fields(identity.pid())
        .filter(fields -> !fields[STATE].equals("Z") && !fields[STATE].equals("X"))
        .filter(fields -> Long.parseLong(fields[START]) == identity.startTicks())
        .filter(_ -> bootId().equals(identity.boot()))
        .isPresent();
  }

  /// Processes of a session, without zombies.
  static List<Long> ofSession(long session) {
    return matching(
        pid ->
            fields(pid)
                .filter(f -> !f[STATE].equals("Z") && Long.parseLong(f[SESSION]) == session)
                .isPresent());
  }

  /// Processes with this entry in their first environment, without zombies; those of other users
  /// only when we are root.
  static List<Long> withEnvironment(String entry) {
    return matching(
        pid -> {
          try {
            String all =
                Files.readString(
                    PROC.resolve(Long.toString(pid)).resolve("environ"),
                    StandardCharsets.ISO_8859_1);
            return ("\0" + all).contains("\0" + entry + "\0");
          } catch (IOException e) {
            return false;
          }
        });
  }

  private static List<Long> matching(java.util.function.LongPredicate wanted) {
    var members = new ArrayList<Long>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path entry : all) {
        long pid = Long.parseLong(String.valueOf(entry.getFileName()));
        if (wanted.test(pid)) {
          members.add(pid);
        }
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return members;
    }
    return members;
  }

  /// What processes have used together.
  ///
  /// @param cpuNanos with that of their children that have ended
  record Usage(long cpuNanos, long memoryBytes) {}

  static Usage usage(Collection<Long> pids) {
    long ticks = 0;
    long pages = 0;
    for (long pid : pids) {
      Optional<String[]> known = fields(pid).filter(all -> all.length > RESIDENT_PAGES);
      if (known.isPresent()) {
        for (int i = USER_TICKS; i <= ENDED_CHILDREN_SYSTEM_TICKS; i++) {
          ticks += Long.parseLong(known.get()[i]);
        }
        pages += Long.parseLong(known.get()[RESIDENT_PAGES]);
      }
    }
    return new Usage(ticks * TICK_NANOS, pages * PAGE_BYTES);
  }

  /// Which the kernel tells every program when it starts (`AT_PAGESZ`).
  private static long pageBytes() {
    try {
      ByteBuffer auxiliary =
          ByteBuffer.wrap(Files.readAllBytes(PROC.resolve("self/auxv")))
              .order(ByteOrder.nativeOrder());
      while (auxiliary.remaining() >= 2 * Long.BYTES) {
        long key = auxiliary.getLong();
        long value = auxiliary.getLong();
        if (key == 6) {
          return value;
        }
      }
    } catch (IOException e) {
      return 4_096;
    }
    return 4_096;
  }

  /// Ends processes at once; those that are gone are no failure.
  static void kill(Collection<Long> pids) {
    for (long pid : pids) {
      if (pid > 1 && pid != ProcessHandle.current().pid()) {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
      }
    }
  }

  /// What follows the name in `/proc/PID/stat`: the state first.
  private static Optional<String[]> fields(long pid) {
    try {
      String stat =
          Files.readString(
              PROC.resolve(Long.toString(pid)).resolve("stat"), StandardCharsets.ISO_8859_1);
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return fields.length > 20 ? Optional.of(fields) : Optional.empty();
    } catch (IOException | StringIndexOutOfBoundsException e) {
      return Optional.empty();
    }
  }

  /// Tells the machine's boots apart.
  static String bootId() {
    return Boot.ID;
  }

  private static final class Boot {
    static final String ID = read();

    private static String read() {
      try {
        return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
      } catch (IOException e) {
        return "";
      }
    }
  }
}
