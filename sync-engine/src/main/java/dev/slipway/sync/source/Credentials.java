package dev.slipway.sync.source;

import java.util.List;

/// What opens repositories. Asked before each call, so that a change counts at once.
@FunctionalInterface
public interface Credentials {
  /// @throws SourceException when what it takes is not there
  Access read(Remote remote);

  /// What may also write: another credential than the one that reads.
  ///
  /// @throws SourceException when there is none
  default Access write(Remote remote) {
    throw new SourceException(
        "no credential may write to this repository: give its Repository object a writeSecretRef");
  }

  /// Whose signature every commit, or the tag by which it was asked for, must carry: of each list
  /// at least one key. Lines of an `authorized_keys` file, and armored OpenPGP keys.
  ///
  /// @return nothing when commits need not be signed
  default List<List<String>> signatureKeys(Remote remote) {
    return List.of();
  }
}
