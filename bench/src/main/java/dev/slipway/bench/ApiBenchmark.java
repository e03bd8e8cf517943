package dev.slipway.bench;

import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.Target;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// The API as clients see it, beside a real kube-apiserver over etcd: the same client, requests and
/// objects, TLS and durable writes on both, and the processor time of every process on the path.
/// The client runs on the same processors; rates are so what is left to the server.
final class ApiBenchmark implements Benchmark {
  private static final int CLIENTS = 32;
  private static final int PODS = 10_000;
  private static final int FEW = 1_000;
  private static final int LISTS = 10;
  private static final int WATCHERS = 1_000;
  private static final int EVENTS = 200;
  private static final double SECONDS = 5;
  private static final int WARM_UP = 3_000;

  @Override
  public String name() {
    return "api";
  }

  @Override
  public List<Figure> run() throws Exception {
    Map<String, Double> ours;
    try (var server = ApiServerUnderTest.slipway()) {
      ours = measure(server);
    }
    Map<String, Double> theirs;
    try (Folder folder = Folder.make("kubernetes");
        var server = ApiServerUnderTest.kubernetes(folder.path())) {
      theirs = measure(server);
    }
    var figures = new ArrayList<Figure>();
    add(figures, ours, theirs, "creates of 1-KB pods by 32 clients, among %,d", "pods/s", 5, false);
    add(figures, ours, theirs, "gets of a pod by 32 clients, among %,d", "gets/s", 5, false);
    add(figures, ours, theirs, "list of %,d pods: processor", "µs/pod", 10, true);
    add(
        figures,
        ours,
        theirs,
        "event to each of 1,000 watchers, among %,d pods: processor",
        "µs/event",
        4,
        true);
    add(figures, ours, theirs, "memory with %,d pods (RSS)", "MB", 3, true);
    return figures;
  }

  private static void add(
      List<Figure> figures,
      Map<String, Double> ours,
      Map<String, Double> theirs,
      String form,
      String unit,
      double times,
      boolean less) {
    for (int pods : new int[] {FEW, PODS}) {
      String what = form.formatted(pods);
      Double mine = ours.get(what);
      Double peer = theirs.get(what);
      if (mine == null || peer == null) {
        continue;
      }
      figures.add(
          new Figure(
              what,
              "1 run",
              mine,
              unit,
              Goal.NONE,
              "kube-apiserver and etcd %,.2f %s".formatted(peer, unit)));
      figures.add(
          new Figure(
              what + ", against kube-apiserver and etcd",
              "1 run",
              less ? peer / mine : mine / peer,
              less ? "times less" : "times as many",
              Goal.atLeast(times),
              ""));
    }
  }

  static Map<String, Double> measure(ApiServerUnderTest server) throws Exception {
    var figures = new LinkedHashMap<String, Double>();
    server.namespace("warm-up");
    server.namespace("load");
    server.namespace("watched");
    var warm = new Pods(server, "warm-up");
    warm.createUpTo(WARM_UP);
    warm.gets(2);
    warm.lists(3);
    warm.deleteAll();
    var pods = new Pods(server, "load");
    for (int count : new int[] {FEW, PODS}) {
      pods.createUpTo(count);
      figures.put("gets of a pod by 32 clients, among %,d".formatted(count), pods.gets(SECONDS));
      figures.put("list of %,d pods: processor".formatted(count), 1e6 * pods.lists(LISTS) / count);
      if (count == PODS) {
        figures.put("memory with %,d pods (RSS)".formatted(count), server.memory());
      }
      figures.put(
          "creates of 1-KB pods by 32 clients, among %,d".formatted(count),
          new Pods(server, "warm-up").creates(SECONDS));
      new Pods(server, "warm-up").deleteAll();
    }
    figures.put(
        "event to each of 1,000 watchers, among %,d pods: processor".formatted(PODS),
        1e6 * events(server));
    return figures;
  }

  /// Processor seconds of the server for each event that reached a watcher.
  private static double events(ApiServerUnderTest server) throws Exception {
    var seen = new AtomicLong();
    var begun = new CountDownLatch(WATCHERS);
    var connections = new ArrayList<HttpConnection>();
    try {
      for (int i = 0; i < WATCHERS; i++) {
        HttpConnection connection = HttpConnection.open(server.target());
        connections.add(connection);
        Thread.ofVirtual().start(() -> watch(connection, begun, seen));
      }
      begun.await();
      var pods = new Pods(server, "watched");
      pods.create(20);
      await(seen, 20L * WATCHERS);
      double before = server.cpu();
      pods.create(EVENTS);
      await(seen, (20L + EVENTS) * WATCHERS);
      return (server.cpu() - before) / EVENTS / WATCHERS;
    } finally {
      for (HttpConnection connection : connections) {
        connection.close();
      }
    }
  }

  private static void watch(HttpConnection connection, CountDownLatch begun, AtomicLong seen) {
    try {
      int status =
          connection.begin(
              "/api/v1/namespaces/watched/pods?watch=true&resourceVersion=0&timeoutSeconds=600");
      if (status != 200) {
        throw new IOException("watch answered " + status);
      }
      begun.countDown();
      for (byte[] chunk = connection.chunk(); chunk.length > 0; chunk = connection.chunk()) {
        int lines = 0;
        for (byte each : chunk) {
          if (each == '\n') {
            lines++;
          }
        }
        seen.addAndGet(lines);
      }
    } catch (IOException e) {
      // Closed at the end; who lacks an event is waited for in vain, and that is told.
      begun.countDown();
    }
  }

