package dev.slipway.runtime.docker;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import javax.net.ssl.SSLSocket;

/// A connection to an engine that is taken over for a stream in both directions. Unlike the client
/// library it can end one direction: that is how a command learns that its input is over.
final class EngineSocket implements AutoCloseable {
  /// Ends our direction.
  private interface HalfClose {
    void run() throws IOException;
  }

  private final InputStream in;
  private final OutputStream out;
  private final HalfClose endOutput;
  private final AutoCloseable whole;

  private EngineSocket(InputStream in, OutputStream out, HalfClose endOutput, AutoCloseable whole) {
    this.in = in;
    this.out = out;
    this.endOutput = endOutput;
    this.whole = whole;
  }

  static EngineSocket open(EngineAddress address, Duration limit) throws IOException {
    return switch (address) {
      case EngineAddress.Unix(var path) -> {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
          channel.connect(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
          channel.close();
          throw e;
        }
        yield new EngineSocket(
            Channels.newInputStream(channel),
            Channels.newOutputStream(channel),
            channel::shutdownOutput,
            channel);
      }
      case EngineAddress.Tcp tcp -> {
        var plain = new Socket();
        try {
          plain.connect(
              new InetSocketAddress(tcp.host(), tcp.port()), Math.toIntExact(limit.toMillis()));
          Socket socket = plain;
          if (tcp.keys().isPresent()) {
            SSLSocket secured =
                (SSLSocket)
                    tcp.keys()
                        .get()
                        .context()
                        .getSocketFactory()
                        .createSocket(plain, tcp.host(), tcp.port(), true);
            var parameters = secured.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            secured.setSSLParameters(parameters);
            secured.startHandshake();
            socket = secured;
          }
          yield new EngineSocket(
              socket.getInputStream(), socket.getOutputStream(), socket::shutdownOutput, socket);
        } catch (IOException e) {
          plain.close();
          throw e;
        }
      }
      case EngineAddress.Ssh ssh ->
          throw new IllegalStateException("dialled by its bridge: " + ssh);
    };
  }

  /// Sends a request that asks for the connection itself, and reads the answer's head.
  ///
  /// @throws IOException with the engine's words when it refuses
  void upgrade(String path, byte[] body) throws IOException {
    String head =
        "POST %s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
            .formatted(path, body.length);
    out.write(head.getBytes(StandardCharsets.US_ASCII));
    out.write(body);
    out.flush();
    String status = line();
    int length = 0;
    for (String header = line(); !header.isEmpty(); header = line()) {
      String[] parts = header.split(":", 2);
      if (parts.length == 2 && parts[0].equalsIgnoreCase("Content-Length")) {
        length = Integer.parseInt(parts[1].strip());
      }
    }
    if (!status.contains(" 101 ") && !status.contains(" 200 ")) {
      String words = new String(in.readNBytes(Math.min(length, 4096)), StandardCharsets.UTF_8);
      throw new IOException(words.isBlank() ? status : words.strip());
    }
  }

  /// Sends a body and reads the whole answer.
  ///
  /// @throws IOException with the engine's words when it refuses
  String send(String path, String contentType, byte[] body) throws IOException {
    String head =
        "POST %s HTTP/1.1\r\nHost: docker\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(path, contentType, body.length);
    out.write(head.getBytes(StandardCharsets.US_ASCII));
    out.write(body);
    out.flush();
    String answer = new String(in.readNBytes(64 << 10), StandardCharsets.UTF_8);
    if (!answer.startsWith("HTTP/1.1 200 ")) {
      throw new IOException(answer.substring(answer.indexOf("\r\n\r\n") + 1).strip());
    }
    return answer;
  }

  /// Asks and reads the whole answer.
  ///
  /// @param headers more of them: `Name: value`
  ///
  /// @throws IOException with the engine's words when it refuses
  byte[] get(String path, String... headers) throws IOException {
    // Of the older version: so it comes in one piece, and the connection ends with it.
    var head = new StringBuilder("GET %s HTTP/1.0\r\nHost: docker\r\n".formatted(path));
    for (String header : headers) {
      head.append(header).append("\r\n");
    }
    head.append("\r\n");
    out.write(head.toString().getBytes(StandardCharsets.US_ASCII));
    out.flush();
    String status = line();
    while (!line().isEmpty()) {}
    byte[] body = in.readNBytes(1 << 20);
    if (!status.contains(" 200 ")) {
      throw new IOException(new String(body, StandardCharsets.UTF_8).strip());
    }
    return body;
  }

  /// @param value of the header that was asked for; empty where it was not in the answer
  record Head(int status, String value) {}

  /// Asks for the head of an answer only.
  Head head(String path, String header) throws IOException {
    out.write(
        "HEAD %s HTTP/1.0\r\nHost: docker\r\n\r\n"
            .formatted(path)
            .getBytes(StandardCharsets.US_ASCII));
    out.flush();
    String[] status = line().split(" ", 3);
    if (status.length < 2 || !status[1].matches("[0-9]{3}")) {
      throw new IOException("the engine's answer is no HTTP");
    }
    String value = "";
    for (String line = line(); !line.isEmpty(); line = line()) {
      String[] parts = line.split(":", 2);
      if (parts.length == 2 && parts[0].equalsIgnoreCase(header)) {
        value = parts[1].strip();
      }
    }
    return new Head(Integer.parseInt(status[1]), value);
  }

  private String line() throws IOException {
    var line = new ByteArrayOutputStream();
    int b;
    while ((b = in.read()) != '\n') {
      if (b < 0 || line.size() > 8192) {
        throw new IOException("the engine's answer is no HTTP");
      }
      if (b != '\r') {
        line.write(b);
      }
    }
    return line.toString(StandardCharsets.ISO_8859_1);
  }

  InputStream in() {
    return in;
  }

  OutputStream out() {
    return out;
  }

  void endOutput() throws IOException {
    endOutput.run();
  }

  /// Copies what comes, until it ends: as it is from a terminal, or else from frames that say
  /// whether they are output (1) or errors (2).
  void copyTo(boolean terminal, OutputStream output, OutputStream errors) throws IOException {
    if (terminal) {
      var buffer = new byte[32 << 10];
      int count;
      while ((count = in.read(buffer)) >= 0) {
        output.write(buffer, 0, count);
        output.flush();
      }
      return;
    }
    byte[] head;
    while ((head = in.readNBytes(8)).length == 8) {
      int length =
          (head[4] & 0xff) << 24 | (head[5] & 0xff) << 16 | (head[6] & 0xff) << 8 | head[7] & 0xff;
      OutputStream to = head[0] == 2 ? errors : output;
      while (length > 0) {
        byte[] part = in.readNBytes(Math.min(length, 32 << 10));
        if (part.length == 0) {
          throw new IOException("the engine's stream ended within a frame");
        }
        to.write(part);
        length -= part.length;
      }
      to.flush();
    }
  }

  @Override
  public void close() {
    try {
      whole.close();
    } catch (Exception e) {
      // It is gone either way.
      return;
    }
  }
}
