package dev.slipway.testing.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// OpenSSH's `sshd` on a loopback port, whose only key may run one command and nothing else. Needs
/// root and Debian's `openssh-server` and `openssh-client`.
public final class TestSshServer implements AutoCloseable {
  private final Path folder;
  private final int port;
  private @Nullable Process process;

  private TestSshServer(Path folder, int port) {
    this.folder = folder;
    this.port = port;
  }

  /// What is missing to run one here; empty when nothing is.
  public static Optional<String> missing() {
    if (!"root".equals(System.getProperty("user.name"))) {
      return Optional.of("an sshd of our own needs root");
    }
    for (String program : new String[] {"sshd", "ssh-keygen"}) {
      if (TestEngine.find(program).isEmpty()) {
        return Optional.of(program + " is not installed; ./check installs it");
      }
    }
    return Optional.empty();
  }

  /// What is missing to reach an engine through one.
  public static Optional<String> missingForEngine() {
    for (String program : new String[] {"ssh", "docker"}) {
      if (TestEngine.find(program).isEmpty()) {
        return Optional.of(program + " is not installed; ./check installs it");
      }
    }
    return missing().or(TestEngine::missing);
  }

  /// One whose key may reach an engine.
  public static TestSshServer start(Path folder, TestEngine engine) {
    return start(folder, "DOCKER_HOST=" + engine.address() + " $SSH_ORIGINAL_COMMAND");
  }

  /// @param command of the shell; `$SSH_ORIGINAL_COMMAND` in it is what the client asked for
  public static TestSshServer start(Path folder, String command) {
    try {
      Files.createDirectories(folder);
      Files.createDirectories(Path.of("/run/sshd"));
      var server = new TestSshServer(folder, freePort());
      for (String key : new String[] {"host", "user"}) {
        TestEngine.run(
            "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.resolve(key).toString());
      }
      Files.writeString(
          folder.resolve("authorized"),
          "command=\"%s\",restrict %s"
              .formatted(command, Files.readString(folder.resolve("user.pub"))));
      Files.writeString(
          folder.resolve("config"),
          """
          ListenAddress 127.0.0.1:%d
          HostKey %s
          PidFile none
          StrictModes no
          PasswordAuthentication no
          PermitRootLogin prohibit-password
          MaxSessions 100
          AuthorizedKeysFile %s
          """
              .formatted(server.port, folder.resolve("host"), folder.resolve("authorized")));
      server.start();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /// Starts it again after [#stop].
  public void start() {
    try {
      Process started =
          new ProcessBuilder(
                  TestEngine.find("sshd").orElseThrow().toString(),
                  "-D",
                  "-e",
                  "-f",
                  folder.resolve("config").toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
              .start();
      process = started;
      for (int i = 0; i < 3_000; i++) {
        try (var _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
          return;
        } catch (IOException e) {
          if (!started.isAlive()) {
            throw new IllegalStateException(Files.readString(folder.resolve("log")), e);
          }
          LockSupport.parkNanos(10_000_000);
        }
      }
      throw new IllegalStateException("sshd does not answer");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Ends it with all its sessions.
  public void stop() {
    Process known = process;
    if (known != null) {
      known.descendants().forEach(ProcessHandle::destroyForcibly);
      known.destroyForcibly().onExit().join();
      process = null;
    }
  }

  public int port() {
    return port;
  }

  /// A key that may not come in.
  public byte[] strangersKey() {
    if (!Files.exists(folder.resolve("stranger"))) {
      TestEngine.run(
          "ssh-keygen",
          "-q",
          "-t",
          "ed25519",
          "-N",
          "",
          "-f",
          folder.resolve("stranger").toString());
    }
    return read("stranger");
  }

  /// The private key that may come in.
  public byte[] key() {
    return read("user");
  }

  /// What a client's `known_hosts` says of this server.
  public String knownHost() {
    return "[127.0.0.1]:%d %s"
        .formatted(port, new String(read("host.pub"), java.nio.charset.StandardCharsets.US_ASCII));
  }

  private byte[] read(String name) {
    try {
      return Files.readAllBytes(folder.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    stop();
  }
}
