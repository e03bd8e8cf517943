package dev.slipway.sync.git;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.time.Timeline;
import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.Credentials;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.SourceException;
import dev.slipway.testing.ManualTimeline;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import org.apache.sshd.common.config.keys.PublicKeyEntry;
import org.apache.sshd.common.config.keys.writer.openssh.OpenSSHKeyPairResourceWriter;
import org.bouncycastle.bcpg.ArmoredOutputStream;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.bcpg.PublicKeyAlgorithmTags;
import org.bouncycastle.crypto.generators.RSAKeyPairGenerator;
import org.bouncycastle.crypto.params.RSAKeyGenerationParameters;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPPublicKey;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.PGPSignatureGenerator;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentSignerBuilder;
import org.bouncycastle.openpgp.operator.bc.BcPGPKeyPair;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.lib.CommitBuilder;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.GpgSignature;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.PersonIdent;
import org.eclipse.jgit.lib.RefUpdate;
import org.eclipse.jgit.lib.TagBuilder;
import org.eclipse.jgit.revwalk.RevCommit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Commits and tags that are signed by real keys, read by the source as it runs.
class SignatureCheckTest {
  @TempDir Path folder;

  private final Timeline time = new ManualTimeline();
  private Git git;

  @BeforeEach
  void repository() throws Exception {
    git = Git.init().setDirectory(folder.resolve("repo").toFile()).setInitialBranch("main").call();
    git.getRepository().getConfig().setString("user", null, "name", "ann");
    git.getRepository().getConfig().setString("user", null, "email", "ann@example.com");
    git.getRepository().getConfig().save();
  }

  @AfterEach
  void close() {
    git.close();
  }

  @Test
  void aCommitOfATrustedSshKeyIsFollowed() throws Exception {
    KeyPair ann = sshKey();
    String commit = signedBySsh(ann, "one");

    assertThat(resolve(List.of(line(sshKey()), line(ann)))).isEqualTo(commit);
  }

  @Test
  void aCommitOfAnotherSshKeyIsRefused() throws Exception {
    signedBySsh(sshKey(), "one");

    assertThatThrownBy(() -> resolve(List.of(line(sshKey()))))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("is of no trusted SSH key");
  }

  @Test
  void aCommitWithoutASignatureIsRefused() throws Exception {
    unsigned("one");

    assertThatThrownBy(() -> resolve(List.of(line(sshKey()))))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("it is not signed");
  }

  @Test
  void everyListMustHaveSigned() throws Exception {
    KeyPair ann = sshKey();
    signedBySsh(ann, "one");

    assertThatThrownBy(() -> resolveOf(List.of(List.of(line(ann)), List.of(line(sshKey())))))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no trusted SSH key");
  }

  @Test
  void aCommitOfATrustedOpenPgpKeyIsFollowed() throws Exception {
    BcPGPKeyPair ann = openPgpKey();
    String commit = signedByOpenPgp(ann, HashAlgorithmTags.SHA256, "one", "one");

    assertThat(resolve(List.of(armored(openPgpKey().getPublicKey()), armored(ann.getPublicKey()))))
        .isEqualTo(commit);
  }

  @Test
  void aSignatureOfAnotherCommitIsRefused() throws Exception {
    BcPGPKeyPair ann = openPgpKey();
    signedByOpenPgp(ann, HashAlgorithmTags.SHA256, "signed", "stolen");

    assertThatThrownBy(() -> resolve(List.of(armored(ann.getPublicKey()))))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("does not fit its content");
  }

  @Test
  void aHashThatCanBeForgedIsRefused() throws Exception {
    BcPGPKeyPair ann = openPgpKey();
    signedByOpenPgp(ann, HashAlgorithmTags.SHA1, "one", "one");

    assertThatThrownBy(() -> resolve(List.of(armored(ann.getPublicKey()))))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("hash that can be forged");
  }

  @Test
  void aSignedTagVouchesForTheCommitThatItNames() throws Exception {
    KeyPair ann = sshKey();
    String commit = unsigned("one");
    tagBySsh(ann, "v1.2.0");

    try (GitSource source = source(List.of(List.of(line(ann))))) {
      assertThat(source.resolve(remote(), "v1.2.0", ".").commit()).isEqualTo(commit);
      assertThat(source.resolve(remote(), "1.x", ".").commit()).isEqualTo(commit);
      assertThatThrownBy(() -> source.resolve(remote(), "main", "."))
          .as("by another name it is a commit like any")
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("it is not signed");
      assertThatThrownBy(() -> source.resolve(remote(), commit, "."))
          .isInstanceOf(SourceException.class);
    }
  }

