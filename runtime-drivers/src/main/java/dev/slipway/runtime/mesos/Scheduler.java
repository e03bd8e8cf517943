package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The connection of a framework to the leading master: found, subscribed, watched for heartbeats,
/// and found again when it breaks. Events are told one by one, in order.
final class Scheduler implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Scheduler.class);
  private static final Duration FIRST_RETRY = Duration.ofMillis(100);
  private static final Duration LAST_RETRY = Duration.ofSeconds(5);
  private static final Duration SUBSCRIBE_DEADLINE = Duration.ofSeconds(15);
  private static final int MISSED_HEARTBEATS = 5;

  /// How long a SUBSCRIBE that was given up may still arrive.
  private static final Duration LATE = Duration.ofMinutes(5);

  private static final int HOPS = 5;
  private static final String API = "/api/v1/scheduler";

  interface Listener {
    /// What the framework says of itself, with its id once it has one.
    ObjectNode frameworkInfo();

    /// Nothing else is told, and no call is sent, before this returns.
    void subscribed(String frameworkId, JsonNode masterInfo);

    /// Every offer is void from now on.
    void disconnected(String why);

    void event(String type, JsonNode event);

    /// The framework will not come back by itself.
    void stopped(String why);
  }

  /// A subscription, for as long as its stream lives.
  private record Session(
      URI master,
      MesosHttp.Credentials credentials,
      String streamId,
      String frameworkId,
      InputStream stream) {}

  private final Masters masters;
  private final MesosHttp http;
  private final MesosHttp.Credentials credentials;
  private final Listener listener;
  private final Timeline timeline;
  private final Chance chance;
  private final Duration callDeadline;
  private volatile @Nullable Session session;
  private volatile long lastEvent;
  private volatile String trouble = "";
  private volatile boolean closed;
  private volatile boolean stopped;
  private int listed;

  /// When each SUBSCRIBE was given up that may still arrive, and take over from a later one. The
  /// first stands for what an earlier daemon may have sent.
  private final ArrayDeque<Long> late = new ArrayDeque<>();

  Scheduler(
      Masters masters,
      MesosHttp http,
      MesosHttp.Credentials credentials,
      Duration callDeadline,
      Listener listener,
      Timeline timeline,
      Chance chance) {
    this.masters = masters;
    this.http = http;
    this.credentials = credentials;
    this.callDeadline = callDeadline;
    this.listener = listener;
    this.timeline = timeline;
    this.chance = chance;
  }

  void start() {
    gaveUp();
    timeline.execute(() -> attempt(0));
  }

  boolean isConnected() {
    return session != null;
  }

  /// Why the last attempt to find a master failed; empty when it did not.
  String trouble() {
    return trouble;
  }

  /// Where the leading master is; empty while there is no subscription.
  Optional<URI> master() {
    return Optional.ofNullable(session).map(Session::master);
  }

  private void attempt(int failures) {
    if (closed || stopped) {
      return;
    }
    int next = failures + 1;
    try {
      if (subscribe()) {
        next = 0;
      }
    } catch (MesosFailure e) {
      trouble = String.valueOf(e.getMessage());
      if (isFatal(e.code())) {
        stop("the Mesos master refused the framework: " + e.getMessage());
        return;
      }
      if (failures == 0 || failures % 20 == 0) {
        log.warn("no Mesos master masters={} failures={} cause={}", masters, next, e.getMessage());
      }
    } catch (IOException e) {
      trouble = e.toString();
      if (failures == 0 || failures % 20 == 0) {
        log.warn("no Mesos master masters={} failures={} cause={}", masters, next, e.toString());
      }
    } catch (RuntimeException e) {
      if (!closed) {
        log.error("the connection to Mesos failed", e);
      }
    }
    if (closed || stopped) {
      return;
    }
    Duration delay = FIRST_RETRY.multipliedBy(1L << Math.min(next, 10));
    Duration capped = delay.compareTo(LAST_RETRY) > 0 ? LAST_RETRY : delay;
    int count = next;
    timeline.schedule(chance.jitter(capped, 0.5), () -> attempt(count));
  }

  /// Wrong requests and wrong credentials do not become right by repeating.
  static boolean isFatal(int code) {
    return code == 400 || code == 401 || code == 403 || code == 406 || code == 415;
  }

  /// @return whether there was a subscription, which has ended now
  private boolean subscribe() throws IOException {
    URI master = candidate();
    boolean trusted = true;
    ObjectNode info = listener.frameworkInfo();
    ObjectNode call = Json.object().put("type", "SUBSCRIBE");
    JsonNode id = info.path("id");
    if (id.isObject()) {
      call.set("framework_id", id);
    }
    call.putObject("subscribe").set("framework_info", info);
    for (int hop = 0; ; hop++) {
      MesosHttp.Stream stream;
      try {
        stream =
            http.stream(
                master.resolve(API),
                call,
                trusted ? credentials : MesosHttp.Credentials.NONE,
                Map.of(),
                "application/json",
                SUBSCRIBE_DEADLINE);
      } catch (MesosFailure e) {
        if (e.mayHaveArrived()) {
          gaveUp();
        }
        throw e;
      }
      if (stream.code() == 200) {
        listen(master, trusted ? credentials : MesosHttp.Credentials.NONE, stream);
        return true;
      }
      String text;
      try (InputStream body = stream.body()) {
        text = new String(body.readNBytes(300), StandardCharsets.UTF_8).strip();
      }
      Optional<String> location = stream.header("Location");
      if (stream.code() != 307 || location.isEmpty()) {
        boolean withheld = credentials.present() && !trusted;
        String hint =
            withheld && isFatal(stream.code())
                ? "; it was reached by a redirect, and credentials are sent only to masters that are listed"
                : "";
        // What it refused is not what we have: one that is listed may take that.
        throw new MesosFailure(
            withheld ? 0 : stream.code(),
            "%s answers %s%s".formatted(master, said(stream.code(), text), hint));
      }
      if (hop == HOPS) {
        throw new MesosFailure(0, "the masters redirect in a circle");
      }
      master = base(master, location.get());
      trusted = isListed(master);
    }
  }

  /// The base of what a redirect names: `//host:port/master/api/v1/scheduler` without its scheme.
  static URI base(URI from, String location) throws MesosFailure {
    try {
      URI target = from.resolve(location);
      if (target.getHost() == null) {
        throw new MesosFailure(0, from + " redirects to " + location);
      }
      return URI.create(target.getScheme() + "://" + target.getAuthority());
    } catch (IllegalArgumentException e) {
      throw new MesosFailure(from + " redirects to " + location, e);
    }
  }

  private boolean isListed(URI master) {
    return switch (masters) {
      case Masters.Listed(List<URI> bases) -> bases.contains(master);
      // A master that ZooKeeper announces redirects to one that ZooKeeper will announce.
      case Masters.Elected _ -> false;
    };
  }

  private URI candidate() throws IOException {
    return switch (masters) {
      case Masters.Listed(List<URI> bases) -> bases.get(Math.floorMod(listed++, bases.size()));
      case Masters.Elected elected -> {
        byte[] data =
            new ZooKeeperReader(elected, Duration.ofSeconds(5))
                .first("json.info_")
                .orElseThrow(() -> new MesosFailure(0, "no master is registered at " + elected));
        JsonNode address = Json.parse(data).path("address");
        String host = Json.string(address, "ip", Json.string(address, "hostname", ""));
        yield URI.create(
            "http://"
                + (host.contains(":") ? "[" + host + "]" : host)
                + ":"
                + Json.integer(address, "port", 5050));
      }
    };
  }

  private void listen(URI master, MesosHttp.Credentials shown, MesosHttp.Stream answer)
      throws IOException {
    String streamId = answer.header("Mesos-Stream-Id").orElse("");
    Scheduled watchdog = null;
    String why = "the master closed the stream";
    boolean told = false;
    Session mine = null;
    try (InputStream body = answer.body()) {
      var records = new RecordReader(body);
      lastEvent = timeline.nanos();
      watchdog = watch(body, SUBSCRIBE_DEADLINE);
      while (!closed) {
        Optional<byte[]> record = records.next();
        if (record.isEmpty()) {
          break;
        }
        if (mine != null && session != mine) {
          // Given up while this was on its way: no call could answer it any more.
          why = "it was given up";
          break;
        }
        lastEvent = timeline.nanos();
        JsonNode event = Json.parse(record.get());
        String type = Json.string(event, "type", "");
        switch (type) {
          case "SUBSCRIBED" -> {
            JsonNode subscribed = event.path("subscribed");
            String id = Json.string(subscribed.path("framework_id"), "value", "");
            double interval = subscribed.path("heartbeat_interval_seconds").asDouble(15);
            watchdog.cancel();
            watchdog = watch(body, Duration.ofMillis((long) (interval * 1000 * MISSED_HEARTBEATS)));
            log.info("subscribed master={} framework={}", master, id);
            listener.subscribed(id, subscribed.path("master_info"));
            mine = new Session(master, shown, streamId, id, body);
            session = mine;
            trouble = "";
            told = true;
            listener.event(type, event);
          }
          case "ERROR" -> {
            String message = Json.string(event.path("error"), "message", "no reason given");
            if (message.contains("failed over")) {
              if (wasOurOwn()) {
                why = "an earlier SUBSCRIBE of this framework arrived late";
                return;
              }
              stop(
                  "another Slipway took over this framework (\"%s\"): only one daemon may use its id"
                      .formatted(message));
            } else {
              stop("Mesos ended the framework: " + message);
            }
            return;
          }
          case "HEARTBEAT", "" -> {}
          default -> listener.event(type, event);
        }
      }
    } catch (IOException e) {
      why = String.valueOf(e.getMessage());
    } finally {
      if (watchdog != null) {
        watchdog.cancel();
      }
      session = null;
      if (told && !closed) {
        log.warn("the stream of Mesos ended master={} cause={}", master, why);
        listener.disconnected(why);
      }
    }
  }

  private void gaveUp() {
    synchronized (late) {
      late.add(timeline.nanos());
    }
  }

  /// Whether it may have been ourselves who took the subscription over. Each that was given up
  /// excuses one take-over: of two daemons with one id, one stops all the same.
  private boolean wasOurOwn() {
    synchronized (late) {
      long now = timeline.nanos();
      late.removeIf(at -> now - at > LATE.toNanos());
      return late.poll() != null;
    }
  }

  /// Ends the stream when nothing came for too long.
  private Scheduled watch(InputStream body, Duration silence) {
    var current = new Scheduled[1];
    var cancelled = new boolean[1];
    Runnable look =
        new Runnable() {
          @Override
          public void run() {
            long quiet = timeline.nanos() - lastEvent;
            if (quiet >= silence.toNanos()) {
              log.warn("no sign of life from Mesos for {}", silence);
              MesosHttp.quietly(body);
              return;
            }
            synchronized (current) {
              if (!cancelled[0]) {
                current[0] = timeline.schedule(Duration.ofNanos(silence.toNanos() - quiet), this);
              }
            }
          }
        };
    synchronized (current) {
      current[0] = timeline.schedule(silence, look);
    }
    return () -> {
      synchronized (current) {
        cancelled[0] = true;
        current[0].cancel();
      }
    };
  }

  private void stop(String why) {
    stopped = true;
    log.error("the Mesos framework stops: {}", why);
    listener.stopped(why);
  }

  /// Sends a call of the present subscription. Accepted means no more than that.
  ///
  /// @throws MesosFailure when there is no subscription, or the master refused or did not answer;
  ///   then nobody knows whether the master acted on it
  void call(String type, @Nullable ObjectNode body) throws MesosFailure {
    Session current = session;
    if (current == null) {
      throw new MesosFailure(0, "there is no connection to a Mesos master");
    }
    ObjectNode call = Json.object().put("type", type);
    call.putObject("framework_id").put("value", current.frameworkId());
    if (body != null) {
      call.set(type.toLowerCase(java.util.Locale.ROOT), body);
    }
    MesosHttp.Answer answer;
    try {
      answer =
          http.post(
              current.master().resolve(API),
              call,
              current.credentials(),
              Map.of("Mesos-Stream-Id", current.streamId()),
              callDeadline);
    } catch (MesosFailure e) {
      throw e;
    } catch (IOException e) {
      throw new MesosFailure(type + " failed: " + e.getMessage(), e);
    }
    if (answer.code() != 202 && answer.code() != 200) {
      throw new MesosFailure(
          answer.code(), "%s was answered %s".formatted(type, said(answer.code(), answer.text())));
    }
  }

  /// Some answers begin with their own code.
  private static String said(int code, String text) {
    return text.startsWith(code + " ") ? text : (code + " " + text).strip();
  }

  /// Gives the present subscription up for a new one. Calls of the old that are still on their way
  /// are refused by the master from then on.
  synchronized void resubscribe(String why) {
    Session current = session;
    if (current != null) {
      session = null;
      log.warn("resubscribing cause={}", why);
      MesosHttp.quietly(current.stream());
    }
  }

  /// The addresses that are tried, for people.
  List<String> tried() {
    return switch (masters) {
      case Masters.Listed(List<URI> bases) ->
          new ArrayList<>(bases.stream().map(URI::toString).toList());
      case Masters.Elected elected -> List.of(elected.toString());
    };
  }

  @Override
  public void close() {
    closed = true;
    Session current = session;
    if (current != null) {
      MesosHttp.quietly(current.stream());
    }
  }
}
