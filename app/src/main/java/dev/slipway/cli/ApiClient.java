package dev.slipway.cli;

import dev.slipway.model.json.Json;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Speaks HTTP/1.1 to the daemon, one connection a request: over its Unix socket, or over TCP with
/// a token.
///
/// Written on plain sockets because loading `java.net.http` costs a command several hundred
/// milliseconds.
final class ApiClient {
  private static final int CONNECT_MILLIS = 5_000;

  private final Optional<Path> socket;
  private final Optional<URI> server;
  private final Optional<String> token;
  private final Optional<Path> authority;
  private final Optional<StatusText.Objects> within;

  private ApiClient(
      Optional<Path> socket,
      Optional<URI> server,
      Optional<String> token,
      Optional<Path> authority,
      Optional<StatusText.Objects> within) {
    this.socket = socket;
    this.server = server;
    this.token = token;
    this.authority = authority;
    this.within = within;
  }

  static ApiClient local(Path socket) {
    return new ApiClient(
        Optional.of(socket),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /// Reads from the daemon that this very process is. Nothing can be written or watched.
  static ApiClient within(StatusText.Objects objects) {
    return new ApiClient(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(objects));
  }

  /// @param authority a PEM file of whom to believe; empty for what the system trusts
  static ApiClient remote(URI server, Optional<String> token, Optional<Path> authority) {
    return new ApiClient(Optional.empty(), Optional.of(server), token, authority, Optional.empty());
  }

  /// Whether somebody answers at all.
  boolean answers() {
    try {
      get("/readyz");
      return true;
    } catch (CommandFailed e) {
      return false;
    }
  }

  JsonNode get(String path) {
    return json(call("GET", path, null, Map.of()));
  }

  JsonNode post(String path, @Nullable JsonNode body) {
    return json(call("POST", path, body == null ? new byte[0] : Json.write(body), Map.of()));
  }

  JsonNode delete(String path) {
    return json(call("DELETE", path, null, Map.of()));
  }

  JsonNode patch(String path, String contentType, byte[] body) {
    return json(call("PATCH", path, body, Map.of("Content-Type", contentType)));
  }

  /// The answer in the form that the client asks for.
  JsonNode get(String path, String accept) {
    return json(call("GET", path, null, Map.of("Accept", accept)));
  }

  /// Sends bytes as they are, with headers of the caller's.
  JsonNode post(String path, byte[] body, Map<String, String> headers) {
    return json(call("POST", path, body, headers));
  }

  /// Copies a body to `out` as it arrives, until its end.
  void copy(String path, OutputStream out) {
    try (Answer answer = open("GET", path, null, Map.of())) {
      var buffer = new byte[16 << 10];
      int count;
      while ((count = answer.body().read(buffer)) >= 0) {
        out.write(buffer, 0, count);
        out.flush();
      }
    } catch (IOException e) {
      throw new CommandFailed(2, "the connection broke: " + e.getMessage());
    }
  }

  /// Reads a stream of JSON lines until it ends or `more` says no.
  void lines(String path, Predicate<JsonNode> more) {
    try (Answer answer = open("GET", path, null, Map.of())) {
      var line = new ByteArrayOutputStream();
      int next;
      while ((next = answer.body().read()) >= 0) {
        if (next != '\n') {
          line.write(next);
        } else if (line.size() > 0) {
          if (!more.test(Json.parse(line.toByteArray()))) {
            return;
          }
          line.reset();
        }
      }
    } catch (IOException e) {
      throw new CommandFailed(2, "the connection broke: " + e.getMessage());
    }
  }

  static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static JsonNode json(byte[] bytes) {
    if (bytes.length == 0) {
      return Json.object();
    }
    try {
      return Json.parse(bytes);
    } catch (IllegalArgumentException e) {
      return Json.object().put("text", new String(bytes, StandardCharsets.UTF_8));
    }
  }

  private byte[] call(
      String method, String path, byte @Nullable [] body, Map<String, String> headers) {
    if (within.isPresent()) {
      return here(method, path, headers.getOrDefault("Accept", "application/json"));
    }
    try (Answer answer = open(method, path, body, headers)) {
      return answer.body().readAllBytes();
    } catch (IOException e) {
      throw new CommandFailed(2, "the connection broke: " + e.getMessage());
    }
  }

  private byte[] here(String method, String path, String accept) {
    if (!method.equals("GET")) {
      throw new IllegalStateException(method + " of " + path + " from within");
    }
    StatusText.Objects.Answer answer = within.orElseThrow().get(URI.create(path), accept);
    if (answer.code() >= 400) {
      throw refused(answer.code(), json(answer.bytes()));
    }
    return answer.bytes();
  }

  private record Answer(AutoCloseable connection, InputStream body) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      try {
        connection.close();
      } catch (IOException e) {
        throw e;
      } catch (Exception e) {
        throw new IOException(e);
      }
    }
  }