  private static void await(AtomicLong seen, long wanted) throws IOException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (seen.get() < wanted) {
      if (System.nanoTime() > until) {
        throw new IOException("%,d of %,d events came".formatted(seen.get(), wanted));
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
  }

  /// The pods of one namespace, and clients that make and read them.
  private static final class Pods {
    private final ApiServerUnderTest server;
    private final Target target;
    private final String path;
    private final AtomicInteger numbers = new AtomicInteger();

    Pods(ApiServerUnderTest server, String namespace) {
      this.server = server;
      this.target = server.target();
      this.path = "/api/v1/namespaces/" + namespace + "/pods";
    }

    private interface Call {
      /// @return whether to go on
      boolean on(HttpConnection connection) throws IOException;
    }

    private void clients(int count, Call call) throws Exception {
      var failures = new ArrayList<Exception>();
      var threads = new ArrayList<Thread>();
      for (int i = 0; i < count; i++) {
        threads.add(
            Thread.ofVirtual()
                .start(
                    () -> {
                      try (var connection = HttpConnection.open(target)) {
                        while (call.on(connection)) {
                          // Once more.
                        }
                      } catch (IOException | RuntimeException e) {
                        synchronized (failures) {
                          failures.add(e);
                        }
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      if (!failures.isEmpty()) {
        throw failures.getFirst();
      }
    }

    void createUpTo(int count) throws Exception {
      clients(
          CLIENTS,
          connection -> {
            int number = numbers.getAndIncrement();
            if (number >= count) {
              numbers.decrementAndGet();
              return false;
            }
            create(connection, number);
            return true;
          });
    }

    void create(int count) throws Exception {
      try (var connection = HttpConnection.open(target)) {
        for (int i = 0; i < count; i++) {
          create(connection, numbers.getAndIncrement());
        }
      }
    }

    private void create(HttpConnection connection, int number) throws IOException {
      expect(201, connection.send("POST", path, "application/json", pod(number)));
    }

    double creates(double seconds) throws Exception {
      return rate(seconds, connection -> create(connection, numbers.getAndIncrement()));
    }

    double gets(double seconds) throws Exception {
      int count = numbers.get();
      var requests = new byte[Math.min(count, 512)][];
      for (int i = 0; i < requests.length; i++) {
        requests[i] =
            HttpConnection.request(
                target, "GET", path + "/pod-" + (i * 7919L % count), "", new byte[0]);
      }
      var next = new AtomicInteger();
      return rate(
          seconds,
          connection ->
              expect(
                  200,
                  connection.send(
                      requests[Math.floorMod(next.getAndIncrement(), requests.length)])));
    }

    private interface Step {
      void on(HttpConnection connection) throws IOException;
    }

    private double rate(double seconds, Step step) throws Exception {
      var done = new AtomicLong();
      long start = System.nanoTime();
      long until = start + (long) (seconds * 1e9);
      clients(
          CLIENTS,
          connection -> {
            step.on(connection);
            done.incrementAndGet();
            return System.nanoTime() < until;
          });
      return done.get() / ((System.nanoTime() - start) / 1e9);
    }

    /// Processor seconds of the server for one list of all.
    double lists(int count) throws Exception {
      try (var connection = HttpConnection.open(target)) {
        double before = server.cpu();
        for (int i = 0; i < count; i++) {
          expect(200, connection.get(path + "?resourceVersion=0"));
        }
        return (server.cpu() - before) / count;
      }
    }

    void deleteAll() throws Exception {
      try (var connection = HttpConnection.open(target)) {
        expect(200, connection.send("DELETE", path + "?gracePeriodSeconds=0", "", new byte[0]));
      }
    }

    private static void expect(int status, HttpConnection.Answer answer) throws IOException {
      if (answer.status() != status) {
        throw new IOException("answered %d: %s".formatted(answer.status(), answer.text()));
      }
    }

    private static final byte[] TEMPLATE =
        """
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-@","labels":{"app":"shop","tier":"web","release":"stable"},\
        "annotations":{"team":"checkout","description":"one of many pods that are alike, as a controller makes them"}},\
        "spec":{"schedulerName":"nobody","terminationGracePeriodSeconds":5,"containers":[{"name":"main","image":"registry.example.com/shop/web:1.4.2",\
        "command":["/usr/bin/web","--port","8080"],"env":[{"name":"LEVEL","value":"info"},{"name":"DATABASE","value":"postgres://db.shop.svc/shop"}],\
        "ports":[{"name":"http","containerPort":8080}],"resources":{"requests":{"cpu":"100m","memory":"64Mi"},"limits":{"memory":"128Mi"}},\
        "readinessProbe":{"httpGet":{"path":"/healthz","port":"http"},"periodSeconds":5}}]}}
        """
            .getBytes(StandardCharsets.UTF_8);

    private static byte[] pod(int number) {
      byte[] digits = Integer.toString(number).getBytes(StandardCharsets.US_ASCII);
      int at = 0;
      while (TEMPLATE[at] != '@') {
        at++;
      }
      byte[] body = Arrays.copyOf(TEMPLATE, TEMPLATE.length - 1 + digits.length);
      System.arraycopy(digits, 0, body, at, digits.length);
      System.arraycopy(TEMPLATE, at + 1, body, at + digits.length, TEMPLATE.length - at - 1);
      return body;
    }
  }
}
