package dev.slipway.web.stream;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/// Header blocks of SPDY/3.1: pairs of length-prefixed texts, compressed by one zlib stream for
/// each direction, with the dictionary of section 2.6.10.1 of the protocol's specification.
final class SpdyHeaders implements AutoCloseable {
  private static final int MAX_BLOCK = 64 << 10;
  private static final int MAX_PAIRS = 100;

  private static final List<String> WORDS =
      List.of(
          "options",
          "head",
          "post",
          "put",
          "delete",
          "trace",
          "accept",
          "accept-charset",
          "accept-encoding",
          "accept-language",
          "accept-ranges",
          "age",
          "allow",
          "authorization",
          "cache-control",
          "connection",
          "content-base",
          "content-encoding",
          "content-language",
          "content-length",
          "content-location",
          "content-md5",
          "content-range",
          "content-type",
          "date",
          "etag",
          "expect",
          "expires",
          "from",
          "host",
          "if-match",
          "if-modified-since",
          "if-none-match",
          "if-range",
          "if-unmodified-since",
          "last-modified",
          "location",
          "max-forwards",
          "pragma",
          "proxy-authenticate",
          "proxy-authorization",
          "range",
          "referer",
          "retry-after",
          "server",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade",
          "user-agent",
          "vary",
          "via",
          "warning",
          "www-authenticate",
          "method",
          "get",
          "status",
          "200 OK",
          "version",
          "HTTP/1.1",
          "url",
          "public",
          "set-cookie",
          "keep-alive",
          "origin");
  private static final String TAIL =
      "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
          + "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
          + "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
          + "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
          + "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
          + "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";
  private static final byte[] DICTIONARY = dictionary();

  private final Inflater inflater = new Inflater();
  private final Deflater deflater = new Deflater();

  SpdyHeaders() {
    deflater.setDictionary(DICTIONARY);
  }

  private static byte[] dictionary() {
    ByteBuffer bytes = ByteBuffer.allocate(2_000);
    for (String word : WORDS) {
      bytes.putInt(word.length()).put(word.getBytes(StandardCharsets.US_ASCII));
    }
    bytes.put(TAIL.getBytes(StandardCharsets.US_ASCII));
    return java.util.Arrays.copyOf(bytes.array(), bytes.position());
  }

  /// The next block of the client, names in lower case. Blocks must be read in the order in which
  /// they came.
  ///
  /// @throws IOException when it is no block, or too large
  Map<String, String> read(byte[] compressed) throws IOException {
    inflater.setInput(compressed);
    ByteBuffer plain = ByteBuffer.allocate(MAX_BLOCK);
    try {
      while (plain.hasRemaining()) {
        int count = inflater.inflate(plain);
        if (inflater.needsDictionary()) {
          inflater.setDictionary(DICTIONARY);
        } else if (count == 0) {
          break;
        }
      }
    } catch (DataFormatException | IllegalArgumentException e) {
      throw new IOException("a header block cannot be decompressed", e);
    }
    plain.flip();
    int pairs = length(plain, MAX_PAIRS);
    var headers = new LinkedHashMap<String, String>();
    for (int i = 0; i < pairs; i++) {
      String name = text(plain);
      headers.put(name.toLowerCase(Locale.ROOT), text(plain));
    }
    return headers;
  }

  private static String text(ByteBuffer plain) throws IOException {
    var bytes = new byte[length(plain, plain.remaining())];
    if (bytes.length > plain.remaining()) {
      throw new IOException("a header block is cut off");
    }
    plain.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static int length(ByteBuffer plain, int most) throws IOException {
    if (plain.remaining() < 4) {
      throw new IOException("a header block is cut off");
    }
    int length = plain.getInt();
    if (length < 0 || length > most) {
      throw new IOException("a header block is malformed");
    }
    return length;
  }

  /// A block without headers.
  byte[] empty() {
    deflater.setInput(new byte[4]);
    var bytes = new byte[64];
    int count = deflater.deflate(bytes, 0, bytes.length, Deflater.SYNC_FLUSH);
    return java.util.Arrays.copyOf(bytes, count);
  }

  @Override
  public void close() {
    inflater.end();
    deflater.end();
  }
}
