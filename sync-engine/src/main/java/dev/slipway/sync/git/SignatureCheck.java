package dev.slipway.sync.git;

import dev.slipway.manifest.render.Renderer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPObjectFactory;
import org.bouncycastle.openpgp.PGPPublicKey;
import org.bouncycastle.openpgp.PGPPublicKeyRingCollection;
import org.bouncycastle.openpgp.PGPRuntimeOperationException;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.PGPSignatureList;
import org.bouncycastle.openpgp.PGPUtil;
import org.bouncycastle.openpgp.operator.bc.BcKeyFingerprintCalculator;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentVerifierBuilderProvider;
import org.eclipse.jgit.lib.Config;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.GpgConfig;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.lib.SignatureVerifier.TrustLevel;
import org.eclipse.jgit.lib.SignatureVerifiers;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.revwalk.RevTag;
import org.eclipse.jgit.util.RawParseUtils;

/// Whether a commit, or the tag that names it, is signed by somebody who is trusted: by an SSH or
/// an OpenPGP key.
///
/// Keys are trusted as they are given. No key server and no key ring of this machine is asked; the
/// author or tagger, who anybody can claim to be, does not count.
final class SignatureCheck {
  private static final byte[] HEADER = "gpgsig".getBytes(StandardCharsets.US_ASCII);
  private static final String UNSIGNED = "it is not signed";
  private static final String OPENPGP = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

  /// Two texts of one such hash can be made.
  private static final Set<Integer> WEAK =
      Set.of(HashAlgorithmTags.MD5, HashAlgorithmTags.SHA1, HashAlgorithmTags.RIPEMD160);

  private final Path folder;

  /// @param folder for the lists of trusted SSH keys
  SignatureCheck(Path folder) {
    this.folder = folder;
  }

  /// @param keys each a line of an `authorized_keys` file, or an armored OpenPGP key
  /// @return why the commit is not to be trusted; empty when it is
  Optional<String> fault(Repository repository, RevCommit commit, List<String> keys)
      throws IOException {
    byte[] signature = commit.getRawGpgSignature();
    return signature == null
        ? Optional.of(UNSIGNED)
        : fault(repository, signed(commit.getRawBuffer()), signature, keys);
  }

  /// @param tag with its body
  /// @param asked the ref that was asked for, or an id: a signed tag speaks for no other name, so
  ///   that nobody can give an old version out for a new one
  /// @param keys as for a commit
  /// @return why the tag is not to be trusted; empty when it is
  Optional<String> fault(Repository repository, RevTag tag, String asked, List<String> keys)
      throws IOException {
    if (!asked.equals(Constants.R_TAGS + tag.getTagName()) && !asked.equals(tag.name())) {
      return Optional.of("it is there under another name, " + asked);
    }
    byte[] signature = tag.getRawGpgSignature();
    if (signature == null) {
      return Optional.of(UNSIGNED);
    }
    // It stands at the end of the tag.
    byte[] raw = tag.getRawBuffer();
    return fault(repository, Arrays.copyOf(raw, raw.length - signature.length), signature, keys);
  }

  private Optional<String> fault(
      Repository repository, byte[] signed, byte[] signature, List<String> keys)
      throws IOException {
    GpgConfig.GpgFormat format = SignatureVerifiers.getFormat(signature);
    if (format == GpgConfig.GpgFormat.SSH) {
      return ssh(repository, signed, signature, keys);
    }
    if (format == GpgConfig.GpgFormat.OPENPGP) {
      return openPgp(signed, signature, keys);
    }
    return Optional.of("its signature is neither of an SSH nor of an OpenPGP key");
  }

  /// A commit without its signature.
  private static byte[] signed(byte[] raw) {
    int value = RawParseUtils.headerStart(HEADER, raw, 0);
    int start = value - HEADER.length - 1;
    int end = Math.min(raw.length, RawParseUtils.nextLfSkippingSplitLines(raw, value) + 1);
    var rest = new ByteArrayOutputStream(raw.length);
    rest.write(raw, 0, start);
    rest.write(raw, end, raw.length - end);
    return rest.toByteArray();
  }