  @Test
  void aTagThatWasMovedUnderAnotherNameVouchesForNothing() throws Exception {
    KeyPair ann = sshKey();
    unsigned("one");
    tagBySsh(ann, "v1.2.0");
    Path refs = folder.resolve("repo/.git/refs");
    for (String other : List.of("tags/v1.3.0", "heads/release")) {
      Files.copy(refs.resolve("tags/v1.2.0"), refs.resolve(other));
    }

    refused("v1.3.0", ann, "under another name, refs/tags/v1.3.0");
    refused("release", ann, "under another name, refs/heads/release");
  }

  @Test
  void aTagOfNobodyWhoIsTrustedVouchesForNothing() throws Exception {
    unsigned("one");
    git.tag().setName("plain").setAnnotated(false).call();
    git.tag().setName("annotated").setAnnotated(true).setMessage("it").setSigned(false).call();
    tagBySsh(sshKey(), "strange");
    KeyPair ann = sshKey();

    refused("plain", ann, "is refused: it is not signed (");
    refused("annotated", ann, "tag annotated: it is not signed");
    refused("strange", ann, "tag strange: its signature is of no trusted SSH key");
  }

  @Test
  void aSignedCommitNeedsNoSignedTag() throws Exception {
    KeyPair ann = sshKey();
    String commit = signedBySsh(ann, "one");
    git.tag().setName("v1").setAnnotated(true).setMessage("it").setSigned(false).call();

    assertThat(resolve("v1", List.of(List.of(line(ann))))).isEqualTo(commit);
  }

  @Test
  void eachListMayBeServedByTheCommitOrByTheTag() throws Exception {
    KeyPair ann = sshKey();
    KeyPair bob = sshKey();
    String commit = signedBySsh(ann, "one");
    tagBySsh(bob, "v1");

    assertThat(resolve("v1", List.of(List.of(line(ann)), List.of(line(bob))))).isEqualTo(commit);
  }

  @Test
  void aTagOfATrustedOpenPgpKeyVouchesForItsCommit() throws Exception {
    BcPGPKeyPair ann = openPgpKey();
    String commit = unsigned("one");
    tagByOpenPgp(ann, "v1", "v1");
    tagByOpenPgp(ann, "v1", "v2");

    assertThat(resolve("v1", List.of(List.of(armored(ann.getPublicKey()))))).isEqualTo(commit);
    assertThatThrownBy(() -> resolve("v2", List.of(List.of(armored(ann.getPublicKey())))))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("tag v2: its signature by OpenPGP key")
        .hasMessageContaining("does not fit its content");
  }

  private void refused(String revision, KeyPair trusted, String words) {
    assertThatThrownBy(() -> resolve(revision, List.of(List.of(line(trusted)))))
        .as(revision)
        .isInstanceOf(SourceException.class)
        .hasMessageContaining(words);
  }

  @Test
  void aRevertIsLeftToThoseWhoCanSign() throws Exception {
    KeyPair ann = sshKey();
    String commit = signedBySsh(ann, "one");

    try (GitSource source = source(List.of(List.of(line(ann))))) {
      assertThatThrownBy(() -> source.revert(remote(), "main", "main", ".", commit, "back"))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("make the commit by hand");
    }
  }

  private Remote remote() {
    return Remote.of(folder.resolve("repo").toUri().toString());
  }

  private GitSource source(List<List<String>> keys) {
    return new GitSource(
        folder.resolve("mirrors"),
        new Credentials() {
          @Override
          public Access read(Remote remote) {
            return Access.NONE;
          }

          @Override
          public List<List<String>> signatureKeys(Remote remote) {
            return keys;
          }
        },
        GitLimits.DEFAULT,
        time);
  }

  private String resolve(List<String> keys) {
    return resolveOf(List.of(keys));
  }

  private String resolveOf(List<List<String>> keys) {
    return resolve("main", keys);
  }

  private String resolve(String revision, List<List<String>> keys) {
    try (GitSource source = source(keys)) {
      return source.resolve(remote(), revision, ".").commit();
    }
  }

  private String unsigned(String message) throws Exception {
    return git.commit().setMessage(message).setAllowEmpty(true).setSign(false).call().name();
  }

  private static KeyPair sshKey() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static String line(KeyPair key) {
    return PublicKeyEntry.toString(key.getPublic());
  }

