package dev.slipway.web;

import dev.slipway.controlplane.access.User;
import dev.slipway.controlplane.api.ApiAnswer;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.web.stream.PodSockets;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Blocker;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// One request and its answer, on a thread of its own: every call may block.
public final class Exchange {
  /// No body that this API takes is larger.
  static final int MAX_BODY = 8 << 20;

  private static final int PIECE = 32 << 10;
  private static final int PASSED_OVER = 64 << 10;

  private final Request request;
  private final Response response;
  private final Map<String, String> pathVariables;
  private final User user;
  private final Callback callback;
  private final RequestLimits.Share share;
  private final Fields query;
  private boolean bodyTaken;
  private boolean answered;
  private boolean upgraded;

  Exchange(
      Request request,
      Response response,
      Map<String, String> pathVariables,
      User user,
      Callback callback,
      RequestLimits.Share share) {
    this.share = share;
    this.request = request;
    this.response = response;
    this.pathVariables = pathVariables;
    this.user = user;
    this.callback = callback;
    this.query = Request.extractQueryParameters(request);
  }

  /// Who asks, as authenticated.
  public User user() {
    return user;
  }

  public String method() {
    return request.getMethod();
  }

  /// The whole path, decoded.
  public String fullPath() {
    return Request.getPathInContext(request);
  }

  /// All values of each parameter.
  public Map<String, List<String>> parameters() {
    var parameters = new java.util.LinkedHashMap<String, List<String>>();
    for (Fields.Field field : query) {
      parameters.put(
          field.getName(),
          field.getValues().stream().map(value -> value == null ? "" : value).toList());
    }
    return parameters;
  }

  public String path(String variable) {
    String value = pathVariables.get(variable);
    if (value == null) {
      throw new IllegalStateException("no variable " + variable + " in this route");
    }
    return value;
  }

  public Optional<String> query(String name) {
    Fields.Field field = query.get(name);
    return field == null || field.getValue().isEmpty()
        ? Optional.empty()
        : Optional.of(field.getValue());
  }

  public boolean flag(String name) {
    return query(name)
        .filter(value -> !value.equalsIgnoreCase("false") && !value.equals("0"))
        .isPresent();
  }

  /// @throws ClusterException `BAD_REQUEST` when it is no whole number
  public Optional<Integer> number(String name) {
    return query(name)
        .map(
            text -> {
              try {
                return Integer.valueOf(text);
              } catch (NumberFormatException e) {
                throw bad(name + " must be a whole number, not \"" + text + "\"");
              }
            });
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(request.getHeaders().get(name));
  }

  /// All headers, by lower-case name; of repeated ones the first.
  public Map<String, String> headers() {
    var headers = new java.util.LinkedHashMap<String, String>();
    for (HttpField field : request.getHeaders()) {
      headers.putIfAbsent(
          field.getLowerCaseName(), field.getValue() == null ? "" : field.getValue());
    }
    return headers;
  }

