package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// One watch request after the other, each from where the last one ended.
///
/// A server says a word each minute or so (a bookmark), but of a kind of which nothing happens it
/// may say nothing at all. So after a silence it is asked whether the connection still stands: one
/// that does not answer is gone, although nobody said so.
final class EventStream implements AutoCloseable {
  static final Duration SILENCE = Duration.ofSeconds(100);
  private static final Duration LOOK = Duration.ofSeconds(20);
  private static final Duration LONGEST = Duration.ofMinutes(8);
  private static final int MAX_EVENT = 16 << 20;

  /// Hears what comes, on one thread, in order.
  interface Listener {
    /// The server has begun to watch.
    default void opened() {}

    void changed(String type, KubeObject object);

    void reached(String resourceVersion);
  }

  private final Wire wire;
  private final ResourceType type;
  private final String path;
  private final List<String> selectors;
  private final Timeline timeline;
  private final Chance chance;
  private volatile long heard;
  private volatile @Nullable HttpResponse<InputStream> open;
  private volatile boolean closed;

  EventStream(
      Wire wire,
      ResourceType type,
      String path,
      List<String> selectors,
      Timeline timeline,
      Chance chance) {
    this.wire = wire;
    this.type = type;
    this.path = path;
    this.selectors = List.copyOf(selectors);
    this.timeline = timeline;
    this.chance = chance;
  }

  /// Reads one watch until it ends.
  ///
  /// @throws ClusterException `EXPIRED` when the version is too old to begin from; `UNAVAILABLE`
  ///   when the stream broke
  void read(String resourceVersion, Listener listener) {
    var parts = new ArrayList<>(selectors);
    parts.add("watch=true");
    parts.add("allowWatchBookmarks=true");
    parts.add("resourceVersion=" + resourceVersion);
    parts.add("timeoutSeconds=" + chance.jitter(LONGEST.dividedBy(2), 1).toSeconds());
    heard = timeline.nanos();
    HttpResponse<InputStream> response = wire.open(Wire.Call.get(Paths.query(path, parts)));
    open = response;
    Scheduled watcher = timeline.schedule(LOOK, this::endSilence);
    try (InputStream body = response.body()) {
      if (closed) {
        return;
      }
      if (response.statusCode() != 200) {
        throw Failures.of(
            new Wire.Answer(response.statusCode(), body.readNBytes(1 << 16), response.headers()));
      }
      Wire.requireJson(wire.server(), response.headers());
      listener.opened();
      var line = new ByteArrayOutputStream(1 << 12);
      byte[] buffer = new byte[1 << 14];
      int count;
      while ((count = body.read(buffer)) >= 0) {
        heard = timeline.nanos();
        int start = 0;
        for (int i = 0; i < count; i++) {
          if (buffer[i] == '\n') {
            line.write(buffer, start, i - start);
            start = i + 1;
            tell(line.toByteArray(), listener);
            line.reset();
          }
        }
        line.write(buffer, start, count - start);
        if (line.size() > MAX_EVENT) {
          throw new ClusterException(
              Reason.TOO_LARGE, "an event of more than " + MAX_EVENT + " bytes");
        }
      }
    } catch (IOException | IllegalArgumentException e) {
      if (!closed) {
        throw new ClusterException(
            Reason.UNAVAILABLE,
            "the watch of %s broke: %s".formatted(type.plural(), e.getMessage()),
            e);
      }
    } finally {
      watcher.cancel();
      open = null;
    }
  }

  private void tell(byte[] line, Listener listener) {
    if (line.length == 0) {
      return;
    }
    ObjectNode event = Json.parseObject(line);
    String word = Json.string(event, "type", "");
    if (!(event.path("object") instanceof ObjectNode object)) {
      throw new ClusterException(Reason.UNAVAILABLE, "an event without an object");
    }
    switch (word) {
      case "ERROR" -> throw Failures.of(object);
      case "BOOKMARK" ->
          listener.reached(Json.string(object.path("metadata"), "resourceVersion", ""));
      default -> listener.changed(word, KubeObject.of(object));
    }
  }

  private void endSilence() {
    HttpResponse<InputStream> current = open;
    if (current == null || closed) {
      return;
    }
    if (timeline.nanos() - heard > SILENCE.toNanos()) {
      // Over HTTP/2 all watches share the connection that is asked.
      if (current.version() != HttpClient.Version.HTTP_2 || !wire.answersOnStreams()) {
        Wire.closeQuietly(current);
        return;
      }
      heard = timeline.nanos();
    }
    timeline.schedule(LOOK, this::endSilence);
  }

  @Override
  public void close() {
    closed = true;
    HttpResponse<InputStream> current = open;
    if (current != null) {
      timeline.execute(() -> Wire.closeQuietly(current));
    }
  }
}