  private Answer open(
      String method, String path, byte @Nullable [] body, Map<String, String> headers) {
    AutoCloseable connection = null;
    try {
      InputStream in;
      OutputStream out;
      String host;
      if (socket.isPresent()) {
        var channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        connection = channel;
        channel.connect(UnixDomainSocketAddress.of(socket.get()));
        in = Channels.newInputStream(channel);
        out = Channels.newOutputStream(channel);
        host = "localhost";
      } else {
        Socket tcp = connect(server.orElseThrow());
        connection = tcp;
        in = tcp.getInputStream();
        out = tcp.getOutputStream();
        host = server.orElseThrow().getAuthority();
      }
      out.write(head(method, path, host, body, headers));
      if (body != null) {
        out.write(body);
      }
      out.flush();
      return answer(connection, new BufferedInputStream(in));
    } catch (IOException e) {
      close(connection);
      throw unreachable(e);
    } catch (RuntimeException e) {
      close(connection);
      throw e;
    }
  }

  private static void close(@Nullable AutoCloseable connection) {
    if (connection != null) {
      try {
        connection.close();
      } catch (Exception _) {
        // The failure that led here is the one to tell.
      }
    }
  }

  private CommandFailed unreachable(IOException e) {
    if (socket.isPresent()) {
      boolean refused = e instanceof ConnectException || !Files.exists(socket.get());
      return new CommandFailed(
          2,
          refused
              ? "no daemon answers at %s: start one with `slipway up` or `slipway server`, or name one with --server"
                  .formatted(socket.get())
              : "the daemon at %s does not answer: %s".formatted(socket.get(), e.getMessage()));
    }
    return new CommandFailed(2, "cannot reach " + server.orElseThrow() + ": " + e.getMessage());
  }

  private Socket connect(URI server) throws IOException {
    boolean secure = "https".equals(server.getScheme());
    int port = server.getPort() > 0 ? server.getPort() : secure ? 443 : 80;
    var plain = new Socket();
    plain.setTcpNoDelay(true);
    plain.connect(new InetSocketAddress(server.getHost(), port), CONNECT_MILLIS);
    if (!secure) {
      return plain;
    }
    var tls = (javax.net.ssl.SSLSocket) sockets().createSocket(plain, server.getHost(), port, true);
    var parameters = tls.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    tls.setSSLParameters(parameters);
    return tls;
  }

