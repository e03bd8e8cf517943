package dev.slipway.runtime.docker;

import com.github.dockerjava.core.util.CertificateUtils;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.IOException;
import java.io.StringReader;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// Who we are to an engine, and by whom we know it: the `ca.pem`, `cert.pem` and `key.pem` of
/// Docker's own client.
///
/// @param context uses them for mutual TLS
public record EngineKeys(SSLContext context) {
  /// @throws RuntimeFailedException permanent, naming what cannot be read; tells no content
  public static EngineKeys of(String ca, String certificate, String key) {
    try {
      KeyStore own = CertificateUtils.createKeyStore(key, certificate);
      if (own == null) {
        throw new IOException("cert.pem or key.pem is empty");
      }
      var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(own, "docker".toCharArray());
      var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(CertificateUtils.createTrustStore(new StringReader(ca)));
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
      return new EngineKeys(context);
    } catch (GeneralSecurityException | IOException | RuntimeException e) {
      throw RuntimeFailedException.unsupported(
          "ca.pem, cert.pem and key.pem cannot be used: " + e.getMessage());
    }
  }
}
