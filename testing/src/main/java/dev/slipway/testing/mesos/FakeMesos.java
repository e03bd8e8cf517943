package dev.slipway.testing.mesos;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A master and any number of agents in this process, as far as the v1 scheduler API shows them.
/// Tasks are nothing: one whose command is `exit N` ends so at once, any other runs until it is
/// killed.
///
/// It does what `SchedulerContract` asks of it and of a real master alike. It has no roles but `*`,
/// no reservations, no maintenance, no agents that are lost, and no API of agents but `/health`.
public final class FakeMesos implements AutoCloseable {
  /// @param cpus of each agent
  /// @param memoryMiB of each agent
  /// @param offerTimeout after which offers are rescinded
  public record Size(int agents, double cpus, long memoryMiB, Duration offerTimeout) {
    public static final Duration NO_TIMEOUT = Duration.ofDays(1);
  }

  private static final Duration ALLOCATION = Duration.ofSeconds(1);
  private static final Duration HEARTBEAT = Duration.ofSeconds(15);
  private static final Duration TICK = Duration.ofMillis(100);
  private static final Duration RESEND = Duration.ofSeconds(10);
  private static final Duration LAST_RESEND = Duration.ofMinutes(10);
  private static final long DISK_MIB = 4_096;
  private static final Pattern EXIT = Pattern.compile("exit (\\d+)");

  private static final class Agent {
    final String id;
    final String host;
    final int number;
    FakeResources free;

    Agent(String id, int number, FakeResources free) {
      this.id = id;
      this.host = "agent-" + number;
      this.number = number;
      this.free = free;
    }
  }

  private record Offer(String id, Agent agent, FakeResources resources, long until) {}

  private record Filter(FakeResources refused, long until) {}

  /// A status that its agent repeats until it is acknowledged.
  private record Update(String uuid, ObjectNode status) {}

  private static final class Group {
    final Agent agent;
    final String executor;
    final String container = UUID.randomUUID().toString();
    final FakeResources resources;
    final Map<String, Task> tasks = new LinkedHashMap<>();

    Group(Agent agent, String executor, FakeResources resources) {
      this.agent = agent;
      this.executor = executor;
      this.resources = resources;
    }
  }

  private static final class Task {
    final String id;
    final Group group;
    final FakeResources resources;
    final ArrayDeque<Update> pending = new ArrayDeque<>();
    final String container = UUID.randomUUID().toString();
    String state = "TASK_STAGING";
    long resendAt;
    Duration interval = RESEND;

    Task(String id, Group group, FakeResources resources) {
      this.id = id;
      this.group = group;
      this.resources = resources;
    }

    boolean hasEnded() {
      return switch (state) {
        case "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED" -> true;
        default -> false;
      };
    }

    /// What the master says of it: what is being delivered, not what may follow.
    String told() {
      Update head = pending.peek();
      return head == null ? state : Json.string(head.status(), "state", "");
    }
  }

  /// One SUBSCRIBE, as long as it is the newest of its framework.
  private record Session(String streamId, BlockingQueue<byte[]> out) {}

  private static final class Framework {
    final String id;
    final Map<String, Task> tasks = new LinkedHashMap<>();
    final Map<String, Offer> offers = new LinkedHashMap<>();

    /// By agent id.
    final Map<String, List<Filter>> filters = new ConcurrentHashMap<>();

    @Nullable Session session;
    boolean suppressed;
    boolean tellsKilling;
    boolean removed;

    Framework(String id) {
      this.id = id;
    }
  }

  private static final byte[] END = new byte[0];

