package dev.slipway.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;

/// The command line. A command that is named is the only one that is built: so a start stays fast
/// whatever their number.
public final class Cli {
  @Command(
      name = "slipway",
      mixinStandardHelpOptions = true,
      description = "Keeps container nodes as Git says.",
      synopsisSubcommandLabel = "COMMAND",
      footer = {
        "",
        "Exit codes: 0 done, 1 not so (differs, not healthy), 2 error, 3 not in time, 4 not found (2 of diff)."
      })
  private static final class Root implements Runnable {
    @CommandLine.Spec CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
      spec.commandLine().usage(spec.commandLine().getOut());
    }
  }

  private static final Map<String, Supplier<Object>> COMMANDS = commands();

  /// How the script of a shell asks for what may stand at the cursor, see [Completer].
  private static final String COMPLETE = "__complete";

  private Cli() {}

  private static Map<String, Supplier<Object>> commands() {
    var commands = new LinkedHashMap<String, Supplier<Object>>();
    commands.put("up", UpCommand::new);
    commands.put("down", DownCommand::new);
    commands.put("server", ServerCommand::new);
    commands.put("app", AppCommand::new);
    commands.put("cluster", ClusterCommand::new);
    commands.put("repo", RepoCommand::new);
    commands.put("status", DeliveryCommands.Status::new);
    commands.put("diff", DeliveryCommands.Diff::new);
    commands.put("plan", PlanCommands.Make::new);
    commands.put("apply", PlanCommands.Apply::new);
    commands.put("sync", DeliveryCommands.Sync::new);
    commands.put("rollback", DeliveryCommands.Rollback::new);
    commands.put("history", DeliveryCommands.History::new);
    commands.put("figures", PlanCommands.Figures::new);
    commands.put("wait", DeliveryCommands.Wait::new);
    commands.put("suspend", DeliveryCommands.Suspend::new);
    commands.put("resume", DeliveryCommands.Resume::new);
    commands.put("terminate", DeliveryCommands.Terminate::new);
    commands.put("refresh", DeliveryCommands.Refresh::new);
    commands.put("fleet", FleetCommands.Limits::new);
    commands.put("freeze", FleetCommands.Freeze::new);
    commands.put("thaw", FleetCommands.Thaw::new);
    commands.put("rollout", RolloutCommand::new);
    commands.put("node", NodeCommand::new);
    commands.put("get", GetCommand::new);
    commands.put("top", TopCommand::new);
    commands.put("logs", ObjectCommands.Logs::new);
    commands.put("events", ObjectCommands.Events::new);
    commands.put("kubeconfig", KubeconfigCommand::new);
    commands.put("lint", LocalCommands.Lint::new);
    commands.put("trigger", LocalCommands.Trigger::new);
    commands.put("completion", LocalCommands.Completion::new);
    commands.put("version", LocalCommands.VersionCommand::new);
    return commands;
  }

  /// @return the exit code
  public static int run(
      String[] given,
      PrintStream out,
      PrintStream err,
      Map<String, String> environment,
      InstantSource clock,
      String version,
      DaemonStarter starter) {
    String[] arguments = asked(given);
    java.io.Console own = System.console();
    boolean terminal = own != null && own.isTerminal();
    boolean colours =
        terminal && !environment.containsKey("NO_COLOR") && !"dumb".equals(environment.get("TERM"));
    var console = new Console(out, err, environment, clock, terminal, colours);
    var line = new CommandLine(new Root());
    line.getCommandSpec().version(version);
    boolean completes = arguments.length > 0 && arguments[0].equals(COMPLETE);
    List<String> typed = List.of(arguments).subList(completes ? 1 : 0, arguments.length);
    // What is still being typed may be the beginning of several.
    String first = typed.size() > (completes ? 1 : 0) ? typed.getFirst() : "";
    if (COMMANDS.containsKey(first)) {
      line.addSubcommand(COMMANDS.get(first).get());
    } else {
      COMMANDS.values().forEach(command -> line.addSubcommand(command.get()));
    }
    prepare(line, console, starter);
    line.registerConverter(Duration.class, Cli::duration);
    line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    line.setColorScheme(
        CommandLine.Help.defaultColorScheme(
            colours ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
    line.setUsageHelpLongOptionsMaxWidth(32);
    line.setExecutionExceptionHandler((failure, _, _) -> failed(failure, console));
    line.setParameterExceptionHandler((failure, _) -> misused(failure, console));
    if (completes) {
      Completer.lines(line, typed, console).forEach(console::line);
      return 0;
    }
    int code = line.execute(arguments);
    // Nobody has read, or could keep, what was said.
    return out.checkError() && code == 0 ? 2 : code;
  }

  /// `help sync` is `sync --help`.
  private static String[] asked(String[] arguments) {
    if (arguments.length == 0 || !arguments[0].equals("help")) {
      return arguments;
    }
    String[] asked = Arrays.copyOfRange(arguments, 1, arguments.length + 1);
    asked[asked.length - 1] = "--help";
    return asked;
  }

  /// What is wrong in one line, and where to read what would be right.
  private static int misused(CommandLine.ParameterException failure, Console console) {
    CommandLine command = failure.getCommandLine();
    String message =
        failure instanceof CommandLine.UnmatchedArgumentException unmatched
                && !unmatched.isUnknownOption()
            ? (command.getSubcommands().isEmpty() ? "unexpected argument" : "there is no command")
                + " \"%s\"".formatted(unmatched.getUnmatched().getFirst())
            : String.valueOf(failure.getMessage());
    console.error("slipway: " + message);
    if (failure instanceof CommandLine.UnmatchedArgumentException unmatched) {
      List<String> near = unmatched.getSuggestions();
      if (!near.isEmpty()) {
        console.error("did you mean %s?".formatted(String.join(" or ", near)));
      }
    }
    console.error("see `%s --help`".formatted(command.getCommandSpec().qualifiedName()));
    return command.getCommandSpec().exitCodeOnInvalidInput();
  }

  private static Duration duration(String text) {
    try {
      return DurationText.parse(text);
    } catch (IllegalArgumentException e) {
      throw new CommandLine.TypeConversionException(e.getMessage());
    }
  }

  private static int failed(Exception failure, Console console) {
    if (failure instanceof CommandFailed refused) {
      console.error("slipway: " + refused.getMessage());
      return refused.exitCode();
    }
    console.error(
        "slipway: " + (failure.getMessage() == null ? failure.toString() : failure.getMessage()));
    if (console.environment().containsKey("SLIPWAY_DEBUG")) {
      var trace = new java.io.StringWriter();
      failure.printStackTrace(new PrintWriter(trace));
      console.error(trace.toString());
    }
    return 2;
  }

  private static void prepare(CommandLine line, Console console, DaemonStarter starter) {
    for (CommandLine sub : line.getSubcommands().values()) {
      if (!sub.getCommandSpec().mixinStandardHelpOptions()) {
        sub.getCommandSpec().mixinStandardHelpOptions(true);
      }
      if (sub.getCommand() instanceof Context command) {
        command.use(console);
      }
      if (sub.getCommand() instanceof StartsDaemon command) {
        command.startWith(starter);
      }
      prepare(sub, console, starter);
    }
  }
}
