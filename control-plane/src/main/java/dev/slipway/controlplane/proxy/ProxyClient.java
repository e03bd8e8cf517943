package dev.slipway.controlplane.proxy;

import dev.slipway.model.json.Json;
import dev.slipway.model.service.DataPlane;
import dev.slipway.model.service.RoutingTable;
import dev.slipway.model.service.ServingGate;
import dev.slipway.model.time.Timeline;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The daemon's side of the proxy: starts it when none runs, replaces it when it is of another
/// version, and tells it the table. Closing this leaves the proxy running.
public final class ProxyClient implements DataPlane, ServingGate {
  private static final Logger log = LoggerFactory.getLogger(ProxyClient.class);
  private static final Duration GATE_POLL = Duration.ofMillis(20);
  private static final long START_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int MAX_ANSWER = 1 << 20;

  private final Path folder;
  private final List<String> command;
  private final String version;
  private final Timeline timeline;

  /// To the proxy that was seen to be of this version; closed when it does not answer.
  private @Nullable SocketChannel kept;

  /// @param command starts a proxy; its folder and version are appended
  public ProxyClient(Path folder, List<String> command, String version, Timeline timeline) {
    this.folder = folder;
    this.command = List.copyOf(command);
    this.version = version;
    this.timeline = timeline;
  }

  @Override
  public synchronized List<String> publish(RoutingTable table) {
    ObjectNode request = Json.object().put("op", "table");
    request.set("table", TableCodec.write(table));
    try {
      return Json.strings(tell(request), "problems");
    } catch (IOException e) {
      throw new IllegalStateException("the service proxy does not answer: " + e.getMessage(), e);
    }
  }

  /// One connection for all tables: a new one each costs more than the table. What is told twice is
  /// in force once.
  private JsonNode tell(ObjectNode request) throws IOException {
    SocketChannel known = kept;
    if (known != null) {
      try {
        return ask(known, request);
      } catch (IOException e) {
        log.debug("proxy is another one cause={}", e.toString());
        letGo(known);
      }
    }
    ensureRunning();
    SocketChannel fresh = SocketChannel.open(UnixDomainSocketAddress.of(ProxyMain.socket(folder)));
    kept = fresh;
    try {
      return ask(fresh, request);
    } catch (IOException e) {
      letGo(fresh);
      throw e;
    }
  }

  private void letGo(SocketChannel channel) {
    kept = null;
    try {
      channel.close();
    } catch (IOException e) {
      log.debug("connection did not close cause={}", e.toString());
    }
  }

  @Override
  public boolean hasInForce(long version) {
    try {
      return Json.number(ask(Json.object().put("op", "hello")), "table", 0) >= version;
    } catch (IOException e) {
      return false;
    }
  }

  private void ensureRunning() throws IOException {
    String running = runningVersion();
    if (!running.equals(version)) {
      log.info("proxy starts running={} wanted={}", running.isEmpty() ? "none" : running, version);
      launch();
    }
  }

  private String runningVersion() {
    try {
      return Json.string(ask(Json.object().put("op", "hello")), "version", "");
    } catch (IOException e) {
      return "";
    }
  }

  private void launch() throws IOException {
    var line = new ArrayList<String>(List.of("setsid", "--fork"));
    line.addAll(command);
    line.add(folder.toString());
    line.add(version);
    new ProcessBuilder(line)
        .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("proxy.log").toFile()))
        .redirectErrorStream(true)
        .start();
    long until = timeline.nanos() + START_NANOS;
    while (!runningVersion().equals(version)) {
      if (timeline.nanos() > until) {
        throw new IOException("it did not start within 10 s; see " + folder.resolve("proxy.log"));
      }
      LockSupport.parkNanos(10_000_000);
    }
  }

  @Override
  public Optional<Duration> holds(String namespace, String pod) {
    try {
      JsonNode answer = ask(Json.object().put("op", "serving").put("pod", namespace + "/" + pod));
      return Json.bool(answer, "serving", false) ? Optional.of(GATE_POLL) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// Ends the proxy of a folder, if one runs.
  public static void stop(Path folder) {
    try (SocketChannel channel =
        SocketChannel.open(UnixDomainSocketAddress.of(ProxyMain.socket(folder)))) {
      ask(channel, Json.object().put("op", "stop"));
    } catch (IOException e) {
      log.debug("no proxy to stop cause={}", e.toString());
    }
  }

  private JsonNode ask(ObjectNode request) throws IOException {
    try (SocketChannel channel =
        SocketChannel.open(UnixDomainSocketAddress.of(ProxyMain.socket(folder)))) {
      return ask(channel, request);
    }
  }

  static JsonNode ask(SocketChannel channel, ObjectNode request) throws IOException {
    ByteBuffer out = ByteBuffer.wrap((Json.text(request) + "\n").getBytes(StandardCharsets.UTF_8));
    while (out.hasRemaining()) {
      channel.write(out);
    }
    var line = new ByteArrayOutputStream();
    ByteBuffer in = ByteBuffer.allocate(4_096);
    while (channel.read(in) >= 0) {
      in.flip();
      while (in.hasRemaining()) {
        byte next = in.get();
        if (next == '\n') {
          return Json.parse(line.toByteArray());
        }
        line.write(next);
      }
      in.clear();
      if (line.size() > MAX_ANSWER) {
        break;
      }
    }
    throw new IOException("the answer broke off");
  }
}
