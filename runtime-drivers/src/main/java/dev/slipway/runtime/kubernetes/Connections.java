package dev.slipway.runtime.kubernetes;

import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.model.tls.CipherOrder;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/// Requests to one server over HTTP/1.1, each on a connection of its own while it lasts;
/// connections are kept for the next one.
///
/// A thread that waits is all that a request needs here: the JDK's client takes several times the
/// processor time for the same small request. Safe for use by many threads.
final class Connections implements AutoCloseable {
  private static final Duration CONNECT = Duration.ofSeconds(10);

  /// Servers and what is between forget a silent connection after a minute or later.
  private static final Duration KEPT = Duration.ofSeconds(20);

  private static final int MAX_HEAD = 64 << 10;
  private static final int MAX_BODY = 256 << 20;

  /// What surely fits into the buffers of an idle connection.
  private static final int SMALL = 8 << 10;

  private final Endpoint endpoint;
  private final String host;
  private final int port;
  private final Timeline timeline;
  private final ArrayDeque<Connection> idle = new ArrayDeque<>();
  private final Set<Connection> busy = new HashSet<>();
  private boolean closed;

  Connections(Endpoint endpoint, Timeline timeline) {
    this.endpoint = endpoint;
    this.timeline = timeline;
    String name = endpoint.server().getHost();
    this.host = name.startsWith("[") ? name.substring(1, name.length() - 1) : name;
    int given = endpoint.server().getPort();
    this.port = given >= 0 ? given : endpoint.tls().isPresent() ? 443 : 80;
  }

  /// @param end of the whole call, in nanoseconds
  /// @throws SocketTimeoutException when there is no answer by then; all connections that are not
  ///   in use are given up too, since the other side may be gone without a word
  Wire.Answer send(Wire.Call call, Optional<String> token, long end) throws IOException {
    byte[] request = request(call, token);
    while (true) {
      Connection connection = take();
      boolean again = connection != null;
      if (connection == null) {
        connection = open(end);
      }
      boolean whole = false;
      try {
        Wire.Answer answer = connection.exchange(call.method(), request, end);
        whole = true;
        return answer;
      } catch (SocketTimeoutException e) {
        abandon();
        throw e;
      } catch (IOException e) {
        // The server may have ended a connection while nobody looked: a request that may be sent
        // twice is sent over another one.
        if (!again || connection.heard() || !isRepeatable(call) || isClosed()) {
          throw e;
        }
      } finally {
        give(connection, whole);
      }
    }
  }

  /// Applying and reading twice is the same as once.
  private static boolean isRepeatable(Wire.Call call) {
    return call.method().equals("GET") || call.method().equals("PATCH");
  }

  private byte[] request(Wire.Call call, Optional<String> token) {
    byte[] body = call.body();
    var head = new StringBuilder(256);
    head.append(call.method())
        .append(' ')
        .append(endpoint.server().getRawPath())
        .append(whole(call.path()))
        .append(" HTTP/1.1\r\nHost: ")
        .append(endpoint.server().getRawAuthority())
        .append("\r\nUser-Agent: slipway\r\nAccept: ")
        .append(call.accept());
    token.ifPresent(secret -> head.append("\r\nAuthorization: Bearer ").append(whole(secret)));
    if (body != null) {
      head.append("\r\nContent-Type: ")
          .append(call.contentType())
          .append("\r\nContent-Length: ")
          .append(body.length);
    }
    byte[] first = head.append("\r\n\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    if (body == null) {
      return first;
    }
    byte[] whole = java.util.Arrays.copyOf(first, first.length + body.length);
    System.arraycopy(body, 0, whole, first.length, body.length);
    return whole;
  }

  /// A line end within a path or a token would make a second request of one.
  private static String whole(String part) {
    if (part.chars().anyMatch(c -> c < ' ' || c == 0x7f)) {
      throw new IllegalArgumentException("a control character in a path or a token");
    }
    return part;
  }

  private synchronized @Nullable Connection take() throws IOException {
    if (closed) {
      throw new IOException("closed");
    }
    while (true) {
      Connection connection = idle.pollLast();
      if (connection == null) {
        return null;
      }
      if (timeline.nanos() - connection.idleSince < KEPT.toNanos()) {
        busy.add(connection);
        return connection;
      }
      connection.close();
    }
  }

