package dev.slipway.controlplane.proxy;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;

/// Resolves names for the containers of this host: those of the cluster from its [Zone], all others
/// by asking the resolvers that the host itself asks. Over UDP and TCP.
///
/// What others are asked for at once is bounded: a query beyond that is dropped, and the client
/// asks again. Names of the cluster wait for nobody.
final class NameServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NameServer.class);
  private static final int TIMEOUT_MILLIS = 2_000;
  private static final int IDLE_MILLIS = 10_000;
  private static final int AT_ONCE = 512;
  private static final int PLAIN_UDP = 512;
  private static final int MOST_UDP = 4_096;
  private static final int MOST = 65_535;

  private final DatagramSocket datagrams;
  private final ServerSocket streams;
  private final Path resolvers;
  private final int upstreamPort;
  private final Semaphore places = new Semaphore(AT_ONCE);
  private volatile Zone zone = Zone.of(List.of());
  private volatile boolean closed;

  private NameServer(
      DatagramSocket datagrams, ServerSocket streams, Path resolvers, int upstreamPort) {
    this.datagrams = datagrams;
    this.streams = streams;
    this.resolvers = resolvers;
    this.upstreamPort = upstreamPort;
  }

  static NameServer start(String address, int port) throws IOException {
    return start(address, port, Path.of("/etc/resolv.conf"), 53);
  }

  /// @param resolvers a file in the form of `/etc/resolv.conf`, read anew as it changes
  static NameServer start(String address, int port, Path resolvers, int upstreamPort)
      throws IOException {
    var where = new InetSocketAddress(InetAddress.ofLiteral(address), port);
    var datagrams = new DatagramSocket(null);
    var streams = new ServerSocket();
    try {
      // A newer proxy listens beside this one for a moment.
      datagrams.setOption(StandardSocketOptions.SO_REUSEPORT, true);
      streams.setOption(StandardSocketOptions.SO_REUSEPORT, true);
      datagrams.bind(where);
      streams.bind(new InetSocketAddress(where.getAddress(), datagrams.getLocalPort()));
    } catch (IOException e) {
      datagrams.close();
      streams.close();
      throw e;
    }
    var server = new NameServer(datagrams, streams, resolvers, upstreamPort);
    Thread.ofPlatform().name("names-udp").daemon(true).start(server::serveDatagrams);
    Thread.ofPlatform().name("names-tcp").daemon(true).start(server::serveStreams);
    return server;
  }

  int port() {
    return datagrams.getLocalPort();
  }

  void update(Zone next) {
    zone = next;
  }

  private void serveDatagrams() {
    var buffer = new byte[MOST_UDP];
    while (!closed) {
      var packet = new DatagramPacket(buffer, buffer.length);
      try {
        datagrams.receive(packet);
      } catch (IOException e) {
        if (!closed) {
          log.warn("name query lost cause={}", e.toString());
        }
        continue;
      }
      byte[] query = Arrays.copyOf(packet.getData(), packet.getLength());
      answer(query, packet.getSocketAddress());
    }
  }

  private void answer(byte[] wire, SocketAddress client) {
    try {
      var query = new Message(wire);
      Optional<Message> own = zone.answer(query);
      if (own.isPresent()) {
        send(own.get().toWire(limit(query)), client);
      } else if (places.tryAcquire()) {
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    send(forward(query, wire, true), client);
                  } catch (IOException e) {
                    log.debug("name answer lost cause={}", e.toString());
                  } finally {
                    places.release();
                  }
                });
      }
    } catch (IOException | RuntimeException e) {
      // One query must not end the answers to all others.
      log.debug("name answer lost cause={}", e.toString());
    }
  }

  private void send(byte[] answer, SocketAddress client) throws IOException {
    datagrams.send(new DatagramPacket(answer, answer.length, client));
  }

  private void serveStreams() {
    while (!closed) {
      try {
        Socket client = streams.accept();
        if (places.tryAcquire()) {
          Thread.ofVirtual().start(() -> converse(client));
        } else {
          client.close();
        }
      } catch (IOException e) {
        if (!closed) {
          log.warn("name client lost cause={}", e.toString());
        }
      }
    }
  }

  private void converse(Socket client) {
    try (client) {
      client.setSoTimeout(IDLE_MILLIS);
      var in = new DataInputStream(client.getInputStream());
      while (true) {
        byte[] query = in.readNBytes(in.readUnsignedShort());
        send(client.getOutputStream(), answer(query));
      }
    } catch (IOException e) {
      log.debug("name client left cause={}", e.toString());
    } finally {
      places.release();
    }
  }

  private static void send(OutputStream out, byte[] message) throws IOException {
    var framed = new byte[message.length + 2];
    framed[0] = (byte) (message.length >>> 8);
    framed[1] = (byte) message.length;
    System.arraycopy(message, 0, framed, 2, message.length);
    out.write(framed);
    out.flush();
  }

  private byte[] answer(byte[] wire) throws IOException {
    var query = new Message(wire);
    Optional<Message> own = zone.answer(query);
    return own.isPresent() ? own.get().toWire(MOST) : forward(query, wire, false);
  }

  /// How long a datagram its client takes.
  private static int limit(Message query) {
    return query.getOPT() == null
        ? PLAIN_UDP
        : Math.clamp(query.getOPT().getPayloadSize(), PLAIN_UDP, MOST_UDP);
  }

  private byte[] forward(Message query, byte[] wire, boolean datagram) throws IOException {
    for (String resolver : upstream()) {
      try {
        return datagram ? askByDatagram(resolver, wire) : askByStream(resolver, wire);
      } catch (IOException e) {
        log.debug("resolver does not answer resolver={} cause={}", resolver, e.toString());
      }
    }
    return Zone.failure(query, Rcode.SERVFAIL).toWire(datagram ? limit(query) : MOST);
  }

  private List<String> upstream() {
    var found = new ArrayList<String>();
    try {
      for (String line : Files.readAllLines(resolvers)) {
        String[] words = line.strip().split("\\s+", -1);
        if (words.length > 1 && words[0].equals("nameserver")) {
          found.add(words[1]);
        }
      }
    } catch (IOException e) {
      log.debug("no resolvers file={} cause={}", resolvers, e.toString());
    }
    return found;
  }

  private byte[] askByDatagram(String resolver, byte[] query) throws IOException {
    try (var socket = new DatagramSocket()) {
      socket.setSoTimeout(TIMEOUT_MILLIS);
      socket.connect(new InetSocketAddress(resolver, upstreamPort));
      socket.send(new DatagramPacket(query, query.length));
      var packet = new DatagramPacket(new byte[MOST_UDP], MOST_UDP);
      do {
        socket.receive(packet);
      } while (packet.getLength() < 2
          || packet.getData()[0] != query[0]
          || packet.getData()[1] != query[1]);
      return Arrays.copyOf(packet.getData(), packet.getLength());
    }
  }

  private byte[] askByStream(String resolver, byte[] query) throws IOException {
    try (var socket = new Socket()) {
      socket.setSoTimeout(TIMEOUT_MILLIS);
      socket.connect(new InetSocketAddress(resolver, upstreamPort), TIMEOUT_MILLIS);
      send(socket.getOutputStream(), query);
      var in = new DataInputStream(socket.getInputStream());
      return in.readNBytes(in.readUnsignedShort());
    }
  }

  @Override
  public void close() {
    closed = true;
    datagrams.close();
    try {
      streams.close();
    } catch (IOException e) {
      log.debug("close failed cause={}", e.toString());
    }
  }
}
