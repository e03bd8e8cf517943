package dev.slipway.model.archive;

import java.util.Collection;
import java.util.Optional;

/// Keeps bytes under the SHA-256 of their content, so that what is the same is kept once. What was
/// put is durable when the call returns, and is returned unchanged or not at all: content that no
/// longer has its hash is a failure, never an answer.
public interface Archive {
  /// Keeps all of these, in one durable write, and returns their hashes (lower-case hex) in the
  /// same order.
  java.util.List<String> put(Collection<byte[]> contents);

  /// @throws IllegalStateException when what is kept does not have this hash any more
  Optional<byte[]> get(String hash);

  /// Forgets all but these. Called when no put is under way.
  void retain(Collection<String> hashes);
}
