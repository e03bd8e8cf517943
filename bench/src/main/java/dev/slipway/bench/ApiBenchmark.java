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
import java.util.function.Consumer;

/// The API as clients see it, beside a real kube-apiserver over etcd: the same client, requests and
/// objects, TLS and durable writes on both, and the processor time of every process on the path.
/// The client runs on the same processors; rates are so what is left to the server. Each figure is
/// printed as it is taken, and in the table at the end.
final class ApiBenchmark implements Benchmark {
  private static final int CLIENTS = 32;
  private static final int PODS = 10_000;
  private static final int FEW = 1_000;
  private static final int LISTS = 10;
  private static final int WATCHERS = 1_000;
  private static final int EVENTS = 200;
  private static final double SECONDS = 4;
  private static final int WARM_UP = 2_000;
  private static final int WARM_GETS_SECONDS = 4;
  private static final int PATIENCE_SECONDS = 60;

  private static final String CREATES = "creates of 1-KB pods by 32 clients, among %,d";
  private static final String GETS = "gets of a pod by 32 clients, among %,d";
  private static final String LIST = "list of %,d pods: processor";
  private static final String EVENTS_TO_ALL =
      "event to each of 1,000 watchers, among %,d pods: processor";
  private static final String MEMORY = "memory with %,d pods (RSS)";

  @Override
  public String name() {
    return "api";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    Map<String, Double> ours;
    try (var server = ApiServerUnderTest.slipway()) {
      ours = measure("Slipway", server);
    }
    Map<String, Double> theirs;
    try (Folder folder = Folder.make("kubernetes");
        var server = ApiServerUnderTest.kubernetes(folder.path())) {
      theirs = measure("kube-apiserver and etcd", server);
    }
    add(report, ours, theirs, CREATES, "pods/s", 5, false);
    add(report, ours, theirs, CREATES + ": processor", "µs", 5, true);
    add(report, ours, theirs, GETS, "gets/s", 5, false);
    add(report, ours, theirs, GETS + ": processor", "µs", 5, true);
    add(report, ours, theirs, LIST, "µs/pod", 10, true);
    add(report, ours, theirs, EVENTS_TO_ALL, "µs/event", 4, true);
    add(report, ours, theirs, MEMORY, "MB", 3, true);
  }

  private static void add(
      Consumer<Figure> report,
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
      report.accept(
          new Figure(
              what,
              "1 run",
              mine,
              unit,
              Goal.NONE,
              "kube-apiserver and etcd %,.2f %s".formatted(peer, unit)));
      report.accept(
          new Figure(
              what + ", against kube-apiserver and etcd",
              "1 run",
              less ? peer / mine : mine / peer,
              less ? "times less" : "times as many",
              Goal.atLeast(times),
              ""));
    }
  }

  /// Figures by what they are of, printed as they come.
  private record Notes(String who, Map<String, Double> figures) {
    void note(String form, int pods, double value) {
      String what = form.formatted(pods);
      figures.put(what, value);
      System.err.printf("%s: %s: %,.1f%n", who, what, value);
    }
  }

  static Map<String, Double> measure(String who, ApiServerUnderTest server) throws Exception {
    var notes = new Notes(who, new LinkedHashMap<>());
    for (String namespace : List.of("warm-up", "load", "watched", "made-0", "made-1")) {
      server.namespace(namespace);
    }
    var warm = new Pods(server, "warm-up");
    warm.createUpTo(WARM_UP);
    warm.gets(WARM_GETS_SECONDS);
    warm.lists(5);
    System.err.println(who + ": warm");
    var pods = new Pods(server, "load");
    int round = 0;
    for (int count : new int[] {FEW, PODS}) {
      pods.createUpTo(count);
      Rate gets = pods.gets(SECONDS);
      notes.note(GETS, count, gets.each());
      notes.note(GETS + ": processor", count, gets.micros());
      notes.note(LIST, count, 1e6 * pods.lists(LISTS) / count);
      if (count == PODS) {
        notes.note(MEMORY, count, server.memory());
      }
      Rate creates = new Pods(server, "made-" + round++).creates(SECONDS);
      notes.note(CREATES, count, creates.each());
      notes.note(CREATES + ": processor", count, creates.micros());
    }
    notes.note(EVENTS_TO_ALL, PODS, 1e6 * events(server));
    return notes.figures();
  }

  /// Processor seconds of the server for each event that reached a watcher.
  private static double events(ApiServerUnderTest server) throws Exception {
    var seen = new AtomicLong();
    var begun = new CountDownLatch(WATCHERS);
    var connections = new ArrayList<HttpConnection>();
    try {
      for (int i = 0; i < WATCHERS; i++) {
        HttpConnection connection = HttpConnection.open(server.target());
        // It hears nothing while the others come.
        connection.socket().setSoTimeout(0);
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
    } catch (IOException _) {
      // Closed at the end; who lacks an event is waited for in vain, and that is told.
      begun.countDown();
    }
  }

  private static void await(AtomicLong seen, long wanted) throws IOException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (seen.get() < wanted) {
      if (System.nanoTime() > until) {
        throw new IOException("%,d of %,d events came".formatted(seen.get(), wanted));
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
  }

  /// @param each in a second
  /// @param micros of processor time of the server for each
  private record Rate(double each, double micros) {}

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

    Rate creates(double seconds) throws Exception {
      return rate(seconds, connection -> create(connection, numbers.getAndIncrement()));
    }

    Rate gets(double seconds) throws Exception {
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

    private Rate rate(double seconds, Step step) throws Exception {
      var done = new AtomicLong();
      double before = server.cpu();
      long start = System.nanoTime();
      long until = start + (long) (seconds * 1e9);
      clients(
          CLIENTS,
          connection -> {
            step.on(connection);
            done.incrementAndGet();
            return System.nanoTime() < until;
          });
      return new Rate(
          done.get() / ((System.nanoTime() - start) / 1e9),
          1e6 * (server.cpu() - before) / done.get());
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
