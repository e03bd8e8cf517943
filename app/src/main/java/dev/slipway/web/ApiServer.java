package dev.slipway.web;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.concurrent.Executors;
import jdk.net.ExtendedSocketOptions;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The HTTP side of the daemon: a Unix socket that only its owner can open, and a TCP port with a bearer token.
///
/// Handlers run on virtual threads and may block. What they throw becomes a `Status` as Kubernetes writes it.
public final class ApiServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ApiServer.class);

  private final Server server;
  private final Path socket;
  private final Optional<ServerConnector> tcp;

  /// @param address where TCP listens; port 0 takes a free one
  /// @param token what a TCP client must send as `Authorization: Bearer …`
  public ApiServer(Path socket, Optional<InetSocketAddress> address, String token, Routes routes) {
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
        new UnixDomainServerConnector(server, null, null, null, 1, 1, new HttpConnectionFactory(config));
    unix.setUnixDomainPath(socket);
    unix.setIdleTimeout(0);
    server.addConnector(unix);
    tcp =
        address.map(
            where -> {
              var connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(config));
              connector.setHost(where.getHostString());
              connector.setPort(where.getPort());
              connector.setIdleTimeout(300_000);
              return connector;
            });
    tcp.ifPresent(server::addConnector);
    server.setHandler(new Front(routes, token.getBytes(StandardCharsets.UTF_8)));
  }

  public void start() {
    try {
      Files.deleteIfExists(socket);
      server.start();
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot listen: " + e.getMessage(), e);
    } catch (Exception e) {
      throw new IllegalStateException("cannot start the HTTP server: " + e.getMessage(), e);
    }
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
    private final byte[] token;

    Front(Routes routes, byte[] token) {
      this.routes = routes;
      this.token = token;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      String path = Request.getPathInContext(request);
      var match = routes.find(request.getMethod(), path);
      var user = user(request);
      Exchange exchange =
          new Exchange(
              request,
              response,
              match.map(Routes.Match::variables).orElse(java.util.Map.of()),
              user.orElse("anonymous"));
      try {
        if (match.isEmpty()) {
          boolean known = routes.knowsPath(path);
          refuse(
              exchange,
              known ? 405 : 404,
              known ? "MethodNotAllowed" : "NotFound",
              known ? "this path does not answer " + request.getMethod() : "no such path: " + path);
        } else if (match.get().route().access() == Routes.Access.AUTHENTICATED && user.isEmpty()) {
          response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
          refuse(exchange, 401, "Unauthorized", "a valid bearer token is needed");
        } else {
          match.get().route().endpoint().answer(exchange);
        }
        callback.succeeded();
      } catch (ClusterException e) {
        failed(exchange, e, callback);
      } catch (UncheckedIOException e) {
        if (!(e.getCause() instanceof EofException)) {
          log.debug("request ended early path={} cause={}", path, e.toString());
        }
        callback.failed(e.getCause());
      } catch (RuntimeException e) {
        log.error("request failed method={} path={}", request.getMethod(), path, e);
        if (exchange.answered()) {
          callback.failed(e);
        } else {
          refuse(exchange, 500, "InternalError", "internal error: " + e.getMessage());
          callback.succeeded();
        }
      }
      return true;
    }

    private static void failed(Exchange exchange, ClusterException e, Callback callback) {
      if (exchange.answered()) {
        callback.failed(e);
        return;
      }
      ObjectNode status = status(e.reason().code(), e.reason().word(), String.valueOf(e.getMessage()));
      if (!e.causes().isEmpty()) {
        ArrayNode causes = status.putObject("details").putArray("causes");
        for (var cause : e.causes()) {
          causes
              .addObject()
              .put("reason", cause.reason())
              .put("message", cause.message())
              .put("field", cause.field());
        }
      }
      exchange.answer(e.reason().code(), status);
      callback.succeeded();
    }

    private static void refuse(Exchange exchange, int code, String reason, String message) {
      exchange.answer(code, status(code, reason, message));
    }

    private static ObjectNode status(int code, String reason, String message) {
      ObjectNode status = Json.object();
      status.put("kind", "Status").put("apiVersion", "v1").put("status", "Failure");
      return status.put("message", message).put("reason", reason).put("code", code);
    }

    /// The owner of the other end of a Unix socket, or `token` for the right bearer token.
    private Optional<String> user(Request request) {
      Object transport = request.getConnectionMetaData().getConnection().getEndPoint().getTransport();
      if (transport instanceof SocketChannel channel
          && request.getConnectionMetaData().getConnector() instanceof UnixDomainServerConnector) {
        try {
          return Optional.of(channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user().getName());
        } catch (IOException | UnsupportedOperationException e) {
          return Optional.of("local");
        }
      }
      String header = request.getHeaders().get(HttpHeader.AUTHORIZATION);
      if (header != null && header.regionMatches(true, 0, "Bearer ", 0, 7)) {
        byte[] sent = header.substring(7).strip().getBytes(StandardCharsets.UTF_8);
        if (MessageDigest.isEqual(sent, token)) {
          return Optional.of("token");
        }
      }
      return Optional.empty();
    }
  }
}
