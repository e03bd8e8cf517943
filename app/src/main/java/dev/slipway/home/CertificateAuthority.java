package dev.slipway.home;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/// The certificate authority of one data directory: made at first use, kept in `tls/`, trusted by
/// the kubeconfigs that are written for this daemon and by nobody else.
///
/// Keys are on the curve P-256. The server's certificate is made anew at each start; a client's
/// holds its user name as the common name and its groups as organizations, as Kubernetes reads
/// them.
public final class CertificateAuthority {
  private static final Duration CA_LIFE = Duration.ofDays(3_650);

  /// What any kubeconfig of this daemon may live at most.
  public static final Duration LEAF_LIFE = Duration.ofDays(365);

  private static final Duration CLOCK_SKEW = Duration.ofMinutes(5);
  private static final SecureRandom RANDOM = new SecureRandom();

  private final X509Certificate certificate;
  private final PrivateKey key;

  private CertificateAuthority(X509Certificate certificate, PrivateKey key) {
    this.certificate = certificate;
    this.key = key;
  }

  /// A certificate and its key, both as PEM.
  public record Leaf(String certificate, String key) {}

  /// Reads the authority of a folder, or makes one there.
  public static CertificateAuthority in(Path folder, Instant now) {
    Path certificateFile = folder.resolve("ca.crt");
    Path keyFile = folder.resolve("ca.key");
    try {
      if (Files.notExists(certificateFile) || Files.notExists(keyFile)) {
        Files.createDirectories(folder);
        KeyPair pair = pair();
        var name = new X500Name("CN=slipway-ca");
        var builder =
            new JcaX509v3CertificateBuilder(
                name,
                serial(),
                Date.from(now.minus(CLOCK_SKEW)),
                Date.from(now.plus(CA_LIFE)),
                name,
                pair.getPublic());
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
        builder.addExtension(
            Extension.keyUsage,
            true,
            new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign | KeyUsage.digitalSignature));
        X509Certificate made = signed(builder, pair.getPrivate());
        DataDirectory.writePrivate(keyFile, pem(pair.getPrivate()));
        DataDirectory.writePrivate(certificateFile, pem(made));
      }
      try (var certificates = new PEMParser(new StringReader(Files.readString(certificateFile)));
          var keys = new PEMParser(new StringReader(Files.readString(keyFile)))) {
        if (certificates.readObject() instanceof org.bouncycastle.cert.X509CertificateHolder holder
            && keys.readObject() instanceof PrivateKeyInfo known) {
          return new CertificateAuthority(
              new JcaX509CertificateConverter().getCertificate(holder),
              new JcaPEMKeyConverter().getPrivateKey(known));
        }
      }
      throw new IllegalStateException(
          folder + " holds no certificate authority: remove its files to have one made");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use " + folder + ": " + e.getMessage(), e);
    } catch (GeneralSecurityException | OperatorCreationException e) {
      throw new IllegalStateException("cannot make a certificate authority: " + e.getMessage(), e);
    }
  }

  /// Reads a pair of keys on the curve P-256 from a file, or makes one there.
  public static KeyPair keys(Path file) {
    try {
      if (Files.notExists(file)) {
        KeyPair pair = pair();
        DataDirectory.writePrivate(file, pem(pair.getPrivate()) + pem(pair.getPublic()));
      }
      try (var keys = new PEMParser(new StringReader(Files.readString(file)))) {
        if (keys.readObject() instanceof PrivateKeyInfo secret
            && keys.readObject() instanceof SubjectPublicKeyInfo known) {
          var converter = new JcaPEMKeyConverter();
          return new KeyPair(converter.getPublicKey(known), converter.getPrivateKey(secret));
        }
      }
      throw new IllegalStateException(file + " holds no key: remove it to have one made");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use " + file + ": " + e.getMessage(), e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("cannot make a key: " + e.getMessage(), e);
    }
  }

  /// Its own certificate, as PEM.
  public String pem() {
    return pem(certificate);
  }

  /// What a server shows for the given host names and addresses, with the authority itself as
  /// trusted for clients.
  public KeyStore serverKeys(List<String> hosts, Instant now) {
    try {
      KeyPair pair = pair();
      var names =
          hosts.stream()
              .distinct()
              .map(
                  host ->
                      new GeneralName(
                          isAddress(host) ? GeneralName.iPAddress : GeneralName.dNSName, host))
              .toArray(GeneralName[]::new);
      var builder = leaf(new X500Name("CN=slipway"), pair, now, LEAF_LIFE);
      builder.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names));
      builder.addExtension(
          Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth));
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, new char[0]);
      store.setKeyEntry(
          "server",
          pair.getPrivate(),
          new char[0],
          new X509Certificate[] {signed(builder, key), certificate});
      return store;
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new IllegalStateException("cannot make the server's certificate: " + e.getMessage(), e);
    }
  }

  /// Whom the server believes: clients with a certificate of this authority.
  public KeyStore trust() {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, new char[0]);
      store.setCertificateEntry("ca", certificate);
      return store;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /// A certificate for a client.
  public Leaf client(String user, List<String> groups, Duration life, Instant now) {
    try {
      KeyPair pair = pair();
      var name = new X500NameBuilder(BCStyle.INSTANCE);
      groups.forEach(group -> name.addRDN(BCStyle.O, group));
      name.addRDN(BCStyle.CN, user);
      var builder = leaf(name.build(), pair, now, life.compareTo(LEAF_LIFE) > 0 ? LEAF_LIFE : life);
      builder.addExtension(
          Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_clientAuth));
      return new Leaf(pem(signed(builder, key)), pem(pair.getPrivate()));
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new IllegalStateException("cannot make a client's certificate: " + e.getMessage(), e);
    }
  }

  private JcaX509v3CertificateBuilder leaf(X500Name name, KeyPair pair, Instant now, Duration life)
      throws IOException {
    var builder =
        new JcaX509v3CertificateBuilder(
            new X500Name(certificate.getSubjectX500Principal().getName()),
            serial(),
            Date.from(now.minus(CLOCK_SKEW)),
            Date.from(now.plus(life)),
            name,
            pair.getPublic());
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
    return builder;
  }

  private static X509Certificate signed(JcaX509v3CertificateBuilder builder, PrivateKey by)
      throws GeneralSecurityException, OperatorCreationException {
    return new JcaX509CertificateConverter()
        .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(by)));
  }

  private static KeyPair pair() throws GeneralSecurityException {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static BigInteger serial() {
    return new BigInteger(126, RANDOM).setBit(126);
  }

  private static boolean isAddress(String host) {
    return host.contains(":") || host.matches("[0-9.]+");
  }

  private static String pem(Key key) {
    return pem(key instanceof PrivateKey ? "PRIVATE KEY" : "PUBLIC KEY", key.getEncoded());
  }

  private static String pem(X509Certificate certificate) {
    try {
      return pem("CERTIFICATE", certificate.getEncoded());
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException(e);
    }
  }

  /// RFC 7468.
  private static String pem(String label, byte[] bytes) {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(label, body, label);
  }
}
