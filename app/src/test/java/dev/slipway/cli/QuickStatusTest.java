package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuickStatusTest {
  @TempDir Path data;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final AtomicReference<String> asked = new AtomicReference<>("");

  private boolean shown(String answer, String... arguments) throws Exception {
    Thread answering;
    boolean shown;
    try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(data.resolve("slipway.sock")));
      answering = Thread.ofVirtual().start(() -> answer(server, answer));
      shown =
          QuickStatus.shown(
              arguments, Map.of("SLIPWAY_DATA", data.toString(), "NO_COLOR", "1"), out);
    }
    answering.join();
    return shown;
  }

  private void answer(ServerSocketChannel server, String answer) {
    try (var channel = server.accept()) {
      var request = ByteBuffer.allocate(4096);
      channel.read(request);
      asked.set(new String(request.array(), 0, request.position(), StandardCharsets.US_ASCII));
      channel.write(ByteBuffer.wrap(answer.getBytes(StandardCharsets.UTF_8)));
    } catch (IOException _) {
      // Nobody asked.
    }
  }

  private static String http(int code, String text, int length) {
    return "HTTP/1.1 %d x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        .formatted(code, length, text);
  }

  @Test
  void printsWhatTheDaemonSaysAsItIs() throws Exception {
    String text = "Größe ✓\n".repeat(10_000);
    assertThat(
            shown(http(200, text, text.getBytes(StandardCharsets.UTF_8).length), "status", "shop"))
        .isTrue();
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo(text);
    assertThat(asked.get()).startsWith("GET /slipway/v1/status?name=shop&colours=false HTTP/1.1");
  }

  @ParameterizedTest(name = "{0}, {2} bytes announced: nothing is printed")
  @CsvSource({"404, no such, 7", "200, half, 40", "200, too long, 3", "500, broken, 6"})
  void leavesAllElseToTheCommand(int code, String text, int length) throws Exception {
    assertThat(shown(http(code, text, length), "status")).isFalse();
    assertThat(out.size()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "get pods", "status -A", "status -o json", "status a/b", "status A"})
  void isForTheSimplestCommandOnly(String line) throws Exception {
    assertThat(shown(http(200, "x", 1), line.isEmpty() ? new String[0] : line.split(" ", -1)))
        .isFalse();
    assertThat(asked.get()).isEmpty();
  }

  @Test
  void aDaemonThatIsNotThereIsLeftToTheCommand() {
    assertThat(
            QuickStatus.shown(
                new String[] {"status"}, Map.of("SLIPWAY_DATA", data.toString()), out))
        .isFalse();
  }

  @Test
  void aDaemonElsewhereIsLeftToTheCommand() throws Exception {
    assertThat(
            QuickStatus.shown(
                new String[] {"status"},
                Map.of("SLIPWAY_DATA", data.toString(), "SLIPWAY_SERVER", "https://elsewhere"),
                out))
        .isFalse();
  }
}
