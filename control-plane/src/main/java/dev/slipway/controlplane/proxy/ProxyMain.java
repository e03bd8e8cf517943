package dev.slipway.controlplane.proxy;

import dev.slipway.model.json.Json;
import dev.slipway.model.service.RoutingTable;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The proxy process. It is told its table over a Unix socket, keeps the last one on the disk, and
/// begins with that one when it is started while no daemon runs. A newer proxy takes its place
/// without losing a connection: both listen for a moment.
///
/// Requests and answers are JSON, one a line: `{"op":"table","table":…}` answers
/// `{"problems":[…]}`, `{"op":"serving","pod":…}` answers `{"serving":…}`, `{"op":"hello"}`,
/// `{"op":"retire"}` and `{"op":"stop"}` answer `{"version":…}`.
public final class ProxyMain {
  private static final Logger log = LoggerFactory.getLogger(ProxyMain.class);
  private static final long RETIRED_NANOS = 60_000_000_000L;
  private static final long ROUTE_NANOS = 10_000_000_000L;
  private static final int NAME_PORT = 53;

  private final Path folder;
  private final String version;
  private @Nullable NameServer nameServer;
  private volatile @Nullable String range;
  private volatile boolean retired;
  private final Forwarder forwarder = new Forwarder(() -> System.nanoTime() / 1_000_000);

  private ProxyMain(Path folder, String version) {
    this.folder = folder;
    this.version = version;
  }

  /// @param arguments the folder of the proxy, and the version to report
  public static void main(String[] arguments) throws IOException {
    new ProxyMain(Path.of(arguments[0]), arguments[1]).serve();
  }

  static Path socket(Path folder) {
    return folder.resolve("proxy.sock");
  }

  private void serve() throws IOException {
    Thread.ofPlatform().name("forwarder").daemon(true).start(forwarder);
    Path kept = folder.resolve("table.json");
    if (Files.exists(kept)) {
      try {
        apply(TableCodec.read(Json.parse(Files.readAllBytes(kept))))
            .forEach(problem -> log.warn("{}", problem));
      } catch (IllegalArgumentException e) {
        log.warn("the last table cannot be read: waiting for a new one cause={}", e.toString());
      }
    }
    Path fresh = folder.resolve("proxy.sock.new");
    Files.deleteIfExists(fresh);
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(fresh));
      Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-------"));
      retireOld();
      Files.move(
          fresh,
          socket(folder),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      log.info("proxy serves folder={} version={}", folder, version);
      while (true) {
        SocketChannel client = server.accept();
        Thread.ofVirtual().start(() -> converse(client));
      }
    }
  }

  /// What containers need is a matter of its own: without it, local processes are served all the
  /// same.
  private synchronized List<String> apply(RoutingTable table) {
    if (table.containers().isEmpty()) {
      List<String> problems = forwarder.apply(table);
      giveBack();
      return problems;
    }
    RoutingTable.Containers containers = table.containers().get();
    Optional<String> problem = take(containers.range());
    if (problem.isPresent()) {
      var problems = new ArrayList<>(forwarder.apply(table.withoutContainers()));
      problems.add("containers reach no services: " + problem.get());
      return problems;
    }
    var problems = new ArrayList<>(forwarder.apply(table));
    problems.addAll(resolve(containers.resolver(), table.names()));
    return problems;
  }

  private Optional<String> take(String wanted) {
    if (wanted.equals(range)) {
      return Optional.empty();
    }
    Optional<String> problem = HostNetwork.take(wanted);
    if (problem.isEmpty()) {
      range = wanted;
      Thread.ofVirtual().start(() -> keep(wanted));
    }
    return problem;
  }

  private void giveBack() {
    String taken = range;
    if (taken != null) {
      range = null;
      HostNetwork.giveBack(taken);
    }
  }

  /// A network that is restarted loses the route.
  private void keep(String taken) {
    while (taken.equals(range)) {
      LockSupport.parkNanos(ROUTE_NANOS);
      HostNetwork.take(taken).ifPresent(problem -> log.warn("route lost: {}", problem));
    }
  }

  private List<String> resolve(String address, List<RoutingTable.Name> names) {
    NameServer known = nameServer;
    try {
      if (known == null) {
        known = NameServer.start(address, NAME_PORT);
        nameServer = known;
      }
      known.update(Zone.of(names));
      return List.of();
    } catch (IOException e) {
      return List.of(
          "containers resolve no names: cannot listen on %s:%d: %s"
              .formatted(address, NAME_PORT, e.getMessage()));
    }
  }

  private void retireOld() {
    try (SocketChannel old = SocketChannel.open(UnixDomainSocketAddress.of(socket(folder)))) {
      ProxyClient.ask(old, Json.object().put("op", "retire"));
    } catch (IOException e) {
      log.debug("no proxy to take over from cause={}", e.toString());
    }
  }

  private void converse(SocketChannel client) {
    try (client) {
      var in =
          new BufferedReader(
              new InputStreamReader(Channels.newInputStream(client), StandardCharsets.UTF_8));
      OutputStream out = Channels.newOutputStream(client);
      String line;
      while ((line = in.readLine()) != null) {
        ObjectNode answer = answer(Json.parse(line));
        out.write((Json.text(answer) + "\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
        if (answer.has("stopping")) {
          System.exit(0);
        }
      }
    } catch (IOException | IllegalArgumentException e) {
      log.debug("control connection ended cause={}", e.toString());
    }
  }

  private ObjectNode answer(JsonNode request) throws IOException {
    ObjectNode answer = Json.object();
    switch (Json.string(request, "op", "")) {
      case "table" -> {
        if (retired) {
          // Whoever tells it shall look for the one that has come.
          throw new IOException("retired");
        }
        JsonNode table = request.path("table");
        var problems = answer.putArray("problems");
        apply(TableCodec.read(table)).forEach(problems::add);
        Path fresh = folder.resolve("table.json.new");
        Files.write(fresh, Json.write(table));
        Files.move(
            fresh,
            folder.resolve("table.json"),
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
      }
      case "serving" -> answer.put("serving", forwarder.isServing(Json.string(request, "pod", "")));
      case "retire" -> {
        retired = true;
        forwarder.retire();
        NameServer known = nameServer;
        if (known != null) {
          known.close();
        }
        Thread.ofPlatform().start(this::leaveWhenDone);
      }
      case "stop" -> {
        giveBack();
        answer.put("stopping", true);
      }
      default -> {}
    }
    return answer
        .put("version", version)
        .put("connections", forwarder.connections())
        .put("table", forwarder.version());
  }

  private void leaveWhenDone() {
    long until = System.nanoTime() + RETIRED_NANOS;
    while (forwarder.connections() > 0 && System.nanoTime() < until) {
      LockSupport.parkNanos(100_000_000);
    }
    System.exit(0);
  }
}
