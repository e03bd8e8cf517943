package dev.slipway.bench;

import dev.slipway.app.Lent;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.SqliteJournal;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.controlplane.store.Write;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/// Durable writes of 1 KB a second: this store within its process, as the daemon uses it, and etcd
/// over its own protocol on the loopback, as an API server uses it. Both have every write on the
/// disk before they acknowledge it.
final class StoreBenchmark implements Benchmark {
  private static final Path ETCD = Path.of("/usr/bin/etcd");
  private static final int CONNECTIONS = 10;
  private static final int SAMPLES = 3;
  private static final double SECONDS = 4;
  private static final String TEXT = "x".repeat(800);

  @Override
  public String name() {
    return "store";
  }

  /// No name is used twice.
  private final AtomicLong numbers = new AtomicLong();

  private interface Writer {
    void write(int thread, long number) throws Exception;
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    double[] ours = ours();
    double[] theirs = Files.isExecutable(ETCD) ? etcd() : new double[] {Double.NaN, Double.NaN};
    String samples = "median of %d × %.0f s after 1".formatted(SAMPLES, SECONDS);
    for (int i = 0; i < 2; i++) {
      String who = i == 0 ? "1 writer" : "100 writers";
      report.accept(
          new Figure(
              "1-KB objects created by " + who,
              samples,
              ours[i],
              "writes/s",
              Goal.NONE,
              Double.isNaN(theirs[i])
                  ? "etcd is not installed (Debian: etcd-server)"
                  : "etcd %,.0f/s".formatted(theirs[i])));
      if (!Double.isNaN(theirs[i])) {
        report.accept(
            new Figure(
                who + " against etcd with as many clients",
                samples,
                ours[i] / theirs[i],
                "times",
                Goal.atLeast(i == 0 ? 1.5 : 4),
                ""));
      }
    }
  }

  private double[] ours() throws Exception {
    try (Folder folder = Folder.make("store");
        var store =
            new ObjectStore(
                SqliteJournal.open(folder.path().resolve("objects.db")),
                Lent.timeline(),
                StoreLimits.DEFAULT)) {
      Writer writer = (thread, number) -> create(store, "c-" + thread + "-" + number);
      return new double[] {rate(1, writer), rate(100, writer)};
    }
  }

  private static void create(ObjectStore store, String name) {
    KubeObject object =
        KubeObject.make(
            "v1",
            "ConfigMap",
            "default",
            name,
            json -> {
              Json.child(json, "metadata")
                  .put("uid", "0f0f0f0f-0000-4000-8000-000000000000")
                  .put("creationTimestamp", "2026-01-01T00:00:00Z");
              Json.child(json, "data").put("text", TEXT);
            });
    Write.Result result =
        store.commit(
            new Write(object.key(), null, object, List.of(), "create", Author.controller("bench")));
    if (!(result instanceof Write.Result.Stored)) {
      throw new IllegalStateException("not stored: " + result);
    }
  }

  private double[] etcd() throws Exception {
    int port = freePort();
    String url = "http://127.0.0.1:" + port;
    String peer = "http://127.0.0.1:" + freePort();
    try (Folder folder = Folder.make("etcd")) {
      Process server =
          new ProcessBuilder(
                  ETCD.toString(),
                  "--data-dir",
                  folder.path().resolve("data").toString(),
                  "--listen-client-urls",
                  url,
                  "--advertise-client-urls",
                  url,
                  "--listen-peer-urls",
                  peer,
                  "--initial-advertise-peer-urls",
                  peer,
                  "--initial-cluster",
                  "default=" + peer,
                  "--quota-backend-bytes",
                  "8000000000")
              .redirectErrorStream(true)
              .redirectOutput(folder.path().resolve("log").toFile())
              .start();
      var clients = new ArrayList<Client>();
      try {
        awaitPort(port);
        for (int i = 0; i < CONNECTIONS; i++) {
          clients.add(Client.builder().endpoints(url).build());
        }
        Writer writer =
            (thread, number) ->
                clients
                    .get(thread % CONNECTIONS)
                    .getKVClient()
                    .put(
                        bytes("/registry/c-" + thread + "-" + number),
                        bytes(TEXT + "y".repeat(200)))
                    .get();
        return new double[] {rate(1, writer), rate(100, writer)};
      } finally {
        clients.forEach(Client::close);
        server.destroy();
        server.waitFor();
      }
    }
  }

  private static ByteSequence bytes(String text) {
    return ByteSequence.from(text, StandardCharsets.US_ASCII);
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void awaitPort(int port) {
    while (true) {
      try (var _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
        return;
      } catch (IOException e) {
        LockSupport.parkNanos(20_000_000);
      }
    }
  }

  private double rate(int threads, Writer writer) throws Exception {
    var samples = new double[SAMPLES];
    for (int i = -1; i < SAMPLES; i++) {
      double rate = once(threads, writer);
      if (i >= 0) {
        samples[i] = rate;
      }
    }
    return Times.median(samples);
  }

  private double once(int threads, Writer writer) throws Exception {
    var stop = new AtomicBoolean();
    var done = new AtomicLong();
    var failures = new ArrayList<Exception>();
    var running = new ArrayList<Thread>();
    double start = Times.wall();
    for (int i = 0; i < threads; i++) {
      int thread = i;
      running.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      while (!stop.get()) {
                        writer.write(thread, numbers.incrementAndGet());
                        done.incrementAndGet();
                      }
                    } catch (Exception e) {
                      synchronized (failures) {
                        failures.add(e);
                      }
                    }
                  }));
    }
    LockSupport.parkNanos((long) (SECONDS * 1e9));
    stop.set(true);
    for (Thread thread : running) {
      thread.join();
    }
    double seconds = Times.wall() - start;
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
    return done.get() / seconds;
  }
}