  private String signedBySsh(KeyPair key, String message) throws Exception {
    signWith(key);
    RevCommit commit = git.commit().setMessage(message).setAllowEmpty(true).setSign(true).call();
    return commit.name();
  }

  private void tagBySsh(KeyPair key, String name) throws Exception {
    signWith(key);
    git.tag().setName(name).setAnnotated(true).setMessage("a release").setSigned(true).call();
  }

  private void signWith(KeyPair key) throws Exception {
    Path file = Files.createTempFile(folder, "key", "");
    try (OutputStream out = Files.newOutputStream(file)) {
      OpenSSHKeyPairResourceWriter.INSTANCE.writePrivateKey(key, "ann", null, out);
    }
    Files.writeString(Path.of(file + ".pub"), line(key) + "\n");
    var config = git.getRepository().getConfig();
    config.setString("gpg", null, "format", "ssh");
    config.setString("user", null, "signingkey", file.toString());
    config.save();
  }

  private static BcPGPKeyPair openPgpKey() throws PGPException {
    var generator = new RSAKeyPairGenerator();
    generator.init(
        new RSAKeyGenerationParameters(
            java.math.BigInteger.valueOf(65_537), new SecureRandom(), 2_048, 12));
    return new BcPGPKeyPair(
        org.bouncycastle.bcpg.PublicKeyPacket.VERSION_4,
        PublicKeyAlgorithmTags.RSA_GENERAL,
        generator.generateKeyPair(),
        Date.from(Instant.parse("2026-01-01T00:00:00Z")));
  }

  private static String armored(PGPPublicKey key) throws IOException {
    var text = new ByteArrayOutputStream();
    try (var out = ArmoredOutputStream.builder().build(text)) {
      key.encode(out);
    }
    return text.toString(StandardCharsets.UTF_8);
  }

  /// @param signed the message that is signed
  /// @param message the one that the commit has
  private String signedByOpenPgp(BcPGPKeyPair key, int hash, String signed, String message)
      throws Exception {
    var repository = git.getRepository();
    try (ObjectInserter inserter = repository.newObjectInserter()) {
      ObjectId tree = inserter.insert(new org.eclipse.jgit.lib.TreeFormatter());
      var who = new PersonIdent("ann", "ann@example.com");
      CommitBuilder made = builder(tree, who, message);
      made.setGpgSignature(signature(key, hash, builder(tree, who, signed).build()));
      ObjectId id = inserter.insert(made);
      inserter.flush();
      RefUpdate update = repository.updateRef(Constants.R_HEADS + "main");
      update.setNewObjectId(id);
      update.forceUpdate();
      return id.name();
    }
  }

  private static GpgSignature signature(BcPGPKeyPair key, int hash, byte[] signed)
      throws Exception {
    var generator =
        new PGPSignatureGenerator(
            new BcPGPContentSignerBuilder(PublicKeyAlgorithmTags.RSA_GENERAL, hash),
            key.getPublicKey());
    generator.init(PGPSignature.BINARY_DOCUMENT, key.getPrivateKey());
    generator.update(signed);
    var text = new ByteArrayOutputStream();
    try (var out = ArmoredOutputStream.builder().build(text)) {
      generator.generate().encode(out);
    }
    return new GpgSignature(text.toByteArray());
  }

  /// @param signed the name in what is signed
  /// @param name the one that the tag has
  private void tagByOpenPgp(BcPGPKeyPair key, String signed, String name) throws Exception {
    var repository = git.getRepository();
    try (ObjectInserter inserter = repository.newObjectInserter()) {
      TagBuilder made = tag(name);
      made.setGpgSignature(signature(key, HashAlgorithmTags.SHA256, tag(signed).build()));
      ObjectId id = inserter.insert(made);
      inserter.flush();
      RefUpdate update = repository.updateRef(Constants.R_TAGS + name);
      update.setNewObjectId(id);
      update.update();
    }
  }

  private TagBuilder tag(String name) throws IOException {
    var builder = new TagBuilder();
    builder.setObjectId(git.getRepository().resolve("main"), Constants.OBJ_COMMIT);
    builder.setTag(name);
    builder.setTagger(
        new PersonIdent("ann", "ann@example.com", Instant.EPOCH, java.time.ZoneOffset.UTC));
    builder.setMessage("a release\n");
    return builder;
  }

  private static CommitBuilder builder(ObjectId tree, PersonIdent who, String message) {
    var builder = new CommitBuilder();
    builder.setTreeId(tree);
    builder.setAuthor(who);
    builder.setCommitter(who);
    builder.setMessage(message);
    return builder;
  }
}
