package dev.slipway.web;

import java.security.Provider;
import java.security.Security;
import java.util.Optional;
import org.conscrypt.Conscrypt;
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

  private NativeTls() {}

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
