package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.Target;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What no client should send, sent to a real daemon: it is refused in words, takes nothing with
/// it, and others are served meanwhile.
class HostileInputTest {
  private static final String MAPS = "/api/v1/namespaces/default/configmaps";
  private static final int FUZZED = Integer.getInteger("slipway.fuzz", 3_000);
  private static final long SEED = Long.getLong("slipway.seed", 1);

  @TempDir Path folder;

  private RealDaemon daemon;
  private Target admin;
  private @Nullable HttpConnection connection;
  private int turn;

  @BeforeEach
  void aDaemon() throws Exception {
    daemon = RealDaemon.start(folder, "-XX:+ExitOnOutOfMemoryError");
    admin = daemon.target();
  }

  @AfterEach
  void itLives() throws Exception {
    try (RealDaemon last = daemon) {
      assertThat(get("/readyz")).isEqualTo(200);
      assertThat(last.log()).doesNotContain("request failed", "OutOfMemory", "StackOverflow");
    }
  }

  private int get(String path) throws IOException {
    try (var connection = HttpConnection.open(admin)) {
      return connection.get(path).status();
    }
  }

  private HttpConnection.Answer send(String method, String path, String type, String body)
      throws IOException {
    // A handshake takes longer than anything else here.
    HttpConnection kept = connection;
    connection = null;
    if (kept == null) {
      kept = HttpConnection.open(admin);
    }
    HttpConnection.Answer answer =
        kept.send(method, path, type, body.getBytes(StandardCharsets.UTF_8));
    if (answer.status() < 400) {
      connection = kept;
    } else {
      kept.close();
    }
    return answer;
  }

  private static String map(String name, String rest) {
    return "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\"}%s}"
        .formatted(name, rest);
  }

