package dev.slipway.controlplane.api;

import dev.slipway.controlplane.store.Following;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
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
  private static final int EVENTS_AT_ONCE = 64;
  private static final int PIECE = 32 << 10;

  /// What a quiet watch keeps for its next lines.
  private static final int KEPT = 2 << 10;

  private static final Duration BOOKMARK_EVERY = Duration.ofSeconds(30);
  private static final byte[] ADDED = start("ADDED");
  private static final byte[] MODIFIED = start("MODIFIED");
  private static final byte[] DELETED = start("DELETED");
  private static final byte[] BOOKMARK = start("BOOKMARK");
  private static final byte[] ERROR = start("ERROR");
  private static final byte[] END = {'}', '\n'};

  @Override
  public void writeTo(OutputStream client) throws IOException {
    var out = new Lines(client);
    String from = since;
    if (from.isEmpty()) {
      Listing listing = cluster.list(query);
      for (KubeObject object : listing.items()) {
        out.line(ADDED, representation.one(object));
      }
      from = listing.resourceVersion();
      if (marked) {
        out.line(BOOKMARK, bookmark(from, true));
      }
      out.send();
    }
    try (Following following = cluster.follow(query, from)) {
      follow(following, out);
    } catch (ClusterException e) {
      // The answer has begun, as that of Kubernetes has: the first event says what is wrong.
      out.line(ERROR, Json.write(Failures.status(e)));
      out.send();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private void follow(Following following, Lines out) throws IOException, InterruptedException {
    long until = clock.millis() + timeout.toMillis();
    long nextBookmark = clock.millis() + BOOKMARK_EVERY.toMillis();
    while (true) {
      long now = clock.millis();
      if (now >= until) {
        if (bookmarks) {
          out.line(BOOKMARK, bookmark(Long.toString(following.position()), false));
          out.send();
        }
        return;
      }
      long wait = bookmarks ? Math.min(until, nextBookmark) - now : until - now;
      for (WatchEvent event :
          following.next(EVENTS_AT_ONCE, TimeUnit.MILLISECONDS.toNanos(Math.max(0, wait)))) {
        switch (event) {
          case WatchEvent.Added(var object) -> out.line(ADDED, representation.one(object));
          case WatchEvent.Modified(var object) -> out.line(MODIFIED, representation.one(object));
          case WatchEvent.Deleted(var object) -> out.line(DELETED, representation.one(object));
          case WatchEvent.Bookmark _ -> {}
          case WatchEvent.Expired(String why) -> {
            out.line(ERROR, Json.write(Failures.status(410, "Expired", why)));
            out.send();
            return;
          }
        }
      }
      if (bookmarks && clock.millis() >= nextBookmark && clock.millis() < until) {
        out.line(BOOKMARK, bookmark(Long.toString(following.position()), false));
        nextBookmark = clock.millis() + BOOKMARK_EVERY.toMillis();
      }
      out.send();
    }
  }

  private byte[] bookmark(String version, boolean initialEnd) {
    ObjectNode object = Json.object();
    boolean whole = representation.form() == ApiRequest.Form.OBJECT;
    object.put("kind", whole ? representation.type().kind() : "PartialObjectMetadata");
    object.put("apiVersion", whole ? representation.type().apiVersion() : "meta.k8s.io/v1");
    ObjectNode metadata = object.putObject("metadata").put("resourceVersion", version);
    metadata.putNull("creationTimestamp");
    if (initialEnd) {
      metadata.putObject("annotations").put("k8s.io/initial-events-end", "true");
    }
    return Json.write(object);
  }

  private static byte[] start(String type) {
    return ("{\"type\":\"" + type + "\",\"object\":").getBytes(StandardCharsets.US_ASCII);
  }

  /// Lines that go out together: what is there at once is one write, one record of TLS and one
  /// packet.
  private static final class Lines {
    private final OutputStream client;
    private byte[] bytes = new byte[KEPT];
    private int length;

    Lines(OutputStream client) {
      this.client = client;
    }

    void line(byte[] start, byte[] object) throws IOException {
      int size = start.length + object.length + END.length;
      if (length > 0 && length + size > PIECE) {
        send();
      }
      if (length + size > bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.max(length + size, Math.min(2 * bytes.length, PIECE)));
      }
      put(start);
      put(object);
      put(END);
    }

    private void put(byte[] part) {
      System.arraycopy(part, 0, bytes, length, part.length);
      length += part.length;
    }

    void send() throws IOException {
      if (length > 0) {
        client.write(bytes, 0, length);
        length = 0;
        if (bytes.length > KEPT) {
          bytes = new byte[KEPT];
        }
      }
    }
  }
}
