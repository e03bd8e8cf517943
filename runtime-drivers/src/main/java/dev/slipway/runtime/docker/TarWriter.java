package dev.slipway.runtime.docker;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/// Makes a tar in memory, with nothing in it that depends on the time.
final class TarWriter {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final TarArchiveOutputStream out = new TarArchiveOutputStream(bytes);

  TarWriter() {
    out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
    out.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
  }

  void folder(String path, int mode, long user, long group) {
    put(new TarArchiveEntry(path + "/"), mode, user, group, new byte[0]);
  }

  void file(String path, byte[] content, int mode, long user, long group) {
    var entry = new TarArchiveEntry(path);
    entry.setSize(content.length);
    put(entry, mode, user, group, content);
  }

  void link(String path, String target) {
    var entry = new TarArchiveEntry(path, TarConstants.LF_SYMLINK);
    entry.setLinkName(target);
    put(entry, 0777, 0, 0, new byte[0]);
  }

  private void put(TarArchiveEntry entry, int mode, long user, long group, byte[] content) {
    try {
      entry.setMode(mode);
      entry.setUserId(user);
      entry.setGroupId(group);
      entry.setModTime(0L);
      out.putArchiveEntry(entry);
      out.write(content);
      out.closeArchiveEntry();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  byte[] finish() {
    try {
      out.close();
      return bytes.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
