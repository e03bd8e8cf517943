package dev.slipway.web.stream;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/// Bytes that one thread puts and another reads; a writer that is too far ahead waits.
final class ByteQueue extends InputStream {
  private static final int CHUNKS = 64;
  private static final byte[] END = new byte[0];

  private final BlockingQueue<byte[]> chunks = new ArrayBlockingQueue<>(CHUNKS);
  private byte[] current = END;
  private int position;
  private boolean ended;

  /// Does nothing with an empty chunk.
  void put(byte[] chunk) throws InterruptedException {
    if (chunk.length > 0) {
      chunks.put(chunk);
    }
  }

  /// After this the reader gets what was put, and then the end.
  void finish() throws InterruptedException {
    chunks.put(END);
  }

  /// The end at once, whatever was put: never waits.
  void abandon() {
    chunks.clear();
    chunks.offer(END);
  }

  @Override
  public int read() throws IOException {
    var one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (position == current.length) {
      if (ended) {
        return -1;
      }
      try {
        current = chunks.take();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw (IOException) new InterruptedIOException("interrupted").initCause(e);
      }
      position = 0;
      ended = current.length == 0;
    }
    int count = Math.min(length, current.length - position);
    System.arraycopy(current, position, into, offset, count);
    position += count;
    return count;
  }

  @Override
  public int available() {
    return current.length - position;
  }
}
