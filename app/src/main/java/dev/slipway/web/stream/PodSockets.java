package dev.slipway.web.stream;

import dev.slipway.controlplane.api.ApiAnswer;
import dev.slipway.controlplane.api.PodChannel;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.pod.PodStreams;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.server.ServerWebSocketContainer;

/// Turns a request for a stream into a WebSocket, by the newest protocol that both sides speak.
public final class PodSockets {
  private static final Duration IDLE = Duration.ofHours(4);
  private static final int MAX_MESSAGE = 1 << 20;
  private static final List<String> COMMAND = List.of("v5.channel.k8s.io", "v4.channel.k8s.io");
  private static final List<String> FORWARD = List.of(SpdyForward.PROTOCOL, "v4.channel.k8s.io");

  private final PodStreams pods;

  public PodSockets(PodStreams pods) {
    this.pods = pods;
  }

  /// The limits of every WebSocket of a server; to be called before it starts.
  public static void prepare(Server server) {
    ServerWebSocketContainer container = ServerWebSocketContainer.ensure(server);
    container.setMaxBinaryMessageSize(MAX_MESSAGE);
    container.setIdleTimeout(IDLE);
  }

  /// Answers the request by an upgrade; completes the callback.
  ///
  /// @param ended called, perhaps more than once, when the socket is closed
  /// @throws ClusterException `BAD_REQUEST` when the client does not ask for a WebSocket, or for no
  ///   protocol that is spoken here
  public void upgrade(
      PodChannel wanted, Request request, Response response, Callback callback, Runnable ended) {
    String upgrade = upgrade(request);
    if (!upgrade.equals("websocket")) {
      throw new ClusterException(
          ClusterException.Reason.BAD_REQUEST,
          upgrade.startsWith("spdy")
              ? "this server streams over WebSockets, not over bare SPDY: use kubectl 1.31 or later"
              : "Upgrade request required: this is a stream, open it as a WebSocket");
    }
    boolean forward = wanted.subresource().equals("portforward");
    List<String> offered = request.getHeaders().getCSV("Sec-WebSocket-Protocol", false);
    String protocol =
        (forward ? FORWARD : COMMAND)
            .stream()
                .filter(offered::contains)
                .findFirst()
                .orElseThrow(
                    () ->
                        new ClusterException(
                            ClusterException.Reason.BAD_REQUEST,
                            "none of the protocols %s is spoken here; %s are"
                                .formatted(offered, forward ? FORWARD : COMMAND)));
    Session.Listener listener =
        !forward
            ? new RemoteCommand(wanted, pods, ended)
            : protocol.equals(SpdyForward.PROTOCOL)
                ? new SpdyForward(wanted, ended)
                : new ChannelForward(wanted, ended);
    upgrade(listener, protocol, request, response, callback);
  }

  /// Whether the client asks for a WebSocket.
  public static boolean isAskedFor(Request request) {
    return upgrade(request).equals("websocket");
  }

  private static String upgrade(Request request) {
    return String.valueOf(request.getHeaders().get("Upgrade")).toLowerCase(Locale.ROOT);
  }

  /// Answers a watch by an upgrade; its events are written from then on, until it ends or the
  /// client goes away. Completes the callback.
  ///
  /// @param ended called, perhaps more than once, when the socket is closed
  public static void watch(
      ApiAnswer.Writer events,
      Request request,
      Response response,
      Callback callback,
      Runnable ended) {
    upgrade(new WatchSocket(events, ended), "", request, response, callback);
  }

  private static void upgrade(
      Session.Listener listener,
      String protocol,
      Request request,
      Response response,
      Callback callback) {
    boolean upgraded =
        ServerWebSocketContainer.get(request.getContext())
            .upgrade(
                (_, answer, _) -> {
                  if (!protocol.isEmpty()) {
                    answer.setAcceptedSubProtocol(protocol);
                  }
                  return listener;
                },
                request,
                response,
                callback);
    if (!upgraded) {
      throw new ClusterException(
          ClusterException.Reason.BAD_REQUEST, "the WebSocket handshake is malformed");
    }
  }
}
