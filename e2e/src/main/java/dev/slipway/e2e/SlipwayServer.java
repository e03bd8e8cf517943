package dev.slipway.e2e;

import dev.slipway.controlplane.proxy.ProxyClient;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/// A daemon in a process of its own, with its data in a folder that is given; it ends with its
/// pods.
public final class SlipwayServer implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 120;

  private final Path folder;
  private final Process daemon;

  private SlipwayServer(Path folder, Process daemon) {
    this.folder = folder;
    this.daemon = daemon;
  }

  /// Starts it and waits until it answers.
  public static SlipwayServer start(Path folder) throws IOException, InterruptedException {
    int port;
    try (var free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    var server =
        new SlipwayServer(folder, slipway(folder, "server", "--listen", "127.0.0.1:" + port));
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (Files.notExists(folder.resolve("data/address"))) {
      if (!server.daemon.isAlive() || System.nanoTime() > until) {
        server.daemon.destroyForcibly();
        throw new IOException("no daemon: " + Files.readString(folder.resolve("log")));
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
    Process made = slipway(folder, "kubeconfig");
    Files.write(server.kubeconfig(), made.getInputStream().readAllBytes());
    if (made.waitFor() != 0) {
      server.close();
      throw new IOException("no kubeconfig: " + Files.readString(folder.resolve("log")));
    }
    return server;
  }

  /// Names the server, its authority and the administrator's token.
  public Path kubeconfig() {
    return folder.resolve("kubeconfig");
  }

  /// Runs a command of the program against this daemon.
  public Process slipway(String... arguments) throws IOException {
    return slipway(folder, arguments);
  }

  private static Process slipway(Path folder, String... arguments) throws IOException {
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.slipway.app.Slipway"));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--data-dir", folder.resolve("data").toString()));
    var builder = new ProcessBuilder(command).redirectError(folder.resolve("log").toFile());
    if (arguments[0].equals("server")) {
      builder.redirectOutput(folder.resolve("log.out").toFile());
    }
    return builder.start();
  }

  @Override
  public void close() throws IOException {
    try {
      slipway("down", "--pods").waitFor();
      daemon.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    ProxyClient.stop(folder.resolve("data/proxy"));
  }
}