  /// The body, which must not be longer than `limit` bytes. While the client sends it, others have
  /// their turn.
  ///
  /// @throws ClusterException `TOO_LARGE` when it is longer, `TOO_MANY_REQUESTS` when too many
  ///   bodies are in memory
  public byte[] body(int limit) {
    bodyTaken = true;
    share.rest();
    var body = new ByteArrayOutputStream();
    try (InputStream in = Content.Source.asInputStream(request)) {
      byte[] piece = new byte[Math.clamp(request.getLength(), 512, PIECE)];
      for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
        if (body.size() + count > limit) {
          // Most clients read an answer only when all is sent.
          for (long more = 0; more < limit && count >= 0; more += count) {
            count = in.read(piece);
          }
          throw new ClusterException(
              ClusterException.Reason.TOO_LARGE, "the body is longer than " + limit + " bytes");
        }
        if (!share.reserve(count)) {
          throw new ClusterException(
              ClusterException.Reason.TOO_MANY_REQUESTS,
              "too many large bodies are under way: repeat in a second");
        }
        body.write(piece, 0, count);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (!share.work()) {
      throw new ClusterException(
          ClusterException.Reason.TOO_MANY_REQUESTS,
          "too many requests are under way: repeat in a second");
    }
    return body.toByteArray();
  }

  /// The body as a JSON object; no body at all is an empty object.
  public ObjectNode json() {
    byte[] bytes = body(MAX_BODY);
    if (bytes.length == 0) {
      return Json.object();
    }
    try {
      return Json.parseObject(bytes);
    } catch (IllegalArgumentException e) {
      throw bad("the body is no JSON object: " + e.getMessage());
    }
  }

  public void answer(int code, JsonNode json) {
    answer(code, "application/json", Json.write(json));
  }

  public void answerText(int code, String text) {
    answer(code, "text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
  }

  /// Answers with a file of this program (a page, a script), under a policy that lets nothing in
  /// from elsewhere.
  public void answer(int code, String contentType, byte[] bytes) {
    share.rest();
    passOver();
    head(code, contentType);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.length);
    write(true, ByteBuffer.wrap(bytes));
  }

  /// Reads what was sent with a request that is answered without it: over HTTP/2 a client whose
  /// body is not taken may lose the answer.
  private void passOver() {
    if (bodyTaken || method().equals("GET") || request.getLength() == 0) {
      return;
    }
    bodyTaken = true;
    try (InputStream in = Content.Source.asInputStream(request)) {
      in.readNBytes(PASSED_OVER);
    } catch (IOException e) {
      // The answer tells what is wrong, as far as it is heard.
      return;
    }
  }

  /// What the person who asks should read, beside the answer.
  void warn(List<String> warnings) {
    for (String warning : warnings) {
      String quoted =
          warning.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("[\\x00-\\x1f]", " ");
      response.getHeaders().add("Warning", "299 - \"" + quoted + "\"");
    }
  }

  /// Begins an answer that goes on for a while. Each flush of the stream reaches the client.
  public OutputStream stream(String contentType) {
    share.rest();
    head(200, contentType);
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    write(false, ByteBuffer.allocate(0));
    return Content.Sink.asOutputStream(response);
  }

  /// Answers with what the writer writes, which must be as long as it is said to be. Between two
  /// pieces others have their turn, however fast the client reads.
  void answer(int code, String contentType, long length, ApiAnswer.Writer writer) {
    share.rest();
    head(code, contentType);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, length);
    try (var out = new Pieces()) {
      writer.writeTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private final class Pieces extends OutputStream {
    private final byte[] piece = new byte[PIECE];
    private int count;

    @Override
    public void write(int value) {
      write(new byte[] {(byte) value}, 0, 1);
    }

    // Virtual threads are not taken off their carrier: without this, a client that reads fast keeps
    // a processor until all is sent.
    @SuppressWarnings("ThreadPriorityCheck")
    @Override
    public void write(byte[] bytes, int offset, int length) {
      int from = offset;
      int left = length;
      while (left > 0) {
        int part = Math.min(left, piece.length - count);
        System.arraycopy(bytes, from, piece, count, part);
        count += part;
        from += part;
        left -= part;
        if (count == piece.length) {
          send(false);
          Thread.yield();
        }
      }
    }

    private void send(boolean last) {
      Exchange.this.write(last, ByteBuffer.wrap(piece, 0, count));
      count = 0;
    }

    @Override
    public void close() {
      send(true);
    }
  }

  /// Hands the connection over to a stream, which ends the exchange itself, and has its share of
  /// the limits until then.
  void upgrade(UpgradeTo stream) {
    stream.upgrade(request, response, callback, share::close);
    answered = true;
    upgraded = true;
  }

  /// Whether the client asks for a WebSocket, which lasts.
  boolean asksForSocket() {
    return PodSockets.isAskedFor(request);
  }

  /// Takes a connection over, or throws and leaves it.
  @FunctionalInterface
  interface UpgradeTo {
    void upgrade(Request request, Response response, Callback callback, Runnable ended);
  }

  boolean upgraded() {
    return upgraded;
  }

  boolean answered() {
    return answered;
  }

  private void head(int code, String contentType) {
    answered = true;
    response.setStatus(code);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
    response.getHeaders().put("X-Content-Type-Options", "nosniff");
  }

  private void write(boolean last, ByteBuffer bytes) {
    try (Blocker.Callback callback = Blocker.callback()) {
      response.write(last, bytes, callback);
      callback.block();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static ClusterException bad(String message) {
    return new ClusterException(ClusterException.Reason.BAD_REQUEST, message);
  }
}
