package dev.slipway.e2e;

import dev.slipway.model.json.Json;
import dev.slipway.testing.history.Follower;
import dev.slipway.testing.history.Glance;
import dev.slipway.testing.history.Sighting;
import dev.slipway.testing.history.Version;
import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.Target;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import tools.jackson.databind.JsonNode;

/// Follows one namespace as an informer does: a list, or a watch that begins with what is there;
/// then watches, each from where the last one ended; and all over again when it is told so.
final class HistoryFollower {
  private static final int WATCH_SECONDS = 4;

  private final HistoryLoad load;
  private final Target target;
  private final String name;
  private final String scope;
  private final boolean streams;
  private final List<Glance> glances = new ArrayList<>();
  private final Thread thread;
  private long seen = -1;
  private boolean sawLast;
  private long resumed;
  private long expired;
  private long events;
  private long bookmarks;

  /// @param streams whether it begins with `sendInitialEvents` and not with a list
  HistoryFollower(HistoryLoad load, Target target, String name, String scope, boolean streams) {
    this.load = load;
    this.target = target;
    this.name = name;
    this.scope = scope;
    this.streams = streams;
    this.thread = Thread.ofVirtual().unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  void join() throws InterruptedException {
    if (!thread.join(java.time.Duration.ofMinutes(2))) {
      load.surprise(name + " never saw the last object; it has come to " + seen);
      thread.interrupt();
    }
  }

  Follower history() {
    return new Follower(name, scope, glances);
  }

  long events() {
    return events;
  }

  long resumed() {
    return resumed;
  }

  long expired() {
    return expired;
  }

  long bookmarks() {
    return bookmarks;
  }

  private void run() {
    while (!sawLast && !Thread.currentThread().isInterrupted()) {
      try (var connection = HttpConnection.open(target)) {
        while (!sawLast) {
          if (seen >= 0) {
            resumed++;
            watch(connection);
          } else if (streams) {
            stream(connection);
          } else {
            list(connection);
          }
        }
      } catch (IOException e) {
        if (!load.isOut(System.nanoTime())) {
          load.surprise(name + " lost its connection while the server ran: " + e);
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      } catch (RuntimeException e) {
        load.surprise(name + " broke: " + e);
        return;
      }
    }
  }

  private void list(HttpConnection connection) throws IOException {
    long invoked = System.nanoTime();
    HttpConnection.Answer answer = connection.get(HistoryLoad.path(scope, ""));
    long returned = System.nanoTime();
    if (answer.status() != 200) {
      load.surprise(name + " listed and was answered " + answer.status() + ": " + answer.text());
      return;
    }
    listed(HistoryLoad.listed(invoked, returned, scope, Json.parse(answer.body())));
  }

  private void listed(Glance.Listed listed) {
    glances.add(listed);
    seen = listed.revision();
    sawLast = listed.objects().containsKey(scope + "/" + HistoryLoad.LAST);
  }

  private void watch(HttpConnection connection) throws IOException {
    var sightings = new ArrayList<Sighting>();
    long from = seen;
    try {
      read(
          connection,
          "?watch=true&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=%d"
              .formatted(WATCH_SECONDS, from),
          sightings::add);
    } finally {
      glances.add(new Glance.Watched(from, sightings));
    }
  }

  private void stream(HttpConnection connection) throws IOException {
    long invoked = System.nanoTime();
    var objects = new HashMap<String, Version>();
    var after = new ArrayList<Sighting>();
    var from = new long[] {-1};
    try {
      read(
          connection,
          "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds="
              + WATCH_SECONDS,
          sighting -> {
            if (from[0] >= 0) {
              after.add(sighting);
            } else if (sighting.type() == Sighting.Type.ADDED) {
              objects.put(sighting.key(), new Version(sighting.revision(), sighting.value()));
            } else if (sighting.type() == Sighting.Type.BOOKMARK) {
              from[0] = sighting.revision();
              listed(
                  new Glance.Listed(
                      invoked, System.nanoTime(), sighting.revision(), Map.copyOf(objects)));
            } else {
              load.surprise(name + " got " + sighting + " among what is there");
            }
          });
    } finally {
      if (from[0] >= 0) {
        glances.add(new Glance.Watched(from[0], after));
      } else {
        seen = -1;
      }
    }
  }

  private interface Listener {
    void on(Sighting sighting);
  }

  /// Reads a watch to its end.
  private void read(HttpConnection connection, String query, Listener listener) throws IOException {
    int status = connection.begin(HistoryLoad.path(scope, "") + query);
    if (status != 200) {
      byte[] body = connection.rest();
      JsonNode answer = Json.parse(body);
      if (status == 410) {
        expired++;
        seen = -1;
      } else {
        load.surprise(name + " watched and was answered " + status + ": " + Json.text(answer));
      }
      return;
    }
    var line = new ByteArrayOutputStream();
    for (byte[] chunk = connection.chunk(); chunk.length > 0; chunk = connection.chunk()) {
      for (byte each : chunk) {
        if (each == '\n') {
          event(Json.parse(line.toByteArray()), listener);
          line.reset();
        } else {
          line.write(each);
        }
      }
    }
    if (line.size() > 0) {
      load.surprise(name + " was sent half an event");
    }
  }

  private void event(JsonNode event, Listener listener) {
    JsonNode object = event.path("object");
    String type = Json.string(event, "type", "");
    if (type.equals("ERROR")) {
      if (Json.integer(object, "code", 0) == 410) {
        expired++;
        seen = -1;
      } else {
        load.surprise(name + " was told " + Json.text(event));
      }
      return;
    }
    long revision = Long.parseLong(Json.string(object.path("metadata"), "resourceVersion", "-1"));
    if (type.equals("BOOKMARK")) {
      bookmarks++;
      seen = revision;
      listener.on(Sighting.bookmark(revision));
      return;
    }
    seen = revision;
    if (!HistoryLoad.isOurs(object)) {
      return;
    }
    events++;
    String key = scope + "/" + Json.string(object.path("metadata"), "name", "");
    sawLast |= key.endsWith("/" + HistoryLoad.LAST);
    listener.on(
        new Sighting(
            Sighting.Type.valueOf(type),
            revision,
            key,
            Json.string(object.path("data"), "value", "")));
  }
}
