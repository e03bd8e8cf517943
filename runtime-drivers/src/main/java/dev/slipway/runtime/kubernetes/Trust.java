package dev.slipway.runtime.kubernetes;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;

/// TLS towards an API server, from the PEM texts that kubeconfigs carry.
final class Trust {
  private static final char[] NO_PASSWORD = new char[0];

  private Trust() {}

  /// @param authorities PEM certificates; empty for those that the JDK trusts
  /// @param clientCertificate PEM, with its key: both or neither
  /// @param insecure trusts everybody, as `insecure-skip-tls-verify` asks
  /// @throws IllegalArgumentException naming the part that cannot be read
  static SSLContext context(
      Optional<byte[]> authorities,
      Optional<byte[]> clientCertificate,
      Optional<byte[]> clientKey,
      boolean insecure) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          keys(clientCertificate, clientKey),
          insecure ? new TrustManager[] {new TrustsAll()} : trusted(authorities),
          new SecureRandom());
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalArgumentException("TLS cannot be set up: " + e.getMessage(), e);
    }
  }

  private static KeyManager[] keys(Optional<byte[]> certificate, Optional<byte[]> key)
      throws GeneralSecurityException, IOException {
    if (certificate.isEmpty() && key.isEmpty()) {
      return new KeyManager[0];
    }
    if (certificate.isEmpty() || key.isEmpty()) {
      throw new IllegalArgumentException("a client certificate and its key come together");
    }
    Collection<? extends Certificate> chain = certificates(certificate.get(), "client certificate");
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("client", key(key.get()), NO_PASSWORD, chain.toArray(Certificate[]::new));
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory.getKeyManagers();
  }

  private static PrivateKey key(byte[] pem) throws IOException {
    try (var parser = new PEMParser(new StringReader(text(pem)))) {
      for (Object part = parser.readObject(); part != null; part = parser.readObject()) {
        if (part instanceof PEMKeyPair pair) {
          return new JcaPEMKeyConverter().getPrivateKey(pair.getPrivateKeyInfo());
        }
        if (part instanceof PrivateKeyInfo info) {
          return new JcaPEMKeyConverter().getPrivateKey(info);
        }
      }
    }
    throw new IllegalArgumentException("the client key is no unencrypted PEM key");
  }

  private static TrustManager[] trusted(Optional<byte[]> authorities)
      throws GeneralSecurityException, IOException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    if (authorities.isEmpty()) {
      factory.init((KeyStore) null);
    } else {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      int number = 0;
      for (Certificate certificate : certificates(authorities.get(), "certificate authority")) {
        store.setCertificateEntry("authority-" + number++, certificate);
      }
      factory.init(store);
    }
    return factory.getTrustManagers();
  }

  private static Collection<? extends Certificate> certificates(byte[] pem, String what) {
    try {
      Collection<? extends Certificate> found =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(pem));
      if (found.isEmpty()) {
        throw new IllegalArgumentException("the " + what + " holds no certificate");
      }
      return found;
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("the " + what + " is no PEM certificate", e);
    }
  }

  private static String text(byte[] pem) {
    return new String(pem, StandardCharsets.US_ASCII);
  }

  /// An extended trust manager: only such a one also leaves the host's name unchecked.
  private static final class TrustsAll extends X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
