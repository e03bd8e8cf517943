package dev.slipway.testing.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/// Git's own `http-backend` behind a server that a test can make misbehave: all repositories below
/// one folder, by their path in it.
public final class HttpGitServer implements AutoCloseable {
  /// Answers in place of Git; false leaves the request to Git.
  public interface Fault {
    boolean answer(HttpExchange exchange) throws IOException;
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Path root;
  private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
  private volatile @Nullable String login;
  private volatile Fault fault = exchange -> false;

  public HttpGitServer(Path root) {
    this.root = root;
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext("/", this::handle);
    server.setExecutor(threads);
    server.start();
  }

  public String url(String repository) {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/" + repository;
  }

  /// Only this user may come in.
  public void login(String user, String password) {
    login =
        "Basic "
            + Base64.getEncoder()
                .encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
  }

  public void fault(Fault next) {
    fault = next;
  }

  /// Method, path and body of what was asked.
  public List<String> requests() {
    synchronized (requests) {
      return List.copyOf(requests);
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body;
      boolean packed = "gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"));
      try (InputStream in =
          packed ? new GZIPInputStream(exchange.getRequestBody()) : exchange.getRequestBody()) {
        body = in.readAllBytes();
      }
      requests.add(
          exchange.getRequestMethod()
              + " "
              + exchange.getRequestURI()
              + "\n"
              + new String(body, StandardCharsets.ISO_8859_1));
      if (fault.answer(exchange)) {
        return;
      }
      if (login != null && !login.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
        exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=\"git\"");
        exchange.sendResponseHeaders(401, -1);
        return;
      }
      cgi(exchange, body);
    }
  }

  private void cgi(HttpExchange exchange, byte[] body) throws IOException {
    ProcessBuilder builder = new ProcessBuilder("git", "http-backend");
    Map<String, String> environment = builder.environment();
    environment.put("GIT_PROJECT_ROOT", root.toString());
    environment.put("GIT_HTTP_EXPORT_ALL", "1");
    environment.put("PATH_INFO", exchange.getRequestURI().getPath());
    String query = exchange.getRequestURI().getQuery();
    environment.put("QUERY_STRING", query == null ? "" : query);
    environment.put("REQUEST_METHOD", exchange.getRequestMethod());
    environment.put("CONTENT_LENGTH", Integer.toString(body.length));
    environment.put("REMOTE_USER", "tester");
    put(environment, "CONTENT_TYPE", exchange, "Content-Type");
    put(environment, "GIT_PROTOCOL", exchange, "Git-Protocol");
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    Process process = builder.start();
    try (OutputStream out = process.getOutputStream()) {
      out.write(body);
    }
    byte[] answer = process.getInputStream().readAllBytes();
    int end = new String(answer, StandardCharsets.ISO_8859_1).indexOf("\r\n\r\n");
    int status = 200;
    for (String line : new String(answer, 0, end, StandardCharsets.ISO_8859_1).split("\r\n", -1)) {
      int colon = line.indexOf(':');
      String name = line.substring(0, colon);
      String value = line.substring(colon + 1).strip();
      if (name.equals("Status")) {
        status = Integer.parseInt(value.substring(0, 3));
      } else {
        exchange.getResponseHeaders().add(name, value);
      }
    }
    exchange.sendResponseHeaders(status, 0);
    exchange.getResponseBody().write(answer, end + 4, answer.length - end - 4);
  }

  private static void put(
      Map<String, String> environment, String name, HttpExchange exchange, String header) {
    String value = exchange.getRequestHeaders().getFirst(header);
    if (value != null) {
      environment.put(name, value);
    }
  }

  public static void answer(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
