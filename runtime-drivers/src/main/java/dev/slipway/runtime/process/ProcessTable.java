package dev.slipway.runtime.process;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The processes of this machine, as `/proc` tells of them.
final class ProcessTable {
  /// One process, never taken for another that has its number later.
  ///
  /// @param startTicks its start in clock ticks since boot
  record Identity(long pid, long startTicks) {
    static Optional<Identity> parse(String text) {
      String[] parts = text.strip().split(" ");
      try {
        return parts.length == 2
            ? Optional.of(new Identity(Long.parseLong(parts[0]), Long.parseLong(parts[1])))
            : Optional.empty();
      } catch (NumberFormatException e) {
        return Optional.empty();
      }
    }
  }

  private static final Path PROC = Path.of("/proc");

  private ProcessTable() {}

  static boolean lives(Identity identity) {
    return fields(identity.pid())
        .filter(fields -> !fields[0].equals("Z") && Long.parseLong(fields[19]) == identity.startTicks())
        .isPresent();
  }

  /// Processes of a session, without zombies.
  static List<Long> ofSession(long session) {
    var members = new ArrayList<Long>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path entry : all) {
        long pid = Long.parseLong(entry.getFileName().toString());
        fields(pid)
            .filter(fields -> !fields[0].equals("Z") && Long.parseLong(fields[3]) == session)
            .ifPresent(_ -> members.add(pid));
      }
    } catch (IOException e) {
      return members;
    }
    return members;
  }

  /// What follows the name in `/proc/PID/stat`: the state first.
  private static Optional<String[]> fields(long pid) {
    try {
      String stat = Files.readString(PROC.resolve(Long.toString(pid)).resolve("stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return fields.length > 20 ? Optional.of(fields) : Optional.empty();
    } catch (IOException | StringIndexOutOfBoundsException e) {
      return Optional.empty();
    }
  }

  /// Tells the machine's boots apart: process numbers of an earlier one mean nothing.
  static String bootId() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
    } catch (IOException e) {
      return "";
    }
  }
}
