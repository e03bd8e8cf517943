package dev.slipway.web.stream;

import dev.slipway.controlplane.api.PodChannel;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;

/// `portforward` by the protocol `SPDY/3.1+portforward.k8s.io`, as kubectl speaks it: SPDY/3.1
/// inside the messages of a WebSocket. For each connection the client opens two streams, one for
/// errors and one for data, whose headers hold the port and a request number.
///
/// Source: the SPDY protocol, draft 3.1. Its flow control is not used: neither does kubectl.
public final class SpdyForward implements Session.Listener {
  static final String PROTOCOL = "SPDY/3.1+portforward.k8s.io";

  private static final int SYN_STREAM = 1;
  private static final int SYN_REPLY = 2;
  private static final int RST_STREAM = 3;
  private static final int PING = 6;
  private static final int VERSION = 0x8003;
  private static final int FIN = 1;
  private static final int HEAD = 8;
  private static final int MAX_FRAME = 1 << 20;
  private static final int BUFFER = 32 << 10;
  private static final int MAX_CONNECTIONS = 1_000;

  private final PodChannel wanted;
  private final SpdyHeaders headers = new SpdyHeaders();
  private final Map<Integer, ByteQueue> inputs = new HashMap<>();
  private final Map<String, Integer> errorStreams = new HashMap<>();
  private final Map<Integer, Socket> connections = new HashMap<>();
  private byte[] pending = new byte[0];
  private @Nullable Session session;
  private @Nullable MessageSender sender;
  private final Runnable ended;
  private boolean closed;

  SpdyForward(PodChannel wanted, Runnable ended) {
    this.wanted = wanted;
    this.ended = ended;
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    session = opened;
    sender = new MessageSender(opened);
    opened.demand();
  }

  @Override
  public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
    var all = new byte[pending.length + payload.remaining()];
    System.arraycopy(pending, 0, all, 0, pending.length);
    payload.get(all, pending.length, payload.remaining());
    callback.succeed();
    Session known = session;
    try {
      pending = frames(all);
      if (known != null && known.isOpen()) {
        known.demand();
      }
    } catch (IOException e) {
      over();
      if (known != null) {
        known.close(1002, String.valueOf(e.getMessage()), Callback.NOOP);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      over();
    }
  }

  /// Handles the whole frames.
  ///
  /// @return what is left
  private byte[] frames(byte[] all) throws IOException, InterruptedException {
    ByteBuffer bytes = ByteBuffer.wrap(all);
    while (bytes.remaining() >= HEAD) {
      bytes.mark();
      int first = bytes.getInt();
      int second = bytes.getInt();
      int flags = second >>> 24;
      int length = second & 0xff_ffff;
      if (length > MAX_FRAME) {
        throw new IOException("a frame is too large");
      }
      if (bytes.remaining() < length) {
        bytes.reset();
        break;
      }
      var body = new byte[length];
      bytes.get(body);
      if (first < 0) {
        if (first >>> 16 != VERSION) {
          throw new IOException("this is not SPDY/3.1");
        }
        control(first & 0xffff, flags, body);
      } else {
        data(first, (flags & FIN) != 0, body);
      }
    }
    var left = new byte[bytes.remaining()];
    bytes.get(left);
    return left;
  }

  private void control(int type, int flags, byte[] bytes) throws IOException, InterruptedException {
    ByteBuffer body = ByteBuffer.wrap(bytes);
    switch (type) {
      case SYN_STREAM -> {
        if (body.remaining() < 10) {
          throw new IOException("a frame is cut off");
        }
        int stream = body.getInt() & Integer.MAX_VALUE;
        body.position(10);
        var block = new byte[body.remaining()];
        body.get(block);
        opened(stream, headers.read(block));
        if ((flags & FIN) != 0) {
          data(stream, true, new byte[0]);
        }
      }
      case RST_STREAM -> {
        if (bytes.length >= 4) {
          reset(body.getInt() & Integer.MAX_VALUE);
        }
      }
      case PING -> send(frame(VERSION << 16 | PING, 0, bytes));
      default -> {
        // Settings, windows, further headers and the announced end need no answer here.
      }
    }
  }

