package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// One watch of one client: events as JSON lines, until the client goes, the time is over, or the
/// client is too slow.
///
/// @param since the resourceVersion to watch from; empty to send first what is there
/// @param marked ends what is there with a bookmark that says so (`sendInitialEvents`)
/// @param bookmarks whether the client wants to know how far a quiet watch has come
record WatchStream(
    Reader cluster,
    ObjectQuery query,
    Representation representation,
    String since,
    boolean marked,
    boolean bookmarks,
    Duration timeout,
    InstantSource clock)
    implements ApiAnswer.Writer {
  private static final int MAX_BEHIND = 20_000;
  private static final Duration BOOKMARK_EVERY = Duration.ofSeconds(30);
  private static final byte[] ADDED = start("ADDED");
  private static final byte[] MODIFIED = start("MODIFIED");
  private static final byte[] DELETED = start("DELETED");
  private static final byte[] BOOKMARK = start("BOOKMARK");
  private static final byte[] ERROR = start("ERROR");

  @Override
  public void writeTo(OutputStream out) throws IOException {
    BlockingQueue<WatchEvent> events = new ArrayBlockingQueue<>(MAX_BEHIND);
    String from = since;
    if (from.isEmpty()) {
      Listing listing = cluster.list(query);
      for (KubeObject object : listing.items()) {
        write(out, ADDED, object);
      }
      from = listing.resourceVersion();
      if (marked) {
        bookmark(out, from, true);
      }
    }
    out.flush();
    var behind = new boolean[1];
    try (Watch _ =
        cluster.watch(
            query,
            from,
            event -> {
              if (!events.offer(event)) {
                behind[0] = true;
              }
            })) {
      long until = clock.millis() + timeout.toMillis();
      String seen = from;
      while (!behind[0] && clock.millis() < until) {
        WatchEvent event =
            poll(events, Math.min(until - clock.millis(), BOOKMARK_EVERY.toMillis()));
        if (event == null) {
          if (bookmarks) {
            bookmark(out, seen, false);
          }
        } else if (event instanceof WatchEvent.Expired(String why)) {
          expired(out, why);
          out.flush();
          return;
        } else {
          seen = write(out, event, seen);
        }
        if (events.isEmpty()) {
          out.flush();
        }
      }
    }
  }

  private static @Nullable WatchEvent poll(BlockingQueue<WatchEvent> events, long millis)
      throws IOException {
    try {
      return events.poll(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private String write(OutputStream out, WatchEvent event, String seen) throws IOException {
    return switch (event) {
      case WatchEvent.Added(var object) -> write(out, ADDED, object);
      case WatchEvent.Modified(var object) -> write(out, MODIFIED, object);
      case WatchEvent.Deleted(var object) -> write(out, DELETED, object);
      case WatchEvent.Bookmark(var version) -> version;
      case WatchEvent.Expired(_) -> seen;
    };
  }

  private String write(OutputStream out, byte[] start, KubeObject object) throws IOException {
    out.write(start);
    out.write(representation.one(object));
    out.write('}');
    out.write('\n');
    return object.resourceVersion();
  }

  private void bookmark(OutputStream out, String version, boolean initialEnd) throws IOException {
    ObjectNode object = Json.object();
    boolean whole = representation.form() == ApiRequest.Form.OBJECT;
    object.put("kind", whole ? representation.type().kind() : "PartialObjectMetadata");
    object.put("apiVersion", whole ? representation.type().apiVersion() : "meta.k8s.io/v1");
    ObjectNode metadata = object.putObject("metadata").put("resourceVersion", version);
    metadata.putNull("creationTimestamp");
    if (initialEnd) {
      metadata.putObject("annotations").put("k8s.io/initial-events-end", "true");
    }
    out.write(BOOKMARK);
    out.write(Json.write(object));
    out.write('}');
    out.write('\n');
    out.flush();
  }

  private static void expired(OutputStream out, String why) throws IOException {
    ObjectNode status = Failures.status(410, "Expired", why);
    out.write(ERROR);
    out.write(Json.write(status));
    out.write('}');
    out.write('\n');
  }

  private static byte[] start(String type) {
    return ("{\"type\":\"" + type + "\",\"object\":").getBytes(StandardCharsets.US_ASCII);
  }
}
