package dev.slipway.runtime.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.testing.RealTimeline;
import dev.slipway.testing.SeededChance;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Servers that are busy, or gone without a word.
class WireTest {
  private static final String CONTINUED =
      """
      HTTP/1.1 100 Continue

      HTTP/1.1 201 Created
      Transfer-Encoding: chunked

      2;x=y
      ab
      1
      c
      0
      Trailer: t

      """
          .replace("\n", "\r\n");

  private final RealTimeline time = new RealTimeline();

  @AfterEach
  void stop() {
    time.close();
  }

  private Wire wire(int port, Duration deadline) {
    return new Wire(
        new Endpoint(
            URI.create("http://127.0.0.1:" + port), Optional.empty(), Endpoint.Bearer.NONE),
        deadline,
        time,
        new SeededChance(1));
  }

  @Test
  void aServerWithTooManyRequestsIsGivenTheTimeThatItAsksFor() throws Exception {
    var asked = new AtomicInteger();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/",
        exchange -> {
          boolean refuse = asked.incrementAndGet() <= 2;
          if (refuse) {
            exchange.getResponseHeaders().add("Retry-After", "1");
          }
          answer(exchange, refuse ? 429 : 200);
        });
    server.start();
    try (Wire wire = wire(server.getAddress().getPort(), Duration.ofSeconds(20))) {
      long start = System.nanoTime();
      assertThat(wire.send(Wire.Call.get("/x")).status()).isEqualTo(200);

      assertThat(asked).hasValue(3);
      assertThat(System.nanoTime() - start).isGreaterThan(2_000_000_000L);
      assertThat(wire.limit()).isEqualTo(Pace.FIRST / 4);
    } finally {
      server.stop(0);
    }
  }

  private static void answer(HttpExchange exchange, int status) throws IOException {
    byte[] body = "{}".getBytes(StandardCharsets.US_ASCII);
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  @Test
  void aConnectionWithoutAnAnswerIsGivenUpAndNotUsedAgain() throws Exception {
    // Connections are accepted by the system, and nobody ever reads from them.
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Wire wire = wire(silent.getLocalPort(), Duration.ofMillis(500))) {
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> wire.send(Wire.Call.get("/x")))
            .isInstanceOfSatisfying(
                ClusterException.class,
                e -> assertThat(e.reason()).isEqualTo(ClusterException.Reason.UNAVAILABLE))
            .hasMessageContaining("no answer within");
      }
      for (int i = 0; i < 2; i++) {
        try (var accepted = silent.accept()) {
          assertThat(accepted.isConnected()).isTrue();
        }
      }
    }
  }

  @Test
  void aPageInPlaceOfAnAnswerIsSaid() throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          exchange.getResponseHeaders().add("Content-Type", "text/html");
          answer(exchange, 200);
        });
    server.start();
    try (Wire wire = wire(server.getAddress().getPort(), Duration.ofSeconds(20))) {
      assertThatThrownBy(() -> wire.send(Wire.Call.get("/x")))
          .isInstanceOfSatisfying(
              ClusterException.class,
              e -> assertThat(e.reason()).isEqualTo(ClusterException.Reason.UNAVAILABLE))
          .hasMessageContaining("answers with text/html instead of JSON");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void nobodyThereIsSaidAtOnce() throws Exception {
    int free;
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    try (Wire wire = wire(free, Duration.ofSeconds(20))) {
      assertThatThrownBy(() -> wire.send(Wire.Call.get("/x")))
          .isInstanceOf(ClusterException.class)
          .hasMessageContaining("does not answer");
    }
  }

  /// What a server writes for each request that it reads, in order; one connection after the other.
  private static ServerSocket server(List<List<String>> connections, List<String> heard)
      throws IOException {
    var socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual()
        .start(
            () -> {
              for (List<String> answers : connections) {
                try (var connection = socket.accept()) {
                  var in =
                      new BufferedReader(
                          new InputStreamReader(
                              connection.getInputStream(), StandardCharsets.US_ASCII));
                  for (String answer : answers) {
                    heard.add(in.readLine());
                    while (!in.readLine().isEmpty()) {
                      // The head of the request.
                    }
                    connection.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
                  }
                } catch (IOException e) {
                  heard.add(e.toString());
                }
              }
            });
    return socket;
  }

  @Test
  void answersOfEveryFormAreReadFromOneConnection() throws Exception {
    var heard = new CopyOnWriteArrayList<String>();
    try (var server =
            server(
                List.of(
                    List.of(
                        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
                        CONTINUED,
                        "HTTP/1.1 204 No Content\r\n\r\n",
                        "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nto the end")),
                heard);
        Wire wire = wire(server.getLocalPort(), Duration.ofSeconds(20))) {
      assertThat(text(wire, "/1")).isEqualTo("200 abc");
      assertThat(text(wire, "/2")).isEqualTo("201 abc");
      assertThat(text(wire, "/3")).isEqualTo("204 ");
      assertThat(text(wire, "/4")).isEqualTo("404 to the end");
      assertThat(heard)
          .containsExactly(
              "GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1", "GET /4 HTTP/1.1");
    }
  }

  private static String text(Wire wire, String path) {
    Wire.Answer answer = wire.send(Wire.Call.get(path));
    return answer.status() + " " + new String(answer.body(), StandardCharsets.US_ASCII);
  }

  @Test
  void whatMayBeSentTwiceIsSentAgainWhenAKeptConnectionHasEnded() throws Exception {
    String answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    var heard = new CopyOnWriteArrayList<String>();
    try (var server = server(List.of(List.of(answer), List.of(answer), List.of(answer)), heard);
        Wire wire = wire(server.getLocalPort(), Duration.ofSeconds(20))) {
      assertThat(wire.send(Wire.Call.get("/1")).status()).isEqualTo(200);
      assertThat(wire.send(Wire.Call.get("/2")).status()).isEqualTo(200);
      assertThatThrownBy(
              () -> wire.send(new Wire.Call("POST", "/3", new byte[0], "text/plain", "*/*")))
          .isInstanceOf(ClusterException.class)
          .hasMessageContaining("does not answer");
      assertThat(heard).containsExactly("GET /1 HTTP/1.1", "GET /2 HTTP/1.1");
    }
  }

  @Test
  void whatIsNoAnswerIsSaid() throws Exception {
    var heard = new CopyOnWriteArrayList<String>();
    try (var server =
            server(
                List.of(
                    List.of("SSH-2.0-OpenSSH\r\n"),
                    List.of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
                    List.of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")),
                heard);
        Wire wire = wire(server.getLocalPort(), Duration.ofSeconds(20))) {
      for (String what : List.of("no HTTP: SSH-2.0-OpenSSH", "no number", "within an answer")) {
        assertThatThrownBy(() -> wire.send(Wire.Call.get("/x")))
            .isInstanceOf(ClusterException.class)
            .hasMessageContaining(what);
      }
      assertThatThrownBy(() -> wire.send(Wire.Call.get("/x HTTP/1.1\r\nHost: other\r\n")))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
