package dev.slipway.runtime.mesos;

import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/// Reads RecordIO: the length of a record in decimal digits, a line feed, and that many bytes.
/// Records do not care how the transport cuts its chunks.
final class RecordReader {
  /// No event of a master is longer; what claims to be is no RecordIO.
  static final int LONGEST = 256 << 20;

  private final InputStream in;

  RecordReader(InputStream in) {
    this.in = in;
  }

  /// Waits for a record.
  ///
  /// @return empty at the end of the stream
  /// @throws IOException when the stream breaks within a record, or holds no RecordIO
  Optional<byte[]> next() throws IOException {
    long length = 0;
    int digits = 0;
    while (true) {
      int c = in.read();
      if (c < 0) {
        if (digits == 0) {
          return Optional.empty();
        }
        throw new IOException("the stream ended within the length of a record");
      }
      if (c == '\n' && digits > 0) {
        break;
      }
      if (c < '0' || c > '9' || ++digits > 10) {
        throw new IOException("the stream holds no RecordIO");
      }
      length = length * 10 + (c - '0');
    }
    if (length > LONGEST) {
      throw new IOException("a record of " + length + " bytes is too long");
    }
    byte[] record = in.readNBytes((int) length);
    if (record.length < length) {
      throw new IOException("the stream ended within a record");
    }
    return Optional.of(record);
  }

  static byte[] frame(byte[] record) {
    byte[] head = (record.length + "\n").getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    byte[] all = java.util.Arrays.copyOf(head, head.length + record.length);
    System.arraycopy(record, 0, all, head.length, record.length);
    return all;
  }
}
