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

  private final Selector selector;
  private final LongSupplier millis;
  private final ByteBuffer shared = ByteBuffer.allocateDirect(BUFFER);
  private final Map<String, Listener> listeners = new HashMap<>();
  private final Set<Link> links = new HashSet<>();
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

  /// One listening socket and what waits behind it.
  private static final class Listener {
    final ServerSocketChannel channel;
    final Balancer balancer = new Balancer();
    final ArrayDeque<Link> waiting = new ArrayDeque<>();

    Listener(ServerSocketChannel channel) {
      this.channel = channel;
    }
  }

  /// A client, and the endpoint it was given.
  private static final class Link {
    final Listener listener;
    final SocketChannel client;
    final String clientAddress;
    final Set<Place> tried = new HashSet<>();
    @Nullable SocketChannel server;
    @Nullable Place place;
    @Nullable ByteBuffer toServer;
    @Nullable ByteBuffer toClient;
    boolean connected;
    boolean clientEnded;
    boolean serverEnded;
    boolean answeredLast;
    long since;

    Link(Listener listener, SocketChannel client, String clientAddress, long since) {
      this.listener = listener;
      this.client = client;
      this.clientAddress = clientAddress;
      this.since = since;
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
        selector.select(TIDY_MILLIS);
        Runnable task;
        while ((task = tasks.poll()) != null) {
          task.run();
        }
        var selected = List.copyOf(selector.selectedKeys());
        selector.selectedKeys().clear();
        for (SelectionKey key : selected) {
          if (key.isValid()) {
            handle(key);
          }
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
      Link link;
      while (!listener.balancer.isEmpty() && (link = listener.waiting.poll()) != null) {
        connect(link);
      }
    }
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
    if (key.attachment() instanceof Listener listener) {
      acceptAll(listener);
    } else if (key.attachment() instanceof Link link) {
      try {
        if (key.isConnectable()) {
          finishConnect(link);
        } else {
          pump(link);
        }
      } catch (IOException | RuntimeException e) {
        drop(link);
      }
    }
  }

  private void acceptAll(Listener listener) {
    try {
      SocketChannel client;
      while (listener.channel.isOpen() && (client = listener.channel.accept()) != null) {
        client.configureBlocking(false);
        client.setOption(StandardSocketOptions.TCP_NODELAY, true);
        String address =
            client.getRemoteAddress() instanceof InetSocketAddress remote
                ? remote.getAddress().getHostAddress()
                : "";
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
      Optional<Place> chosen = link.listener.balancer.choose(link.clientAddress, link.tried, now);
      if (chosen.isEmpty()) {
        link.tried.clear();
        link.place = null;
        link.listener.waiting.add(link);
        return;
      }
      Place place = chosen.get();
      SocketChannel server = null;
      boolean done;
      try {
        server = SocketChannel.open();
        server.configureBlocking(false);
        server.setOption(StandardSocketOptions.TCP_NODELAY, true);
        done = server.connect(address(place.endpoint().address(), place.endpoint().port()));
        server.register(selector, SelectionKey.OP_CONNECT, link);
      } catch (IOException | IllegalArgumentException e) {
        if (server != null) {
          quietly(server);
        }
        link.tried.add(place);
        link.listener.balancer.refused(place, now);
        continue;
      }
      link.server = server;
      link.place = place;
      link.listener.balancer.opened(place);
      if (done) {
        connected(link);
      }
      return;
    }
  }

  /// Once bytes of the client may have been taken, no other endpoint can be tried.
  private void connected(Link link) {
    try {
      finishConnect(link);
    } catch (IOException e) {
      drop(link);
    }
  }

  private void finishConnect(Link link) throws IOException {
    SocketChannel server = link.server;
    Place place = link.place;
    if (server == null || place == null) {
      return;
    }
    try {
      if (!server.finishConnect()) {
        return;
      }
    } catch (IOException e) {
      passOver(link, server, place);
      return;
    }
    link.connected = true;
    link.since = millis.getAsLong();
    server.register(selector, SelectionKey.OP_READ, link);
    link.client.register(selector, SelectionKey.OP_READ, link);
    pump(link);
  }

  private void passOver(Link link, SocketChannel server, Place place) {
    quietly(server);
    link.listener.balancer.closed(place);
    link.listener.balancer.refused(place, millis.getAsLong());
    link.tried.add(place);
    link.server = null;
    link.place = null;
    connect(link);
  }

  private void pump(Link link) throws IOException {
    SocketChannel server = link.server;
    if (server == null || !link.connected) {
      return;
    }
    if (!link.clientEnded || link.toServer != null) {
      ByteBuffer left = copy(link.client, server, link.toServer, link, true);
      link.toServer = left;
    }
    if (!link.serverEnded || link.toClient != null) {
      ByteBuffer left = copy(server, link.client, link.toClient, link, false);
      link.toClient = left;
    }
    if (link.clientEnded && link.serverEnded && link.toServer == null && link.toClient == null) {
      drop(link);
      return;
    }
    interest(link.client, link.toServer == null && !link.clientEnded, link.toClient != null, link);
    interest(server, link.toClient == null && !link.serverEnded, link.toServer != null, link);
  }

  /// Copies what is there.
  ///
  /// @return what the receiver did not take yet; null when it took all
  private @Nullable ByteBuffer copy(
      SocketChannel from,
      SocketChannel to,
      @Nullable ByteBuffer left,
      Link link,
      boolean fromClient)
      throws IOException {
    if (left != null) {
      to.write(left);
      if (left.hasRemaining()) {
        return left;
      }
    }
    boolean ended = fromClient ? link.clientEnded : link.serverEnded;
    for (int round = 0; round < 8 && !ended; round++) {
      shared.clear();
      int count = from.read(shared);
      if (count == 0) {
        return null;
      }
      if (count < 0) {
        ended = true;
        break;
      }
      link.since = millis.getAsLong();
      link.answeredLast = !fromClient;
      shared.flip();
      to.write(shared);
      if (shared.hasRemaining()) {
        ByteBuffer rest = ByteBuffer.allocate(shared.remaining());
        rest.put(shared).flip();
        return rest;
      }
    }
    if (ended) {
      if (fromClient) {
        link.clientEnded = true;
      } else {
        link.serverEnded = true;
      }
      to.shutdownOutput();
    }
    return null;
  }

  private void interest(SocketChannel channel, boolean read, boolean write, Link link)
      throws IOException {
    int wanted = (read ? SelectionKey.OP_READ : 0) | (write ? SelectionKey.OP_WRITE : 0);
    SelectionKey key = channel.keyFor(selector);
    if (key == null) {
      channel.register(selector, wanted, link);
    } else if (key.isValid()) {
      key.interestOps(wanted);
    }
  }

  private void tidy() {
    long now = millis.getAsLong();
    for (Link link : List.copyOf(links)) {
      Place place = link.place;
      if (place == null) {
        if (now - link.since > WAIT_MILLIS) {
          link.listener.waiting.remove(link);
          drop(link);
        }
      } else if (!link.connected) {
        SocketChannel server = link.server;
        if (server != null && now - link.since > CONNECT_MILLIS) {
          link.since = now;
          passOver(link, server, place);
        }
      } else if ((retired || !place.isListed())
          && now - link.since > QUIET_MILLIS
          && link.answeredLast
          && link.toClient == null) {
        drop(link);
      }
    }
    retryWaiting();
  }

  /// Everything refused a moment ago may answer now.
  private void retryWaiting() {
    for (Listener listener : listeners.values()) {
      int count = listener.waiting.size();
      for (int i = 0; i < count && !listener.balancer.isEmpty(); i++) {
        connect(listener.waiting.remove());
      }
    }
  }

  private void drop(Link link) {
    if (!links.remove(link)) {
      return;
    }
    quietly(link.client);
    if (link.server != null) {
      quietly(link.server);
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
