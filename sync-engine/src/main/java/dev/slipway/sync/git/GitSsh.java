package dev.slipway.sync.git;

import dev.slipway.sync.source.Access;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.StringReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.List;
import org.apache.sshd.client.config.hosts.KnownHostEntry;
import org.apache.sshd.common.NamedResource;
import org.apache.sshd.common.config.keys.AuthorizedKeyEntry;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.config.keys.PublicKeyEntryResolver;
import org.apache.sshd.common.util.security.SecurityUtils;
import org.eclipse.jgit.transport.CredentialsProvider;
import org.eclipse.jgit.transport.sshd.ServerKeyDatabase;
import org.eclipse.jgit.transport.sshd.SshdSessionFactory;
import org.eclipse.jgit.transport.sshd.SshdSessionFactoryBuilder;

/// The ssh connections of one repository: with its own key and its own known hosts, and nothing
/// else of the machine.
final class GitSsh implements ServerKeyDatabase {
  private final String knownHosts;
  private final SshdSessionFactory sessions;

  /// Why the last server was refused; empty when none was.
  private volatile String refusal = "";

  /// @param empty a folder with nothing in it, in place of a home
  GitSsh(Access access, Path empty) {
    this.knownHosts = access.knownHosts();
    List<KeyPair> keys = access.privateKey().map(GitSsh::keys).orElse(List.of());
    this.sessions =
        new SshdSessionFactoryBuilder()
            .setPreferredAuthentications(
                access.password().isPresent() ? "publickey,password" : "publickey")
            .setHomeDirectory(empty.toFile())
            .setSshDirectory(empty.toFile())
            .setConfigStoreFactory((home, config, user) -> null)
            .setDefaultKnownHostsFiles(folder -> List.of())
            .setDefaultIdentities(folder -> List.of())
            .setDefaultKeysProvider(folder -> keys)
            .setServerKeyDatabase((File home, File ssh) -> this)
            .build(null);
  }

  SshdSessionFactory sessions() {
    return sessions;
  }

  String refusal() {
    return refusal;
  }

  private static List<KeyPair> keys(String text) {
    try {
      var keys = new ArrayList<KeyPair>();
      SecurityUtils.loadKeyPairIdentities(
              null,
              NamedResource.ofName("sshPrivateKey"),
              new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII)),
              null)
          .forEach(keys::add);
      return keys;
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new IllegalArgumentException(
          "the ssh key cannot be read (is it encrypted?): " + e.getClass().getSimpleName(), e);
    }
  }

  private List<KnownHostEntry> entries(InetSocketAddress address) {
    try {
      return KnownHostEntry.readKnownHostEntries(new StringReader(knownHosts), true).stream()
          .filter(
              entry ->
                  !"revoked".equals(entry.getMarker())
                      && entry.isHostMatch(address.getHostString(), address.getPort()))
          .toList();
    } catch (IOException | RuntimeException e) {
      throw new IllegalArgumentException("the known hosts cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public List<PublicKey> lookup(
      String connect, InetSocketAddress remote, Configuration configuration) {
    var keys = new ArrayList<PublicKey>();
    for (KnownHostEntry entry : entries(named(connect, remote))) {
      AuthorizedKeyEntry key = entry.getKeyEntry();
      try {
        PublicKey known = key.resolvePublicKey(null, PublicKeyEntryResolver.IGNORING);
        if (known != null) {
          keys.add(known);
        }
      } catch (IOException | GeneralSecurityException e) {
        throw new IllegalArgumentException("a known host cannot be read: " + e.getMessage(), e);
      }
    }
    return keys;
  }

  /// By the name in the address, as people write known hosts.
  private static InetSocketAddress named(String connect, InetSocketAddress remote) {
    String host = connect.replaceFirst("^.*@", "").replaceFirst("^\\[(.*)](:[0-9]+)?$", "$1");
    if (host.indexOf(':') == host.lastIndexOf(':')) {
      host = host.replaceFirst(":[0-9]+$", "");
    }
    return InetSocketAddress.createUnresolved(host, remote.getPort());
  }

  @Override
  public boolean accept(
      String connect,
      InetSocketAddress remote,
      PublicKey key,
      Configuration configuration,
      CredentialsProvider provider) {
    List<PublicKey> known = lookup(connect, remote, configuration);
    boolean accepted = known.stream().anyMatch(one -> KeyUtils.compareKeys(one, key));
    refusal =
        accepted
            ? ""
            : known.isEmpty()
                ? "its host key %s is not among the knownHosts of the Repository"
                    .formatted(KeyUtils.getFingerPrint(key))
                : "its host key is %s, and the knownHosts of the Repository say otherwise"
                    .formatted(KeyUtils.getFingerPrint(key));
    return accepted;
  }
}
