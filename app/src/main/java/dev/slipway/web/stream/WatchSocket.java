package dev.slipway.web.stream;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;

/// A watch over a WebSocket, as fabric8's client opens it first: each event is a text message.
///
/// The events are written by the thread that [#out] is called on, which is interrupted when the
/// client goes away.
public final class WatchSocket implements Session.Listener {
  private static final int PATIENCE_SECONDS = 30;

  private final Thread writer = Thread.currentThread();
  private final CompletableFuture<Session> opened = new CompletableFuture<>();
  private boolean closed;

  @Override
  public void onWebSocketOpen(Session session) {
    opened.complete(session);
    session.demand();
  }

  /// What a client says on a watch means nothing.
  @Override
  public void onWebSocketText(String message) {
    opened.getNow(null).demand();
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
    opened.completeExceptionally(new IOException("the client is gone"));
    if (!closed) {
      closed = true;
      writer.interrupt();
    }
  }

  /// Where to write the events, one in each line; closing it ends the watch.
  OutputStream out() throws IOException {
    try {
      return new Lines(opened.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("the client is gone", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
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
