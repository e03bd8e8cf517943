package dev.slipway.bench;

import dev.slipway.app.Lent;
import dev.slipway.controlplane.proxy.ProxyClient;
import dev.slipway.model.service.RoutingTable;
import dev.slipway.testing.Processes;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The service proxy beside HAProxy in TCP mode, in turns, each alone on the last processor; `wrk`
/// and what answers share the others. Needs Debian's `haproxy`, `wrk` and `taskset`.
///
/// What answers is a HAProxy of its own that returns a fixed page. A kept connection shows what
/// bytes cost, a new connection for each request what connections cost.
final class ProxyBenchmark implements Benchmark {
  private static final int CONNECTIONS = 32;
  private static final int SECONDS = 4;
  private static final int ROUNDS = 3;
  private static final int SERVICES = 10_000;
  private static final int CHANGES = 100;
  private static final String SERVICE = "127.100.0.1";
  private static final int PORT = 18_080;
  private static final Pattern RATE = Pattern.compile("Requests/sec:\\s+([0-9.]+)");
  private static final Pattern P99 = Pattern.compile("99%\\s+([0-9.]+)(us|ms|s)");
  private static final Pattern BAD = Pattern.compile("Socket errors:|Non-2xx");

  private final String last = Integer.toString(Runtime.getRuntime().availableProcessors() - 1);
  private final String others =
      last.equals("0") ? "0" : "0-" + (Runtime.getRuntime().availableProcessors() - 2);

  @Override
  public String name() {
    return "proxy";
  }

