package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LiveLineTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private Instant now = Instant.parse("2026-01-01T10:00:00Z");

  private LiveLine line(boolean terminal) {
    var out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    return new LiveLine(new Console(out, out, Map.of(), () -> now, terminal, false), 30);
  }

  private String said() {
    return bytes.toString(StandardCharsets.UTF_8).replaceAll("[0-9]{2}:[0-9]{2}:[0-9]{2}", "T");
  }

  @Test
  void elsewhereEachStepIsOneLine() {
    LiveLine line = line(false);
    line.step("applies");
    line.tick();
    line.step("applies");
    line.step("waits");
    line.end();
    assertThat(said()).isEqualTo("T  applies\nT  waits\n");
  }

  @Test
  void onATerminalTheLastStepCountsInItsPlace() {
    LiveLine line = line(true);
    line.step("applies");
    now = now.plusSeconds(3);
    line.tick();
    line.end();
    line.end();
    assertThat(said())
        .isEqualTo("\r\u001b[2KT  applies 0s\r\u001b[2KT  applies 3s\r\u001b[2KT  applies\n");
  }

  @Test
  void aLongStepStaysOnOneLineUntilItIsOver() {
    LiveLine line = line(true);
    line.step("waits for everything that may ever come");
    assertThat(said()).endsWith("T  waits for every… 0s");
    line.end();
    assertThat(said()).endsWith("T  waits for everything that may ever come\n");
  }

  @ParameterizedTest
  @CsvSource({
    "abc, 3, abc",
    "abcd, 3, ab…",
    "E[32mabcdE[0m, 3, E[32mab…E[0m",
    "E[32mabE[0mcdef, 4, E[32mabE[0mc…"
  })
  void coloursTakeNoRoom(String line, int room, String cut) {
    assertThat(LiveLine.cut(line.replace('E', '\u001b'), room))
        .isEqualTo(cut.replace('E', '\u001b'));
  }
}
