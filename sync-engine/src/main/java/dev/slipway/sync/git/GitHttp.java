package dev.slipway.sync.git;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.ProtocolException;
import java.net.Proxy;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyManagementException;
import java.security.KeyStore;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.eclipse.jgit.transport.http.HttpConnection;
import org.eclipse.jgit.transport.http.HttpConnectionFactory;
import org.jspecify.annotations.Nullable;

/// The HTTP connections of one call: they go to one host only, deliver no more than a limit, can be
/// cut at any time, and tell when the server wants to be left alone.
final class GitHttp implements HttpConnectionFactory {
  private static final Duration LONGEST_PAUSE = Duration.ofHours(1);

  private final String host;
  private final long limit;
  private final @Nullable SSLContext trust;
  private final Instant now;
  private final Set<HttpURLConnection> open = ConcurrentHashMap.newKeySet();
  private volatile boolean cut;
  private final AtomicLong received = new AtomicLong();
  private volatile @Nullable Duration retryAfter;

  /// @param host with its port, the only one that is asked
  /// @param authorities certificates in PEM
  GitHttp(String host, long limit, Optional<String> authorities, Instant now) {
    this.host = host;
    this.limit = limit;
    this.now = now;
    this.trust = authorities.map(GitHttp::trusting).orElse(null);
  }

  private static SSLContext trusting(String authorities) {
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      int count = 0;
      for (Certificate certificate :
          CertificateFactory.getInstance("X.509")
              .generateCertificates(
                  new ByteArrayInputStream(authorities.getBytes(StandardCharsets.US_ASCII)))) {
        store.setCertificateEntry("ca-" + count++, certificate);
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, factory.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalArgumentException("the certificates cannot be read: " + e.getMessage(), e);
    }
  }

  static String host(URL url) {
    return url.getHost() + ":" + (url.getPort() < 0 ? url.getDefaultPort() : url.getPort());
  }

  Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /// Ends whatever waits for an answer.
  void cut() {
    cut = true;
    open.forEach(HttpURLConnection::disconnect);
  }

  @Override
  public HttpConnection create(URL url) throws IOException {
    return create(url, Proxy.NO_PROXY);
  }

  @Override
  public HttpConnection create(URL url, Proxy proxy) throws IOException {
    if (!host(url).equals(host)) {
      throw new IOException("it sends elsewhere, to " + host(url) + ": not followed");
    }
    if (!(url.openConnection(proxy) instanceof HttpURLConnection connection)) {
      throw new IOException("no HTTP address: " + url.getProtocol());
    }
    if (trust != null && connection instanceof HttpsURLConnection secure) {
      secure.setSSLSocketFactory(trust.getSocketFactory());
    }
    open.add(connection);
    return new Connection(connection);
  }

  private void look(HttpURLConnection connection) throws IOException {
    int code = connection.getResponseCode();
    if (code == 429 || code == 503 || code == 403) {
      String told = connection.getHeaderField("Retry-After");
      Duration wait = told == null ? null : pause(told.strip());
      if (wait != null) {
        retryAfter = wait.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : wait;
      }
    }
  }

  private @Nullable Duration pause(String text) {
    if (text.matches("[0-9]{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(text));
    }
    try {
      Duration until =
          Duration.between(
              now, ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
      return until.isNegative() ? Duration.ZERO : until;
    } catch (DateTimeParseException e) {
      return null;
    }
  }

  /// Counts what comes in.
  private final class Counted extends FilterInputStream {
    Counted(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int read = super.read();
      count(read < 0 ? 0 : 1);
      return read;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int read = super.read(bytes, offset, length);
      count(Math.max(read, 0));
      return read;
    }

    private void count(int more) throws IOException {
      long sum = received.addAndGet(more);
      if (cut) {
        throw new IOException("it took too long");
      }
      if (sum > limit) {
        throw new IOException("it sends more than %,d bytes".formatted(limit));
      }
    }
  }

  /// What JGit asks of a connection, by the one of the JDK.
  private final class Connection implements HttpConnection {
    private final HttpURLConnection inner;

    Connection(HttpURLConnection inner) {
      this.inner = inner;
    }

    @Override
    public int getResponseCode() throws IOException {
      int code = inner.getResponseCode();
      look(inner);
      return code;
    }

    @Override
    public URL getURL() {
      return inner.getURL();
    }

    @Override
    public String getResponseMessage() throws IOException {
      return inner.getResponseMessage();
    }

    @Override
    public Map<String, List<String>> getHeaderFields() {
      return inner.getHeaderFields();
    }

    @Override
    public void setRequestProperty(String key, String value) {
      inner.setRequestProperty(key, value);
    }

    @Override
    public void setRequestMethod(String method) throws ProtocolException {
      inner.setRequestMethod(method);
    }

    @Override
    public void setUseCaches(boolean caches) {
      inner.setUseCaches(caches);
    }

    @Override
    public void setConnectTimeout(int millis) {
      inner.setConnectTimeout(millis);
    }

    @Override
    public void setReadTimeout(int millis) {
      inner.setReadTimeout(millis);
    }

    @Override
    public String getContentType() {
      return inner.getContentType();
    }

    @Override
    public InputStream getInputStream() throws IOException {
      return new Counted(inner.getInputStream());
    }

    @Override
    public String getHeaderField(String name) {
      return inner.getHeaderField(name);
    }

    @Override
    public List<String> getHeaderFields(String name) {
      return inner.getHeaderFields().entrySet().stream()
          .filter(entry -> name.equalsIgnoreCase(entry.getKey()))
          .flatMap(entry -> entry.getValue().stream())
          .toList();
    }

    @Override
    public int getContentLength() {
      return inner.getContentLength();
    }

    @Override
    public void setInstanceFollowRedirects(boolean follow) {
      inner.setInstanceFollowRedirects(follow);
    }

    @Override
    public void setDoOutput(boolean output) {
      inner.setDoOutput(output);
    }

    @Override
    public void setFixedLengthStreamingMode(int length) {
      inner.setFixedLengthStreamingMode(length);
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
      return inner.getOutputStream();
    }

    @Override
    public void setChunkedStreamingMode(int length) {
      inner.setChunkedStreamingMode(length);
    }

    @Override
    public String getRequestMethod() {
      return inner.getRequestMethod();
    }

    @Override
    public boolean usingProxy() {
      return inner.usingProxy();
    }

    @Override
    public void connect() throws IOException {
      inner.connect();
    }

    @Override
    public void configure(KeyManager[] keys, TrustManager[] trusted, SecureRandom random)
        throws NoSuchAlgorithmException, KeyManagementException {
      throw new KeyManagementException("certificates are always checked");
    }

    @Override
    public void setHostnameVerifier(HostnameVerifier verifier) throws KeyManagementException {
      throw new KeyManagementException("the name of the server is always checked");
    }
  }
}
