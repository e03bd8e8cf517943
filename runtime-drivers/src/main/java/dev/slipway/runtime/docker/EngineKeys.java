package dev.slipway.runtime.docker;

import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;

/// Who we are to an engine, and by whom we know it: the `ca.pem`, `cert.pem` and `key.pem` of
/// Docker's own client.
///
/// @param context uses them for mutual TLS
public record EngineKeys(SSLContext context) {
  private static final char[] NO_PASSWORD = new char[0];

  /// @throws RuntimeFailedException permanent, naming what cannot be read; tells no content
  public static EngineKeys of(String ca, String certificate, String key) {
    try {
      KeyStore own = store();
      own.setKeyEntry(
          "engine",
          key(key),
          NO_PASSWORD,
          certificates(certificate, "cert.pem").toArray(Certificate[]::new));
      var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(own, NO_PASSWORD);
      KeyStore trusted = store();
      int number = 0;
      for (Certificate authority : certificates(ca, "ca.pem")) {
        trusted.setCertificateEntry("authority-" + number++, authority);
      }
      var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
      return new EngineKeys(context);
    } catch (GeneralSecurityException | IOException e) {
      throw RuntimeFailedException.unsupported(
          "ca.pem, cert.pem and key.pem cannot be used: " + e.getMessage());
    }
  }

  private static KeyStore store() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  private static List<Certificate> certificates(String pem, String file) throws IOException {
    try {
      List<Certificate> found =
          List.copyOf(
              CertificateFactory.getInstance("X.509")
                  .generateCertificates(
                      new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII))));
      if (found.isEmpty()) {
        throw new IOException(file + " holds no certificate");
      }
      return found;
    } catch (GeneralSecurityException e) {
      throw new IOException(file + " is no PEM certificate", e);
    }
  }

  private static PrivateKey key(String pem) throws IOException {
    try (var parser = new PEMParser(new StringReader(pem))) {
      for (Object part = parser.readObject(); part != null; part = parser.readObject()) {
        if (part instanceof PEMKeyPair pair) {
          return new JcaPEMKeyConverter().getPrivateKey(pair.getPrivateKeyInfo());
        }
        if (part instanceof PrivateKeyInfo info) {
          return new JcaPEMKeyConverter().getPrivateKey(info);
        }
      }
    }
    throw new IOException("key.pem is no unencrypted PEM key");
  }
}
