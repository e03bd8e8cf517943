package dev.slipway.web.stream;

import dev.slipway.controlplane.api.ApiAnswer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A watch over a WebSocket, as fabric8's client opens it first: each event is a text message.
///
/// A thread of its own writes the events, from the instant in which the connection is a socket: the
/// thread of the request has to return before it can become one.
public final class WatchSocket implements Session.Listener {
  private static final Logger log = LoggerFactory.getLogger(WatchSocket.class);

  private final ApiAnswer.Writer events;
  private final Runnable ended;
  private @Nullable Session session;
  private @Nullable Thread writer;
  private boolean closed;

  WatchSocket(ApiAnswer.Writer events, Runnable ended) {
    this.events = events;
    this.ended = ended;
  }

  @Override
  public synchronized void onWebSocketOpen(Session opened) {
    session = opened;
    writer = Thread.ofVirtual().start(() -> write(opened));
    opened.demand();
  }

  /// What a client says on a watch means nothing.
  @Override
  public synchronized void onWebSocketText(String message) {
    if (session != null) {
      session.demand();
    }
  }

  @Override
  public void onWebSocketClose(int code, @Nullable String reason, Callback callback) {
    over();
    callback.succeed();
  }

  @Override
  public void onWebSocketError(Throwable cause) {
    over();
  }

  private synchronized void over() {
    if (!closed && writer != null) {
      writer.interrupt();
    }
    closed = true;
    ended.run();
  }

  private void write(Session opened) {
    try (OutputStream out = new Lines(opened)) {
      events.writeTo(out);
    } catch (IOException | UncheckedIOException e) {
      // The usual end: the client is gone.
      log.debug("watch ended cause={}", e.toString());
    } catch (RuntimeException e) {
      log.error("watch failed", e);
    }
  }

  private final class Lines extends OutputStream {
    private final MessageSender socket;
    private final java.io.ByteArrayOutputStream line = new java.io.ByteArrayOutputStream();

    Lines(Session session) {
      this.socket = new MessageSender(session);
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      int from = offset;
      for (int i = offset; i < offset + length; i++) {
        if (bytes[i] == '\n') {
          line.write(bytes, from, i - from);
          socket.sendText(line.toString(StandardCharsets.UTF_8));
          line.reset();
          from = i + 1;
        }
      }
      line.write(bytes, from, offset + length - from);
    }

    @Override
    public void close() {
      synchronized (WatchSocket.this) {
        closed = true;
      }
      socket.close();
    }
  }
}
