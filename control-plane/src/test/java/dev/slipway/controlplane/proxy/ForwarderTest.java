package dev.slipway.controlplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.service.RoutingTable;
import dev.slipway.model.service.RoutingTable.Endpoint;
import dev.slipway.model.service.RoutingTable.Route;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Over real sockets of this host.
class ForwarderTest {
  private static final String HOST = "127.0.0.1";

  private final Forwarder forwarder = new Forwarder(() -> System.nanoTime() / 1_000_000);
  private final List<AutoCloseable> open = new ArrayList<>();
  private long version;
  private int port;

  @BeforeEach
  void run() throws IOException {
    Thread.ofPlatform().daemon(true).start(forwarder);
    try (var free = new ServerSocket(0, 1, InetAddress.ofLiteral(HOST))) {
      port = free.getLocalPort();
    }
  }

  @AfterEach
  void end() throws Exception {
    forwarder.close();
    for (AutoCloseable part : open) {
      part.close();
    }
  }

  /// A server that answers each line with its name, until it is closed.
  private Endpoint server(String name) throws IOException {
    var server = new ServerSocket(0, 50, InetAddress.ofLiteral(HOST));
    open.add(server);
    Thread.ofVirtual()
        .start(
            () -> {
              while (!server.isClosed()) {
                try {
                  Socket client = server.accept();
                  Thread.ofVirtual().start(() -> answer(client, name));
                } catch (IOException e) {
                  return;
                }
              }
            });
    return new Endpoint(HOST, server.getLocalPort(), 1, "shop/" + name);
  }

  private static void answer(Socket client, String name) {
    try (client) {
      InputStream in = client.getInputStream();
      int next;
      while ((next = in.read()) >= 0) {
        if (next == '\n') {
          client.getOutputStream().write((name + "\n").getBytes(StandardCharsets.US_ASCII));
        }
      }
      client.getOutputStream().write(("bye from " + name).getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      // The other side has gone.
    }
  }

  /// Nobody listens there.
  private static Endpoint closed() throws IOException {
    try (var server = new ServerSocket(0, 1, InetAddress.ofLiteral(HOST))) {
      return new Endpoint(HOST, server.getLocalPort(), 1, "shop/closed");
    }
  }

  private List<String> table(Endpoint... endpoints) {
    return forwarder.apply(
        new RoutingTable(
            ++version,
            List.of(new Route("shop/web:80", HOST, port, 0, List.of(endpoints))),
            Optional.empty(),
            List.of()));
  }

  private Socket connect() throws IOException {
    var socket = new Socket();
    open.add(socket);
    socket.connect(new InetSocketAddress(InetAddress.ofLiteral(HOST), port), 5_000);
    socket.setSoTimeout(20_000);
    return socket;
  }

  private static String ask(Socket socket) throws IOException {
    socket.getOutputStream().write('\n');
    return line(socket);
  }

  private static String line(Socket socket) throws IOException {
    var line = new StringBuilder();
    int next;
    while ((next = socket.getInputStream().read()) >= 0 && next != '\n') {
      line.append((char) next);
    }
    return line.toString();
  }

  private static void await(BooleanSupplier condition, String what) {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(until);
      LockSupport.parkNanos(1_000_000);
    }
  }

  @Test
  void spreadsConnectionsAndKeepsTheirHalfCloses() throws IOException {
    assertThat(table(server("a"), server("b"))).isEmpty();
    var names = new HashSet<String>();
    for (int i = 0; i < 4; i++) {
      Socket socket = connect();
      String name = ask(socket);
      names.add(name);
      socket.shutdownOutput();
      assertThat(line(socket)).isEqualTo("bye from " + name);
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }
    assertThat(names).containsExactlyInAnyOrder("a", "b");
    await(() -> forwarder.connections() == 0, "nothing is left open");
  }

  @Test
  void passesOverAnEndpointThatRefuses() throws IOException {
    table(closed(), server("a"), new Endpoint("not an address", 80, 1, "shop/odd"));
    for (int i = 0; i < 10; i++) {
      try (Socket socket = connect()) {
        assertThat(ask(socket)).isEqualTo("a");
      }
    }
  }

  @Test
  void passesOverThousandsThatRefuse() throws IOException {
    int refusing = closed().port();
    var endpoints = new ArrayList<Endpoint>();
    for (int i = 0; i < 4_000; i++) {
      endpoints.add(
          new Endpoint("127.9.%d.%d".formatted(i / 250, 1 + i % 250), refusing, 1, "shop/gone"));
    }
    endpoints.add(server("a"));
    table(endpoints.toArray(Endpoint[]::new));
    assertThat(ask(connect())).isEqualTo("a");
  }

