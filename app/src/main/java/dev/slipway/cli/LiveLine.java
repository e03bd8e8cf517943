package dev.slipway.cli;

import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/// Steps of something that takes a while. On a terminal the last one stays where it is and counts
/// its seconds; elsewhere each is a plain line. For any thread.
final class LiveLine {
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss");
  private static final int NARROWEST = 20;

  private final Console console;
  private final int width;
  private String step = "";
  private String drawn = "";
  private Instant since = Instant.EPOCH;

  LiveLine(Console console) {
    this(console, console.terminal() ? Screen.size().columns() : Screen.ORDINARY.columns());
  }

  /// @param width of the terminal, in characters
  LiveLine(Console console, int width) {
    this.console = console;
    this.width = Math.max(NARROWEST, width);
  }

  /// What goes on from now on; the same as before is not said again.
  ///
  /// @param text made safe, maybe coloured
  synchronized void step(String text) {
    if (text.equals(step)) {
      return;
    }
    end();
    step = text;
    since = console.clock().instant();
    if (console.terminal()) {
      draw();
    } else {
      console.raw(line(text) + "\n");
    }
  }

  /// Some time has passed.
  synchronized void tick() {
    if (console.terminal() && !step.isEmpty()) {
      draw();
    }
  }

  /// The last step is over: what is written next has a line of its own.
  synchronized void end() {
    if (console.terminal() && !step.isEmpty()) {
      console.raw(CLEAR + line(step) + "\n");
    }
    step = "";
    drawn = "";
  }

  private static final String CLEAR = "\r\u001b[2K";

  private void draw() {
    String passed =
        " " + Console.span(java.time.Duration.between(since, console.clock().instant()));
    String line = line(step);
    int room = width - passed.length() - 1;
    String now = CLEAR + cut(line, room) + console.paint(Console.Tone.FAINT, passed);
    if (!now.equals(drawn)) {
      drawn = now;
      console.raw(now);
    }
  }

  private String line(String text) {
    return time() + "  " + text;
  }

  private String time() {
    return TIME.format(LocalTime.ofInstant(since, ZoneId.systemDefault()));
  }

  /// So much of a line that it stays on one; what colours it takes no room.
  static String cut(String line, int room) {
    var cut = new StringBuilder();
    int used = 0;
    boolean coloured = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '\u001b') {
        int end = line.indexOf('m', i);
        if (end < 0) {
          break;
        }
        cut.append(line, i, end + 1);
        coloured = !line.startsWith("\u001b[0m", i);
        i = end;
      } else if (c == '\n') {
        break;
      } else if (used == room - 1 && i < line.length() - 1) {
        return cut.append('…').append(coloured ? "\u001b[0m" : "").toString();
      } else {
        cut.append(c);
        used++;
      }
    }
    return cut.toString();
  }
}
