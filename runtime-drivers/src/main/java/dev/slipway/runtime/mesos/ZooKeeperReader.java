package dev.slipway.runtime.mesos;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Reads nodes of ZooKeeper: one short session a question. It watches nothing and keeps no session
/// alive: the master is asked for only when a connection to it is to be made.
final class ZooKeeperReader {
  private static final int LONGEST = 1 << 20;
  private static final int CLOSE = -11;
  private static final int CHILDREN = 8;
  private static final int DATA = 4;
  private static final int AUTH = 100;
  private static final int NO_NODE = -101;

  private final Masters.Elected where;
  private final Duration timeout;

  ZooKeeperReader(Masters.Elected where, Duration timeout) {
    this.where = where;
    this.timeout = timeout;
  }

  /// The data of the first registration below the path: that of the leading master. Empty when no
  /// master is registered.
  ///
  /// @param prefix of the registrations' names, `json.info_`
  Optional<byte[]> first(String prefix) throws IOException {
    var failures = new ArrayList<String>();
    for (String server : where.servers()) {
      try (var session = new Session(server)) {
        return session.first(prefix);
      } catch (IOException e) {
        failures.add(server + ": " + e.getMessage());
      }
    }
    throw new IOException("no ZooKeeper server answers: " + String.join("; ", failures));
  }

  private final class Session implements AutoCloseable {
    private final Socket socket = new Socket();
    private final DataInputStream in;
    private final DataOutputStream out;
    private int xid;

    Session(String server) throws IOException {
      int colon = server.lastIndexOf(':');
      int millis = (int) timeout.toMillis();
      try {
        socket.connect(
            new InetSocketAddress(
                server.substring(0, colon), Integer.parseInt(server.substring(colon + 1))),
            millis);
        socket.setSoTimeout(millis);
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
        ByteBuffer hello = ByteBuffer.allocate(45);
        // Protocol version, last transaction seen, session timeout, session id, its password (16
        // bytes), read-only servers allowed.
        hello.putInt(0).putLong(0).putInt(millis).putLong(0).putInt(16).put(new byte[16]);
        send(hello.put((byte) 1).array());
        ByteBuffer answer = receive();
        if (answer.remaining() < 8 || answer.getInt() != 0 || answer.getInt() <= 0) {
          throw new IOException("it refused a session");
        }
        if (!where.user().isEmpty()) {
          byte[] scheme = "digest".getBytes(StandardCharsets.US_ASCII);
          byte[] user = where.user().getBytes(StandardCharsets.UTF_8);
          ByteBuffer auth = ByteBuffer.allocate(20 + scheme.length + user.length);
          auth.putInt(-4).putInt(AUTH).putInt(0);
          auth.putInt(scheme.length).put(scheme).putInt(user.length).put(user);
          send(auth.array());
          if (error(receive()) != 0) {
            throw new IOException("it refused the digest user");
          }
        }
      } catch (IOException | RuntimeException e) {
        socket.close();
        throw e;
      }
    }

    Optional<byte[]> first(String prefix) throws IOException {
      ByteBuffer answer = ask(CHILDREN, where.path());
      int error = error(answer);
      if (error == NO_NODE) {
        return Optional.empty();
      }
      if (error != 0) {
        throw new IOException("it cannot list " + where.path() + ": error " + error);
      }
      List<String> names = new ArrayList<>();
      int count = answer.getInt();
      for (int i = 0; i < count; i++) {
        names.add(new String(bytes(answer), StandardCharsets.UTF_8));
      }
      names.removeIf(name -> !name.startsWith(prefix));
      names.sort(null);
      for (String name : names) {
        ByteBuffer data = ask(DATA, where.path() + "/" + name);
        error = error(data);
        if (error == 0) {
          return Optional.of(bytes(data));
        }
        if (error != NO_NODE) {
          throw new IOException("it cannot read " + where.path() + "/" + name + ": error " + error);
        }
      }
      return Optional.empty();
    }

    private ByteBuffer ask(int type, String path) throws IOException {
      byte[] name = path.getBytes(StandardCharsets.UTF_8);
      ByteBuffer request = ByteBuffer.allocate(13 + name.length);
      request.putInt(++xid).putInt(type).putInt(name.length).put(name).put((byte) 0);
      send(request.array());
      return receive();
    }

    /// Skips the header: the number of the request, the transaction, the error.
    private static int error(ByteBuffer answer) throws IOException {
      if (answer.remaining() < 16) {
        throw new IOException("its answer is cut off");
      }
      answer.getInt();
      answer.getLong();
      return answer.getInt();
    }

    private static byte[] bytes(ByteBuffer answer) throws IOException {
      int length = answer.getInt();
      if (length < 0 || length > answer.remaining()) {
        throw new IOException("its answer is cut off");
      }
      var bytes = new byte[length];
      answer.get(bytes);
      return bytes;
    }

    private void send(byte[] packet) throws IOException {
      var whole = new ByteArrayOutputStream();
      var data = new DataOutputStream(whole);
      data.writeInt(packet.length);
      data.write(packet);
      out.write(whole.toByteArray());
      out.flush();
    }

    private ByteBuffer receive() throws IOException {
      int length = in.readInt();
      if (length < 0 || length > LONGEST) {
        throw new IOException("it is no ZooKeeper server");
      }
      byte[] packet = in.readNBytes(length);
      if (packet.length < length) {
        throw new IOException("its answer is cut off");
      }
      return ByteBuffer.wrap(packet);
    }

    /// Ends the session, so that the server need not wait for its timeout.
    @Override
    public void close() throws IOException {
      try {
        send(ByteBuffer.allocate(8).putInt(++xid).putInt(CLOSE).array());
      } finally {
        socket.close();
      }
    }
  }
}
