package dev.slipway.controlplane.proxy;

import dev.slipway.controlplane.proxy.Balancer.Place;
import dev.slipway.model.service.RoutingTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Listens where a routing table says and copies bytes between clients and endpoints: one thread,
/// one selector.
///
/// A connection to an endpoint that has left the table goes on until it is closed, or until it lies
/// idle after an answer. A client that comes while a route has no endpoint waits for one, for a
/// while.
final class Forwarder implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(Forwarder.class);
  private static final int BUFFER = 64 << 10;
  private static final long CONNECT_MILLIS = 3_000;
  private static final long WAIT_MILLIS = 10_000;
  private static final long QUIET_MILLIS = 250;
  private static final int BACKLOG = 1_024;
  private static final long TIDY_MILLIS = 50;

  /// Of reads of one socket before others have their turn.
  private static final int ROUNDS = 8;

  private final Selector selector;
  private final LongSupplier millis;
  private final ByteBuffer shared = ByteBuffer.allocateDirect(BUFFER);
  private final Map<String, Listener> listeners = new HashMap<>();
  private final Set<Link> links = new HashSet<>();

  /// Those whose route has no endpoint.
  private final ArrayDeque<Link> waiting = new ArrayDeque<>();

  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private volatile boolean closed;
  private boolean retired;
  private long version;
  private long tidied;

  Forwarder(LongSupplier millis) {
    this.millis = millis;
    try {
      this.selector = Selector.open();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// One listening socket.
  private static final class Listener {
    final ServerSocketChannel channel;
    final Balancer balancer = new Balancer();

    Listener(ServerSocketChannel channel) {
      this.channel = channel;
    }
  }

  /// A client, and the endpoint it was given.
  private static final class Link {
    final Listener listener;
    final Side client;
    final InetAddress address;
    final Set<Place> tried = new HashSet<>();
    @Nullable Side server;
    @Nullable Place place;
    boolean connected;
    boolean answeredLast;
    long since;

    Link(Listener listener, SocketChannel client, InetAddress address, long since) {
      this.listener = listener;
      this.client = new Side(this, client);
      this.address = address;
      this.since = since;
    }
  }

  /// One of the two sockets of a link.
  private static final class Side {
    final Link link;
    final SocketChannel channel;
    @Nullable SelectionKey key;

    /// Nothing comes from here any more.
    boolean ended;

    /// What it did not take yet; until then nothing more is read from the other side.
    @Nullable ByteBuffer unsent;

    Side(Link link, SocketChannel channel) {
      this.link = link;
      this.channel = channel;
    }
  }

  /// Puts a table in force, on the selector's thread.
  ///
  /// @return each listener that could not be opened, with its reason
  List<String> apply(RoutingTable table) {
    return call(() -> applyNow(table));
  }

  /// Whether a pod still gets, or still has, connections.
  boolean isServing(String pod) {
    return call(
        () ->
            listeners.values().stream().anyMatch(l -> l.balancer.hasPod(pod))
                || links.stream()
                    .anyMatch(
                        link -> link.place != null && link.place.endpoint().pod().equals(pod)));
  }

  /// Of the table in force.
  long version() {
    return call(() -> version);
  }

  int connections() {
    return call(links::size);
  }

  /// Takes no new connections; those that are open go on.
  void retire() {
    call(
        () -> {
          retired = true;
          listeners.values().forEach(this::acceptAll);
          listeners.values().forEach(listener -> quietly(listener.channel));
          listeners.clear();
          return true;
        });
  }

  private <T> T call(java.util.concurrent.Callable<T> task) {
    var answer = new CompletableFuture<T>();
    tasks.add(
        () -> {
          try {
            answer.complete(task.call());
          } catch (Exception e) {
            answer.completeExceptionally(e);
          }
        });
    selector.wakeup();
    return answer.join();
  }

  @Override
  public void run() {
    while (!closed) {
      try {
        selector.select(this::handle, TIDY_MILLIS);
        Runnable task;
        while ((task = tasks.poll()) != null) {
          task.run();
        }
        if (millis.getAsLong() - tidied >= TIDY_MILLIS) {
          tidied = millis.getAsLong();
          tidy();
        }
      } catch (IOException | RuntimeException e) {
        log.error("proxy loop failed", e);
      }
    }
  }

  void close() {
    closed = true;
    selector.wakeup();
  }

  private List<String> applyNow(RoutingTable table) {
    var problems = new ArrayList<String>();
    if (retired || table.version() < version) {
      return problems;
    }
    version = table.version();
    var wanted = new HashSet<String>();
    for (RoutingTable.Route route : table.routes()) {
      String key = route.listenAddress() + ":" + route.listenPort();
      wanted.add(key);
      Listener listener = listeners.get(key);
      if (listener == null) {
        try {
          listener = open(route);
          listeners.put(key, listener);
        } catch (IOException | IllegalArgumentException e) {
          problems.add(
              "%s cannot listen on %s: %s".formatted(route.service(), key, e.getMessage()));
          continue;
        }
      }
      listener.balancer.update(route.endpoints(), route.affinityMillis());
    }
    retryWaiting();
    listeners
        .entrySet()
        .removeIf(
            entry -> {
              if (wanted.contains(entry.getKey())) {
                return false;
              }
              acceptAll(entry.getValue());
              quietly(entry.getValue().channel);
              entry.getValue().balancer.update(List.of(), 0);
              return true;
            });
    return problems;
  }

  private Listener open(RoutingTable.Route route) throws IOException {
    ServerSocketChannel channel = ServerSocketChannel.open();
    try {
      channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      channel.setOption(StandardSocketOptions.SO_REUSEPORT, true);
      channel.bind(address(route.listenAddress(), route.listenPort()), BACKLOG);
      channel.configureBlocking(false);
      var listener = new Listener(channel);
      channel.register(selector, SelectionKey.OP_ACCEPT, listener);
      return listener;
    } catch (IOException | IllegalArgumentException e) {
      channel.close();
      throw e;
    }
  }

  /// Names are not looked up: that would hold up everybody.
  ///
  /// @throws IllegalArgumentException if it is no IP address and port
  private static InetSocketAddress address(String literal, int port) {
    return new InetSocketAddress(InetAddress.ofLiteral(literal), port);
  }

  private void handle(SelectionKey key) {
    if (!key.isValid()) {
      return;
    }
    if (key.attachment() instanceof Listener listener) {
      acceptAll(listener);
    } else if (key.attachment() instanceof Side side) {
      try {
        if (key.isConnectable()) {
          if (!finishConnect(side.link)) {
            connect(side.link);
          }
        } else {
          pump(side, key.isReadable(), key.isWritable());
        }
      } catch (IOException | RuntimeException e) {
        drop(side.link);
      }
    }
  }

  private void acceptAll(Listener listener) {
    try {
      SocketChannel client;
      while (listener.channel.isOpen() && (client = listener.channel.accept()) != null) {
        client.configureBlocking(false);
        client.setOption(StandardSocketOptions.TCP_NODELAY, true);
        InetAddress address = client.socket().getInetAddress();
        var link = new Link(listener, client, address, millis.getAsLong());
        links.add(link);
        connect(link);
      }
    } catch (IOException e) {
      log.warn("accept failed cause={}", e.toString());
    }
  }

  private void connect(Link link) {
    while (true) {
      long now = millis.getAsLong();
      Optional<Place> chosen = link.listener.balancer.choose(link.address, link.tried, now);
      if (chosen.isEmpty()) {
        link.tried.clear();
        link.place = null;
        waiting.add(link);
        return;
      }
      Place place = chosen.get();
      SocketChannel server = null;
      try {
        server = SocketChannel.open();
        server.configureBlocking(false);
        server.setOption(StandardSocketOptions.TCP_NODELAY, true);
        server.connect(address(place.endpoint().address(), place.endpoint().port()));
      } catch (IOException | IllegalArgumentException e) {
        if (server != null) {
          quietly(server);
        }
        link.tried.add(place);
        link.listener.balancer.refused(place, now);
        continue;
      }
      link.server = new Side(link, server);
      link.place = place;
      link.listener.balancer.opened(place);
      try {
        // Within one host it is known already.
        if (finishConnect(link)) {
          return;
        }
      } catch (IOException e) {
        drop(link);
        return;
      }
    }
  }

  /// Once bytes of the client may have been taken, no other endpoint can be tried.
  ///
  /// @return false when the endpoint refused, and another one is to be tried
  private boolean finishConnect(Link link) throws IOException {
    Side server = link.server;
    Place place = link.place;
    if (server == null || place == null) {
      return true;
    }
    try {
      if (!server.channel.finishConnect()) {
        interest(server, SelectionKey.OP_CONNECT);
        return true;
      }
    } catch (IOException e) {
      passOver(link, server, place);
      return false;
    }
    link.connected = true;
    link.since = millis.getAsLong();
    // A client has mostly asked before it is let through.
    pump(link.client, true, false);
    return true;
  }

  private void passOver(Link link, Side server, Place place) {
    quietly(server.channel);
    link.listener.balancer.closed(place);
    link.listener.balancer.refused(place, millis.getAsLong());
    link.tried.add(place);
    link.server = null;
    link.place = null;
  }

  /// Moves what has become possible on one side, and asks for what is wanted next.
  private void pump(Side side, boolean readable, boolean writable) throws IOException {
    Link link = side.link;
    Side server = link.server;
    if (server == null || !link.connected) {
      return;
    }
    Side other = side == server ? link.client : server;
    if (writable) {
      flush(side, other);
    }
    if (readable && !side.ended && other.unsent == null) {
      copy(side, other);
    }
    if (side.ended && other.ended && side.unsent == null && other.unsent == null) {
      drop(link);
      return;
    }
    interest(side, wanted(side, other));
    interest(other, wanted(other, side));
  }

  private static int wanted(Side side, Side other) {
    return (!side.ended && other.unsent == null ? SelectionKey.OP_READ : 0)
        | (side.unsent != null ? SelectionKey.OP_WRITE : 0);
  }

  private static void flush(Side to, Side from) throws IOException {
    ByteBuffer unsent = to.unsent;
    if (unsent == null) {
      return;
    }
    to.channel.write(unsent);
    if (!unsent.hasRemaining()) {
      to.unsent = null;
      if (from.ended) {
        passEnd(to);
      }
    }
  }

  private void copy(Side from, Side to) throws IOException {
    Link link = from.link;
    for (int round = 0; round < ROUNDS; round++) {
      shared.clear();
      int count = from.channel.read(shared);
      if (count == 0) {
        return;
      }
      if (count < 0) {
        from.ended = true;
        passEnd(to);
        return;
      }
      link.since = millis.getAsLong();
      link.answeredLast = from != link.client;
      shared.flip();
      to.channel.write(shared);
      if (shared.hasRemaining()) {
        to.unsent = ByteBuffer.allocate(shared.remaining()).put(shared).flip();
        return;
      }
      if (count < BUFFER) {
        return;
      }
    }
  }

  /// When both have ended, they are closed instead.
  private static void passEnd(Side to) throws IOException {
    if (!to.ended) {
      to.channel.shutdownOutput();
    }
  }

  private void interest(Side side, int wanted) throws IOException {
    SelectionKey key = side.key;
    if (key == null) {
      side.key = side.channel.register(selector, wanted, side);
    } else if (key.isValid() && key.interestOps() != wanted) {
      key.interestOps(wanted);
    }
  }

  private void tidy() {
    long now = millis.getAsLong();
    for (Link link : List.copyOf(links)) {
      Place place = link.place;
      if (place == null) {
        if (now - link.since > WAIT_MILLIS) {
          waiting.remove(link);
          drop(link);
        }
      } else if (!link.connected) {
        Side server = link.server;
        if (server != null && now - link.since > CONNECT_MILLIS) {
          link.since = now;
          passOver(link, server, place);
          connect(link);
        }
      } else if ((retired || !place.isListed())
          && now - link.since > QUIET_MILLIS
          && link.answeredLast
          && link.client.unsent == null) {
        drop(link);
      }
    }
    retryWaiting();
  }

  /// Everything refused a moment ago may answer now.
  private void retryWaiting() {
    for (int i = waiting.size(); i > 0; i--) {
      Link link = waiting.remove();
      if (link.listener.balancer.isEmpty()) {
        waiting.add(link);
      } else {
        connect(link);
      }
    }
  }

  private void drop(Link link) {
    if (!links.remove(link)) {
      return;
    }
    quietly(link.client.channel);
    if (link.server != null) {
      quietly(link.server.channel);
    }
    if (link.place != null) {
      link.listener.balancer.closed(link.place);
    }
  }

  private static void quietly(AutoCloseable channel) {
    try {
      channel.close();
    } catch (Exception e) {
      log.debug("close failed cause={}", e.toString());
    }
  }
}