  private SSLSocketFactory sockets() throws IOException {
    if (authority.isEmpty()) {
      return (SSLSocketFactory) SSLSocketFactory.getDefault();
    }
    try (InputStream in = Files.newInputStream(authority.get())) {
      KeyStore trusted = KeyStore.getInstance("PKCS12");
      trusted.load(null, new char[0]);
      int count = 0;
      for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        trusted.setCertificateEntry("ca" + count++, certificate);
      }
      var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      managers.init(trusted);
      var context = SSLContext.getInstance("TLS");
      context.init(null, managers.getTrustManagers(), null);
      return context.getSocketFactory();
    } catch (GeneralSecurityException e) {
      throw new IOException("cannot use " + authority.get() + ": " + e.getMessage(), e);
    }
  }

  private byte[] head(
      String method,
      String path,
      String host,
      byte @Nullable [] body,
      Map<String, String> headers) {
    var head = new StringBuilder();
    head.append(method).append(' ').append(path).append(" HTTP/1.1\r\nHost: ").append(host);
    head.append("\r\nConnection: close\r\nUser-Agent: slipway");
    if (!headers.containsKey("Accept")) {
      head.append("\r\nAccept: application/json");
    }
    token.ifPresent(value -> head.append("\r\nAuthorization: Bearer ").append(value));
    if (body != null) {
      head.append("\r\nContent-Length: ").append(body.length);
      if (!headers.containsKey("Content-Type")) {
        head.append("\r\nContent-Type: application/json");
      }
    }
    headers.forEach((name, value) -> head.append("\r\n").append(name).append(": ").append(value));
    return head.append("\r\n\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
  }

  private static Answer answer(AutoCloseable connection, InputStream in) throws IOException {
    String[] status = line(in).split(" ", 3);
    if (status.length < 2 || !status[0].startsWith("HTTP/1.")) {
      throw new IOException("the answer is no HTTP");
    }
    int code = Integer.parseInt(status[1]);
    var headers = new HashMap<String, String>();
    String line;
    while (!(line = line(in)).isEmpty()) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        headers.put(
            line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
      }
    }
    InputStream body = in;
    if ("chunked".equalsIgnoreCase(headers.get("transfer-encoding"))) {
      body = new Chunked(in);
    } else if (headers.containsKey("content-length")) {
      body = new Counted(in, Long.parseLong(headers.get("content-length")));
    }
    if (code >= 400) {
      throw refused(code, json(body.readAllBytes()));
    }
    return new Answer(connection, body);
  }

  private static CommandFailed refused(int code, JsonNode status) {
    var message = new StringBuilder(Json.string(status, "message", "the daemon answered " + code));
    String said = message.toString();
    for (JsonNode cause : Json.items(status.path("details"), "causes")) {
      if (said.contains(Json.string(cause, "message", ""))) {
        continue;
      }
      message
          .append("\n  ")
          .append(Json.string(cause, "field", ""))
          .append(": ")
          .append(Json.string(cause, "message", ""));
    }
    return new CommandFailed(code == 404 ? 4 : 2, message.toString(), status);
  }

  private static String line(InputStream in) throws IOException {
    var line = new StringBuilder();
    int next;
    while ((next = in.read()) != '\n') {
      if (next < 0 || line.length() > 64 << 10) {
        throw new IOException("the answer broke off");
      }
      if (next != '\r') {
        line.append((char) next);
      }
    }
    return line.toString();
  }

  /// A body of known length.
  private static final class Counted extends InputStream {
    private final InputStream in;
    private long left;

    Counted(InputStream in, long left) {
      this.in = in;
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      var one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int count = in.read(buffer, offset, (int) Math.min(length, left));
      if (count < 0) {
        throw new IOException("the answer broke off");
      }
      left -= count;
      return count;
    }
  }

  /// A body in chunks, as RFC 9112 section 7.1 describes them.
  private static final class Chunked extends InputStream {
    private final InputStream in;
    private long left;
    private boolean ended;
    private boolean first = true;

    Chunked(InputStream in) {
      this.in = in;
    }

    @Override
    public int read() throws IOException {
      var one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (left == 0 && !ended) {
        if (!first) {
          line(in);
        }
        first = false;
        left = Long.parseLong(line(in).split(";", 2)[0].strip(), 16);
        ended = left == 0;
      }
      if (ended) {
        return -1;
      }
      int count = in.read(buffer, offset, (int) Math.min(length, left));
      if (count < 0) {
        throw new IOException("the answer broke off");
      }
      left -= count;
      return count;
    }
  }
}