  private void opened(int stream, Map<String, String> named) throws IOException {
    ByteBuffer reply = ByteBuffer.allocate(128);
    reply.putInt(stream).put(headers.empty());
    send(
        frame(
            VERSION << 16 | SYN_REPLY,
            0,
            java.util.Arrays.copyOf(reply.array(), reply.position())));
    String request = named.getOrDefault("requestid", "") + " " + named.getOrDefault("port", "");
    if (named.getOrDefault("streamtype", "").equals("error")) {
      synchronized (this) {
        errorStreams.put(request, stream);
      }
      return;
    }
    Integer errors;
    var input = new ByteQueue();
    synchronized (this) {
      errors = errorStreams.remove(request);
      if (errors == null || inputs.size() >= MAX_CONNECTIONS || closed) {
        throw new IOException("a data stream without an error stream, or too many of them");
      }
      inputs.put(stream, input);
    }
    String port = named.getOrDefault("port", "");
    int errorStream = errors;
    Thread.ofVirtual().name("pod-forward").start(() -> forward(stream, errorStream, port, input));
  }

  private void forward(int stream, int errors, String port, ByteQueue input) {
    try {
      if (!port.matches("[0-9]{1,5}")) {
        throw new IOException("no port: \"" + port + "\"");
      }
      try (Socket connection = PodConnection.open(wanted.pod(), Integer.parseInt(port))) {
        synchronized (this) {
          if (closed) {
            return;
          }
          connections.put(stream, connection);
        }
        Thread.ofVirtual().name("pod-forward").start(() -> upstream(connection, input));
        var buffer = new byte[BUFFER];
        int count;
        while ((count = connection.getInputStream().read(buffer)) >= 0) {
          send(dataFrame(stream, 0, buffer, count));
        }
      }
      send(dataFrame(stream, FIN, new byte[0], 0));
      send(dataFrame(errors, FIN, new byte[0], 0));
    } catch (IOException e) {
      byte[] message = String.valueOf(e.getMessage()).getBytes(StandardCharsets.UTF_8);
      try {
        send(dataFrame(errors, FIN, message, message.length));
        send(dataFrame(stream, FIN, new byte[0], 0));
      } catch (IOException gone) {
        over();
      }
    } finally {
      synchronized (this) {
        inputs.remove(stream);
        connections.remove(stream);
      }
      input.abandon();
    }
  }

  private static void upstream(Socket connection, ByteQueue input) {
    try {
      input.transferTo(connection.getOutputStream());
      connection.shutdownOutput();
    } catch (IOException e) {
      ChannelForward.closeQuietly(connection);
    }
  }

  private void data(int stream, boolean last, byte[] bytes) throws InterruptedException {
    ByteQueue input;
    synchronized (this) {
      input = inputs.get(stream);
    }
    if (input != null) {
      input.put(bytes);
      if (last) {
        input.finish();
      }
    }
  }

  private void reset(int stream) {
    Socket connection;
    synchronized (this) {
      connection = connections.get(stream);
    }
    if (connection != null) {
      ChannelForward.closeQuietly(connection);
    }
  }

  private void send(ByteBuffer frame) throws IOException {
    MessageSender known = sender;
    if (known != null) {
      known.send(frame);
    }
  }

  private static ByteBuffer dataFrame(int stream, int flags, byte[] bytes, int length) {
    return frame(stream, flags, java.util.Arrays.copyOf(bytes, length));
  }

  private static ByteBuffer frame(int first, int flags, byte[] body) {
    ByteBuffer frame = ByteBuffer.allocate(HEAD + body.length);
    return frame.putInt(first).putInt(flags << 24 | body.length).put(body).flip();
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
    if (!closed) {
      closed = true;
      inputs.values().forEach(ByteQueue::abandon);
      connections.values().forEach(ChannelForward::closeQuietly);
      headers.close();
      ended.run();
    }
  }
}
