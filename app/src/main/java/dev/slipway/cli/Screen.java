package dev.slipway.cli;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/// A terminal that shows one text after another, each in the place of the last.
final class Screen {
  /// In characters.
  record Size(int rows, int columns) {}

  /// Where nobody knows better.
  static final Size ORDINARY = new Size(24, 80);

  private static final String HOME = "\u001b[H";
  private static final String CLEAR = "\u001b[2J";
  private static final String REST_OF_LINE = "\u001b[K";
  private static final String REST = "\u001b[J";

  private final Console console;
  private String drawn = "";

  Screen(Console console) {
    this.console = console;
  }

  boolean isDrawn() {
    return !drawn.isEmpty();
  }

  /// @param text safe for a terminal; lines that find no room are left out at its end
  void draw(String text) {
    if (text.equals(drawn)) {
      return;
    }
    Size size = size();
    String lines =
        text.lines()
            .limit(size.rows() - 1L)
            .map(line -> LiveLine.cut(line, size.columns()) + REST_OF_LINE + "\n")
            .collect(Collectors.joining());
    console.raw((drawn.isEmpty() ? CLEAR : "") + HOME + lines + REST);
    drawn = text;
  }

  /// Of the terminal of this process.
  static Size size() {
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(new File("/dev/tty"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String size =
          new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
      if (stty.waitFor(1, TimeUnit.SECONDS) && size.matches("[1-9][0-9]{0,3} [1-9][0-9]{0,3}")) {
        int space = size.indexOf(' ');
        return new Size(
            Integer.parseInt(size.substring(0, space)),
            Integer.parseInt(size.substring(space + 1)));
      }
    } catch (IOException _) {
      // No such program, or no terminal.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return ORDINARY;
  }
}
