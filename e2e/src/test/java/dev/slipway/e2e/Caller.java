package dev.slipway.e2e;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/// Calls a service through its port on this host, each time over a connection of its own.
final class Caller {
  private static final int CONNECT_MILLIS = 5_000;

  private final int port;
  private final String path;
  private final Duration patience;
  private final Duration pause;
  private final AtomicInteger answered = new AtomicInteger();
  private final Queue<String> failures = new ConcurrentLinkedQueue<>();
  private final Thread thread = Thread.ofPlatform().unstarted(this::keepCalling);
  private volatile boolean stopped;

  /// @param patience with one answer
  /// @param pause between two calls
  Caller(int port, String path, Duration patience, Duration pause) {
    this.port = port;
    this.path = path;
    this.patience = patience;
    this.pause = pause;
  }

  /// Where a service may listen and nobody does.
  static int freeNodePort() throws IOException {
    for (int candidate = 31_000; candidate < 32_000; candidate++) {
      try (var _ = new ServerSocket(candidate)) {
        return candidate;
      } catch (IOException _) {
        // Somebody has this one.
      }
    }
    throw new IOException("no free port");
  }

  /// What went wrong with one call; empty when it was answered with 200.
  Optional<String> call() {
    try (var socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), CONNECT_MILLIS);
      socket.setSoTimeout((int) patience.toMillis());
      socket
          .getOutputStream()
          .write("GET %s HTTP/1.0\r\n\r\n".formatted(path).getBytes(StandardCharsets.US_ASCII));
      String answer =
          new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      return answer.contains("200 OK")
          ? Optional.empty()
          : Optional.of("%s an answer of %d bytes".formatted(Instant.now(), answer.length()));
    } catch (IOException e) {
      return Optional.of("%s %s".formatted(Instant.now(), e));
    }
  }

  /// Calls all the time from now on.
  Caller start() {
    thread.start();
    return this;
  }

  void stop() throws InterruptedException {
    stopped = true;
    thread.join();
  }

  int answered() {
    return answered.get();
  }

  int calls() {
    return answered.get() + failures.size();
  }

  /// Each with its time.
  Queue<String> failures() {
    return failures;
  }

  private void keepCalling() {
    while (!stopped) {
      call().ifPresentOrElse(failures::add, answered::incrementAndGet);
      LockSupport.parkNanos(pause.toNanos());
    }
  }
}
