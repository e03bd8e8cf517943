package dev.slipway.runtime.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.testing.RealTimeline;
import dev.slipway.testing.SeededChance;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Servers that are busy, or gone without a word.
class WireTest {
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
}
