package dev.slipway.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.home.CertificateAuthority;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeTlsTest {
  private static final int CONNECTIONS = 40;

  @TempDir Path folder;

  private SSLContext servers;
  private SSLContext clients;

  @BeforeEach
  void bothSides() throws Exception {
    var authority = CertificateAuthority.in(folder, Instant.now());
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(authority.serverKeys(List.of("localhost"), Instant.now()), new char[0]);
    servers = SSLContext.getInstance("TLS", NativeTls.load().orElseThrow());
    servers.init(keys.getKeyManagers(), null, null);
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(authority.trust());
    clients = SSLContext.getInstance("TLS");
    clients.init(null, trust.getTrustManagers(), null);
  }

  @Test
  void aConnectionThatEndsLeavesNoDescriptors() throws Exception {
    Connected.shaken(this);
    long before = pipes();
    var ended = new ArrayList<SSLEngine>();
    for (int i = 0; i < CONNECTIONS; i++) {
      Connected both = i % 4 == 0 ? new Connected(this) : Connected.shaken(this);
      if (i % 4 == 2) {
        // What the client said and nobody has read yet.
        both.say("half a request".getBytes(StandardCharsets.UTF_8));
      }
      if (i % 4 == 3) {
        // The client has said good-bye.
        both.client.closeOutbound();
        both.say(new byte[0]);
      }
      NativeTls.free(both.server);
      ended.add(both.server);
    }
    assertThat(pipes()).isLessThanOrEqualTo(before);
    assertThat(ended).allMatch(SSLEngine::isInboundDone).allMatch(SSLEngine::isOutboundDone);
  }

  private static long pipes() throws IOException {
    try (var all = Files.list(Path.of("/proc/self/fd"))) {
      return all.filter(NativeTlsTest::isPipe).count();
    }
  }

  private static boolean isPipe(Path descriptor) {
    try {
      String what = Files.readSymbolicLink(descriptor).toString();
      return what.startsWith("pipe:") || what.contains("eventfd");
    } catch (IOException e) {
      return false;
    }
  }

  /// A client and a server, with nothing between them but memory.
  private static final class Connected {
    private static final int ROOM = 64 << 10;

    final SSLEngine client;
    final SSLEngine server;
    private final ByteBuffer toServer = ByteBuffer.allocate(ROOM);
    private final ByteBuffer toClient = ByteBuffer.allocate(ROOM);

    Connected(NativeTlsTest test) {
      client = test.clients.createSSLEngine("localhost", 1);
      client.setUseClientMode(true);
      server = test.servers.createSSLEngine();
      server.setUseClientMode(false);
    }

    static Connected shaken(NativeTlsTest test) throws SSLException {
      var both = new Connected(test);
      both.client.beginHandshake();
      both.server.beginHandshake();
      while (step(both.client, both.toServer, both.toClient)
          || step(both.server, both.toClient, both.toServer)) {}
      assertThat(both.client.getHandshakeStatus()).isEqualTo(HandshakeStatus.NOT_HANDSHAKING);
      return both;
    }

    void say(byte[] words) throws SSLException {
      client.wrap(ByteBuffer.wrap(words), toServer);
      toServer.flip();
      // No room for the words: they stay in the engine.
      server.unwrap(toServer, ByteBuffer.allocate(0));
      toServer.compact();
    }

    private static boolean step(SSLEngine engine, ByteBuffer out, ByteBuffer in)
        throws SSLException {
      return switch (engine.getHandshakeStatus()) {
        case NEED_TASK -> {
          for (Runnable task; (task = engine.getDelegatedTask()) != null; ) {
            task.run();
          }
          yield true;
        }
        case NEED_WRAP -> {
          engine.wrap(ByteBuffer.allocate(0), out);
          yield true;
        }
        default -> {
          in.flip();
          int had = in.remaining();
          engine.unwrap(in, ByteBuffer.allocate(ROOM));
          int left = in.remaining();
          in.compact();
          yield left < had;
        }
      };
    }
  }
}
