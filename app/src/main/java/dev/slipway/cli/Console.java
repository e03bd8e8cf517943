package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.json.YamlText;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Where a command writes, and what it may assume about who reads.
///
/// @param terminal a person watches: progress may be redrawn, colours may be used
record Console(
    PrintStream out,
    PrintStream err,
    Map<String, String> environment,
    InstantSource clock,
    boolean terminal,
    boolean colours) {

  /// How a thing looks on a terminal; elsewhere it is plain.
  enum Tone {
    GOOD("32"),
    BAD("31"),
    BUSY("33"),
    FAINT("2"),
    STRONG("1");

    private final String code;

    Tone(String code) {
      this.code = code;
    }
  }

  void line(String text) {
    out.println(safe(text));
  }

  void error(String text) {
    err.println(safe(text));
  }

  /// The same, but what is said goes there.
  Console into(OutputStream bytes) {
    var other = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    return new Console(other, err, environment, clock, terminal, colours);
  }

  /// As it is: for text that was made safe and coloured already.
  void raw(String text) {
    out.print(text);
    out.flush();
  }

  String paint(Tone tone, String text) {
    return colours ? "\u001b[" + tone.code + "m" + text + "\u001b[0m" : text;
  }

  /// The words of sync, health and phase in their colours.
  String word(String word) {
    return switch (word) {
      case "Synced", "Healthy", "Succeeded", "Running", "Ready", "Complete", "True" ->
          paint(Tone.GOOD, word);
      case "Degraded", "Failed", "Missing", "OutOfSync", "Stale", "False", "Rejected" ->
          paint(Tone.BAD, word);
      case "Progressing",
          "Pending",
          "Suspended",
          "WaitingForConfirmation",
          "Superseded",
          "Unknown" ->
          paint(Tone.BUSY, word);
      default -> word;
    };
  }

  void json(JsonNode node) {
    out.println(Json.pretty(node));
  }

  void yaml(JsonNode node) {
    out.print(YamlText.write(node));
  }

  /// How long ago, as people say it: `42s`, `5m`, `3h`, `2d`.
  String age(Instant then) {
    return span(Duration.between(then, clock.instant()));
  }

  static String span(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 120) {
      return seconds + "s";
    }
    if (seconds < 7200) {
      long rest = seconds % 60;
      return seconds / 60 + "m" + (seconds < 600 && rest > 0 ? rest + "s" : "");
    }
    return seconds < 48 * 3600 ? seconds / 3600 + "h" : seconds / 86400 + "d";
  }

  /// A table with a head, its columns as wide as their widest cell.
  void table(List<String> head, List<List<String>> rows) {
    out.print(format(head, rows));
  }

  String format(List<String> head, List<List<String>> rows) {
    var widths = new int[head.size()];
    for (int i = 0; i < widths.length; i++) {
      widths[i] = head.get(i).length();
      for (List<String> row : rows) {
        widths[i] = Math.max(widths[i], safe(row.get(i)).length());
      }
    }
    var text = new StringBuilder();
    row(head, widths, text);
    rows.forEach(row -> row(row, widths, text));
    return text.toString();
  }

  private void row(List<String> cells, int[] widths, StringBuilder text) {
    int padding = 0;
    for (int i = 0; i < cells.size(); i++) {
      String cell = safe(cells.get(i));
      if (!cell.isEmpty()) {
        text.repeat(' ', padding).append(word(cell));
        padding = 0;
      }
      padding += widths[i] - cell.length() + 3;
    }
    text.append('\n');
  }

  /// Text from a repository or a program must not steer the terminal.
  static String safe(String text) {
    if (text.chars()
        .noneMatch(c -> (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0))) {
      return text;
    }
    var clean = new StringBuilder(text.length());
    text.chars()
        .forEach(
            c ->
                clean.append(
                    (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0)
                        ? '?'
                        : (char) c));
    return clean.toString();
  }
}