  private Connection open(long end) throws IOException {
    var socket = new Socket();
    Connection connection = null;
    try {
      connect(socket, end);
      Optional<SSLContext> tls = endpoint.tls();
      if (tls.isEmpty()) {
        connection = new Connection(socket, socket);
      } else {
        socket.setSoTimeout(left(end));
        SSLSocket secured =
            (SSLSocket) tls.get().getSocketFactory().createSocket(socket, host, port, true);
        SSLParameters parameters = secured.getSSLParameters();
        parameters.setCipherSuites(
            Stream.of(parameters.getCipherSuites())
                .sorted(CipherOrder.ofThisProgram())
                .toArray(String[]::new));
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        secured.setSSLParameters(parameters);
        secured.startHandshake();
        connection = new Connection(socket, secured);
      }
      synchronized (this) {
        if (closed) {
          throw new IOException("closed");
        }
        busy.add(connection);
      }
      return connection;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private void connect(Socket socket, long end) throws IOException {
    int limit = (int) Math.min(left(end), CONNECT.toMillis());
    try {
      socket.connect(new InetSocketAddress(host, port), limit);
    } catch (SocketTimeoutException e) {
      throw new ConnectException("no connection within " + limit + " ms");
    }
    socket.setTcpNoDelay(true);
  }

  private synchronized void give(Connection connection, boolean whole) {
    busy.remove(connection);
    if (whole && connection.stays && !closed) {
      connection.idleSince = timeline.nanos();
      idle.addLast(connection);
    } else {
      connection.close();
    }
  }

  private synchronized void abandon() {
    idle.forEach(Connection::close);
    idle.clear();
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private int left(long end) throws SocketTimeoutException {
    long left = (end - timeline.nanos()) / 1_000_000;
    if (left <= 0) {
      throw new SocketTimeoutException("no answer in time");
    }
    return (int) Math.min(left, Integer.MAX_VALUE);
  }

  @Override
  public synchronized void close() {
    closed = true;
    abandon();
    busy.forEach(Connection::close);
  }

  private final class Connection {
    /// Closing this one ends whatever hangs in the other.
    private final Socket plain;

    private final Socket socket;
    private final InputStream in;
    private final byte[] buffer = new byte[16 << 10];
    private int from;
    private int to;
    private boolean heard;
    boolean stays = true;
    long idleSince;

    Connection(Socket plain, Socket socket) throws IOException {
      this.plain = plain;
      this.socket = socket;
      this.in = socket.getInputStream();
    }

    /// Whether anything of an answer has come.
    boolean heard() {
      return heard;
    }

    Wire.Answer exchange(String method, byte[] request, long end) throws IOException {
      heard = false;
      write(request, end);
      while (true) {
        Wire.Answer answer = read(method, end);
        if (answer.status() >= 200) {
          return answer;
        }
      }
    }

    private void write(byte[] request, long end) throws IOException {
      if (request.length <= SMALL) {
        socket.getOutputStream().write(request);
        return;
      }
      Scheduled guard = timeline.schedule(Duration.ofMillis(left(end)), this::close);
      try {
        socket.getOutputStream().write(request);
      } catch (IOException e) {
        left(end);
        throw e;
      } finally {
        guard.cancel();
      }
    }

    private Wire.Answer read(String method, long end) throws IOException {
      String status = line(end);
      if (!status.startsWith("HTTP/1.") || status.length() < 12) {
        throw new ProtocolException(
            "no HTTP: " + status.substring(0, Math.min(60, status.length())));
      }
      int code = number(status.substring(9, 12), 10);
      boolean old = status.startsWith("HTTP/1.0");
      Map<String, List<String>> headers = new HashMap<>();
      int size = 0;
      for (String line = line(end); !line.isEmpty(); line = line(end)) {
        int colon = line.indexOf(':');
        size += line.length();
        if (colon <= 0 || size > MAX_HEAD) {
          throw new ProtocolException("a malformed header");
        }
        headers
            .computeIfAbsent(
                line.substring(0, colon).toLowerCase(Locale.ROOT), _ -> new ArrayList<>())
            .add(line.substring(colon + 1).strip());
      }
      String connection = first(headers, "connection").toLowerCase(Locale.ROOT);
      stays = old ? connection.contains("keep-alive") : !connection.contains("close");
      byte[] body;
      if (method.equals("HEAD") || code < 200 || code == 204 || code == 304) {
        body = new byte[0];
      } else if (first(headers, "transfer-encoding").toLowerCase(Locale.ROOT).contains("chunked")) {
        body = chunks(end);
      } else if (headers.containsKey("content-length")) {
        body = exactly(number(first(headers, "content-length"), 10), end);
      } else {
        stays = false;
        body = rest(end);
      }
      return new Wire.Answer(code, body, HttpHeaders.of(headers, (_, _) -> true));
    }

    private static String first(Map<String, List<String>> headers, String name) {
      List<String> values = headers.get(name);
      return values == null ? "" : values.getFirst();
    }

    private static int number(String text, int radix) throws ProtocolException {
      try {
        int number = Integer.parseInt(text, radix);
        if (number >= 0 && number <= MAX_BODY) {
          return number;
        }
      } catch (NumberFormatException e) {
        throw new ProtocolException("no number: " + text);
      }
      throw new ProtocolException("an answer of " + text + " bytes");
    }

    private byte[] chunks(long end) throws IOException {
      var body = new ByteArrayOutputStream();
      while (true) {
        String head = line(end);
        int semicolon = head.indexOf(';');
        int size = number((semicolon < 0 ? head : head.substring(0, semicolon)).strip(), 16);
        if (size == 0) {
          while (!line(end).isEmpty()) {
            // A trailer.
          }
          return body.toByteArray();
        }
        if (body.size() + size > MAX_BODY) {
          throw new ProtocolException("an answer of more than " + MAX_BODY + " bytes");
        }
        body.writeBytes(exactly(size, end));
        if (!line(end).isEmpty()) {
          throw new ProtocolException("a malformed chunk");
        }
      }
    }

    private byte[] exactly(int length, long end) throws IOException {
      byte[] body = new byte[length];
      int at = Math.min(length, to - from);
      System.arraycopy(buffer, from, body, 0, at);
      from += at;
      while (at < length) {
        socket.setSoTimeout(left(end));
        int count = in.read(body, at, length - at);
        if (count < 0) {
          throw new EOFException("the connection ended within an answer");
        }
        at += count;
      }
      return body;
    }

    private byte[] rest(long end) throws IOException {
      var body = new ByteArrayOutputStream();
      do {
        body.write(buffer, from, to - from);
        from = to;
        if (body.size() > MAX_BODY) {
          throw new ProtocolException("an answer of more than " + MAX_BODY + " bytes");
        }
      } while (fill(end));
      return body.toByteArray();
    }

    /// A line without its end.
    private String line(long end) throws IOException {
      var line = new StringBuilder();
      while (true) {
        for (int i = from; i < to; i++) {
          if (buffer[i] == '\n') {
            line.append(new String(buffer, from, i - from, StandardCharsets.ISO_8859_1));
            from = i + 1;
            int length = line.length();
            if (length > 0 && line.charAt(length - 1) == '\r') {
              line.setLength(length - 1);
            }
            return line.toString();
          }
        }
        line.append(new String(buffer, from, to - from, StandardCharsets.ISO_8859_1));
        from = to;
        if (line.length() > MAX_HEAD) {
          throw new ProtocolException("a header of more than " + MAX_HEAD + " bytes");
        }
        if (!fill(end)) {
          throw new EOFException("the connection ended before its answer");
        }
      }
    }

    private boolean fill(long end) throws IOException {
      socket.setSoTimeout(left(end));
      int count = in.read(buffer);
      from = 0;
      to = Math.max(0, count);
      heard |= count > 0;
      return count >= 0;
    }

    void close() {
      try {
        plain.close();
      } catch (IOException e) {
        // Nothing is lost: nobody uses it any more.
      }
    }
  }
}
