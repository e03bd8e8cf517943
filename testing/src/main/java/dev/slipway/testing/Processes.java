package dev.slipway.testing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// What runs on this machine.
public final class Processes {
  private Processes() {}

  /// The processes whose command line holds all of these. It is read from the system: the JDK tells
  /// arguments of short command lines only.
  ///
  /// @param parts of the command line, in which `\0` ends each argument
  public static Stream<ProcessHandle> of(String... parts) {
    return ProcessHandle.allProcesses().filter(process -> holds(process.pid(), parts));
  }

  private static boolean holds(long process, String... parts) {
    String line;
    try {
      line =
          Files.readString(Path.of("/proc/" + process + "/cmdline"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return false;
    }
    for (String part : parts) {
      if (!line.contains(part)) {
        return false;
      }
    }
    return true;
  }
}
