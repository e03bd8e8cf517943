package dev.slipway.testing.http;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/// One kept connection that speaks HTTP/1.1, one request after another. Costs few instructions, so
/// that a load client does not take the processors from the server. For one thread.
public final class HttpConnection implements AutoCloseable {
  private static final byte[] NOTHING = new byte[0];

  private final Target target;
  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;
  private byte[] buffer = new byte[16 << 10];
  private int from;
  private int to;

  // Of the answer that is being read.
  private long left;
  private boolean chunked;
  private boolean inChunk;
  private boolean closes;

  /// @param status the code
  public record Answer(int status, byte[] body) {
    public String text() {
      return new String(body, StandardCharsets.UTF_8);
    }
  }

  private HttpConnection(Target target, Socket socket) throws IOException {
    this.target = target;
    this.socket = socket;
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
  }

  public static HttpConnection open(Target target) throws IOException {
    return new HttpConnection(target, target.secure());
  }

  /// TCP without TLS: what is sent is what comes.
  public static HttpConnection openPlain(Target target) throws IOException {
    return new HttpConnection(target, target.plain());
  }

  public Socket socket() {
    return socket;
  }

  /// @param type of the body; ignored when there is none
  public Answer send(String method, String path, String type, byte[] body) throws IOException {
    return send(request(target, method, path, type, body));
  }

  public Answer get(String path) throws IOException {
    return send("GET", path, "", NOTHING);
  }

  /// Sends what [#request] made.
  public Answer send(byte[] request) throws IOException {
    write(request);
    return answer();
  }

  public void write(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  /// A request as it goes over the wire: can be made once and sent often.
  public static byte[] request(
      Target target, String method, String path, String type, byte[] body) {
    boolean hasBody = body.length > 0 || method.equals("POST") || method.equals("PUT");
    byte[] head =
        (method
                + " "
                + path
                + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load/1\r\nAccept: application/json\r\n"
                + (target.token().isEmpty()
                    ? ""
                    : "Authorization: Bearer " + target.token() + "\r\n")
                + (hasBody
                    ? "Content-Type: " + type + "\r\nContent-Length: " + body.length + "\r\n"
                    : "")
                + "\r\n")
            .getBytes(StandardCharsets.UTF_8);
    byte[] whole = Arrays.copyOf(head, head.length + body.length);
    System.arraycopy(body, 0, whole, head.length, body.length);
    return whole;
  }

  /// Reads one answer.
  public Answer answer() throws IOException {
    int status = head();
    byte[] body;
    if (chunked) {
      var whole = new java.io.ByteArrayOutputStream();
      for (byte[] part = chunk(); part.length > 0; part = chunk()) {
        whole.write(part);
      }
      body = whole.toByteArray();
    } else {
      body = take((int) left);
    }
    if (closes) {
      close();
    }
    return new Answer(status, body);
  }

  /// Begins an answer of lines that come one by one.
  ///
  /// @return the code; other than 200, [#rest] has the body
  public int begin(String path) throws IOException {
    write(request(target, "GET", path, "", NOTHING));
    return head();
  }

  /// What there is of an answer that was begun, to its end.
  public byte[] rest() throws IOException {
    if (!chunked) {
      return take((int) left);
    }
    var whole = new java.io.ByteArrayOutputStream();
    for (byte[] part = chunk(); part.length > 0; part = chunk()) {
      whole.write(part);
    }
    return whole.toByteArray();
  }

  /// The next piece of an answer that was begun; of no length at its end.
  public byte[] chunk() throws IOException {
    if (!chunked) {
      byte[] all = take((int) left);
      left = 0;
      return all;
    }
    if (inChunk) {
      // Some servers send the end of a piece with the next one only.
      line();
    }
    int size = Integer.parseInt(line().split(";", 2)[0].strip(), 16);
    byte[] bytes = take(size);
    inChunk = size > 0;
    if (size == 0) {
      line();
    }
    return bytes;
  }

  private int head() throws IOException {
    String first = line();
    if (!first.startsWith("HTTP/1.")) {
      throw new IOException("no HTTP: " + first);
    }
    int status = Integer.parseInt(first.substring(9, 12));
    left = 0;
    chunked = false;
    inChunk = false;
    closes = false;
    for (String line = line(); !line.isEmpty(); line = line()) {
      String lower = line.toLowerCase(Locale.ROOT);
      if (lower.startsWith("content-length:")) {
        left = Long.parseLong(lower.substring(15).strip());
      } else if (lower.startsWith("transfer-encoding:")) {
        chunked = lower.contains("chunked");
      } else if (lower.startsWith("connection:")) {
        closes = lower.contains("close");
      }
    }
    return status;
  }

  private String line() throws IOException {
    int at = from;
    while (true) {
      while (at < to) {
        if (buffer[at] == '\n') {
          int end = at > from && buffer[at - 1] == '\r' ? at - 1 : at;
          var line = new String(buffer, from, end - from, StandardCharsets.ISO_8859_1);
          from = at + 1;
          return line;
        }
        at++;
      }
      int offset = at - from;
      fill();
      at = from + offset;
    }
  }

  private byte[] take(int length) throws IOException {
    byte[] bytes = new byte[length];
    int known = Math.min(length, to - from);
    System.arraycopy(buffer, from, bytes, 0, known);
    from += known;
    while (known < length) {
      int count = in.read(bytes, known, length - known);
      if (count < 0) {
        throw new EOFException("the connection ended within an answer");
      }
      known += count;
    }
    return bytes;
  }

  private void fill() throws IOException {
    if (from == to) {
      from = 0;
      to = 0;
    } else if (to == buffer.length) {
      byte[] larger = from > 0 ? buffer : new byte[2 * buffer.length];
      System.arraycopy(buffer, from, larger, 0, to - from);
      to -= from;
      from = 0;
      buffer = larger;
    }
    int count = in.read(buffer, to, buffer.length - to);
    if (count < 0) {
      throw new EOFException("the connection ended");
    }
    to += count;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