  @Test
  void aClientThatComesTooEarlyWaits() throws Exception {
    table();
    Socket socket = connect();
    var answer = new CompletableFuture<String>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                answer.complete(ask(socket));
              } catch (IOException e) {
                answer.completeExceptionally(e);
              }
            });
    await(() -> forwarder.connections() == 1, "it is accepted");
    table(server("late"));
    assertThat(answer.get(20, TimeUnit.SECONDS)).isEqualTo("late");
  }

  /// The pod may be stopped when it neither gets nor has connections.
  @Test
  void aPodThatLeavesKeepsItsConnectionsUntilTheyAreQuiet() throws IOException {
    Endpoint leaving = server("a");
    table(leaving);
    Socket socket = connect();
    assertThat(ask(socket)).isEqualTo("a");
    table(server("b"));
    assertThat(forwarder.isServing("shop/a")).as("it has one").isTrue();
    try (Socket next = connect()) {
      assertThat(ask(next)).isEqualTo("b");
    }
    await(() -> !forwarder.isServing("shop/a"), "a connection that has its answer is closed");
    assertThat(socket.getInputStream().read()).isEqualTo(-1);
  }

  /// Not answered yet: whoever asked is waited for.
  @Test
  void aRequestUnderWayIsNotCut() throws IOException {
    Endpoint leaving = server("a");
    table(leaving);
    Socket socket = connect();
    assertThat(ask(socket)).isEqualTo("a");
    socket.getOutputStream().write('x');
    try (Socket probe = connect()) {
      assertThat(ask(probe)).as("the byte has passed").isEqualTo("a");
    }
    Socket quiet = connect();
    assertThat(ask(quiet)).isEqualTo("a");
    table(server("b"));
    assertThat(quiet.getInputStream().read()).as("one that has its answer is closed").isEqualTo(-1);
    assertThat(forwarder.isServing("shop/a")).isTrue();
    assertThat(ask(socket)).isEqualTo("a");
  }

  /// More than sockets hold, in both directions, and the end only after the last byte.
  @Test
  void nothingIsLostWhenTheOtherSideIsSlow() throws Exception {
    var sent = new byte[24 << 20];
    new Random(7).nextBytes(sent);
    try (var server = new ServerSocket(0, 50, InetAddress.ofLiteral(HOST))) {
      table(new Endpoint(HOST, server.getLocalPort(), 1, "shop/slow"));
      Socket client = connect();
      var asked = new CompletableFuture<Boolean>();
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  client.getOutputStream().write(sent);
                  client.shutdownOutput();
                  asked.complete(true);
                } catch (IOException e) {
                  asked.completeExceptionally(e);
                }
              });
      try (Socket accepted = server.accept()) {
        assertThat(ask(connectTo(server("other")))).as("others go on").isEqualTo("other");
        assertThat(asked).as("it waits for the slow one").isNotDone();
        byte[] received = accepted.getInputStream().readAllBytes();
        assertThat(Arrays.equals(received, sent)).isTrue();
        assertThat(asked.get(20, TimeUnit.SECONDS)).isTrue();
        var answered = new CompletableFuture<Boolean>();
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    accepted.getOutputStream().write(received);
                    accepted.shutdownOutput();
                    answered.complete(true);
                  } catch (IOException e) {
                    answered.completeExceptionally(e);
                  }
                });
        assertThat(Arrays.equals(client.getInputStream().readAllBytes(), sent)).isTrue();
        assertThat(answered.get(20, TimeUnit.SECONDS)).isTrue();
      }
      await(() -> forwarder.connections() <= 1, "it is closed");
    }
  }

  private Socket connectTo(Endpoint endpoint) throws IOException {
    table(endpoint);
    return connect();
  }

  @Test
  void anOlderTableIsIgnored() throws IOException {
    version = 10;
    table(server("new"));
    version = 5;
    table(server("old"));
    try (Socket socket = connect()) {
      assertThat(ask(socket)).isEqualTo("new");
    }
    assertThat(forwarder.version()).isEqualTo(11);
  }

  @Test
  void whatCannotListenIsNamedAndTheRestGoesOn() throws IOException {
    Endpoint target = server("a");
    List<String> problems =
        forwarder.apply(
            new RoutingTable(
                1,
                List.of(
                    new Route("shop/odd:1", "no address", 1, 0, List.of(target)),
                    new Route("shop/far:1", "192.0.2.1", 1, 0, List.of(target)),
                    new Route("shop/big:1", HOST, 70_000, 0, List.of(target)),
                    new Route("shop/web:80", HOST, port, 0, List.of(target))),
                Optional.empty(),
                List.of()));
    assertThat(problems).hasSize(3);
    assertThat(problems.get(0)).startsWith("shop/odd:1 cannot listen on no address:1: ");
    try (Socket socket = connect()) {
      assertThat(ask(socket)).isEqualTo("a");
    }
  }
}
