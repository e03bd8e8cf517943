package dev.slipway.runtime.docker;

import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A private socket here, each of whose connections is carried by `ssh HOST docker system
/// dial-stdio` to the engine there: what Docker's own client does for `ssh://`. Connections share
/// one ssh session.
final class SshBridge implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SshBridge.class);

  private static final Duration LAST_WORDS = Duration.ofSeconds(5);

  private final EngineAddress.Ssh ssh;
  private final Path folder;
  private final ServerSocketChannel server;
  private final List<String> command;

  /// What ssh complained of when it last failed, and what to do about it; empty once a connection
  /// has carried something.
  private volatile String complaint = "";

  private SshBridge(
      EngineAddress.Ssh ssh, Path folder, ServerSocketChannel server, List<String> command) {
    this.ssh = ssh;
    this.folder = folder;
    this.server = server;
    this.command = command;
  }

  static SshBridge open(EngineAddress.Ssh ssh) {
    try {
      Path folder =
          Files.createTempDirectory(
              "slipway-ssh",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(folder.resolve("engine.sock")));
      var bridge = new SshBridge(ssh, folder, server, command(ssh, folder));
      Thread.ofVirtual().name("ssh-bridge").start(bridge::serve);
      return bridge;
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot reach " + ssh + ": " + e.getMessage(), e);
    }
  }

  private static List<String> command(EngineAddress.Ssh ssh, Path folder) throws IOException {
    var command =
        new ArrayList<>(
            List.of(
                "ssh",
                "-o",
                "BatchMode=yes",
                "-o",
                "ConnectTimeout=10",
                "-o",
                "ServerAliveInterval=10",
                "-o",
                "ServerAliveCountMax=3",
                "-o",
                "ControlMaster=auto",
                "-o",
                "ControlPersist=60",
                "-o",
                "ControlPath=" + folder.resolve("control")));
    if (ssh.key().isPresent()) {
      Path key = folder.resolve("key");
      Files.write(
          Files.createFile(
              key,
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))),
          ssh.key().get());
      command.addAll(List.of("-i", key.toString(), "-o", "IdentitiesOnly=yes"));
    }
    if (ssh.knownHosts().isPresent()) {
      Path hosts = folder.resolve("known_hosts");
      Files.write(hosts, ssh.knownHosts().get());
      command.addAll(
          List.of("-o", "UserKnownHostsFile=" + hosts, "-o", "StrictHostKeyChecking=yes"));
    }
    if (!ssh.user().isEmpty()) {
      command.addAll(List.of("-l", ssh.user()));
    }
    if (ssh.port() > 0) {
      command.addAll(List.of("-p", Integer.toString(ssh.port())));
    }
    command.addAll(List.of("--", ssh.host(), "docker", "system", "dial-stdio"));
    return command;
  }

  Path socket() {
    return folder.resolve("engine.sock");
  }

  String complaint() {
    return complaint;
  }

  private void serve() {
    while (true) {
      try {
        SocketChannel connection = server.accept();
        Thread.ofVirtual().name("ssh-connection").start(() -> carry(connection));
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        log.warn("ssh bridge stopped cause={}", e.toString());
        return;
      }
    }
  }

  private void carry(SocketChannel connection) {
    try (connection) {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.PIPE).start();
      try {
        Thread errors = Thread.ofVirtual().start(() -> tell(process.getErrorStream()));
        Thread.ofVirtual()
            .start(() -> pump(Channels.newInputStream(connection), process.getOutputStream()));
        if (process.getInputStream().transferTo(Channels.newOutputStream(connection)) > 0) {
          complaint = "";
        } else {
          // Its words are there before the caller learns that nothing comes.
          errors.join(LAST_WORDS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        process.destroy();
      }
    } catch (IOException e) {
      log.debug("ssh connection ended cause={}", e.toString());
    }
  }

  private void tell(InputStream errors) {
    try (errors) {
      String words = new String(errors.readNBytes(2048), java.nio.charset.StandardCharsets.UTF_8);
      if (!words.isBlank()) {
        complaint = SshAdvice.of(ssh, words);
        log.warn("ssh says: {}", words.strip());
      }
      errors.transferTo(OutputStream.nullOutputStream());
    } catch (IOException e) {
      log.debug("ssh errors not read cause={}", e.toString());
    }
  }

  private static void pump(InputStream in, OutputStream out) {
    try (out) {
      var buffer = new byte[32 << 10];
      int count;
      while ((count = in.read(buffer)) >= 0) {
        out.write(buffer, 0, count);
        out.flush();
      }
    } catch (IOException e) {
      log.debug("ssh connection ended cause={}", e.toString());
    }
  }

  @Override
  public void close() {
    try {
      server.close();
      for (String name : List.of("engine.sock", "key", "known_hosts", "control")) {
        Files.deleteIfExists(folder.resolve(name));
      }
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      log.debug("ssh bridge not cleaned cause={}", e.toString());
    }
  }
}
