package dev.slipway.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/// What a shell may offer for the word at the cursor: the scripts that `slipway completion` prints
/// ask for it with every TAB.
///
/// One line for each: the word, a tab, what it means. [#FILES] and [#FOLDERS] leave it to the shell
/// to name files or folders.
final class Completer {
  static final String FILES = ":files";
  static final String FOLDERS = ":folders";

  private final Console console;
  private final Map<OptionSpec, String> given = new LinkedHashMap<>();
  private final List<String> parameters = new ArrayList<>();
  private CommandSpec command;
  private @Nullable OptionSpec open;
  private boolean endOfOptions;

  private Completer(CommandSpec root, Console console) {
    this.command = root;
    this.console = console;
  }

  /// @param words what was typed after the name of the program; the last one is being typed
  static List<String> lines(CommandLine root, List<String> words, Console console) {
    var completer = new Completer(root.getCommandSpec(), console);
    List<String> whole = words.isEmpty() ? List.of("") : words;
    whole.subList(0, whole.size() - 1).forEach(completer::pass);
    return completer.offer(whole.getLast());
  }

  private void pass(String word) {
    OptionSpec option = open;
    if (option != null) {
      // Some shells make three words of --name=value.
      if (!word.equals("=")) {
        given.put(option, word);
        open = null;
      }
      return;
    }
    if (word.equals("--")) {
      endOfOptions = true;
    } else if (word.startsWith("-") && !endOfOptions) {
      int equals = word.indexOf('=');
      OptionSpec found = command.findOption(equals < 0 ? word : word.substring(0, equals));
      if (found != null && equals > 0) {
        given.put(found, word.substring(equals + 1));
      } else if (found != null && found.arity().min() > 0) {
        open = found;
      }
    } else {
      CommandLine sub = parameters.isEmpty() ? command.subcommands().get(word) : null;
      if (sub == null) {
        parameters.add(word);
      } else {
        command = sub.getCommandSpec();
      }
    }
  }

  private List<String> offer(String word) {
    OptionSpec option = open;
    if (option != null) {
      return values(option, word.equals("=") ? "" : word, "");
    }
    int equals = word.indexOf('=');
    if (word.startsWith("--") && equals > 0) {
      OptionSpec named = command.findOption(word.substring(0, equals));
      return named == null
          ? List.of()
          : values(named, word.substring(equals + 1), word.substring(0, equals + 1));
    }
    if (word.startsWith("-") && !endOfOptions) {
      return options(word);
    }
    var lines = new ArrayList<String>();
    if (parameters.isEmpty()) {
      command
          .subcommands()
          .forEach(
              (name, sub) -> {
                if (name.startsWith(word) && !sub.getCommandSpec().usageMessage().hidden()) {
                  lines.add(line(name, sub.getCommandSpec().usageMessage().description()));
                }
              });
    }
    for (PositionalParamSpec parameter : command.positionalParameters()) {
      if (parameter.index().contains(parameters.size())) {
        lines.addAll(values(parameter, word, ""));
      }
    }
    return lines;
  }

  private List<String> options(String word) {
    return command.options().stream()
        .filter(option -> !option.hidden() && option.longestName().startsWith(word))
        .map(option -> line(option.longestName(), option.description()))
        .sorted()
        .toList();
  }

  /// @param before what stands in the same word
  private List<String> values(ArgSpec argument, String word, String before) {
    Iterable<String> candidates = argument.completionCandidates();
    if (candidates == null) {
      if (!Path.class.isAssignableFrom(argument.type())) {
        return List.of();
      }
      String label = argument.paramLabel();
      return List.of(label.equals("FOLDER") || label.equals("DIR") ? FOLDERS : FILES);
    }
    var lines = new ArrayList<String>();
    for (String candidate : candidates instanceof Names names ? ask(names, word) : candidates) {
      if (candidate.startsWith(word)) {
        lines.add(before + candidate);
      }
    }
    return lines;
  }

  /// Of the daemon and in the namespace that the line names; nothing where nobody answers.
  private List<String> ask(Names names, String word) {
    var target = new Target();
    var line = new CommandLine(target);
    var arguments = new ArrayList<String>();
    given.forEach(
        (option, value) -> {
          if (line.getCommandSpec().findOption(option.longestName()) != null) {
            arguments.add(option.longestName());
            arguments.add(value);
          }
        });
    try {
      line.parseArgs(arguments.toArray(String[]::new));
      target.use(console);
      return names.of(target.api(), target.namespace, parameters, word);
    } catch (CommandFailed | CommandLine.ParameterException _) {
      return List.of();
    }
  }

  /// The word, and the first sentence about it.
  private static String line(String word, String[] description) {
    if (description.length == 0) {
      return word;
    }
    String first = description[0];
    int end = first.indexOf(". ");
    String sentence = end < 0 ? first : first.substring(0, end);
    return word + "\t" + sentence.replaceFirst("\\.$", "").replaceAll(" \\(.*\\$\\{.*}.*\\)", "");
  }

  /// Takes from a line which daemon it is about.
  @CommandLine.Command
  private static final class Target extends Context {
    @Override
    public Integer call() {
      return 0;
    }
  }
}
