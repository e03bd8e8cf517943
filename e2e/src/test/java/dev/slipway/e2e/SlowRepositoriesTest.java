package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Many repositories that are slow in their first fetch delay nobody else, and say so themselves.
class SlowRepositoriesTest {
  private static final int SLOW = 24;

  @TempDir Path folder;

  /// A server of repositories that sends a byte now and then: never silent, and never done.
  private static final class Dribbling implements AutoCloseable {
    private final ServerSocket listener;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    Dribbling() throws IOException {
      listener = new ServerSocket(0, 200, InetAddress.getLoopbackAddress());
      Thread.ofVirtual().start(this::accept);
    }

    String url(int repository) {
      return "http://127.0.0.1:%d/%d.git".formatted(listener.getLocalPort(), repository);
    }

    int asked() {
      return open.size();
    }

    private void accept() {
      while (!listener.isClosed()) {
        try {
          Socket socket = listener.accept();
          open.add(socket);
          Thread.ofVirtual().start(() -> dribble(socket));
        } catch (IOException _) {
          // Closed: the loop ends.
        }
      }
    }

    private static void dribble(Socket socket) {
      try (socket;
          OutputStream out = socket.getOutputStream()) {
        out.write(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n"
                .getBytes(StandardCharsets.US_ASCII));
        String line = "001e# service=git-upload-pack\n0000";
        for (int i = 0; ; i++) {
          out.write(line.charAt(i % line.length()));
          out.flush();
          LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(5));
        }
      } catch (IOException _) {
        // Nobody listens any more.
      }
    }

    @Override
    public void close() throws IOException {
      listener.close();
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  @Test
  void othersGoOnMeanwhile() throws Exception {
    try (var server = new Dribbling();
        var repository = TestRepository.in(folder.resolve("repository"));
        RealDaemon daemon = RealDaemon.start(folder)) {
      var slipway = new Commands(daemon.data());
      for (int i = 0; i < SLOW; i++) {
        slipway.succeed("app", "create", "slow-" + i, "--repo", server.url(i));
      }
      RealDaemon.await(() -> server.asked() >= SLOW, "all of them are being fetched");

      String commit = repository.commitValue("1");
      slipway.succeed("app", "create", "good", "--repo", repository.url());
      slipway.succeed("wait", "good", "--revision", commit, "--timeout", "60");
      slipway.succeed("suspend", "slow-3", "--reason", "the others must not wait either");
      slipway.succeed("resume", "slow-3");
      RealDaemon.await(
          () -> slipway.run("status", "slow-3").text().contains("is being fetched"),
          () -> "it says what it waits for: " + slipway.run("status", "slow-3").text());
      assertThat(daemon.log()).doesNotContain("ERROR");
    }
  }
}
