package dev.slipway.web;

import java.nio.ByteBuffer;
import java.security.Provider;
import java.security.Security;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.conscrypt.Conscrypt;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// TLS by BoringSSL (the library Conscrypt), for a server only.
///
/// The JDK has ciphers in machine instructions in its optimising compiler alone, which a daemon
/// that `slipway` starts does without: a list of pods took four times the processor time. A client
/// cannot use it with the JDK's rules of whom to trust, which do not know the names that it has for
/// ways to exchange keys.
final class NativeTls {
  private static final Logger log = LoggerFactory.getLogger(NativeTls.class);

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private NativeTls() {}

  /// Gives back what a connection has of the native library once it ends.
  ///
  /// An engine of Conscrypt has two descriptors of its own and memory that the JVM does not see. It
  /// keeps them until both ways are closed and nothing is left in it in either, else until it is
  /// garbage: which is soon enough for an engine of the JDK, and not for descriptors.
  static final class Freeing implements Connection.Listener {
    @Override
    public void onClosed(Connection connection) {
      if (connection instanceof SslConnection tls) {
        free(tls.getSSLEngine());
      }
    }
  }

  static void free(SSLEngine engine) {
    ByteBuffer taken = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
    try {
      try {
        // First what nobody has read: it cannot be taken out of a closed engine.
        while (engine.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING
            && engine.unwrap(NOTHING, taken.clear()).bytesProduced() > 0) {}
      } finally {
        engine.closeOutbound();
        engine.closeInbound();
        while (engine.wrap(NOTHING, taken.clear()).bytesProduced() > 0) {}
      }
    } catch (SSLException e) {
      // It was not closed by its client in words, which is all that this says.
      log.debug("tls ended cause={}", e.toString());
    }
  }

  /// Makes it known to the JDK, behind its own.
  ///
  /// @return the provider's name; empty where this machine cannot load it, and the JDK's is to be
  ///   used
  static Optional<String> load() {
    try {
      Conscrypt.checkAvailability();
      Provider provider = Conscrypt.newProviderBuilder().provideTrustManager(false).build();
      Security.addProvider(provider);
      return Optional.of(provider.getName());
    } catch (LinkageError | RuntimeException e) {
      log.info("tls by the JDK: no native one cause={}", e.toString());
      return Optional.empty();
    }
  }
}
