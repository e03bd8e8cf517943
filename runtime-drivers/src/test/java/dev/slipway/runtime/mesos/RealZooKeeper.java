package dev.slipway.runtime.mesos;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/// One ZooKeeper server on a free port of this machine, in a process of its own.
final class RealZooKeeper implements AutoCloseable {
  private final Path folder;
  private final int port;
  private Process process;

  private RealZooKeeper(Path folder, int port) throws IOException {
    this.folder = folder;
    this.port = port;
    this.process = launch();
  }

  static RealZooKeeper start(Path folder) throws IOException {
    int port;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    return new RealZooKeeper(folder, port);
  }

  private Process launch() throws IOException {
    Process started =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dzookeeper.admin.enableServer=false",
                "-cp",
                System.getProperty("java.class.path"),
                "org.apache.zookeeper.server.ZooKeeperServerMain",
                Integer.toString(port),
                folder.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!listens()) {
      if (!started.isAlive() || System.nanoTime() > until) {
        throw new IOException("ZooKeeper does not start");
      }
      LockSupport.parkNanos(50_000_000);
    }
    return started;
  }

  private boolean listens() {
    try (var _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /// As masters, agents and frameworks are told it.
  String address() {
    return "zk://127.0.0.1:" + port + "/mesos";
  }

  void kill() {
    process.destroyForcibly().onExit().join();
  }

  void startAgain() throws IOException {
    process = launch();
  }

  @Override
  public void close() {
    kill();
  }
}
