package dev.slipway.sync.report;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Sends a POST and reads the beginning of what comes back. Follows no redirect: the token is meant
/// for one host. Any thread may call.
public final class StatusSender {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final int MOST_BODY = 4_096;

  private final Duration limit;
  private @Nullable HttpClient client;

  public StatusSender() {
    this(LIMIT);
  }

  /// @param limit of one request, its answer included
  StatusSender(Duration limit) {
    this.limit = limit;
  }

  /// @param retryAfter when the other side says so in seconds
  record Answer(int code, String body, Optional<Duration> retryAfter) {}

  /// @throws IOException when no answer came within the limit
  Answer post(URI uri, Map<String, String> headers, byte[] body) throws IOException {
    var request =
        HttpRequest.newBuilder(uri)
            .timeout(limit)
            .header("Content-Type", "application/json")
            .header("User-Agent", "slipway")
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
    headers.forEach(request::header);
    try {
      HttpResponse<InputStream> response =
          client().send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
      try (var stream = response.body()) {
        return new Answer(
            response.statusCode(),
            new String(stream.readNBytes(MOST_BODY), StandardCharsets.UTF_8),
            response
                .headers()
                .firstValue("Retry-After")
                .filter(text -> text.matches("[0-9]{1,6}"))
                .map(text -> Duration.ofSeconds(Long.parseLong(text))));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /// Made at its first use: most installations report nothing.
  private synchronized HttpClient client() {
    HttpClient known = client;
    if (known == null) {
      known =
          HttpClient.newBuilder()
              .connectTimeout(limit)
              .followRedirects(HttpClient.Redirect.NEVER)
              .build();
      client = known;
    }
    return known;
  }
}
