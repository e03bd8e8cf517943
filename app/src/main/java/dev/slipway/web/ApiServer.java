package dev.slipway.web;

import com.sun.management.UnixOperatingSystemMXBean;
import dev.slipway.controlplane.access.Access;
import dev.slipway.controlplane.access.AccessRequest;
import dev.slipway.controlplane.access.User;
import dev.slipway.controlplane.api.Failures;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.tls.CipherOrder;
import dev.slipway.web.stream.PodSockets;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.DetectorConnectionFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The HTTP side of the daemon: a Unix socket that only its owner can open, and a TCP port with
/// TLS.
///
/// Handlers run on virtual threads and may block. What they throw becomes a `Status` as Kubernetes
/// writes it.
public final class ApiServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ApiServer.class);

  private static final int MAX_STREAMS = 1_000;
  private static final int MOST_CONNECTIONS = 6_000;

  private final Server server;
  private final Path socket;
  private final Optional<ServerConnector> tcp;
  private final Visitors visitors;

  /// Where TCP listens.
  ///
  /// @param address port 0 takes a free one
  /// @param keys what the server shows
  /// @param trust whose client certificates it believes
  public record Listen(
      InetSocketAddress address, KeyStore keys, KeyStore trust, boolean plainHttp) {}

  public ApiServer(
      Path socket,
      Optional<Listen> listen,
      Authenticator authenticator,
      Access access,
      Routes routes) {
    this.socket = socket;
    var threads = new QueuedThreadPool(16, 2);
    threads.setName("http");
    threads.setDaemon(true);
    threads.setVirtualThreadsExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server = new Server(threads);
    var config = new HttpConfiguration();
    config.setSendServerVersion(false);
    config.setRequestHeaderSize(16 << 10);
    var unix =
        new UnixDomainServerConnector(
            server, null, null, null, 1, 1, new HttpConnectionFactory(config));
    unix.setUnixDomainPath(socket);
    unix.setIdleTimeout(0);
    server.addConnector(unix);
    tcp =
        listen.map(
            where -> {
              var connector =
                  new ServerConnector(server, null, null, null, 1, 2, protocols(config, where));
              connector.setHost(where.address().getHostString());
              connector.setPort(where.address().getPort());
              connector.setIdleTimeout(300_000);
              return connector;
            });
    tcp.ifPresent(server::addConnector);
    var visitors = new Visitors(mostConnections());
    tcp.ifPresent(
        connector -> {
          connector.addBean(visitors);
          connector.addBean(new NativeTls.Freeing());
        });
    this.visitors = visitors;
    PodSockets.prepare(server);
    server.setHandler(new Front(routes, authenticator, access, visitors));
  }

  /// TLS 1.2 and later with HTTP/2 and HTTP/1.1 inside; where plain HTTP is allowed, the first byte
  /// tells which it is.
  private static ConnectionFactory[] protocols(HttpConfiguration config, Listen where) {
    var secure = new HttpConfiguration(config);
    secure.addCustomizer(new SecureRequestCustomizer(false));
    var keys = new SslContextFactory.Server();
    keys.setKeyStore(where.keys());
    keys.setKeyStorePassword("");
    keys.setTrustStore(where.trust());
    keys.setWantClientAuth(true);
    NativeTls.load()
        .ifPresentOrElse(
            keys::setProvider, () -> keys.setCipherComparator(CipherOrder.ofThisProgram()));
    var http = new HttpConnectionFactory(secure);
    var http2 = new HTTP2ServerConnectionFactory(secure);
    http2.setMaxConcurrentStreams(MAX_STREAMS);
    var alpn = new ALPNServerConnectionFactory("h2", "http/1.1");
    alpn.setDefaultProtocol("http/1.1");
    var tls = new SslConnectionFactory(keys, alpn.getProtocol());
    // Of factories for one protocol a connector keeps the last: both kinds share theirs.
    return where.plainHttp()
        ? new ConnectionFactory[] {new DetectorConnectionFactory(tls), http, tls, alpn, http2}
        : new ConnectionFactory[] {tls, alpn, http2, http};
  }

  public void start() {
    try {
      Files.deleteIfExists(socket);
      server.start();
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
      tcp.ifPresent(this::sweep);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot listen: " + e.getMessage(), e);
    } catch (Exception e) {
      throw new IllegalStateException("cannot start the HTTP server: " + e.getMessage(), e);
    }
  }

  private void sweep(ServerConnector connector) {
    visitors.sweep(System.nanoTime());
    connector.getScheduler().schedule(() -> sweep(connector), 5, TimeUnit.SECONDS);
  }

  /// Half of the descriptors that this process may have is for connections.
  private static int mostConnections() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean system
        ? (int) Math.min(MOST_CONNECTIONS, Math.max(64, system.getMaxFileDescriptorCount() / 2))
        : MOST_CONNECTIONS;
  }

  /// The TCP port in use, when there is one.
  public Optional<Integer> port() {
    return tcp.map(ServerConnector::getLocalPort);
  }

  @Override
  public void close() {
    try {
      server.stop();
    } catch (Exception e) {
      log.warn("http server did not stop cleanly cause={}", e.toString());
    }
  }

  private static final class Front extends Handler.Abstract {
    private final Routes routes;
    private final Authenticator authenticator;
    private final Access access;
    private final Visitors visitors;
    private final RequestLimits limits = new RequestLimits();

    Front(Routes routes, Authenticator authenticator, Access access, Visitors visitors) {
      this.visitors = visitors;
      this.routes = routes;
      this.authenticator = authenticator;
      this.access = access;
    }

    /// Always on a virtual thread: few of the server's own threads, which it sometimes lends to a
    /// handler, are enough for slow readers to stop it.
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      if (Thread.currentThread().isVirtual()) {
        answer(request, response, callback);
      } else {
        Thread.startVirtualThread(
            () -> {
              try {
                answer(request, response, callback);
              } catch (RuntimeException | Error e) {
                callback.failed(e);
              }
            });
      }
      return true;
    }

    private void answer(Request request, Response response, Callback callback) {
      String path = Request.getPathInContext(request);
      var match = routes.find(request.getMethod(), path);
      var anybody =
          new Exchange(
              request, response, Map.of(), User.ANONYMOUS, callback, RequestLimits.NO_SHARE);
      Optional<User> user;
      try {
        user = authenticator.user(request);
      } catch (ClusterException e) {
        failed(anybody, e, callback);
        return;
      }
      if (user.isEmpty()) {
        response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
        refuse(anybody, 401, "Unauthorized", "Unauthorized: the bearer token is not valid here");
        callback.succeeded();
        return;
      }
      User sender = user.get();
      if (!sender.isAnonymous()) {
        visitors.isKnown(request.getConnectionMetaData().getConnection().getEndPoint());
      }
      boolean reserved = sender.groups().contains(User.MASTERS);
      boolean lasting =
          anybody.flag("watch")
              || anybody.flag("follow")
              || anybody.flag("wait")
              || anybody.asksForSocket();
      RequestLimits.@Nullable Share share = limits.take(sender.name(), lasting, reserved);
      if (share == null) {
        tooMany(anybody, response, sender);
        callback.succeeded();
        return;
      }
      boolean handedOn = false;
      try {
        var exchange =
            new Exchange(
                request,
                response,
                match.map(Routes.Match::variables).orElse(Map.of()),
                sender,
                callback,
                share);
        if (!share.work()) {
          tooMany(exchange, response, sender);
          callback.succeeded();
          return;
        }
        answer(exchange, match, path, response, callback);
        handedOn = exchange.upgraded();
      } finally {
        if (!handedOn) {
          share.close();
        }
      }
    }

    private static void tooMany(Exchange exchange, Response response, User sender) {
      response.getHeaders().put(HttpHeader.RETRY_AFTER, "1");
      refuse(
          exchange,
          429,
          "TooManyRequests",
          "too many requests of " + sender.name() + " are under way: repeat in a second");
    }

    private void answer(
        Exchange exchange,
        Optional<Routes.Match> match,
        String path,
        Response response,
        Callback callback) {
      try {
        if (match.isEmpty()) {
          boolean known = routes.knowsPath(path);
          refuse(
              exchange,
              known ? 405 : 404,
              known ? "MethodNotAllowed" : "NotFound",
              known ? "this path does not answer " + exchange.method() : "no such path: " + path);
        } else if (match.get().route().guard() == Routes.Guard.PATH
            && exchange.user().isAnonymous()) {
          response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
          refuse(exchange, 401, "Unauthorized", "a valid bearer token is needed");
        } else {
          if (match.get().route().guard() == Routes.Guard.PATH) {
            access.require(
                exchange.user(),
                AccessRequest.path(exchange.method().toLowerCase(Locale.ROOT), path));
          }
          match.get().route().endpoint().answer(exchange);
        }
        if (!exchange.upgraded()) {
          callback.succeeded();
        }
      } catch (ClusterException e) {
        failed(exchange, e, callback);
      } catch (UncheckedIOException e) {
        if (!(e.getCause() instanceof EofException)) {
          log.debug("request ended early path={} cause={}", path, e.toString());
        }
        callback.failed(e.getCause());
      } catch (RuntimeException e) {
        log.error("request failed method={} path={}", exchange.method(), path, e);
        if (exchange.answered()) {
          callback.failed(e);
        } else {
          refuse(exchange, 500, "InternalError", "internal error: " + e.getMessage());
          callback.succeeded();
        }
      }
    }

    private static void failed(Exchange exchange, ClusterException e, Callback callback) {
      if (exchange.answered()) {
        callback.failed(e);
        return;
      }
      exchange.answer(e.reason().code(), Failures.status(e));
      callback.succeeded();
    }

    private static void refuse(Exchange exchange, int code, String reason, String message) {
      exchange.answer(code, Failures.status(code, reason, message));
    }
  }
}
