package dev.slipway.e2e;

import dev.slipway.cli.Cli;
import dev.slipway.cli.DaemonStarter;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// The command line, as a user of one daemon has it.
final class Commands {
  private final Path data;

  Commands(Path data) {
    this.data = data;
  }

  /// @param code of the program's end
  record Said(int code, String text) {}

  Said run(String... arguments) {
    var all = new ArrayList<>(List.of(arguments));
    int at = Set.of("app", "node", "cluster", "repo", "__complete").contains(arguments[0]) ? 2 : 1;
    all.addAll(at, List.of("--data-dir", data.toString()));
    var bytes = new ByteArrayOutputStream();
    var output = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    int code =
        Cli.run(
            all.toArray(String[]::new),
            output,
            output,
            Map.of("NO_COLOR", "1"),
            InstantSource.system(),
            "test",
            new NoDaemon());
    return new Said(code, bytes.toString(StandardCharsets.UTF_8));
  }

  /// @throws AssertionError with what it said, when it did not succeed
  String succeed(String... arguments) {
    Said said = run(arguments);
    if (said.code() != 0) {
      throw new AssertionError(
          "slipway %s: %d%n%s".formatted(String.join(" ", arguments), said.code(), said.text()));
    }
    return said.text();
  }

  /// The names of all nodes.
  List<String> nodes() {
    return succeed("get", "nodes", "-o", "name")
        .lines()
        .map(line -> line.substring(line.lastIndexOf('/') + 1).strip())
        .toList();
  }

  /// These commands only ask.
  private static final class NoDaemon implements DaemonStarter {
    @Override
    public void serve(Request request, Consumer<String> serving) {
      throw new IllegalStateException("not here");
    }

    @Override
    public Optional<String> classPath() {
      return Optional.empty();
    }
  }
}
