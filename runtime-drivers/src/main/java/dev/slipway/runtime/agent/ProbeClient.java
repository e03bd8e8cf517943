package dev.slipway.runtime.agent;

import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/// Asks a container how it is. Blocks for the probe's timeout at most.
final class ProbeClient {
  private static final int LONGEST_LINE = 8_192;

  private final ContainerRuntime runtime;

  ProbeClient(ContainerRuntime runtime) {
    this.runtime = runtime;
  }

  /// Empty when it is well; else what was wrong.
  Optional<String> ask(ProbeSpec probe, String containerId, String address) {
    try {
      return switch (probe.check()) {
        case ProbeSpec.Check.Http http -> http(http, address, probe.timeout());
        case ProbeSpec.Check.Tcp(String host, int port) -> {
          connect(host.isEmpty() ? address : host, port, probe.timeout()).close();
          yield Optional.empty();
        }
        case ProbeSpec.Check.Exec(List<String> command) ->
            exec(containerId, command, probe.timeout());
        case ProbeSpec.Check.Grpc(int port, String service) ->
            grpc(address, port, service, probe.timeout());
      };
    } catch (IOException | RuntimeFailedException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private Optional<String> exec(String id, List<String> command, Duration timeout) {
    var output = new ByteArrayOutputStream();
    int code =
        runtime.exec(
            id, command, Optional.empty(), InputStream.nullInputStream(), output, output, timeout);
    if (code == 0) {
      return Optional.empty();
    }
    String text = output.toString(StandardCharsets.UTF_8).strip();
    return Optional.of(
        code == 124
            ? "command timed out after " + timeout.toSeconds() + " s"
            : "command ended with "
                + code
                + (text.isEmpty() ? "" : ": " + text.substring(0, Math.min(200, text.length()))));
  }

  private static Socket connect(String host, int port, Duration timeout) throws IOException {
    var socket = new Socket();
    try {
      socket.connect(new InetSocketAddress(host, port), (int) timeout.toMillis());
      socket.setSoTimeout((int) timeout.toMillis());
      return socket;
    } catch (IOException e) {
      socket.close();
      throw new IOException("%s:%d: %s".formatted(host, port, e.getMessage()), e);
    }
  }

  private static Optional<String> http(ProbeSpec.Check.Http http, String address, Duration timeout)
      throws IOException {
    String host = http.host().isEmpty() ? address : http.host();
    try (Socket plain = connect(host, http.port(), timeout);
        Socket socket = http.secure() ? secured(plain, host, http.port()) : plain) {
      var request =
          new StringBuilder("GET ")
              .append(http.path().startsWith("/") ? "" : "/")
              .append(http.path());
      request.append(" HTTP/1.1\r\nHost: ").append(host).append(':').append(http.port());
      request.append("\r\nUser-Agent: kube-probe/slipway\r\nAccept: */*\r\nConnection: close\r\n");
      for (int i = 0; i + 1 < http.headers().size(); i += 2) {
        request
            .append(http.headers().get(i))
            .append(": ")
            .append(http.headers().get(i + 1))
            .append("\r\n");
      }
      OutputStream out = socket.getOutputStream();
      out.write(request.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
      out.flush();
      String line = line(socket.getInputStream());
      String[] parts = line.split(" ", 3);
      int code = parts.length > 1 && parts[1].matches("[0-9]{3}") ? Integer.parseInt(parts[1]) : 0;
      return code >= 200 && code < 400
          ? Optional.empty()
          : Optional.of(
              "HTTP probe failed with statuscode: " + (code == 0 ? "no HTTP answer" : code));
    }
  }

  private static String line(InputStream in) throws IOException {
    var line = new StringBuilder();
    int next;
    while ((next = in.read()) >= 0 && next != '\n' && line.length() < LONGEST_LINE) {
      line.append((char) next);
    }
    return line.toString().strip();
  }

  /// A probe trusts any certificate, as Kubernetes' does: it asks whether something answers, not
  /// who.
  private static Socket secured(Socket plain, String host, int port) throws IOException {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {new TrustEverybody()}, null);
      return context.getSocketFactory().createSocket(plain, host, port, true);
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
  }

  private static final class TrustEverybody implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }

  /// `grpc.health.v1.Health/Check` over HTTP/2 with prior knowledge: just the frames that this one
  /// call needs (RFC 9113, RFC 7541).
  private static Optional<String> grpc(String address, int port, String service, Duration timeout)
      throws IOException {
    try (Socket socket = connect(address, port, timeout)) {
      OutputStream out = socket.getOutputStream();
      out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      frame(out, 4, 0, 0, new byte[0]);
      var head = new ByteArrayOutputStream();
      literal(head, ":method", "POST");
      literal(head, ":scheme", "http");
      literal(head, ":path", "/grpc.health.v1.Health/Check");
      literal(head, ":authority", address + ":" + port);
      literal(head, "content-type", "application/grpc");
      literal(head, "te", "trailers");
      frame(out, 1, 4, 1, head.toByteArray());
      byte[] name = service.getBytes(StandardCharsets.UTF_8);
      var message = new ByteArrayOutputStream();
      if (name.length > 0) {
        message.write(0x0a);
        message.write(name.length);
        message.write(name);
      }
      var data = new ByteArrayOutputStream();
      data.write(new byte[] {0, 0, 0, 0, (byte) message.size()});
      data.write(message.toByteArray());
      frame(out, 0, 1, 1, data.toByteArray());
      out.flush();
      return answer(new DataInputStream(socket.getInputStream()), out);
    }
  }

  private static Optional<String> answer(DataInputStream in, OutputStream out) throws IOException {
    while (true) {
      int length = (in.readUnsignedByte() << 16) | in.readUnsignedShort();
      int type = in.readUnsignedByte();
      int flags = in.readUnsignedByte();
      int stream = in.readInt() & 0x7fffffff;
      if (length > 1 << 20) {
        return Optional.of("the answer is no HTTP/2");
      }
      byte[] payload = in.readNBytes(length);
      if (type == 4 && (flags & 1) == 0) {
        frame(out, 4, 1, 0, new byte[0]);
        out.flush();
      } else if (type == 0 && stream == 1) {
        boolean serving = payload.length >= 7 && payload[5] == 0x08 && payload[6] == 1;
        return serving ? Optional.empty() : Optional.of("service is not SERVING");
      } else if (type == 3 || type == 7 || (type == 1 && stream == 1 && (flags & 1) != 0)) {
        return Optional.of("the server has no health service that knows this name");
      }
    }
  }

  private static void frame(OutputStream out, int type, int flags, int stream, byte[] payload)
      throws IOException {
    out.write(
        new byte[] {
          (byte) (payload.length >>> 16),
          (byte) (payload.length >>> 8),
          (byte) payload.length,
          (byte) type,
          (byte) flags,
          (byte) (stream >>> 24),
          (byte) (stream >>> 16),
          (byte) (stream >>> 8),
          (byte) stream
        });
    out.write(payload);
  }

  /// A header that is not indexed, with a literal name.
  private static void literal(ByteArrayOutputStream out, String name, String value) {
    out.write(0);
    out.write(name.length());
    out.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
    out.write(value.length());
    out.writeBytes(value.getBytes(StandardCharsets.US_ASCII));
  }
}
