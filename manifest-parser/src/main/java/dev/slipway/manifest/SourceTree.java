package dev.slipway.manifest;

import java.io.IOException;
import java.util.List;

/// The files of one folder, whether on a disk or in a commit. Nothing outside the folder can be
/// reached through it.
public interface SourceTree {
  /// One file.
  ///
  /// @param path relative, with `/`
  /// @param link a symbolic link: never followed
  record Entry(String path, long size, boolean link) {}

  /// All files below, in any order.
  List<Entry> entries() throws IOException;

  /// The content of a file, which is not longer than the limit.
  byte[] read(String path, int limit) throws IOException;
}
