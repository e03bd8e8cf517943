package dev.slipway.runtime.kubernetes;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.io.IOException;
import java.io.InputStream;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Requests to one API server. Each has a deadline that holds for the whole answer; a connection
/// that let one pass is not used again, since the other side may be gone without a word.
///
/// How many go at once is found by [Pace]. A refusal with 429 is waited out and asked again, as
/// long as the deadline allows.
final class Wire implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Wire.class);
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final Duration ASKED = Duration.ofSeconds(30);
  private static final Duration SHORTEST_REST = Duration.ofMillis(100);

  /// What came back.
  record Answer(int status, byte[] body, HttpHeaders headers) {}

  /// What is sent.
  ///
  /// @param path with its query
  record Call(
      String method, String path, byte @Nullable [] body, String contentType, String accept) {
    static final String JSON = "application/json";

    static Call get(String path) {
      return new Call("GET", path, null, JSON, JSON);
    }
  }

  private final Endpoint endpoint;
  private final Timeline timeline;
  private final Chance chance;
  private final Duration deadline;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ended = lock.newCondition();
  private final ArrayDeque<Condition> queue = new ArrayDeque<>();
  private final AtomicLong requests = new AtomicLong();
  private Pace pace;
  private int running;
  private long restUntil = Long.MIN_VALUE;
  private final Connections connections;
  private final boolean isProxied;
  private volatile HttpClient calls;
  private volatile HttpClient streams;
  private long answeredOnStreams;
  private volatile boolean closed;

  Wire(Endpoint endpoint, Duration deadline, Timeline timeline, Chance chance) {
    this.endpoint = endpoint;
    this.deadline = deadline;
    this.timeline = timeline;
    this.chance = chance;
    this.pace = Pace.start(timeline.nanos());
    this.calls = client();
    this.connections = new Connections(endpoint, timeline);
    this.isProxied = isProxied(endpoint);
    this.streams = client();
  }

  private static boolean isProxied(Endpoint endpoint) {
    ProxySelector selector = ProxySelector.getDefault();
    return selector != null
        && selector.select(endpoint.server()).stream()
            .anyMatch(proxy -> proxy.type() != Proxy.Type.DIRECT);
  }

  private HttpClient client() {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT)
            .followRedirects(HttpClient.Redirect.NEVER)
            .executor(Executors.newVirtualThreadPerTaskExecutor());
    endpoint.tls().ifPresent(builder::sslContext);
    return builder.build();
  }

  /// How many requests were sent since the start, refused ones and watches included.
  long requests() {
    return requests.get();
  }

  /// How many may be under way at once, as found so far.
  int limit() {
    lock.lock();
    try {
      return pace.limit();
    } finally {
      lock.unlock();
    }
  }

  /// @throws ClusterException `UNAVAILABLE` when there is no answer in time: whether the request
  ///   took effect is not known then
  Answer send(Call call) {
    long end = timeline.nanos() + deadline.toNanos();
    while (true) {
      enter(call, end);
      boolean refused = false;
      Answer answer;
      try {
        answer = once(call, end);
        refused = answer.status() == 429;
      } finally {
        leave(refused);
      }
      if (!refused && !(answer.status() == 503 && retryAfter(answer).isPresent())) {
        return judged(answer);
      }
      if (!rest(answer, end)) {
        return answer;
      }
    }
  }

  private Answer judged(Answer answer) {
    if (answer.status() / 100 == 2) {
      requireJson(endpoint.server(), answer.headers());
    }
    return answer;
  }

  /// Something between us and the server may answer in its place, with a page and a cheerful code.
  ///
  /// @throws ClusterException `UNAVAILABLE` when that is so
  static void requireJson(URI server, HttpHeaders headers) {
    Optional<String> type = headers.firstValue("Content-Type");
    if (type.isPresent() && !type.get().contains("json")) {
      throw new ClusterException(
          Reason.UNAVAILABLE, "%s answers with %s instead of JSON".formatted(server, type.get()));
    }
  }

  URI server() {
    return endpoint.server();
  }

  /// In the order of arrival: nobody waits for ever while others come and go.
  private void enter(Call call, long end) {
    lock.lock();
    try {
      if (queue.isEmpty() && running < pace.limit()) {
        running++;
        return;
      }
      Condition turn = lock.newCondition();
      queue.add(turn);
      try {
        while (queue.peek() != turn || running >= pace.limit()) {
          long left = end - timeline.nanos();
          if (left <= 0 || closed) {
            throw new ClusterException(
                closed ? Reason.UNAVAILABLE : Reason.TOO_MANY_REQUESTS,
                "%s %s: %s"
                    .formatted(
                        call.method(),
                        call.path(),
                        closed ? "closed" : "waited for its turn in vain"));
          }
          turn.awaitNanos(left);
        }
        running++;
      } finally {
        queue.remove(turn);
        callNext();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterException(Reason.UNAVAILABLE, "interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  private void callNext() {
    Condition next = queue.peek();
    if (next != null && running < pace.limit()) {
      next.signal();
    }
  }

  private void leave(boolean refused) {
    lock.lock();
    try {
      boolean busy = running >= pace.limit() || !queue.isEmpty();
      running--;
      pace = refused ? pace.refused(timeline.nanos()) : pace.answered(timeline.nanos(), busy);
      callNext();
    } finally {
      lock.unlock();
    }
  }

  /// Waits as long as the server asked for.
  ///
  /// @return whether there is time to ask again
  private boolean rest(Answer answer, long end) {
    Duration asked = retryAfter(answer).orElse(SHORTEST_REST);
    long until = timeline.nanos() + chance.jitter(asked, 0.3).toNanos();
    if (until >= end) {
      return false;
    }
    lock.lock();
    try {
      restUntil = Math.max(restUntil, until);
      while (timeline.nanos() - restUntil < 0 && !closed) {
        if (ended.awaitNanos(Math.max(1, restUntil - timeline.nanos())) <= 0) {
          break;
        }
      }
      return !closed;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      lock.unlock();
    }
  }

  static Optional<Duration> retryAfter(Answer answer) {
    try {
      return answer
          .headers()
          .firstValue("Retry-After")
          .map(text -> Duration.ofSeconds(Math.clamp(Long.parseLong(text.strip()), 0, 120)));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private Answer once(Call call, long end) {
    requests.incrementAndGet();
    return isProxied ? byClient(call, end) : directly(call, end);
  }

  private Answer directly(Call call, long end) {
    try {
      return connections.send(call, endpoint.bearer().token(), end);
    } catch (SocketTimeoutException e) {
      throw late(call, e);
    } catch (IOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw new ClusterException(Reason.UNAVAILABLE, "interrupted", e);
      }
      throw silent(e);
    }
  }

  private ClusterException late(Call call, Exception cause) {
    return new ClusterException(
        Reason.UNAVAILABLE,
        "%s %s: no answer within %d s"
            .formatted(call.method(), endpoint.server(), deadline.toSeconds()),
        cause);
  }

  /// Through the proxy that the JDK was told of.
  private Answer byClient(Call call, long end) {
    HttpClient client = calls;
    CompletableFuture<HttpResponse<byte[]>> under =
        client.sendAsync(request(call), HttpResponse.BodyHandlers.ofByteArray());
    try {
      HttpResponse<byte[]> response =
          under.get(Math.max(1, (end - timeline.nanos()) / 1_000_000), MILLISECONDS);
      return new Answer(response.statusCode(), response.body(), response.headers());
    } catch (TimeoutException e) {
      under.cancel(true);
      abandon(client);
      throw late(call, e);
    } catch (ExecutionException e) {
      throw silent(e.getCause() == null ? e : e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      under.cancel(true);
      throw new ClusterException(Reason.UNAVAILABLE, "interrupted", e);
    }
  }

  private ClusterException silent(Throwable cause) {
    Throwable deepest = cause;
    while (deepest.getCause() != null && deepest.getMessage() == null) {
      deepest = deepest.getCause();
    }
    String why =
        deepest.getMessage() == null ? deepest.getClass().getSimpleName() : deepest.getMessage();
    return new ClusterException(
        Reason.UNAVAILABLE, "%s does not answer: %s".formatted(endpoint.server(), why), cause);
  }

  private HttpRequest request(Call call) {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(URI.create(endpoint.server() + call.path()))
            .header("Accept", call.accept())
            .header("User-Agent", "slipway");
    endpoint
        .bearer()
        .token()
        .ifPresent(token -> builder.header("Authorization", "Bearer " + token));
    byte[] body = call.body();
    if (body == null) {
      builder.method(call.method(), HttpRequest.BodyPublishers.noBody());
    } else {
      builder
          .header("Content-Type", call.contentType())
          .method(call.method(), HttpRequest.BodyPublishers.ofByteArray(body));
    }
    return builder.build();
  }

  /// Opens an answer without an end: a watch. Who reads it must close it.
  ///
  /// @throws ClusterException when it does not begin in time
  HttpResponse<InputStream> open(Call call) {
    HttpClient client = streams;
    requests.incrementAndGet();
    CompletableFuture<HttpResponse<InputStream>> under =
        client.sendAsync(request(call), HttpResponse.BodyHandlers.ofInputStream());
    try {
      return under.get(deadline.toMillis(), MILLISECONDS);
    } catch (TimeoutException e) {
      under.cancel(true);
      abandon(client);
      throw new ClusterException(
          Reason.UNAVAILABLE, "%s does not begin a watch".formatted(endpoint.server()), e);
    } catch (ExecutionException e) {
      throw silent(e.getCause() == null ? e : e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      under.cancel(true);
      throw new ClusterException(Reason.UNAVAILABLE, "interrupted", e);
    }
  }

  /// Requests from now on go over a new connection.
  private void abandon(HttpClient client) {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      if (calls == client) {
        calls = client();
      } else if (streams == client) {
        streams = client();
      } else {
        return;
      }
    } finally {
      lock.unlock();
    }
    log.info("connection abandoned server={}", endpoint.server());
    timeline.execute(client::shutdownNow);
  }

  /// Whether the connection of the watches is alive. One that is not is not used again. Watches
  /// that ask at about the same time share the question.
  synchronized boolean answersOnStreams() {
    if (answeredOnStreams != 0 && timeline.nanos() - answeredOnStreams < ASKED.toNanos()) {
      return true;
    }
    try {
      closeQuietly(open(Call.get("/version")));
      answeredOnStreams = timeline.nanos();
      return true;
    } catch (ClusterException e) {
      return false;
    }
  }

  static void closeQuietly(HttpResponse<InputStream> stream) {
    try {
      stream.body().close();
    } catch (IOException e) {
      log.debug("watch did not close cleanly cause={}", e.toString());
    }
  }

  @Override
  public void close() {
    closed = true;
    lock.lock();
    try {
      ended.signalAll();
      queue.forEach(Condition::signal);
    } finally {
      lock.unlock();
    }
    connections.close();
    calls.shutdownNow();
    streams.shutdownNow();
  }
}
