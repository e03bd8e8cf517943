package dev.slipway.e2e;

import dev.slipway.model.json.Json;
import dev.slipway.testing.history.Follower;
import dev.slipway.testing.history.Glance;
import dev.slipway.testing.history.Operation;
import dev.slipway.testing.history.Operation.Answer;
import dev.slipway.testing.history.Operation.Call;
import dev.slipway.testing.history.Version;
import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.Target;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Concurrent clients of one API server, who note down all they do and see. Configuration maps are
/// the keys, namespaces the scopes.
final class HistoryLoad {
  private static final int KEYS = 12;
  private static final int MOST_SURPRISES = 20;

  /// Written last of all in every scope: who has seen it has seen everything.
  static final String LAST = "last";

  private final Target target;
  private final long seed;
  private final AtomicInteger left;
  private final AtomicInteger running;
  private final AtomicLong values = new AtomicLong();
  private final List<String> scopes = new ArrayList<>();
  private final List<Thread> clients = new ArrayList<>();
  private final List<HistoryFollower> followers = new ArrayList<>();
  private final Map<String, Long> revisions = new ConcurrentHashMap<>();
  private final List<Operation> operations = new ArrayList<>();
  private final List<Follower> lists = new ArrayList<>();
  private final List<String> surprises = new ArrayList<>();

  /// Begin and end of each time in which the server was, or may have been, dead.
  private final TreeMap<Long, Long> outages = new TreeMap<>();

  HistoryLoad(Target target, int clientCount, int scopeCount, int requests, long seed) {
    this.target = target;
    this.seed = seed;
    this.left = new AtomicInteger(requests);
    this.running = new AtomicInteger(clientCount);
    for (int i = 0; i < scopeCount; i++) {
      scopes.add("history-" + i);
    }
    for (int i = 0; i < clientCount; i++) {
      int number = i;
      clients.add(Thread.ofVirtual().unstarted(() -> new Client(number).run()));
    }
    for (String scope : scopes) {
      followers.add(new HistoryFollower(this, target, "lister-" + scope, scope, false));
      followers.add(new HistoryFollower(this, target, "streamer-" + scope, scope, true));
    }
  }