  private Optional<String> ssh(
      Repository repository, byte[] signed, byte[] signature, List<String> keys)
      throws IOException {
    List<String> trusted = keys.stream().filter(key -> !isOpenPgp(key)).toList();
    var config = new Config();
    config.setString("gpg", "ssh", "allowedSignersFile", signers(trusted).toString());
    try {
      var verification =
          SignatureVerifiers.verify(repository, new GpgConfig(config), signed, signature);
      if (verification != null
          && verification.verified()
          && !verification.expired()
          && verification.trustLevel().compareTo(TrustLevel.FULL) >= 0) {
        return Optional.empty();
      }
      return Optional.of(
          "its signature is of no trusted SSH key"
              + (verification == null || verification.keyFingerprint() == null
                  ? ""
                  : ": " + verification.keyFingerprint()));
    } catch (IOException | RuntimeException e) {
      return Optional.of("its SSH signature cannot be checked: " + e.getMessage());
    }
  }

  /// A file as `ssh-keygen` reads it; its name is its content.
  private Path signers(List<String> keys) throws IOException {
    var text = new StringBuilder();
    keys.forEach(key -> text.append("* namespaces=\"git\" ").append(key.strip()).append('\n'));
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("signers-" + Renderer.hash(bytes).substring(0, 16));
    if (Files.notExists(file) || !Files.readString(file).contentEquals(text)) {
      Files.createDirectories(folder);
      Path fresh = Files.createTempFile(folder, "signers", ".new");
      Files.write(fresh, bytes);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return file;
  }

  private static Optional<String> openPgp(byte[] signed, byte[] signature, List<String> keys) {
    try {
      for (PGPSignature one : signatures(signature)) {
        for (String armored : keys.stream().filter(SignatureCheck::isOpenPgp).toList()) {
          PGPPublicKey key = rings(armored).getPublicKey(one.getKeyID());
          if (key != null) {
            return fault(signed, one, key);
          }
        }
      }
      return Optional.of("its signature is of no trusted OpenPGP key");
    } catch (IOException | PGPException | RuntimeException e) {
      return Optional.of("its OpenPGP signature cannot be checked: " + e.getMessage());
    }
  }

  private static Optional<String> fault(byte[] signed, PGPSignature signature, PGPPublicKey key)
      throws PGPException {
    Instant made = signature.getCreationTime().toInstant();
    String name = "OpenPGP key " + Long.toHexString(key.getKeyID());
    if (signature.getSignatureType() != PGPSignature.BINARY_DOCUMENT
        && signature.getSignatureType() != PGPSignature.CANONICAL_TEXT_DOCUMENT) {
      return Optional.of("its signature is for something else than a commit or a tag");
    }
    if (WEAK.contains(signature.getHashAlgorithm())) {
      return Optional.of("its signature uses a hash that can be forged");
    }
    if (key.hasRevocation()) {
      return Optional.of(name + " is revoked");
    }
    if (key.getValidSeconds() > 0
        && key.getCreationTime()
            .toInstant()
            .plus(Duration.ofSeconds(key.getValidSeconds()))
            .isBefore(made)) {
      return Optional.of(name + " had expired when it signed");
    }
    signature.init(new BcPGPContentVerifierBuilderProvider(), key);
    try {
      signature.update(signed);
    } catch (PGPRuntimeOperationException e) {
      throw new PGPException("the signature cannot be read", e);
    }
    return signature.verify()
        ? Optional.empty()
        : Optional.of("its signature by " + name + " does not fit its content");
  }

  private static List<PGPSignature> signatures(byte[] armored) throws IOException {
    var found = new ArrayList<PGPSignature>();
    try (InputStream in = PGPUtil.getDecoderStream(new ByteArrayInputStream(armored))) {
      Object next = new PGPObjectFactory(in, new BcKeyFingerprintCalculator()).nextObject();
      if (next instanceof PGPSignatureList list) {
        list.forEach(found::add);
      }
    }
    return found;
  }

  private static PGPPublicKeyRingCollection rings(String armored) throws IOException, PGPException {
    try (InputStream in =
        PGPUtil.getDecoderStream(
            new ByteArrayInputStream(armored.strip().getBytes(StandardCharsets.UTF_8)))) {
      return new PGPPublicKeyRingCollection(in, new BcKeyFingerprintCalculator());
    }
  }

  private static boolean isOpenPgp(String key) {
    return key.strip().startsWith(OPENPGP);
  }
}