  /// What one run of `wrk` said.
  ///
  /// @param rate requests a second
  /// @param p99 milliseconds
  /// @param cpu microseconds of the proxy's processor time for each request
  private record Load(double rate, double p99, double cpu) {}

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    try (Folder folder = Folder.make("proxy");
        var one = new Haproxy(folder.path(), "one", page("one"), others);
        var two = new Haproxy(folder.path(), "two", page("two"), others)) {
      Path state = Files.createDirectories(folder.path().resolve("slipway"));
      var command = new ArrayList<>(List.of("taskset", "-c", last));
      command.addAll(Lent.proxyCommand());
      var slipway = new ProxyClient(state, command, "bench", Lent.timeline());
      try (var peer =
          new Haproxy(
              folder.path(),
              "peer",
              """
              frontend in
                mode tcp
                bind 127.0.0.1:%%PORT%%
                default_backend out
              backend out
                mode tcp
                balance roundrobin
                server one 127.0.0.1:%d
                server two 127.0.0.1:%d
              """
                  .formatted(one.port, two.port),
              last)) {
        long version = 1;
        publish(slipway, table(version++, 1, one.port, two.port));
        ProcessHandle proxy = process(state);
        for (boolean kept : List.of(true, false)) {
          compare(kept, proxy, peer).forEach(report);
        }
        report.accept(changes(slipway, version, one.port, two.port));
        version += CHANGES + 1;
        services(slipway, version, proxy, one.port, two.port).forEach(report);
      } finally {
        ProxyClient.stop(state);
      }
    }
  }

  private List<Figure> compare(boolean kept, ProcessHandle proxy, Haproxy peer) throws Exception {
    var ours = new ArrayList<Load>();
    var theirs = new ArrayList<Load>();
    load(SERVICE, PORT, kept, proxy);
    load("127.0.0.1", peer.port, kept, peer.handle());
    for (int i = 0; i < ROUNDS; i++) {
      ours.add(load(SERVICE, PORT, kept, proxy));
      theirs.add(load("127.0.0.1", peer.port, kept, peer.handle()));
    }
    Load own = middle(ours);
    Load other = middle(theirs);
    String what =
        "%d connections, %s".formatted(CONNECTIONS, kept ? "kept" : "a new one for each request");
    String samples =
        "median of %d runs of %d s, in turns, after one each".formatted(ROUNDS, SECONDS);
    return List.of(
        new Figure(
            what + ": throughput, share of HAProxy's",
            samples,
            own.rate() / other.rate(),
            "",
            Goal.atLeast(1),
            "%,.0f and %,.0f requests/s".formatted(own.rate(), other.rate())),
        new Figure(
            what + ": p99 latency, times HAProxy's",
            samples,
            own.p99() / other.p99(),
            "",
            Goal.atMost(1.2),
            "%.2f and %.2f ms".formatted(own.p99(), other.p99())),
        new Figure(
            what + ": processor time of the proxy for a request",
            samples,
            own.cpu(),
            "µs",
            Goal.NONE,
            "%.1f µs".formatted(other.cpu())));
  }

  private static Load middle(List<Load> loads) {
    return loads.stream()
        .sorted(Comparator.comparingDouble(Load::rate))
        .toList()
        .get(loads.size() / 2);
  }

  private Load load(String address, int port, boolean kept, ProcessHandle proxy) throws Exception {
    var command =
        new ArrayList<>(
            List.of(
                "taskset",
                "-c",
                others,
                "wrk",
                "-t1",
                "-c" + CONNECTIONS,
                "-d" + SECONDS + "s",
                "--latency"));
    if (!kept) {
      command.addAll(List.of("-H", "Connection: close"));
    }
    command.add("http://%s:%d/".formatted(address, port));
    double before = cpu(proxy);
    Process wrk = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(wrk.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (wrk.waitFor() != 0 || BAD.matcher(said).find()) {
      throw new IOException(said);
    }
    double rate = Double.parseDouble(group(RATE, said).group(1));
    Matcher p99 = group(P99, said);
    double unit =
        switch (p99.group(2)) {
          case "us" -> 0.001;
          case "s" -> 1_000;
          default -> 1;
        };
    return new Load(
        rate,
        Double.parseDouble(p99.group(1)) * unit,
        (cpu(proxy) - before) * 1e6 / (rate * SECONDS));
  }

  private static Matcher group(Pattern pattern, String text) throws IOException {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw new IOException(text);
    }
    return matcher;
  }

  private static double cpu(ProcessHandle process) {
    return process.info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
  }

  /// From the daemon's side: how long after it begins to tell the table does a new connection reach
  /// the endpoint that has come.
  private static Figure changes(ProxyClient slipway, long version, int one, int two)
      throws IOException {
    var millis = new double[CHANGES];
    for (int i = -1; i < CHANGES; i++) {
      boolean second = i % 2 != 0;
      long began = System.nanoTime();
      publish(slipway, table(version++, 1, second ? two : one));
      while (!get(SERVICE, PORT).contains(second ? "two" : "one")) {
        Thread.onSpinWait();
      }
      if (i >= 0) {
        millis[i] = (System.nanoTime() - began) / 1e6;
      }
    }
    return new Figure(
        "an endpoint is exchanged: until a new connection is answered by the new one",
        "median of " + CHANGES,
        Times.median(millis),
        "ms",
        Goal.atMost(5),
        "");
  }

  private List<Figure> services(
      ProxyClient slipway, long version, ProcessHandle proxy, int one, int two) throws Exception {
    var few = new double[ROUNDS];
    var many = new double[ROUNDS];
    double publishing = 0;
    for (int i = 0; i < ROUNDS; i++) {
      publish(slipway, table(version++, 1, one, two));
      few[i] = load(SERVICE, PORT, false, proxy).rate();
      double began = Times.wall();
      publish(slipway, table(version++, SERVICES, one, two));
      publishing = Times.wall() - began;
      many[i] = load(SERVICE, PORT, false, proxy).rate();
    }
    String what = "%,d services instead of 1".formatted(SERVICES);
    return List.of(
        new Figure(
            what + ": throughput with new connections, share",
            "medians of %d runs of %d s, in turns".formatted(ROUNDS, SECONDS),
            Times.median(many) / Times.median(few),
            "",
            Goal.atLeast(0.95),
            ""),
        new Figure(
            "%,d services: until the proxy listens for all".formatted(SERVICES),
            "last of " + ROUNDS,
            publishing,
            "s",
            Goal.NONE,
            ""));
  }

  private static void publish(ProxyClient slipway, RoutingTable table) throws IOException {
    List<String> problems = slipway.publish(table);
    if (!problems.isEmpty()) {
      throw new IOException(problems.getFirst());
    }
  }

  private static RoutingTable table(long version, int services, int... ports) {
    var endpoints = new ArrayList<RoutingTable.Endpoint>();
    for (int port : ports) {
      endpoints.add(new RoutingTable.Endpoint("127.0.0.1", port, 1, "bench/" + port));
    }
    var routes = new ArrayList<RoutingTable.Route>();
    for (int i = 0; i < services; i++) {
      routes.add(
          new RoutingTable.Route(
              "bench/service-" + i + ":http",
              i == 0 ? SERVICE : "127.101.%d.%d".formatted(i / 250, 1 + i % 250),
              PORT,
              0,
              endpoints));
    }
    return new RoutingTable(version, routes, Optional.empty(), List.of());
  }

  private static String get(String address, int port) throws IOException {
    try (var socket = new Socket()) {
      socket.connect(new InetSocketAddress(address, port), 5_000);
      socket.setSoTimeout(5_000);
      socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  /// By its folder, which is its last argument but one.
  private static ProcessHandle process(Path state) throws IOException {
    return Processes.of("ProxyMain\0" + state + "\0")
        .findFirst()
        .orElseThrow(() -> new IOException("no proxy runs"));
  }

  private static String page(String word) {
    return """
        frontend in
          mode http
          bind 127.0.0.1:%%PORT%%
          http-request return status 200 content-type text/plain string "%s, as long as a short answer of a service is: 0123456789"
        """
        .formatted(word);
  }

  /// One that runs on given processors, from a port that was free.
  private static final class Haproxy implements AutoCloseable {
    private final int port;
    private final Process process;

    Haproxy(Path folder, String name, String sections, String processors) throws IOException {
      try (var free = new ServerSocket(0)) {
        port = free.getLocalPort();
      }
      Path file = folder.resolve(name + ".cfg");
      Files.writeString(
          file,
          """
          global
            maxconn 4000
            nbthread 1
          defaults
            timeout connect 5s
            timeout client 60s
            timeout server 60s
          """
              + sections.replace("%PORT%", Integer.toString(port)));
      process =
          new ProcessBuilder("taskset", "-c", processors, "haproxy", "-db", "-f", file.toString())
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve(name + ".log").toFile())
              .start();
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
      while (!listens()) {
        if (!process.isAlive() || System.nanoTime() > until) {
          throw new IOException(Files.readString(folder.resolve(name + ".log")));
        }
        LockSupport.parkNanos(10_000_000);
      }
    }

    ProcessHandle handle() {
      return process.toHandle();
    }

    private boolean listens() {
      try (var _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
        return true;
      } catch (IOException e) {
        return false;
      }
    }

    @Override
    public void close() {
      process.destroyForcibly().onExit().join();
    }
  }
}
