package dev.slipway.runtime.process;

import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.runtime.spi.TerminalFollower;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/// Terminals of processes: `script` opens one, runs a command in it, hands on what goes in and out,
/// and ends with the command's exit code.
record Terminal(Tools tools) {
  /// The majors under which Linux numbers the terminals of `/dev/pts`, 256 each.
  private static final int FIRST_MAJOR = 136;

  private static final int LAST_MAJOR = 143;
  private static final int TRIES = 1_000;

  List<String> around(List<String> command) {
    String line = command.stream().map(MainScript::quoted).collect(Collectors.joining(" "));
    return List.of(
        tools.program("script"),
        "--quiet",
        "--return",
        "--flush",
        "--command",
        "exec " + line,
        "/dev/null");
  }

  /// Makes the terminal of a `script` as large as it is said to be, until interrupted.
  Thread follow(long script, TerminalSizes sizes) {
    return TerminalFollower.follow(sizes, size -> resize(script, size));
  }

  private void resize(long script, TerminalSizes.Size size)
      throws IOException, InterruptedException {
    for (int i = 0; i < TRIES; i++) {
      Optional<Path> terminal =
          ProcessHandle.of(script)
              .flatMap(process -> process.children().findFirst())
              .flatMap(child -> of(child.pid()));
      if (terminal.isPresent()) {
        var command = new ArrayList<String>();
        command.addAll(List.of(tools.program("stty"), "-F", terminal.get().toString()));
        command.addAll(List.of("columns", "" + size.columns(), "rows", "" + size.rows()));
        Process process =
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        process.getOutputStream().close();
        if (!process.waitFor(5, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
        return;
      }
      // It has not been opened yet.
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  /// The terminal that a process was started in; empty when it has none.
  private static Optional<Path> of(long process) {
    try {
      String stat =
          new String(
              Files.readAllBytes(Path.of("/proc/" + process + "/stat")),
              StandardCharsets.ISO_8859_1);
      int number = Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[4]);
      int major = number >>> 8 & 0xfff;
      int minor = number & 0xff | number >>> 12 & 0xfff00;
      return major >= FIRST_MAJOR && major <= LAST_MAJOR
          ? Optional.of(Path.of("/dev/pts", "" + ((major - FIRST_MAJOR) * 256 + minor)))
          : Optional.empty();
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }
}
