package dev.slipway.e2e;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.slipway.model.json.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/// Stands before a real API server, and spoils what goes through it in the way that a test chooses.
final class SpoiledServer implements AutoCloseable {
  /// What happens to requests.
  enum Fault {
    /// 409 for every write.
    CONFLICT,
    /// 429 with a Retry-After for everything but watches.
    TOO_MANY_REQUESTS,
    /// 500 for every write, as when etcd does not answer.
    INTERNAL_ERROR,
    /// 503 for everything, from somebody who stands before the server.
    UNAVAILABLE,
    /// A page for everything, with 200.
    PAGE,
    /// No answer at all, and no word on open watches.
    SILENT,
    /// Every write waits until it is told otherwise.
    STUCK_WRITES,
    /// Watches end with 410, and lists are as they were first.
    STALE
  }

  private final URI server;
  private final HttpServer listener;
  private final HttpClient client;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, byte[]> firstLists = new ConcurrentHashMap<>();
  private final Set<InputStream> watches = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition healed = lock.newCondition();
  private volatile @Nullable Fault fault;
  private volatile boolean remembers;

  private SpoiledServer(URI server, HttpClient client) throws IOException {
    this.server = server;
    this.client = client;
    this.listener =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
    listener.setExecutor(threads);
    listener.createContext("/", this::handle);
    listener.start();
  }

  static SpoiledServer before(String server, Path authority)
      throws IOException, GeneralSecurityException {
    var store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream in = Files.newInputStream(authority)) {
      store.setCertificateEntry(
          "authority", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    return new SpoiledServer(URI.create(server), HttpClient.newBuilder().sslContext(tls).build());
  }

  String url() {
    return "http://127.0.0.1:" + listener.getAddress().getPort();
  }

  void spoil(Fault chosen) {
    fault = chosen;
    if (chosen == Fault.STALE || chosen == Fault.UNAVAILABLE || chosen == Fault.PAGE) {
      cutWatches();
    }
  }

  /// The lists from now on are those that a stale server gives.
  void rememberLists() {
    remembers = true;
    cutWatches();
  }

  boolean remembersList(String of) {
    return firstLists.keySet().stream().anyMatch(path -> path.contains(of));
  }

  void heal() {
    lock.lock();
    try {
      fault = null;
      healed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Ends every watch without a word.
  void cutWatches() {
    for (InputStream watch : watches) {
      try {
        watch.close();
      } catch (IOException _) {
        // It has ended by itself.
      }
    }
  }

  private void awaitHealed(Fault met) {
    lock.lock();
    try {
      while (fault == met) {
        healed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      String query = String.valueOf(exchange.getRequestURI().getRawQuery());
      boolean watch = query.contains("watch=true");
      boolean write = !exchange.getRequestMethod().equals("GET");
      Fault now = fault;
      if (now != null && spoiled(exchange, now, watch, write)) {
        return;
      }
      if (watch) {
        watch(exchange);
      } else {
        pass(exchange, body, write);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// @return whether the request was answered
  private boolean spoiled(HttpExchange exchange, Fault now, boolean watch, boolean write)
      throws IOException {
    switch (now) {
      case CONFLICT -> {
        if (write) {
          status(exchange, 409, "Conflict", "the object has been modified");
        }
        return write;
      }
      case TOO_MANY_REQUESTS -> {
        if (!watch) {
          exchange.getResponseHeaders().set("Retry-After", "1");
          status(exchange, 429, "TooManyRequests", "too many requests, please try again later");
        }
        return !watch;
      }
      case INTERNAL_ERROR -> {
        if (write) {
          status(exchange, 500, "InternalError", "etcdserver: request timed out");
        }
        return write;
      }
      case UNAVAILABLE -> answer(exchange, 503, "text/plain", "no healthy upstream");
      case PAGE -> answer(exchange, 200, "text/html", "<html>Please log in</html>");
      case SILENT -> {
        awaitHealed(now);
        return false;
      }
      case STUCK_WRITES -> {
        if (write) {
          awaitHealed(now);
        }
        return false;
      }
      case STALE -> {
        byte[] list = firstLists.get(exchange.getRequestURI().toString());
        if (watch) {
          status(exchange, 410, "Expired", "too old resource version");
        } else if (list != null) {
          answer(exchange, 200, "application/json", new String(list, StandardCharsets.UTF_8));
        }
        return watch || list != null;
      }
    }
    return true;
  }

  private static void status(HttpExchange exchange, int code, String reason, String message)
      throws IOException {
    String body =
        Json.text(
            Json.object()
                .put("kind", "Status")
                .put("apiVersion", "v1")
                .put("status", "Failure")
                .put("reason", reason)
                .put("message", message)
                .put("code", code));
    answer(exchange, code, "application/json", body);
  }

  private static void answer(HttpExchange exchange, int code, String type, String body)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(code, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private HttpRequest request(HttpExchange exchange, byte[] body) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(server.resolve(exchange.getRequestURI().toString()))
            .method(
                exchange.getRequestMethod(),
                body.length == 0
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(body));
    for (String name : new String[] {"Accept", "Content-Type", "Authorization", "User-Agent"}) {
      String value = exchange.getRequestHeaders().getFirst(name);
      if (value != null) {
        request.header(name, value);
      }
    }
    return request.build();
  }

  private void pass(HttpExchange exchange, byte[] body, boolean write)
      throws IOException, InterruptedException {
    HttpResponse<byte[]> response =
        client.send(request(exchange, body), HttpResponse.BodyHandlers.ofByteArray());
    if (remembers && !write && response.statusCode() == 200) {
      firstLists.putIfAbsent(exchange.getRequestURI().toString(), response.body());
    }
    response
        .headers()
        .firstValue("Content-Type")
        .ifPresent(type -> exchange.getResponseHeaders().set("Content-Type", type));
    exchange.sendResponseHeaders(
        response.statusCode(), response.body().length == 0 ? -1 : response.body().length);
    new ByteArrayInputStream(response.body()).transferTo(exchange.getResponseBody());
  }

  private void watch(HttpExchange exchange) throws IOException, InterruptedException {
    HttpResponse<InputStream> response =
        client.send(request(exchange, new byte[0]), HttpResponse.BodyHandlers.ofInputStream());
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(response.statusCode(), 0);
    try (InputStream in = response.body();
        OutputStream out = exchange.getResponseBody()) {
      watches.add(in);
      out.flush();
      byte[] buffer = new byte[1 << 14];
      int count;
      while ((count = in.read(buffer)) >= 0) {
        if (fault == Fault.SILENT) {
          awaitHealed(Fault.SILENT);
        }
        out.write(buffer, 0, count);
        out.flush();
      }
    } finally {
      watches.remove(response.body());
    }
  }

  @Override
  public void close() {
    heal();
    cutWatches();
    listener.stop(0);
    client.shutdownNow();
    threads.shutdownNow();
  }
}
