package dev.slipway.manifest;

import java.util.Optional;

/// Which files of a tree are read.
///
/// @param recurse sub-folders too
/// @param include a glob that a file must match
/// @param exclude a glob that a file must not match
public record ReadOptions(boolean recurse, Optional<String> include, Optional<String> exclude) {
  public static final ReadOptions EVERYTHING =
      new ReadOptions(true, Optional.empty(), Optional.empty());
}
