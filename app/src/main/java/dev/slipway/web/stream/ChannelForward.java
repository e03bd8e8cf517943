package dev.slipway.web.stream;

import dev.slipway.controlplane.api.PodChannel;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;

/// `portforward` by the protocol `v4.channel.k8s.io`, as the Python and Java clients speak it: the
/// port at index i of the request has channel 2i for data and 2i+1 for errors; the first message on
/// each holds the port, as two bytes in little-endian order. One connection for each port.
public final class ChannelForward implements Session.Listener {
  private static final int BUFFER = 32 << 10;

  private final PodChannel wanted;
  private final List<ByteQueue> inputs = new ArrayList<>();
  private final List<Socket> connections = new ArrayList<>();
  private @Nullable Session session;
  private final Runnable ended;
  private boolean closed;

  ChannelForward(PodChannel wanted, Runnable ended) {
    this.wanted = wanted;
    this.ended = ended;
    wanted.ports().forEach(_ -> inputs.add(new ByteQueue()));
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    session = opened;
    var socket = new MessageSender(opened);
    for (int i = 0; i < wanted.ports().size(); i++) {
      int index = i;
      Thread.ofVirtual().name("pod-forward").start(() -> forward(index, socket));
    }
    opened.demand();
  }

  private void forward(int index, MessageSender socket) {
    int port = wanted.ports().get(index);
    byte[] header = {(byte) port, (byte) (port >>> 8)};
    try {
      socket.send(2 * index, header, 0, 2);
      socket.send(2 * index + 1, header, 0, 2);
      try (Socket connection = PodConnection.open(wanted.pod(), port)) {
        if (!register(connection)) {
          return;
        }
        Thread.ofVirtual().start(() -> upstream(index, connection));
        var buffer = new byte[BUFFER];
        int count;
        while ((count = connection.getInputStream().read(buffer)) >= 0) {
          socket.send(2 * index, buffer, 0, count);
        }
      } catch (IOException e) {
        byte[] message = String.valueOf(e.getMessage()).getBytes(StandardCharsets.UTF_8);
        socket.send(2 * index + 1, message, 0, message.length);
      }
    } catch (IOException e) {
      // The client is gone.
      return;
    } finally {
      inputs.get(index).abandon();
      if (wanted.ports().size() == 1) {
        socket.close();
      }
    }
  }

  private synchronized boolean register(Socket connection) {
    connections.add(connection);
    return !closed;
  }

  private void upstream(int index, Socket connection) {
    try {
      inputs.get(index).transferTo(connection.getOutputStream());
      connection.shutdownOutput();
    } catch (IOException e) {
      closeQuietly(connection);
    }
  }

  @Override
  public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
    var message = new byte[payload.remaining()];
    payload.get(message);
    callback.succeed();
    if (message.length > 1
        && message[0] % 2 == 0
        && message[0] / 2 < inputs.size()
        && message[0] >= 0) {
      try {
        inputs.get(message[0] / 2).put(java.util.Arrays.copyOfRange(message, 1, message.length));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    Session known = session;
    if (known != null && known.isOpen()) {
      known.demand();
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
    closed = true;
    inputs.forEach(ByteQueue::abandon);
    connections.forEach(ChannelForward::closeQuietly);
    ended.run();
  }

  static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is as good as closed.
      return;
    }
  }
}
