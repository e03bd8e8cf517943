package dev.slipway.cli;

import java.io.PrintStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// What every command that asks a daemon has in common.
abstract class Context implements java.util.concurrent.Callable<Integer> {
  @Mixin Connection connection = new Connection();

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAMESPACE",
      defaultValue = "default",
      completionCandidates = Names.Namespaces.class,
      description = "The namespace (default: ${DEFAULT-VALUE}).")
  String namespace = "default";

  private @Nullable Console console;
  private @Nullable Api api;

  void use(Console screen) {
    console = screen;
  }

  /// Speaks to this API instead of the one that the options name.
  void use(Console screen, Api objects) {
    console = screen;
    api = objects;
  }

  Console console() {
    Console known = console;
    if (known == null) {
      throw new IllegalStateException("a command without a console");
    }
    return known;
  }

  Api api() {
    Api known = api;
    if (known == null) {
      known = new Api(connection.client(console()));
      api = known;
    }
    return known;
  }

  PrintStream out() {
    return console().out();
  }

  String user() {
    return console().environment().getOrDefault("USER", System.getProperty("user.name", "unknown"));
  }
}