  void start() throws IOException {
    try (var connection = HttpConnection.open(target)) {
      for (String scope : scopes) {
        var answer =
            connection.send(
                "POST",
                "/api/v1/namespaces",
                "application/json",
                bytes(
                    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}"
                        .formatted(scope)));
        if (answer.status() != 201) {
          throw new IOException("no namespace: " + answer.text());
        }
      }
    }
    followers.forEach(HistoryFollower::start);
    clients.forEach(Thread::start);
  }

  boolean isUnderWay() {
    return running.get() > 0;
  }

  /// No client begins anything more.
  void enough() {
    left.set(0);
  }

  void outageBegins() {
    synchronized (outages) {
      outages.put(System.nanoTime(), Long.MAX_VALUE);
    }
  }

  void outageEnds() {
    synchronized (outages) {
      outages.put(outages.lastKey(), System.nanoTime());
    }
  }

  /// Whether the server may have been dead then.
  boolean isOut(long instant) {
    synchronized (outages) {
      var outage = outages.floorEntry(instant);
      return outage != null && outage.getValue() >= instant;
    }
  }

  /// Waits for the clients, then writes the last object of every scope and waits until every
  /// follower has seen it.
  void finish() throws Exception {
    for (Thread client : clients) {
      client.join();
    }
    try (var connection = HttpConnection.open(target)) {
      for (String scope : scopes) {
        var answer =
            connection.send(
                "POST",
                path(scope, ""),
                "application/json",
                configMap(LAST, "last of " + scope, 0));
        if (answer.status() != 201) {
          throw new IOException("not written: " + answer.text());
        }
      }
    }
    for (HistoryFollower follower : followers) {
      follower.join();
    }
  }

  List<Operation> operations() {
    return operations;
  }

  List<Follower> followers() {
    var all = new ArrayList<>(lists);
    followers.forEach(follower -> all.add(follower.history()));
    return all;
  }

  /// What no server should do, whatever happens to it.
  List<String> surprises() {
    synchronized (surprises) {
      return List.copyOf(surprises);
    }
  }

  void surprise(String what) {
    synchronized (surprises) {
      if (surprises.size() < MOST_SURPRISES) {
        surprises.add(what);
      }
    }
  }

  String summary() {
    long unknown =
        operations.stream()
            .filter(operation -> operation.answer() instanceof Answer.Unknown)
            .count();
    long events = followers.stream().mapToLong(HistoryFollower::events).sum();
    long resumed = followers.stream().mapToLong(HistoryFollower::resumed).sum();
    long expired = followers.stream().mapToLong(HistoryFollower::expired).sum();
    long bookmarks = followers.stream().mapToLong(HistoryFollower::bookmarks).sum();
    return "%,d operations (%,d of them without an answer), %,d lists, %,d events seen, %,d watches resumed, %,d told to list again, %,d bookmarks"
        .formatted(
            operations.size(),
            unknown,
            lists.stream().mapToInt(list -> list.glances().size()).sum(),
            events,
            resumed,
            expired,
            bookmarks);
  }

  static String path(String scope, String name) {
    return "/api/v1/namespaces/%s/configmaps%s".formatted(scope, name.isEmpty() ? "" : "/" + name);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static byte[] configMap(String name, String value, long revision) {
    return bytes(
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\"%s},\"data\":{\"value\":\"%s\"}}"
            .formatted(
                name, revision == 0 ? "" : ",\"resourceVersion\":\"" + revision + "\"", value));
  }

  static Version version(JsonNode object) {
    return new Version(
        Long.parseLong(Json.string(object.path("metadata"), "resourceVersion", "")),
        Json.string(object.path("data"), "value", ""));
  }

  /// A namespace has a ConfigMap that none of these clients writes.
  static boolean isOurs(JsonNode object) {
    return object.path("data").has("value");
  }

  /// A list as it was answered, by key.
  static Glance.Listed listed(long invoked, long returned, String scope, JsonNode list) {
    var objects = new HashMap<String, Version>();
    for (JsonNode item : list.path("items")) {
      if (isOurs(item)) {
        objects.put(scope + "/" + Json.string(item.path("metadata"), "name", ""), version(item));
      }
    }
    return new Glance.Listed(
        invoked,
        returned,
        Long.parseLong(Json.string(list.path("metadata"), "resourceVersion", "")),
        objects);
  }

  private final class Client {
    private final int number;
    private final Random random;
    private final List<Operation> mine = new ArrayList<>();
    private final Map<String, List<Glance>> looks = new TreeMap<>();
    private @Nullable HttpConnection connection;

    Client(int number) {
      this.number = number;
      this.random = new Random(seed * 1_000 + number);
    }

    void run() {
      try {
        while (left.getAndDecrement() > 0) {
          String scope = scopes.get(random.nextInt(scopes.size()));
          if (random.nextInt(20) == 0) {
            list(scope);
          } else {
            call(scope, "k" + random.nextInt(KEYS));
          }
        }
      } catch (RuntimeException e) {
        surprise("client " + number + " broke: " + e);
      } finally {
        synchronized (operations) {
          operations.addAll(mine);
          looks.forEach(
              (scope, glances) ->
                  glances.forEach(
                      glance ->
                          lists.add(new Follower("client-" + number, scope, List.of(glance)))));
        }
        disconnect();
        running.decrementAndGet();
      }
    }

    private HttpConnection connect() {
      HttpConnection known = connection;
      while (known == null) {
        try {
          known = HttpConnection.open(target);
        } catch (IOException e) {
          if (!isOut(System.nanoTime())) {
            surprise("refused while the server ran: " + e);
          }
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
      }
      connection = known;
      return known;
    }

    private void disconnect() {
      HttpConnection known = connection;
      connection = null;
      try {
        if (known != null) {
          known.close();
        }
      } catch (IOException _) {
        // It is gone.
      }
    }

    private void lost(IOException e) {
      if (!isOut(System.nanoTime())) {
        surprise("connection lost while the server ran: " + e);
      }
      disconnect();
    }

    private void list(String scope) {
      HttpConnection open = connect();
      long invoked = System.nanoTime();
      try {
        HttpConnection.Answer answer = open.get(path(scope, ""));
        long returned = System.nanoTime();
        if (answer.status() != 200) {
          surprise("list answered " + answer.status() + ": " + answer.text());
          return;
        }
        Glance.Listed listed = listed(invoked, returned, scope, Json.parse(answer.body()));
        looks.computeIfAbsent(scope, _ -> new ArrayList<>()).add(listed);
        for (int i = 0; i < KEYS; i++) {
          String key = scope + "/k" + i;
          Version version = listed.objects().get(key);
          mine.add(
              new Operation(
                  key,
                  invoked,
                  returned,
                  new Call.Read(),
                  version == null
                      ? new Answer.Absent()
                      : new Answer.Found(version.revision(), version.value())));
        }
      } catch (IOException e) {
        lost(e);
      }
    }

    private void call(String scope, String name) {
      String key = scope + "/" + name;
      String value = "v" + values.incrementAndGet();
      long base = revisions.getOrDefault(key, 1L);
      Call call = choose(random.nextInt(90), value, base);
      HttpConnection open = connect();
      long invoked = System.nanoTime();
      Answer answer;
      try {
        answer = ask(open, scope, name, call);
      } catch (IOException e) {
        answer = new Answer.Unknown();
        lost(e);
      }
      // A dead server does nothing more: what it did not answer took effect before the connection
      // broke, or never.
      long returned = System.nanoTime();
      switch (answer) {
        case Answer.Found(long revision, _) -> revisions.put(key, revision);
        case Answer.Written(long revision) -> revisions.put(key, revision);
        default -> {}
      }
      if (!(answer instanceof Answer.Unknown && call instanceof Call.Read)) {
        mine.add(new Operation(key, invoked, returned, call, answer));
      }
    }

    private static Call choose(int dice, String value, long base) {
      if (dice < 25) {
        return new Call.Read();
      }
      if (dice < 38) {
        return new Call.Create(value);
      }
      if (dice < 63) {
        return new Call.Update(base, value);
      }
      if (dice < 73) {
        return new Call.Patch(value);
      }
      return dice < 81 ? new Call.Apply(value) : new Call.Delete(dice % 2 == 0 ? 0 : base);
    }

    private Answer ask(HttpConnection open, String scope, String name, Call call)
        throws IOException {
      String path = path(scope, name);
      HttpConnection.Answer answer =
          switch (call) {
            case Call.Read() -> open.get(path);
            case Call.Create(String value) ->
                open.send("POST", path(scope, ""), "application/json", configMap(name, value, 0));
            case Call.Update(long base, String value) ->
                open.send("PUT", path, "application/json", configMap(name, value, base));
            case Call.Patch(String value) ->
                open.send(
                    "PATCH",
                    path,
                    "application/merge-patch+json",
                    bytes("{\"data\":{\"value\":\"" + value + "\"}}"));
            case Call.Apply(String value) ->
                open.send(
                    "PATCH",
                    path + "?fieldManager=load&force=true",
                    "application/apply-patch+yaml",
                    configMap(name, value, 0));
            case Call.Delete(long base) ->
                open.send(
                    "DELETE",
                    path,
                    "application/json",
                    bytes(
                        base == 0
                            ? "{}"
                            : "{\"preconditions\":{\"resourceVersion\":\"" + base + "\"}}"));
          };
      return switch (answer.status()) {
        case 200, 201 ->
            switch (call) {
              case Call.Delete _ -> new Answer.Deleted();
              case Call.Read() -> {
                Version version = version(Json.parse(answer.body()));
                yield new Answer.Found(version.revision(), version.value());
              }
              case Call.Create _, Call.Update _, Call.Patch _, Call.Apply _ ->
                  new Answer.Written(version(Json.parse(answer.body())).revision());
            };
        case 404 -> new Answer.Absent();
        case 409 -> new Answer.Refused();
        default -> {
          surprise("%s %s answered %d: %s".formatted(call, path, answer.status(), answer.text()));
          yield new Answer.Unknown();
        }
      };
    }
  }
}
