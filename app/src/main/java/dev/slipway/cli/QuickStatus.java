package dev.slipway.cli;

import dev.slipway.home.DataDirectory;
import java.io.IOException;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/// `slipway status [APP]` against the local daemon, as people and scripts call it most: the daemon
/// makes the text, this prints it.
///
/// It does without a parser of options, JSON and everything else that would have to be loaded
/// first: half of the time that a command takes is that.
public final class QuickStatus {
  private static final String PATH = "/slipway/v1/status";

  private QuickStatus() {}

  /// Whether the text was printed. If not, for whatever reason, nothing was, and the ordinary
  /// command says what is wrong.
  public static boolean shown(
      String[] arguments, Map<String, String> environment, OutputStream out) {
    if (!isPlain(arguments) || isSet(environment, "SLIPWAY_SERVER")) {
      return false;
    }
    Path socket =
        DataDirectory.at(DataDirectory.standard(environment, environment.getOrDefault("HOME", ".")))
            .socket();
    String name = arguments.length == 2 ? arguments[1] : "";
    String request =
        "GET "
            + PATH
            + "?name="
            + name
            + "&colours="
            + coloured(environment)
            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    try {
      byte[] answer = ask(socket, request.getBytes(StandardCharsets.US_ASCII));
      int body = bodyOfSuccess(answer);
      if (body < 0) {
        return false;
      }
      out.write(answer, body, answer.length - body);
      out.flush();
      return true;
    } catch (IOException | UnsupportedOperationException _) {
      return false;
    }
  }

  private static boolean isPlain(String[] arguments) {
    if (arguments.length == 0 || arguments.length > 2 || !arguments[0].equals("status")) {
      return false;
    }
    if (arguments.length == 1) {
      return true;
    }
    String name = arguments[1];
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (!letter && (i == 0 || (c != '-' && c != '.'))) {
        return false;
      }
    }
    return !name.isEmpty();
  }

  private static boolean isSet(Map<String, String> environment, String name) {
    String value = environment.get(name);
    return value != null && !value.isBlank();
  }

  static boolean coloured(Map<String, String> environment) {
    if (environment.containsKey("NO_COLOR") || "dumb".equals(environment.get("TERM"))) {
      return false;
    }
    java.io.Console terminal = System.console();
    return terminal != null && terminal.isTerminal();
  }

  private static byte[] ask(Path socket, byte[] request) throws IOException {
    try (var channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      for (var left = ByteBuffer.wrap(request); left.hasRemaining(); ) {
        channel.write(left);
      }
      var answer = ByteBuffer.allocate(16 << 10);
      while (channel.read(answer) >= 0) {
        if (!answer.hasRemaining()) {
          answer = ByteBuffer.allocate(2 * answer.capacity()).put(answer.flip());
        }
      }
      return Arrays.copyOf(answer.array(), answer.position());
    }
  }

  /// Where the body of a whole answer with code 200 begins; negative for any other.
  private static int bodyOfSuccess(byte[] answer) {
    String text = new String(answer, StandardCharsets.ISO_8859_1);
    int end = text.indexOf("\r\n\r\n");
    if (end < 0 || !text.startsWith("HTTP/1.1 200 ")) {
      return -1;
    }
    int body = end + 4;
    String head = text.substring(0, end + 2);
    return head.contains("\r\nContent-Length: " + (answer.length - body) + "\r\n") ? body : -1;
  }
}