  /// Asked for by `--plain-http`; everything else here speaks TLS on this port.
  @Test
  void onePortAnswersWithAndWithoutTls() throws Exception {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), admin.port())) {
      socket.setSoTimeout(20_000);
      socket
          .getOutputStream()
          .write(
              "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
          .startsWith("HTTP/1.1 200 OK\r\n")
          .endsWith("\r\n\r\nok\n");
    }
    assertThat(get("/healthz")).isEqualTo(200);
  }

  @Test
  void whatCannotBeMeantIsRefusedInWords() throws Exception {
    assertThat(
            send("POST", MAPS, "application/json", map("kept", ",\"data\":{\"a\":\"b\"}")).status())
        .isEqualTo(201);
    String deep = "[".repeat(100_000) + "]".repeat(100_000);
    String many = "{\"data\":[" + "[],".repeat(900_000) + "0]}";
    String json = "application/json";
    String merge = "application/merge-patch+json";
    String patch = "application/json-patch+json";
    String kept = MAPS + "/kept";
    String[][] requests = {
      {"POST", MAPS, json, ""},
      {"POST", MAPS, json, "{"},
      {"POST", MAPS, json, "null"},
      {"POST", MAPS, json, "[]"},
      {"POST", MAPS, json, "\u0000\u0001\ufffd"},
      {"POST", MAPS, json, "{\"apiVersion\":\"v1\",\"apiVersion\":\"v1\"}"},
      {"POST", MAPS, json, map("../../etc/passwd", "")},
      {"POST", MAPS, json, map("x".repeat(10_000), "")},
      {"POST", MAPS, json, map("a\\u0000b", "")},
      {"POST", MAPS, json, map("numbers", ",\"data\":{\"a\":1e999999}")},
      {"POST", MAPS, json, map("types", ",\"data\":[1,2,3]")},
      {"POST", MAPS, json, map("labels", "").replace("}}", ",\"labels\":{\"-\":\"*\"}}}")},
      {"POST", MAPS, json, deep},
      {"POST", MAPS, json, "{\"a\":" + deep + "}"},
      {"POST", MAPS, json, many},
      {"POST", MAPS, json, map("huge", ",\"data\":{\"a\":\"" + "x".repeat(4 << 20) + "\"}")},
      {
        "POST",
        MAPS,
        "application/yaml",
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n"
      },
      {"POST", MAPS, "application/yaml", "- ".repeat(100_000)},
      {"POST", MAPS, "application/yaml", "- a\n".repeat(700_000)},
      {
        "POST",
        MAPS,
        "application/vnd.kubernetes.protobuf",
        "k8s\u0000\u0001\u00ff\u00ff\u00ff\u00ff\u000f"
      },
      {"PATCH", kept, json, "{}"},
      {"PATCH", kept, "text/html", "<html>"},
      {"PATCH", kept, merge, "{"},
      {"PATCH", kept, merge, "[]"},
      {"PATCH", kept, merge, "{\"data\":" + deep + "}"},
      {
        "PATCH",
        kept,
        "application/strategic-merge-patch+json",
        "{\"data\":{\"$patch\":\"explode\"}}"
      },
      {"PATCH", kept, patch, "{}"},
      {"PATCH", kept, patch, "[{\"op\":\"explode\",\"path\":\"/a\"}]"},
      {"PATCH", kept, patch, "[{\"op\":\"add\",\"path\":\"no pointer\",\"value\":1}]"},
      {"PATCH", kept, patch, "[{\"op\":\"remove\",\"path\":\"/data/none\"}]"},
      {"PATCH", kept, patch, "[{\"op\":\"replace\",\"path\":\"/data/99999999999\",\"value\":{}}]"},
      {
        "PATCH",
        kept,
        patch,
        "["
            + "{\"op\":\"copy\",\"from\":\"\",\"path\":\"/data/x\"},".repeat(60)
            + "{\"op\":\"test\",\"path\":\"/kind\",\"value\":\"ConfigMap\"}]"
      },
      {"PATCH", kept, patch, deeperAndDeeper()},
      {"PATCH", kept + "?fieldManager=x", "application/apply-patch+yaml", "{{{{{{"},
      {
        "PATCH",
        kept + "?fieldManager=" + "m".repeat(500),
        "application/apply-patch+yaml",
        map("other", "")
      },
      {"GET", MAPS + "?labelSelector=%28%28%28", "", ""},
      {"GET", MAPS + "?labelSelector=a%20in%20%28", "", ""},
      {"GET", MAPS + "?limit=many", "", ""},
      {"GET", MAPS + "?continue=%21%21", "", ""},
      {"GET", MAPS + "?resourceVersion=-5", "", ""},
      {"GET", MAPS + "?watch=true&resourceVersion=abc", "", ""},
      {"GET", MAPS + "?watch=true&timeoutSeconds=abc", "", ""},
      {"GET", MAPS + "/%2e%2e/%2e%2e/secrets", "", ""},
      {"GET", MAPS + "/%00", "", ""},
      {"GET", "/api/v1/" + "a/".repeat(2_000), "", ""},
      {"DELETE", kept + "?gracePeriodSeconds=x", "", ""},
      {"DELETE", kept, json, "{\"propagationPolicy\":\"Sideways\"}"},
      {"DELETE", kept, json, "{\"preconditions\":{\"uid\":\"nobody\"}}"},
      {"BREW", kept, "", ""},
    };
    var wrong = new ArrayList<String>();
    for (String[] request : requests) {
      String shown =
          String.join(" ", request).substring(0, Math.min(120, String.join(" ", request).length()));
      try {
        HttpConnection.Answer answer = send(request[0], request[1], request[2], request[3]);
        boolean words =
            answer.text().contains("\"message\"")
                || answer.status() == 400
                || answer.status() == 431;
        if (answer.status() < 400 || answer.status() >= 500 || !words) {
          wrong.add(
              "%s -> %d %s"
                  .formatted(
                      shown,
                      answer.status(),
                      answer.text().substring(0, Math.min(200, answer.text().length()))));
        }
      } catch (IOException e) {
        wrong.add(shown + " -> " + e);
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(send("GET", kept, "", "").text()).contains("\"data\":{\"a\":\"b\"}");
    // What was stored meanwhile can be read again.
    daemon.kill();
    daemon.startAgain();
  }

  /// Every operation puts something below what the one before it put.
  private static String deeperAndDeeper() {
    var operations = new StringBuilder("[");
    var path = new StringBuilder("/data");
    for (int i = 0; i < 1_000; i++) {
      path.append("/a");
      operations.append("{\"op\":\"add\",\"path\":\"").append(path).append("\",\"value\":{}},");
    }
    return operations
        .append("{\"op\":\"test\",\"path\":\"/kind\",\"value\":\"ConfigMap\"}]")
        .toString();
  }

  /// Bodies that begin right and are damaged somewhere.
  @Test
  void damagedRequestsAreAnsweredEachAndLeaveTheConnectionUsable() throws Exception {
    var random = new Random(SEED);
    byte[] good =
        map("fuzzed", ",\"data\":{\"a\":\"b\",\"c\":\"\\u00e4\"},\"binaryData\":{\"d\":\"AAAA\"}")
            .getBytes(StandardCharsets.UTF_8);
    String[] types = {
      "application/json",
      "application/yaml",
      "application/vnd.kubernetes.protobuf",
      "application/merge-patch+json",
      "application/json-patch+json",
      "application/strategic-merge-patch+json",
      "application/apply-patch+yaml"
    };
    try (var connection = HttpConnection.open(admin)) {
      for (int i = 0; i < FUZZED; i++) {
        byte[] body = damaged(good, random);
        int type = random.nextInt(types.length);
        HttpConnection.Answer answer =
            connection.send(
                type < 3 ? "POST" : "PATCH",
                MAPS + (type < 3 ? "" : "/fuzzed") + "?fieldManager=fuzz",
                types[type],
                body);
        assertThat(answer.status())
            .as(
                "seed %d, request %d, %s: %s",
                SEED, i, types[type], new String(body, StandardCharsets.ISO_8859_1))
            .isBetween(200, 499);
      }
    }
  }

  private static byte[] damaged(byte[] good, Random random) {
    byte[] body = good.clone();
    for (int i = random.nextInt(6); i >= 0; i--) {
      int at = random.nextInt(body.length);
      switch (random.nextInt(4)) {
        case 0 -> body[at] = (byte) random.nextInt(256);
        case 1 -> body[at] = (byte) "{}[]\",:0-&*!|>%@`".charAt(random.nextInt(17));
        case 2 -> body = Arrays.copyOf(body, Math.max(1, at));
        default -> {
          int from = random.nextInt(body.length);
          int length = Math.min(body.length - from, random.nextInt(40));
          byte[] longer = Arrays.copyOf(body, body.length + length);
          System.arraycopy(body, at, longer, at + length, body.length - at);
          System.arraycopy(body, from, longer, at, length);
          body = longer;
        }
      }
    }
    return body;
  }

  /// Connections that never ask, ask slowly, send no end, or do not read: all end or are held
  /// cheaply, others are served meanwhile, and afterwards everything is as it was.
  @Test
  void halfOpenAndSlowClientsStallNobodyAndLeaveNothing() throws Exception {
    for (int i = 0; i < 200; i++) {
      assertThat(
              send(
                      "POST",
                      MAPS,
                      "application/json",
                      map("m" + i, ",\"data\":{\"a\":\"" + "x".repeat(20_000) + "\"}"))
                  .status())
          .isEqualTo(201);
    }
    get(MAPS);
    long descriptors = descriptors();
    long threads = threads();
    var open = new ArrayList<AutoCloseable>();
    for (int i = 0; i < 300; i++) {
      // Connected, and silent.
      open.add(HttpConnection.openPlain(admin));
    }
    for (int i = 0; i < 30; i++) {
      // A handshake, and half a head.
      var slow = HttpConnection.open(admin);
      slow.write("GET /api HTTP/1.1\r\nHost: a\r\nX-Slow: ".getBytes(StandardCharsets.US_ASCII));
      open.add(slow);
    }
    for (int i = 0; i < 30; i++) {
      // Half a body.
      var slow = HttpConnection.open(admin);
      byte[] whole =
          HttpConnection.request(
              admin,
              "POST",
              MAPS,
              "application/json",
              map("slow", "").getBytes(StandardCharsets.UTF_8));
      slow.write(Arrays.copyOf(whole, whole.length - 10));
      open.add(slow);
    }
    for (int i = 0; i < 30; i++) {
      // Lists of 4 MB that nobody reads.
      var deaf = HttpConnection.open(admin);
      deaf.write(HttpConnection.request(admin, "GET", MAPS, "", new byte[0]));
      open.add(deaf);
    }
    for (int i = 0; i < 30; i++) {
      // Watches that nobody reads.
      var deaf = HttpConnection.open(admin);
      deaf.write(
          HttpConnection.request(
              admin, "GET", MAPS + "?watch=true&resourceVersion=0", "", new byte[0]));
      open.add(deaf);
    }
    try (var other = HttpConnection.open(admin)) {
      for (int i = 0; i < 100; i++) {
        assertThat(other.get("/api/v1/namespaces/default").status()).isEqualTo(200);
        assertThat(
                other
                    .send(
                        "PUT",
                        MAPS + "/m1",
                        "application/json",
                        map("m1", ",\"data\":{\"i\":\"" + i + "\"}")
                            .getBytes(StandardCharsets.UTF_8))
                    .status())
            .isEqualTo(200);
      }
    }
    // Who never said who he is was disconnected, while the client still has it open.
    RealDaemon.await(() -> isClosed(((HttpConnection) open.get(0)).socket()), "silence ends");
    for (AutoCloseable each : open) {
      each.close();
    }
    RealDaemon.await(
        () -> {
          // Over HTTP/1.1 the end of a client shows when there is something to send.
          send(
              "PUT",
              MAPS + "/m2",
              "application/json",
              map("m2", ",\"data\":{\"a\":\"%s\"}".formatted("y".repeat(20_000 + turn++))));
          return descriptors() <= descriptors + 20 && threads() <= threads + 20;
        },
        "descriptors and threads are given back");
  }

  private static boolean isClosed(Socket socket) throws IOException {
    socket.setSoTimeout(100);
    try {
      return socket.getInputStream().read() < 0;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private long descriptors() throws IOException {
    try (var all = Files.list(Path.of("/proc", "" + daemon.pid(), "fd"))) {
      return all.count();
    }
  }

  private long threads() throws IOException {
    try (var all = Files.list(Path.of("/proc", "" + daemon.pid(), "task"))) {
      return all.count();
    }
  }

  /// One client has hundreds of requests under way all the time; another's are answered
  /// nevertheless.
  @Test
  void oneClientCannotKeepOthersOut() throws Exception {
    Target greedy = account("greedy");
    Target modest = account("modest");
    for (int i = 0; i < 200; i++) {
      send(
          "POST",
          MAPS,
          "application/json",
          map("m" + i, ",\"data\":{\"a\":\"" + "x".repeat(2_000) + "\"}"));
    }
    var stop = new AtomicBoolean();
    var answered = new AtomicInteger();
    var refused = new AtomicInteger();
    var others = new ConcurrentLinkedQueue<Integer>();
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 240; i++) {
      threads.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    while (!stop.get()) {
                      try (var connection = HttpConnection.open(greedy)) {
                        while (!stop.get()) {
                          int status = connection.get(MAPS).status();
                          if (status == 200) {
                            answered.incrementAndGet();
                          } else if (status == 429) {
                            refused.incrementAndGet();
                            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
                          } else {
                            others.add(status);
                          }
                        }
                      } catch (IOException e) {
                        // Who floods may be too slow to say who he is in time.
                        refused.incrementAndGet();
                      }
                    }
                  }));
    }
    try (var connection = HttpConnection.open(modest)) {
      for (int i = 0; i < 100; i++) {
        assertThat(connection.get(MAPS + "/m" + i).status()).isEqualTo(200);
      }
    }
    stop.set(true);
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(others).as("other answers than 200 and 429").isEmpty();
    assertThat(answered.get()).isPositive();
  }

  /// However fast the machine is: these requests wait for the end of their bodies.
  @Test
  void oneClientHasNoMoreThanItsShareUnderWay() throws Exception {
    Target greedy = account("greedy");
    Target modest = account("modest");
    byte[] question =
        HttpConnection.request(
            greedy,
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "application/json",
            """
            {"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview",
             "spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}"""
                .getBytes(StandardCharsets.UTF_8));
    int most = question.length - 1;
    var held = new ArrayList<HttpConnection>();
    try {
      for (int i = 0; i < 200; i++) {
        var connection = HttpConnection.open(greedy);
        held.add(connection);
        connection.write(Arrays.copyOf(question, most));
      }
      RealDaemon.await(
          () -> {
            try (var connection = HttpConnection.open(greedy)) {
              return connection.get(MAPS).status() == 429;
            }
          },
          "more than 200 requests at once of one client are refused");
      try (var connection = HttpConnection.open(modest)) {
        assertThat(connection.get(MAPS).status()).isEqualTo(200);
      }
      HttpConnection first = held.getFirst();
      first.write(Arrays.copyOfRange(question, most, question.length));
      assertThat(first.answer().status()).isEqualTo(201);
      try (var connection = HttpConnection.open(greedy)) {
        assertThat(connection.get(MAPS).status()).isEqualTo(200);
      }
    } finally {
      for (HttpConnection connection : held) {
        connection.close();
      }
    }
  }

  /// A service account that may read, as a client of its own.
  private Target account(String name) throws IOException {
    assertThat(
            send(
                    "POST",
                    "/api/v1/namespaces/default/serviceaccounts",
                    "application/json",
                    "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":\"%s\"}}"
                        .formatted(name))
                .status())
        .isEqualTo(201);
    assertThat(
            send(
                    "POST",
                    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                    "application/json",
                    "{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"ClusterRoleBinding\",\"metadata\":{\"name\":\"%1$s\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"ClusterRole\",\"name\":\"view\"},\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"%1$s\",\"namespace\":\"default\"}]}"
                        .formatted(name))
                .status())
        .isEqualTo(201);
    String answer =
        send(
                "POST",
                "/api/v1/namespaces/default/serviceaccounts/" + name + "/token",
                "application/json",
                "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":{}}")
            .text();
    String token = answer.replaceAll("(?s).*\"token\":\"([^\"]+)\".*", "$1");
    assertThat(token).as(answer).contains(".");
    return daemon.target(token);
  }
}
