package dev.slipway.web.stream;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.pod.PodPorts;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;

/// Opens connections to the ports of pods.
final class PodConnection {
  private static final int CONNECT_MILLIS = 10_000;

  private PodConnection() {}

  /// @throws IOException saying which port of which pod did not answer
  static Socket open(KubeObject pod, int port) throws IOException {
    String address = Json.string(pod.status(), "podIP", "");
    if (address.isEmpty()) {
      throw new IOException("pod " + pod.name() + " has no address: it is not running");
    }
    var socket = new Socket();
    try {
      socket.connect(new InetSocketAddress(address, PodPorts.reached(pod, port)), CONNECT_MILLIS);
      socket.setTcpNoDelay(true);
      return socket;
    } catch (IOException e) {
      socket.close();
      throw new IOException(
          "failed to connect to port %d of pod %s: %s".formatted(port, pod.name(), e.getMessage()),
          e);
    }
  }
}