  private final Size size;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final ScheduledExecutorService timers =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon(true).name("fake-mesos").factory());
  private final String prefix = UUID.randomUUID().toString();
  private final Map<String, Agent> agents = new LinkedHashMap<>();
  private final Map<String, Framework> frameworks = new LinkedHashMap<>();
  private final Map<String, AtomicLong> received = new ConcurrentHashMap<>();
  private final Clock clock = Clock.systemUTC();
  private long offersMade;
  private int turn;

  private FakeMesos(Size size) throws IOException {
    this.size = size;
    // A small record must not wait for the receipt of the one before.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.setExecutor(threads);
    for (int i = 0; i < size.agents(); i++) {
      var free =
          FakeResources.whole(
              Math.round(size.cpus() * 1000), size.memoryMiB() * 1000, DISK_MIB * 1000);
      var agent = new Agent(prefix + "-S" + i, i, free);
      agents.put(agent.id, agent);
    }
  }

  public static FakeMesos start(Size size) throws IOException {
    var fake = new FakeMesos(size);
    fake.server.start();
    fake.every(ALLOCATION, fake::allocate);
    fake.every(HEARTBEAT, fake::heartbeat);
    fake.every(TICK, fake::tick);
    return fake;
  }

  private void every(Duration period, Runnable task) {
    var _ =
        timers.scheduleAtFixedRate(task, period.toNanos(), period.toNanos(), TimeUnit.NANOSECONDS);
  }

  public URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  /// How many calls of this type were accepted.
  public long received(String type) {
    AtomicLong count = received.get(type);
    return count == null ? 0 : count.get();
  }

  // HTTP

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      if (path.endsWith("/health")) {
        answer(exchange, 200, "");
      } else if (path.equals("/api/v1/scheduler")) {
        scheduler(exchange, Json.parse(exchange.getRequestBody().readAllBytes()));
      } else if (path.equals("/api/v1")) {
        operator(exchange, Json.parse(exchange.getRequestBody().readAllBytes()));
      } else {
        answer(exchange, 404, "Not found.");
      }
    }
  }

  private static void answer(HttpExchange exchange, int code, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(code, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }

  private void operator(HttpExchange exchange, JsonNode call) throws IOException {
    if (!Json.string(call, "type", "").equals("GET_TASKS")) {
      answer(exchange, 501, "not here");
      return;
    }
    ObjectNode said = Json.object();
    ArrayNode tasks = said.putObject("get_tasks").putArray("tasks");
    synchronized (this) {
      for (Framework framework : frameworks.values()) {
        for (Task task : framework.tasks.values()) {
          ObjectNode one = tasks.addObject().put("state", task.state);
          one.putObject("task_id").put("value", task.id);
          one.putObject("framework_id").put("value", framework.id);
        }
      }
    }
    byte[] body = Json.write(said);
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
  }

  private void scheduler(HttpExchange exchange, JsonNode call) throws IOException {
    String type = Json.string(call, "type", "");
    String streamId = exchange.getRequestHeaders().getFirst("Mesos-Stream-Id");
    if (type.equals("SUBSCRIBE")) {
      if (streamId != null) {
        answer(exchange, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
      } else {
        subscribe(exchange, call);
      }
      return;
    }
    synchronized (this) {
      Framework framework = frameworks.get(Json.string(call.path("framework_id"), "value", ""));
      if (framework == null) {
        answer(exchange, 400, "Framework cannot be found");
        return;
      }
      if (framework.session == null) {
        answer(exchange, 403, "Framework is not subscribed");
        return;
      }
      if (streamId == null) {
        answer(
            exchange, 400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
        return;
      }
      if (!streamId.equals(framework.session.streamId())) {
        answer(
            exchange,
            400,
            "The stream ID '%s' included in this request didn't match".formatted(streamId));
        return;
      }
      received.computeIfAbsent(type, _ -> new AtomicLong()).incrementAndGet();
      accepted(framework, type, call);
    }
    answer(exchange, 202, "");
  }

  private void subscribe(HttpExchange exchange, JsonNode call) throws IOException {
    JsonNode info = call.path("subscribe").path("framework_info");
    String asked = Json.string(info.path("id"), "value", "");
    var session = new Session(UUID.randomUUID().toString(), new LinkedBlockingQueue<>());
    synchronized (this) {
      received.computeIfAbsent("SUBSCRIBE", _ -> new AtomicLong()).incrementAndGet();
      String id = asked.isEmpty() ? "%s-%04d".formatted(prefix, frameworks.size()) : asked;
      Framework framework = frameworks.computeIfAbsent(id, Framework::new);
      if (framework.removed) {
        send(session, "ERROR", "error", error("Framework has been removed"));
        session.out().add(END);
      } else {
        Session old = framework.session;
        if (old != null) {
          send(old, "ERROR", "error", error("Framework failed over"));
          old.out().add(END);
        }
        framework.session = session;
        framework.suppressed = false;
        framework.filters.clear();
        framework.tellsKilling = false;
        for (JsonNode capability : Json.items(info, "capabilities")) {
          framework.tellsKilling |=
              Json.string(capability, "type", "").equals("TASK_KILLING_STATE");
        }
        giveBack(framework);
        ObjectNode subscribed = Json.object();
        subscribed.putObject("framework_id").put("value", id);
        subscribed.put("heartbeat_interval_seconds", (double) HEARTBEAT.toSeconds());
        subscribed.putObject("master_info").put("id", prefix).put("version", "1.11.0");
        send(session, "SUBSCRIBED", "subscribed", subscribed);
        allocate();
      }
    }
    exchange.getResponseHeaders().add("Content-Type", "application/json");
    exchange.getResponseHeaders().add("Mesos-Stream-Id", session.streamId());
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = exchange.getResponseBody()) {
      for (byte[] event = session.out().take(); event != END; event = session.out().take()) {
        out.write((event.length + "\n").getBytes(StandardCharsets.US_ASCII));
        out.write(event);
        out.flush();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      gone(session);
    }
  }

  private static ObjectNode error(String message) {
    return Json.object().put("message", message);
  }

  /// Its client is gone: what it was offered is everybody's again.
  private synchronized void gone(Session session) {
    for (Framework framework : frameworks.values()) {
      if (framework.session == session) {
        framework.session = null;
        giveBack(framework);
      }
    }
  }

  private static void giveBack(Framework framework) {
    for (Offer offer : framework.offers.values()) {
      offer.agent().free = offer.agent().free.plus(offer.resources());
    }
    framework.offers.clear();
  }

  private static void send(Session session, String type, String field, ObjectNode body) {
    ObjectNode event = Json.object().put("type", type);
    event.set(field, body);
    session.out().add(Json.write(event));
  }

  private synchronized void heartbeat() {
    for (Framework framework : frameworks.values()) {
      if (framework.session != null) {
        framework.session.out().add(Json.write(Json.object().put("type", "HEARTBEAT")));
      }
    }
  }

  // Offers

  /// Each agent's free resources go to one of those who want them, in turn.
  private synchronized void allocate() {
    long now = System.nanoTime();
    var wanting = new ArrayList<Framework>();
    for (Framework framework : frameworks.values()) {
      if (framework.session != null && !framework.suppressed) {
        wanting.add(framework);
      }
    }
    if (wanting.isEmpty()) {
      return;
    }
    var offered = new LinkedHashMap<Framework, ArrayNode>();
    turn++;
    for (Agent agent : agents.values()) {
      if (agent.free.isEmpty()) {
        continue;
      }
      for (int i = 0; i < wanting.size(); i++) {
        Framework framework = wanting.get((turn + i) % wanting.size());
        if (!isRefused(framework, agent, now)) {
          var offer =
              new Offer(
                  prefix + "-O" + offersMade++,
                  agent,
                  agent.free,
                  now + size.offerTimeout().toNanos());
          agent.free = FakeResources.NONE;
          framework.offers.put(offer.id(), offer);
          offered.computeIfAbsent(framework, _ -> Json.array()).add(json(framework, offer));
          break;
        }
      }
    }
    offered.forEach(
        (framework, offers) ->
            tell(framework, "OFFERS", "offers", Json.object().set("offers", offers)));
  }

  private static boolean isRefused(Framework framework, Agent agent, long now) {
    List<Filter> filters = framework.filters.get(agent.id);
    if (filters == null) {
      return false;
    }
    filters.removeIf(filter -> filter.until() <= now);
    return filters.stream().anyMatch(filter -> filter.refused().contains(agent.free));
  }

  private ObjectNode json(Framework framework, Offer offer) {
    ObjectNode json = Json.object();
    json.putObject("id").put("value", offer.id());
    json.putObject("framework_id").put("value", framework.id);
    json.putObject("agent_id").put("value", offer.agent().id);
    json.put("hostname", offer.agent().host);
    ObjectNode url = json.putObject("url").put("scheme", "http");
    url.put("path", "/slave(%d)".formatted(offer.agent().number + 1))
        .putObject("address")
        .put("hostname", offer.agent().host)
        .put("ip", "127.0.0.1")
        .put("port", server.getAddress().getPort());
    json.putObject("allocation_info").put("role", "*");
    json.set("resources", offer.resources().toJson());
    return json;
  }

  private static void tell(Framework framework, String type, String field, ObjectNode body) {
    if (framework.session != null) {
      send(framework.session, type, field, body);
    }
  }

  private synchronized void tick() {
    long now = System.nanoTime();
    for (Framework framework : frameworks.values()) {
      Iterator<Offer> offers = framework.offers.values().iterator();
      while (offers.hasNext()) {
        Offer offer = offers.next();
        if (offer.until() <= now) {
          offers.remove();
          offer.agent().free = offer.agent().free.plus(offer.resources());
          ObjectNode body = Json.object();
          body.putObject("offer_id").put("value", offer.id());
          tell(framework, "RESCIND", "rescind", body);
        }
      }
      for (Task task : framework.tasks.values()) {
        if (!task.pending.isEmpty() && task.resendAt <= now) {
          task.interval =
              task.interval.multipliedBy(2).compareTo(LAST_RESEND) > 0
                  ? LAST_RESEND
                  : task.interval.multipliedBy(2);
          forward(framework, task);
        }
      }
    }
  }

  // Calls

  private void accepted(Framework framework, String type, JsonNode call) {
    JsonNode body = call.path(type.toLowerCase(Locale.ROOT));
    switch (type) {
      case "ACCEPT" -> accept(framework, body);
      case "DECLINE" -> {
        for (JsonNode id : Json.items(body, "offer_ids")) {
          Offer offer = framework.offers.remove(Json.string(id, "value", ""));
          if (offer != null) {
            recover(framework, offer.agent(), offer.resources(), body);
          }
        }
      }
      case "SUPPRESS" -> framework.suppressed = true;
      case "REVIVE" -> {
        framework.suppressed = false;
        framework.filters.clear();
        allocate();
      }
      case "ACKNOWLEDGE" -> acknowledge(framework, body);
      case "KILL" -> kill(framework, body);
      case "RECONCILE" -> reconcile(framework, body);
      case "TEARDOWN" -> tearDown(framework);
      default -> throw new IllegalArgumentException("no such call here: " + type);
    }
  }

  private static void recover(
      Framework framework, Agent agent, FakeResources resources, JsonNode body) {
    agent.free = agent.free.plus(resources);
    double seconds = body.path("filters").path("refuse_seconds").asDouble(5);
    if (seconds > 0 && !resources.isEmpty()) {
      framework
          .filters
          .computeIfAbsent(agent.id, _ -> new ArrayList<>())
          .add(new Filter(resources, System.nanoTime() + (long) (seconds * 1e9)));
    }
  }

  private void accept(Framework framework, JsonNode body) {
    var ids = new ArrayList<String>();
    Json.items(body, "offer_ids").forEach(id -> ids.add(Json.string(id, "value", "")));
    var offers = new ArrayList<Offer>();
    for (String id : ids) {
      Optional.ofNullable(framework.offers.remove(id)).ifPresent(offers::add);
    }
    boolean valid =
        !ids.isEmpty()
            && offers.size() == ids.size()
            && offers.stream().map(Offer::agent).distinct().count() == 1;
    if (!valid) {
      // What of them there was is given back, too.
      offers.forEach(offer -> offer.agent().free = offer.agent().free.plus(offer.resources()));
      for (JsonNode operation : Json.items(body, "operations")) {
        for (JsonNode task : tasksOf(operation)) {
          made(
              framework,
              task,
              "TASK_DROPPED",
              "REASON_INVALID_OFFERS",
              "Offers are no longer valid");
        }
      }
      return;
    }
    Agent agent = offers.getFirst().agent();
    FakeResources left = FakeResources.NONE;
    for (Offer offer : offers) {
      left = left.plus(offer.resources());
    }
    for (JsonNode operation : Json.items(body, "operations")) {
      left = left.minus(launch(framework, agent, left, operation));
    }
    recover(framework, agent, left, body);
  }

  private static List<JsonNode> tasksOf(JsonNode operation) {
    return Json.items(operation.path("launch_group").path("task_group"), "tasks");
  }

  /// @return what it takes
  private FakeResources launch(
      Framework framework, Agent agent, FakeResources left, JsonNode operation) {
    if (!Json.string(operation, "type", "").equals("LAUNCH_GROUP")) {
      throw new IllegalArgumentException("no such operation here: " + operation.path("type"));
    }
    JsonNode executor = operation.path("launch_group").path("executor");
    var group =
        new Group(
            agent,
            Json.string(executor.path("executor_id"), "value", ""),
            FakeResources.of(executor));
    FakeResources total = group.resources;
    String wrong =
        group.resources.disk() > 0 ? "" : "Executor '" + group.executor + "' uses no disk";
    for (JsonNode task : tasksOf(operation)) {
      FakeResources resources = FakeResources.of(task);
      total = total.plus(resources);
      String id = Json.string(task.path("task_id"), "value", "");
      if (framework.tasks.containsKey(id)) {
        wrong = "Task '" + id + "' is invalid: Task has duplicate ID: " + id;
      }
      group.tasks.put(id, new Task(id, group, resources));
    }
    if (wrong.isEmpty() && !left.contains(total)) {
      wrong = "Total resources required by task group and its executor are more than available";
    }
    if (!wrong.isEmpty()) {
      for (JsonNode task : tasksOf(operation)) {
        made(framework, task, "TASK_ERROR", "REASON_TASK_GROUP_INVALID", wrong);
      }
      return FakeResources.NONE;
    }
    framework.tasks.putAll(group.tasks);
    for (Task task : group.tasks.values()) {
      update(framework, task, "TASK_STARTING", "");
      update(framework, task, "TASK_RUNNING", "");
    }
    for (JsonNode task : tasksOf(operation)) {
      Matcher exit = EXIT.matcher(Json.string(task.path("command"), "value", ""));
      if (exit.matches()) {
        int code = Integer.parseInt(exit.group(1));
        ended(
            framework,
            group.tasks.get(Json.string(task.path("task_id"), "value", "")),
            code == 0 ? "TASK_FINISHED" : "TASK_FAILED",
            "Command exited with status " + code);
      }
    }
    return total;
  }

  /// A status that the master makes up itself: nobody repeats it.
  private void made(
      Framework framework, JsonNode task, String state, String reason, String message) {
    ObjectNode status = Json.object();
    status.set("task_id", task.path("task_id"));
    status.set("agent_id", task.path("agent_id"));
    status.put("state", state).put("source", "SOURCE_MASTER").put("reason", reason);
    status.put("message", message).put("timestamp", clock.millis() / 1000.0);
    tell(framework, "UPDATE", "update", Json.object().set("status", status));
  }

  private void update(Framework framework, @Nullable Task task, String state, String message) {
    if (task == null || task.hasEnded()) {
      return;
    }
    task.state = state;
    String uuid =
        Base64.getEncoder()
            .encodeToString(
                UUID.randomUUID().toString().substring(0, 16).getBytes(StandardCharsets.US_ASCII));
    ObjectNode status = Json.object();
    status.putObject("task_id").put("value", task.id);
    status.putObject("agent_id").put("value", task.group.agent.id);
    status.putObject("executor_id").put("value", task.group.executor);
    status.put("state", state).put("source", "SOURCE_EXECUTOR").put("uuid", uuid);
    status.put("timestamp", clock.millis() / 1000.0);
    if (!message.isEmpty()) {
      status.put("message", message);
    }
    status
        .putObject("container_status")
        .putObject("container_id")
        .put("value", task.container)
        .putObject("parent")
        .put("value", task.group.container);
    task.pending.add(new Update(uuid, status));
    if (task.pending.size() == 1) {
      forward(framework, task);
    }
  }

  private static void forward(Framework framework, Task task) {
    Update head = task.pending.peek();
    if (head != null) {
      task.resendAt = System.nanoTime() + task.interval.toNanos();
      tell(framework, "UPDATE", "update", Json.object().set("status", head.status()));
    }
  }

  /// The end of a task; a bad one is the end of its group.
  private void ended(Framework framework, @Nullable Task task, String state, String message) {
    if (task == null || task.hasEnded()) {
      return;
    }
    update(framework, task, state, message);
    task.group.agent.free = task.group.agent.free.plus(task.resources);
    if (!state.equals("TASK_FINISHED")) {
      for (Task other : List.copyOf(task.group.tasks.values())) {
        killed(framework, other);
      }
    }
  }

  private void killed(Framework framework, Task task) {
    if (!task.hasEnded()) {
      if (framework.tellsKilling) {
        update(framework, task, "TASK_KILLING", "");
      }
      ended(framework, task, "TASK_KILLED", "");
    }
  }

  private static void acknowledge(Framework framework, JsonNode body) {
    Task task = framework.tasks.get(Json.string(body.path("task_id"), "value", ""));
    Update head = task == null ? null : task.pending.peek();
    if (task == null || head == null || !head.uuid().equals(Json.string(body, "uuid", ""))) {
      return;
    }
    task.pending.poll();
    task.interval = RESEND;
    forward(framework, task);
    if (task.pending.isEmpty() && task.hasEnded()) {
      framework.tasks.remove(task.id);
      task.group.tasks.remove(task.id);
      if (task.group.tasks.isEmpty()) {
        // Its executor ends, too.
        task.group.agent.free = task.group.agent.free.plus(task.group.resources);
      }
    }
  }

  private void kill(Framework framework, JsonNode body) {
    Task task = framework.tasks.get(Json.string(body.path("task_id"), "value", ""));
    if (task == null) {
      unknown(framework, body);
    } else {
      killed(framework, task);
    }
  }

  private void reconcile(Framework framework, JsonNode body) {
    List<JsonNode> asked = Json.items(body, "tasks");
    if (asked.isEmpty()) {
      framework.tasks.values().forEach(task -> answer(framework, task));
    }
    for (JsonNode one : asked) {
      Task task = framework.tasks.get(Json.string(one.path("task_id"), "value", ""));
      if (task == null) {
        unknown(framework, one);
      } else {
        answer(framework, task);
      }
    }
  }

  private void answer(Framework framework, Task task) {
    ObjectNode about = Json.object();
    about.putObject("task_id").put("value", task.id);
    about.putObject("agent_id").put("value", task.group.agent.id);
    made(
        framework,
        about,
        task.told(),
        "REASON_RECONCILIATION",
        "Reconciliation: Latest task state");
  }

  /// An agent that is registered would have said so.
  private void unknown(Framework framework, JsonNode about) {
    String agent = Json.string(about.path("agent_id"), "value", "");
    made(
        framework,
        about,
        agents.containsKey(agent) ? "TASK_GONE" : "TASK_UNKNOWN",
        "REASON_RECONCILIATION",
        "Reconciliation: Task is unknown");
  }

  private void tearDown(Framework framework) {
    giveBack(framework);
    for (Task task : framework.tasks.values()) {
      if (!task.hasEnded()) {
        task.group.agent.free = task.group.agent.free.plus(task.resources);
      }
    }
    framework.tasks.values().stream()
        .map(task -> task.group)
        .distinct()
        .forEach(group -> group.agent.free = group.agent.free.plus(group.resources));
    framework.tasks.clear();
    framework.removed = true;
    if (framework.session != null) {
      framework.session.out().add(END);
      framework.session = null;
    }
  }

  @Override
  public void close() {
    timers.shutdownNow();
    server.stop(0);
    threads.shutdownNow();
  }
}
