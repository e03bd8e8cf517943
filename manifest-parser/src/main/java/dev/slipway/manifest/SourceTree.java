package dev.slipway.manifest;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// The files of one folder, whether on a disk or in a commit. Nothing outside the folder can be
/// reached through it.
public interface SourceTree {
  /// One file.
  ///
  /// @param path relative, with `/`
  /// @param link a symbolic link: never followed
  record Entry(String path, long size, boolean link) {}

  /// Where two trees differ.
  ///
  /// @param before what the other one has instead
  /// @param now what this one has instead
  record Difference(List<Entry> before, List<Entry> now) {
    public Difference {
      before = List.copyOf(before);
      now = List.copyOf(now);
    }
  }

  /// All files below, in any order.
  List<Entry> entries() throws IOException;

  /// The content of a file, which is not longer than the limit.
  byte[] read(String path, int limit) throws IOException;

  /// What is not as it is in another tree, at a cost proportional to that; empty where it cannot be
  /// told.
  ///
  /// @param other its id, as a source names it
  default Optional<Difference> since(String other) throws IOException {
    return Optional.empty();
  }
}
