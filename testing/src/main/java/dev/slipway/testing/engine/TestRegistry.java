package dev.slipway.testing.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.concurrent.locks.LockSupport;

/// Debian's `docker-registry` on a free port of 127.0.0.1, for those who know the password.
public final class TestRegistry implements AutoCloseable {
  public static final String USER = "reader";
  public static final String PASSWORD = "opens-it";

  private final Process process;
  private final String host;

  private TestRegistry(Process process, String host) {
    this.process = process;
    this.host = host;
  }

  public static TestRegistry start(Path folder) {
    try {
      Files.createDirectories(folder);
      int port;
      try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        port = socket.getLocalPort();
      }
      Process passwords =
          new ProcessBuilder("htpasswd", "-Bbn", USER, PASSWORD)
              .redirectOutput(folder.resolve("passwords").toFile())
              .start();
      if (passwords.waitFor() != 0) {
        throw new IllegalStateException("htpasswd failed");
      }
      Files.writeString(
          folder.resolve("config.yml"),
          """
          version: 0.1
          storage:
            filesystem:
              rootdirectory: %s/data
          http:
            addr: 127.0.0.1:%d
          auth:
            htpasswd:
              realm: test
              path: %s/passwords
          """
              .formatted(folder, port, folder));
      Process process =
          new ProcessBuilder("docker-registry", "serve", folder.resolve("config.yml").toString())
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("log").toFile())
              .start();
      var registry = new TestRegistry(process, "127.0.0.1:" + port);
      registry.awaitPort(port, folder);
      return registry;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private void awaitPort(int port, Path folder) throws IOException {
    for (int i = 0; i < 3_000; i++) {
      try (var socket = new Socket()) {
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1_000);
        return;
      } catch (IOException e) {
        if (!process.isAlive()) {
          throw new IllegalStateException(Files.readString(folder.resolve("log")), e);
        }
        LockSupport.parkNanos(10_000_000);
      }
    }
    throw new IllegalStateException("docker-registry does not answer");
  }

  /// As images name it.
  public String host() {
    return host;
  }

  /// Gives the registry an image that the engine has, and takes it from the engine.
  ///
  /// @return its name
  public String take(TestEngine engine, String image, String name) {
    String whole = host + "/" + name;
    engine.post("/images/%s/tag?repo=%s&tag=1".formatted(image, whole), null);
    String login =
        Base64.getUrlEncoder()
            .encodeToString(
                "{\"username\":\"%s\",\"password\":\"%s\"}"
                    .formatted(USER, PASSWORD)
                    .getBytes(StandardCharsets.UTF_8));
    String answer = engine.push(whole, "1", login);
    if (!answer.contains("digest: sha256:")) {
      throw new IllegalStateException("not pushed: " + answer);
    }
    engine.delete("/images/" + whole + ":1");
    return whole + ":1";
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
