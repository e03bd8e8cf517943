package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import tools.jackson.databind.JsonNode;

/// Calls over HTTP, each with a deadline for its whole answer, and answers that are streams.
final class MesosHttp implements AutoCloseable {
  /// Who Slipway is for Mesos.
  ///
  /// @param principal empty for nobody
  record Credentials(String principal, String secret) {
    static final Credentials NONE = new Credentials("", "");

    boolean present() {
      return !principal.isEmpty();
    }

    private String basic() {
      return "Basic "
          + Base64.getEncoder()
              .encodeToString((principal + ":" + secret).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String toString() {
      return present() ? "principal " + principal : "no principal";
    }
  }

  record Answer(int code, Map<String, String> headers, byte[] body) {
    Optional<String> header(String name) {
      return Optional.ofNullable(headers.get(name));
    }

    String text() {
      String text = new String(body, StandardCharsets.UTF_8).strip();
      return text.substring(0, Math.min(300, text.length()));
    }
  }

  /// An answer whose body goes on.
  record Stream(int code, Map<String, String> headers, InputStream body) {
    Optional<String> header(String name) {
      return Optional.ofNullable(headers.get(name));
    }
  }

  private static final int LONGEST_ANSWER = 256 << 20;
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final String TYPE = "application/json";

  private final HttpClient client;
  private final ScheduledExecutorService deadlines =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon(true).name("mesos-deadlines").factory());

  MesosHttp(Optional<SSLContext> trust) {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .executor(Executors.newVirtualThreadPerTaskExecutor())
            .connectTimeout(CONNECT);
    trust.ifPresent(builder::sslContext);
    this.client = builder.build();
  }

  Answer post(
      URI where,
      JsonNode call,
      Credentials credentials,
      Map<String, String> headers,
      Duration deadline)
      throws IOException {
    HttpRequest.Builder request = request(where, credentials, headers, TYPE);
    return whole(
        request.POST(HttpRequest.BodyPublishers.ofByteArray(Json.write(call))).build(), deadline);
  }

  Answer get(URI where, Credentials credentials, Duration deadline) throws IOException {
    return whole(request(where, credentials, Map.of(), TYPE).GET().build(), deadline);
  }

  /// The deadline ends an answer that trickles, too.
  private Answer whole(HttpRequest request, Duration deadline) throws IOException {
    Stream stream = open(request, deadline);
    Future<?> timer;
    try {
      timer =
          deadlines.schedule(
              () -> quietly(stream.body()), deadline.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      quietly(stream.body());
      throw new MesosFailure("closed", e);
    }
    try (InputStream body = stream.body()) {
      byte[] bytes = body.readNBytes(LONGEST_ANSWER);
      return new Answer(stream.code(), stream.headers(), bytes);
    } catch (IOException e) {
      throw new MesosFailure(request.uri() + " broke off its answer: " + word(e), e);
    } finally {
      timer.cancel(false);
    }
  }

  /// @param deadline for the head of the answer
  Stream stream(
      URI where,
      JsonNode call,
      Credentials credentials,
      Map<String, String> headers,
      String accept,
      Duration deadline)
      throws IOException {
    HttpRequest.Builder request = request(where, credentials, headers, accept);
    return open(
        request.POST(HttpRequest.BodyPublishers.ofByteArray(Json.write(call))).build(), deadline);
  }

  /// A call whose body goes on as long as `body` does.
  Answer send(
      URI where,
      InputStream body,
      Credentials credentials,
      Map<String, String> headers,
      String type)
      throws IOException {
    HttpRequest.Builder request = HttpRequest.newBuilder(where).header("Content-Type", type);
    headers.forEach(request::header);
    if (credentials.present()) {
      request.header("Authorization", credentials.basic());
    }
    Stream stream =
        open(
            request.POST(HttpRequest.BodyPublishers.ofInputStream(() -> body)).build(),
            Duration.ofDays(1));
    try (InputStream answer = stream.body()) {
      return new Answer(stream.code(), stream.headers(), answer.readNBytes(LONGEST_ANSWER));
    }
  }

  private static HttpRequest.Builder request(
      URI where, Credentials credentials, Map<String, String> headers, String accept) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(where).header("Content-Type", TYPE).header("Accept", accept);
    headers.forEach(request::header);
    if (credentials.present()) {
      request.header("Authorization", credentials.basic());
    }
    return request;
  }

  private Stream open(HttpRequest request, Duration deadline) throws IOException {
    try {
      HttpRequest timed = HttpRequest.newBuilder(request, (_, _) -> true).timeout(deadline).build();
      HttpResponse<InputStream> answer =
          client.send(timed, HttpResponse.BodyHandlers.ofInputStream());
      var headers = new java.util.TreeMap<String, String>(String.CASE_INSENSITIVE_ORDER);
      answer.headers().map().forEach((name, values) -> headers.put(name, values.getFirst()));
      return new Stream(answer.statusCode(), headers, answer.body());
    } catch (IOException e) {
      throw new MesosFailure(request.uri() + " does not answer: " + word(e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MesosFailure("interrupted", e);
    }
  }

  private static String word(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  static void quietly(InputStream in) {
    try {
      in.close();
    } catch (IOException e) {
      return;
    }
  }

  @Override
  public void close() {
    deadlines.shutdownNow();
    client.shutdownNow();
  }
}
