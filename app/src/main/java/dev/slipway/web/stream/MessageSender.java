package dev.slipway.web.stream;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;

/// The sending side of a WebSocket: calls block until the message is on its way, and come one after
/// the other.
final class MessageSender {
  /// A client that takes nothing for so long is gone.
  private static final long PATIENCE_SECONDS = 60;

  private final Session session;

  MessageSender(Session session) {
    this.session = session;
  }

  void send(ByteBuffer message) throws IOException {
    send(callback -> session.sendBinary(message, callback));
  }

  void sendText(String message) throws IOException {
    send(callback -> session.sendText(message, callback));
  }

  private synchronized void send(Consumer<Callback.Completable> sending) throws IOException {
    try {
      Callback.Completable.with(sending).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("the client is gone", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /// On a channel of the protocols `v4.channel.k8s.io` and later: its number, then the bytes.
  void send(int channel, byte[] bytes, int offset, int length) throws IOException {
    ByteBuffer message = ByteBuffer.allocate(length + 1);
    message.put((byte) channel).put(bytes, offset, length).flip();
    send(message);
  }

  void close() {
    session.close(1000, "", Callback.NOOP);
  }
}
