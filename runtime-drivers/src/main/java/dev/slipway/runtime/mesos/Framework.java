package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.loop.Together;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.mesos.TaskRecord.Phase;
import dev.slipway.runtime.mesos.TaskRules.Meaning;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// One framework in a Mesos cluster: the pods that it runs there, those that wait for an offer, and
/// its dealings with master and agents.
///
/// A group's task ids are durable before its ACCEPT is sent, and a status is acknowledged after
/// what follows from it is durable. What Mesos says of a task that nothing is known of ends that
/// task: so nothing runs twice.
final class Framework implements Scheduler.Listener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Framework.class);
  private static final Duration TICK = Duration.ofMillis(500);
  private static final Duration REVIVE_AGAIN = Duration.ofSeconds(5);
  private static final Duration KILL_AGAIN = Duration.ofSeconds(5);
  private static final Duration FIRST_REFRESH = Duration.ofSeconds(2);
  private static final Duration LAST_REFRESH = Duration.ofSeconds(60);
  private static final Duration RECONCILE_FIRST = Duration.ofSeconds(1);
  private static final Duration RECONCILE_LAST = Duration.ofSeconds(30);
  private static final Duration RECONCILE_ALL = Duration.ofMinutes(15);
  private static final Duration DOUBT_LAUNCH = Duration.ofSeconds(20);

  /// Why a task is ended whose agent an operator drains.
  private static final String DRAINING = "REASON_AGENT_DRAINING";

  private static final int RECONCILE_BATCH = 1_000;
  private static final int PARALLEL = 32;
  private static final int WRITERS = 1_000;
  private static final int ADDRESSES = 1 << 20;

  /// What is known of an agent.
  ///
  /// @param free at its last offer, changed by what of ours began and ended since
  /// @param lost the master has lost it
  /// @param leaves since when, or from when on, the operator wants it for himself
  record AgentView(AgentInfo info, Amounts free, boolean lost, Optional<Instant> leaves) {
    static AgentView of(AgentInfo info) {
      return new AgentView(info, Amounts.NONE, false, Optional.empty());
    }

    AgentView leaving(Instant from) {
      return new AgentView(info, Amounts.NONE, lost, Optional.of(from));
    }

    boolean leaving() {
      return leaves.isPresent();
    }
  }

  /// A task that must end.
  private record Kill(String taskId, AgentInfo agent, Optional<Duration> grace, long sentAt) {}

  private static final class Pod {
    PodRecord record;
    List<VolumeSpec> volumes = List.of();
    final Map<String, PodLaunch.Part> created = new LinkedHashMap<>();
    @Nullable Waiting waiting;

    /// What the newest group was launched from, until it runs: to launch it again.
    @Nullable Waiting launched;

    @Nullable String noRoom;
    boolean removed;
    final ArrayDeque<TaskStatus> inbox = new ArrayDeque<>();
    final Set<String> hard = new HashSet<>();

    Pod(PodRecord record) {
      this.record = record;
    }
  }

  private final FrameworkSettings settings;
  private final PodLog records;
  private final Timeline timeline;
  private final Chance chance;
  private final MesosHttp http;
  private final Scheduler scheduler;
  private final AgentClient agentClient;
  private final TaskGroups groups;
  private final Figures figures = new Figures();
  private final ControlLoop<String> updates;
  private final Together together = Together.onThreads(PARALLEL);
  private final Together writers = Together.onThreads(WRITERS);

  private final Map<String, Pod> pods = new ConcurrentHashMap<>();

  /// UIDs by node.
  private final Map<String, Set<String>> podsOf = new ConcurrentHashMap<>();

  private final Map<String, AgentView> agents = new ConcurrentHashMap<>();

  /// Names of nodes by the ids of their agents.
  private final Map<String, String> nodesById = new ConcurrentHashMap<>();

  private final Map<String, Consumer<String>> listeners = new ConcurrentHashMap<>();
  private final Map<String, Kill> kills = new ConcurrentHashMap<>();

  /// Task ids whose ACCEPT is on its way.
  private final Set<String> accepting = ConcurrentHashMap.newKeySet();

  /// Task ids that a reconciliation has not been answered for.
  private final Set<String> unanswered = ConcurrentHashMap.newKeySet();

  /// By node, then by pod UID, in the order of their coming. Guarded by itself.
  private final Map<String, Map<String, Waiting>> queue = new LinkedHashMap<>();

  private final Set<String> addresses = new HashSet<>();
  private int lastAddress;
  private final Object demand = new Object();
  private boolean suppressed;
  private boolean reviving;
  private long revivedAt;
  private long refreshedAt;

  /// How long until all offers are looked at though nothing waits: where one agent is new, others
  /// soon are.
  private Duration refreshDelay = FIRST_REFRESH;

  private volatile String frameworkId;
  private volatile String masterVersion = "";
  private volatile @Nullable String stopped;
  private volatile Instant connectedAt = Instant.MAX;
  private Duration reconcileDelay = RECONCILE_FIRST;
  private long reconcileAt;

  /// A task was added to those that the next reconciliation is about.
  private volatile boolean asked;

  private long reconcileAllAt;
  private Set<String> doubted = Set.of();
  private long doubtAt;
  private volatile @Nullable Scheduled tick;
  private volatile boolean closed;

  /// Hears of each agent that is seen, and of each that is gone.
  private final BiConsumer<AgentInfo, Boolean> agentsChanged;

  Framework(
      FrameworkSettings settings,
      PodLog records,
      MesosHttp http,
      BiConsumer<AgentInfo, Boolean> agentsChanged,
      Timeline timeline,
      Chance chance) {
    this.settings = settings;
    this.records = records;
    this.http = http;
    this.agentsChanged = agentsChanged;
    this.timeline = timeline;
    this.chance = chance;
    this.groups = new TaskGroups(settings.images(), settings.path());
    this.frameworkId = records.frameworkId().orElse("");
    this.scheduler =
        new Scheduler(
            settings.masters(),
            http,
            settings.credentials(),
            settings.callDeadline(),
            this,
            timeline,
            chance);
    this.agentClient =
        new AgentClient(http, settings.credentials(), settings.callDeadline(), timeline, chance);
    this.updates = new ControlLoop<>("mesos-updates", PARALLEL, this::update, timeline, chance);
  }

  void start() {
    for (PodRecord record : records.pods()) {
      pods.put(record.uid(), new Pod(record));
      podsOn(record.node()).add(record.uid());
      addresses.add(record.address());
      agents.putIfAbsent(record.node(), AgentView.of(record.agent()));
      nodesById.put(record.agent().id(), record.node());
    }
    List.copyOf(agents.values()).forEach(view -> agentsChanged.accept(view.info(), true));
    long now = timeline.nanos();
    refreshedAt = now;
    doubtAt = now;
    tick = timeline.schedule(TICK, this::tick);
    scheduler.start();
  }

  Figures figures() {
    return figures;
  }

  boolean isConnected() {
    return scheduler.isConnected();
  }

  /// Where the leading master is; empty while there is no subscription.
  Optional<URI> master() {
    return scheduler.master();
  }

  Optional<String> stoppedBecause() {
    return Optional.ofNullable(stopped);
  }

  String id() {
    return frameworkId;
  }

  /// Why there is no connection, with the addresses that are tried.
  String trouble() {
    String why = scheduler.trouble();
    return "no Mesos master answers at "
        + String.join(", ", scheduler.tried())
        + (why.isEmpty() ? "" : ": " + why);
  }

  /// Empty as long as no master has answered.
  String masterVersion() {
    return masterVersion;
  }

  // What it says of itself

  @Override
  public ObjectNode frameworkInfo() {
    ObjectNode info = Json.object();
    info.put("user", settings.user()).put("name", settings.name());
    if (!frameworkId.isEmpty()) {
      info.putObject("id").put("value", frameworkId);
    }
    ArrayNode roles = info.putArray("roles");
    settings.roles().forEach(roles::add);
    info.put("checkpoint", true);
    info.put("failover_timeout", (double) settings.failoverTimeout().toSeconds());
    if (settings.credentials().present()) {
      info.put("principal", settings.credentials().principal());
    }
    ArrayNode capabilities = info.putArray("capabilities");
    for (String capability :
        List.of("PARTITION_AWARE", "TASK_KILLING_STATE", "MULTI_ROLE", "RESERVATION_REFINEMENT")) {
      capabilities.addObject().put("type", capability);
    }
    return info;
  }

  @Override
  public void subscribed(String id, JsonNode masterInfo) {
    if (!id.equals(frameworkId)) {
      records.frameworkId(id);
      frameworkId = id;
    }
    masterVersion = Json.string(masterInfo, "version", masterVersion);
    figures.add(Figures.SUBSCRIPTIONS, 1);
    accepting.clear();
    synchronized (demand) {
      suppressed = false;
      refreshDelay = FIRST_REFRESH;
    }
  }

  @Override
  public void disconnected(String why) {
    connectedAt = Instant.MAX;
  }

  @Override
  public void stopped(String why) {
    stopped = why;
    for (String uid : List.copyOf(pods.keySet())) {
      tell(uid);
    }
  }

  @Override
  public void event(String type, JsonNode event) {
    switch (type) {
      case "SUBSCRIBED" -> {
        connectedAt = timeline.instant();
        reconcileAll();
        if (hasDemand()) {
          wake();
        }
      }
      case "OFFERS" -> offers(Json.items(event.path("offers"), "offers"));
      case "RESCIND" -> figures.add(Figures.RESCINDED, 1);
      case "UPDATE" -> received(event.path("update").path("status"));
      case "FAILURE" -> failure(event.path("failure"));
      case "INVERSE_OFFERS" -> inverse(Json.items(event.path("inverse_offers"), "inverse_offers"));
      default -> log.debug("event ignored type={}", type);
    }
  }

  // Pods

  /// @return the pod's address
  String prepare(String node, SandboxSpec place) {
    AgentView agent = agents.get(node);
    if (agent == null) {
      throw new RuntimeFailedException("node " + node + " is no agent of this Mesos cluster");
    }
    Pod pod =
        pods.computeIfAbsent(
            place.podUid(),
            uid -> {
              var record =
                  new PodRecord(
                      uid,
                      place.namespace(),
                      place.name(),
                      node,
                      agent.info(),
                      address(agent.info()),
                      Map.of(),
                      Amounts.NONE,
                      List.of());
              records.write(record);
              podsOn(node).add(uid);
              return new Pod(record);
            });
    synchronized (pod) {
      if (!place.volumes().isEmpty()) {
        pod.volumes = place.volumes();
      }
      return pod.record.address();
    }
  }

  private Set<String> podsOn(String node) {
    return podsOf.computeIfAbsent(node, _ -> ConcurrentHashMap.newKeySet());
  }

  /// On the loopback one that no other pod of ours has.
  private String address(AgentInfo agent) {
    if (!agent.isLoopback()) {
      return agent.ip();
    }
    synchronized (addresses) {
      for (int tries = 1; tries < ADDRESSES; tries++) {
        lastAddress = lastAddress % (ADDRESSES - 1) + 1;
        int i = lastAddress;
        String candidate = "127." + (112 + (i >> 16)) + "." + ((i >> 8) & 255) + "." + (i & 255);
        if (addresses.add(candidate)) {
          return candidate;
        }
      }
    }
    throw new RuntimeFailedException("no loopback address is free");
  }

  Optional<PodRecord> record(String podUid) {
    Pod pod = pods.get(podUid);
    if (pod == null) {
      return Optional.empty();
    }
    synchronized (pod) {
      return pod.removed ? Optional.empty() : Optional.of(pod.record);
    }
  }

  List<PodRecord> recordsOf(String node) {
    return podsOf.getOrDefault(node, Set.of()).stream()
        .map(this::record)
        .flatMap(Optional::stream)
        .toList();
  }

  /// Parts that were made and not launched, by `container-attempt`.
  Map<String, PodLaunch.Part> created(String podUid) {
    Pod pod = pods.get(podUid);
    if (pod == null) {
      return Map.of();
    }
    synchronized (pod) {
      return new LinkedHashMap<>(pod.created);
    }
  }

  void create(PodLaunch.Part part) {
    ContainerSpec spec = part.container();
    Pod pod = pods.get(spec.podUid());
    if (pod == null) {
      throw new RuntimeFailedException("pod " + spec.podUid() + " was not prepared");
    }
    synchronized (pod) {
      if (pod.removed) {
        throw new RuntimeFailedException("pod " + spec.podUid() + " was not prepared");
      }
      if (pod.record.task(spec.container(), spec.attempt()).isEmpty()) {
        groups.check(
            new Waiting(
                spec.podUid(),
                pod.record.node(),
                new PodLaunch(spec.podUid(), List.of(part), Duration.ZERO),
                pod.volumes,
                false,
                Instant.EPOCH));
        pod.created.putIfAbsent(key(spec), part);
      }
    }
  }

  static String key(ContainerSpec spec) {
    return spec.container() + "-" + spec.attempt();
  }

  /// Wants a group to run. It waits for an offer of its agent.
  void launch(PodLaunch launch) {
    Pod pod = pods.get(launch.podUid());
    if (pod == null) {
      throw new RuntimeFailedException("pod " + launch.podUid() + " was not prepared");
    }
    synchronized (pod) {
      if (pod.noRoom != null) {
        String why = pod.noRoom;
        pod.noRoom = null;
        throw RuntimeFailedException.noRoom(why);
      }
      boolean known =
          launch.parts().stream()
              .anyMatch(
                  part ->
                      pod.record
                          .task(part.container().container(), part.container().attempt())
                          .isPresent());
      if (pod.waiting != null || pod.removed || known) {
        return;
      }
      var waiting =
          new Waiting(
              launch.podUid(),
              pod.record.node(),
              launch,
              pod.volumes,
              !pod.record.agent().isLoopback(),
              timeline.instant());
      groups.check(waiting);
      want(pod, waiting);
    }
    wake();
  }

  private void want(Pod pod, Waiting waiting) {
    pod.waiting = waiting;
    for (PodLaunch.Part part : waiting.launch().parts()) {
      pod.created.put(key(part.container()), part);
    }
    synchronized (queue) {
      queue
          .computeIfAbsent(waiting.node(), _ -> new LinkedHashMap<>())
          .put(waiting.podUid(), waiting);
    }
  }

  private void unwant(Pod pod) {
    pod.waiting = null;
    synchronized (queue) {
      Map<String, Waiting> there = queue.get(pod.record.node());
      if (there != null && there.remove(pod.record.uid()) != null && there.isEmpty()) {
        queue.remove(pod.record.node());
      }
    }
  }

  void terminate(String podUid, TaskRecord task) {
    end(podUid, task, Optional.empty());
  }

  void kill(String podUid, TaskRecord task) {
    end(podUid, task, Optional.of(Duration.ZERO));
  }

  private void end(String podUid, TaskRecord task, Optional<Duration> grace) {
    Pod pod = pods.get(podUid);
    if (pod == null || task.hasEnded()) {
      return;
    }
    AgentInfo agent;
    synchronized (pod) {
      agent = pod.record.agent();
      if (grace.isPresent()) {
        pod.hard.add(task.id());
      }
    }
    kill(task.id(), agent, grace);
    if (grace.isPresent() && !task.containerId().isEmpty()) {
      timeline.execute(() -> agentClient.killHard(agent, task));
    }
  }

  private void kill(String taskId, AgentInfo agent, Optional<Duration> grace) {
    kills.put(taskId, new Kill(taskId, agent, grace, timeline.nanos()));
    ObjectNode body = Json.object();
    body.putObject("task_id").put("value", taskId);
    if (!agent.id().isEmpty()) {
      body.putObject("agent_id").put("value", agent.id());
    }
    grace.ifPresent(
        left ->
            body.putObject("kill_policy")
                .putObject("grace_period")
                .put("nanoseconds", left.toNanos()));
    figures.add(Figures.KILLS, 1);
    try {
      scheduler.call("KILL", body);
    } catch (MesosFailure e) {
      // It is sent again until the task has ended.
      log.debug("kill not sent task={} cause={}", taskId, e.getMessage());
    }
  }

  void forget(String podUid, String taskId) {
    Pod pod = pods.get(podUid);
    if (pod == null) {
      return;
    }
    synchronized (pod) {
      if (pod.record.task(taskId).filter(TaskRecord::hasEnded).isPresent()) {
        pod.record = pod.record.without(taskId);
        records.write(pod.record);
      }
    }
  }

  void forgetCreated(String podUid, String key) {
    Pod pod = pods.get(podUid);
    if (pod != null) {
      synchronized (pod) {
        if (pod.waiting == null) {
          pod.created.remove(key);
        }
      }
    }
  }

  /// Ends what is left of a pod, without waiting for it.
  ///
  /// @return what still runs, or may run; when there is nothing the pod is forgotten
  List<TaskRecord> remove(String podUid) {
    Pod pod = pods.get(podUid);
    if (pod == null) {
      return List.of();
    }
    List<TaskRecord> left;
    synchronized (pod) {
      unwant(pod);
      pod.created.clear();
      pod.launched = null;
      left = pod.record.tasks().stream().filter(task -> !task.hasEnded()).toList();
      if (left.isEmpty()) {
        pod.removed = true;
        records.delete(podUid);
        pods.remove(podUid);
        podsOn(pod.record.node()).remove(podUid);
        synchronized (addresses) {
          addresses.remove(pod.record.address());
        }
        return List.of();
      }
    }
    for (TaskRecord task : left) {
      Kill known = kills.get(task.id());
      if (known == null || known.grace().isEmpty()) {
        kill(podUid, task);
      }
    }
    return left;
  }

  void listen(String node, Consumer<String> listener) {
    listeners.merge(node, listener, Consumer::andThen);
  }

  private void tell(String podUid) {
    Pod pod = pods.get(podUid);
    if (pod != null) {
      Consumer<String> listener = listeners.get(pod.record.node());
      if (listener != null) {
        listener.accept(podUid);
      }
    }
  }

  AgentClient agent() {
    return agentClient;
  }

  // Agents

  Optional<AgentView> view(String node) {
    return Optional.ofNullable(agents.get(node));
  }

  /// The nodes that are known, sorted.
  List<String> nodes() {
    return agents.keySet().stream().sorted().toList();
  }

  /// What of ours an agent carries.
  Amounts taken(String node) {
    Amounts sum = Amounts.NONE;
    for (PodRecord record : recordsOf(node)) {
      if (record.tasks().stream().anyMatch(task -> !task.hasEnded())) {
        sum = sum.plus(record.taken());
      }
    }
    return sum;
  }

  /// @param leaves as its offer says: one that was to leave and offers without it stays
  private void seen(AgentInfo info, Amounts free, Optional<Instant> leaves) {
    String node = info.nodeName();
    AgentView before = agents.get(node);
    var after = new AgentView(info, free, false, leaves);
    agents.put(node, after);
    if (before != null) {
      tellIfItLeaves(before, after);
    }
    if (before == null || !before.info().id().equals(info.id())) {
      if (before != null) {
        nodesById.remove(before.info().id());
      }
      nodesById.put(info.id(), node);
    }
    if (before == null) {
      synchronized (demand) {
        refreshDelay = FIRST_REFRESH;
      }
      log.info("agent seen node={} agent={} free={}", node, info.id(), free);
      agentsChanged.accept(info, true);
    }
  }

  private void free(String node, Amounts amounts) {
    agents.computeIfPresent(
        node,
        (_, view) ->
            new AgentView(view.info(), view.free().plus(amounts), view.lost(), view.leaves()));
  }

  private void change(String agentId, BiFunction<String, AgentView, AgentView> change) {
    String node = nodesById.get(agentId);
    AgentView before = node == null ? null : agents.get(node);
    AgentView after = node == null ? null : agents.computeIfPresent(node, change);
    if (before != null && after != null) {
      tellIfItLeaves(before, after);
    }
  }

  /// Only once it is written down: whoever is told looks.
  private void tellIfItLeaves(AgentView before, AgentView after) {
    if (!before.leaves().equals(after.leaves())) {
      log.info(
          "agent {} node={}",
          after.leaves().map(from -> "is to leave from " + from).orElse("stays"),
          after.info().nodeName());
      agentsChanged.accept(after.info(), true);
    }
  }

  private void reachable(String agentId, boolean reachable) {
    change(
        agentId,
        (node, view) -> {
          if (view.lost() != reachable) {
            return view;
          }
          log.info("agent {} node={}", reachable ? "is back" : "lost", node);
          return new AgentView(view.info(), view.free(), !reachable, view.leaves());
        });
  }

  /// A hint only: what became of the tasks is told by their statuses.
  private void failure(JsonNode failure) {
    String agentId = Json.string(failure.path("agent_id"), "value", "");
    if (failure.has("executor_id") || agentId.isEmpty()) {
      return;
    }
    reachable(agentId, false);
    String node = nodesById.get(agentId);
    if (node != null && recordsOf(node).isEmpty()) {
      nodesById.remove(agentId);
      AgentView gone = agents.remove(node);
      if (gone != null) {
        agentsChanged.accept(gone.info(), false);
      }
    }
  }

  /// The operator wants the agent for himself: nothing new is placed there, and what runs there
  /// moves away in time.
  private void inverse(List<JsonNode> offers) {
    ArrayNode ids = Json.array();
    for (JsonNode offer : offers) {
      ids.add(offer.path("id"));
      leaves(
          Json.string(offer.path("agent_id"), "value", ""),
          unavailable(offer).orElseGet(timeline::instant));
    }
    if (!ids.isEmpty()) {
      attempt("ACCEPT_INVERSE_OFFERS", Json.object().set("inverse_offer_ids", ids));
    }
  }

  /// From when on an offer or an inverse offer says that its agent is under maintenance.
  private static Optional<Instant> unavailable(JsonNode offer) {
    JsonNode start = offer.path("unavailability").path("start").path("nanoseconds");
    return start.isNumber()
        ? Optional.of(Instant.ofEpochMilli(start.longValue() / 1_000_000))
        : Optional.empty();
  }

  private void leaves(String agentId, Instant from) {
    change(
        agentId,
        (_, view) ->
            view.leaves().filter(known -> !from.isBefore(known)).isPresent()
                ? view
                : view.leaving(from));
  }

  // Offers

  private boolean hasDemand() {
    synchronized (queue) {
      return !queue.isEmpty();
    }
  }

  /// Asks for offers, once for all that began to wait at about the same time.
  private void wake() {
    synchronized (demand) {
      if (reviving || !scheduler.isConnected()) {
        return;
      }
      reviving = true;
    }
    timeline.execute(
        () -> {
          synchronized (demand) {
            reviving = false;
            suppressed = false;
            revivedAt = timeline.nanos();
            refreshedAt = revivedAt;
            attempt("REVIVE", null);
          }
        });
  }

  private void offers(List<JsonNode> offers) {
    figures.add(Figures.OFFERS, offers.size());
    figures.add(Figures.HELD, offers.size());
    List<OfferPlanner.Answer> answers = OfferPlanner.plan(offers, this::waitingOn);
    var accepts = new ArrayList<Runnable>();
    Set<OfferPlanner.Answer> accepted = ConcurrentHashMap.newKeySet();
    Map<String, Instant> leaving = new HashMap<>();
    for (JsonNode offer : offers) {
      unavailable(offer)
          .ifPresent(from -> leaving.put(Json.string(offer.path("agent_id"), "value", ""), from));
    }
    for (OfferPlanner.Answer answer : answers) {
      seen(answer.agent(), answer.left(), Optional.ofNullable(leaving.get(answer.agent().id())));
      if (!answer.launches().isEmpty()) {
        accepts.add(
            () -> {
              if (accept(answer)) {
                accepted.add(answer);
              }
            });
      }
    }
    // One agent's does not wait for the disk and the answer of another's.
    together.run(accepts);
    Map<Duration, ArrayNode> declined = new LinkedHashMap<>();
    int used = 0;
    for (OfferPlanner.Answer answer : answers) {
      if (accepted.contains(answer)) {
        used += answer.offers().size();
      } else {
        ArrayNode ids = declined.computeIfAbsent(answer.refuse(), _ -> Json.array());
        answer.offers().forEach(id -> ids.addObject().put("value", id));
      }
    }
    declined.forEach(this::decline);
    figures.add(Figures.USED, used);
    figures.add(Figures.DECLINED, offers.size() - used);
    figures.add(Figures.HELD, -offers.size());
    suppress();
  }

  private List<Waiting> waitingOn(String node) {
    synchronized (queue) {
      return List.copyOf(queue.getOrDefault(node, Map.of()).values());
    }
  }

  private void decline(Duration refuse, ArrayNode ids) {
    ObjectNode body = Json.object();
    body.set("offer_ids", ids);
    body.putObject("filters").put("refuse_seconds", (double) refuse.toSeconds());
    attempt("DECLINE", body);
  }

  /// Nothing waits: the other frameworks shall have all of it.
  private void suppress() {
    synchronized (demand) {
      if (!suppressed && !reviving && !hasDemand()) {
        suppressed = true;
        attempt("SUPPRESS", null);
      }
    }
  }

  /// A call that must not be lost silently: when it is, all offers are void with the subscription.
  private void attempt(String type, @Nullable ObjectNode body) {
    try {
      scheduler.call(type, body);
    } catch (MesosFailure e) {
      if (scheduler.isConnected()) {
        scheduler.resubscribe(String.valueOf(e.getMessage()));
      }
    }
  }

  /// @return whether the offers were used
  private boolean accept(OfferPlanner.Answer answer) {
    ArrayNode operations = Json.array();
    var ids = new ArrayList<String>();
    var started = new ArrayList<Pod>();
    Set<ObjectNode> written = ConcurrentHashMap.newKeySet();
    var order = new ConcurrentHashMap<String, ObjectNode>();
    // Side by side, so that they share a flush.
    writers.run(
        answer.launches().stream()
            .<Runnable>map(
                launch ->
                    () ->
                        intend(answer.agent(), launch)
                            .ifPresent(
                                operation -> order.put(launch.waiting().podUid(), operation)))
            .toList());
    for (OfferPlanner.Launch launch : answer.launches()) {
      ObjectNode operation = order.get(launch.waiting().podUid());
      Pod pod = pods.get(launch.waiting().podUid());
      if (operation != null && pod != null && written.add(operation)) {
        operations.add(operation);
        started.add(pod);
        Json.items(operation.path("launch_group").path("task_group"), "tasks")
            .forEach(task -> ids.add(Json.string(task.path("task_id"), "value", "")));
      }
    }
    if (operations.isEmpty()) {
      return false;
    }
    ObjectNode body = Json.object();
    ArrayNode offerIds = body.putArray("offer_ids");
    answer.offers().forEach(id -> offerIds.addObject().put("value", id));
    body.set("operations", operations);
    body.putObject("filters").put("refuse_seconds", (double) answer.refuse().toSeconds());
    accepting.addAll(ids);
    try {
      scheduler.call("ACCEPT", body);
      figures.add(Figures.LAUNCHED, operations.size());
    } catch (MesosFailure e) {
      if (e.code() >= 400 && e.code() < 500) {
        log.warn("accept refused node={} cause={}", answer.agent().nodeName(), e.getMessage());
        for (Pod pod : started) {
          synchronized (pod) {
            ids.forEach(id -> pod.record.task(id).ifPresent(task -> neverRan(pod, task)));
          }
        }
      }
      // Nobody knows: with a new subscription the old call can do nothing any more, and the
      // reconciliation tells the truth.
      scheduler.resubscribe(String.valueOf(e.getMessage()));
    } finally {
      ids.forEach(accepting::remove);
    }
    started.forEach(pod -> tell(pod.record.uid()));
    return true;
  }

  /// Writes down that a group is about to be launched.
  ///
  /// @return the operation; empty when the group is not wanted any more
  private Optional<ObjectNode> intend(AgentInfo agent, OfferPlanner.Launch launch) {
    Waiting waiting = launch.waiting();
    Pod pod = pods.get(waiting.podUid());
    if (pod == null) {
      return Optional.empty();
    }
    synchronized (pod) {
      if (pod.waiting != waiting || pod.removed) {
        return Optional.empty();
      }
      String unique = chance.suffix(10);
      var tasks = new ArrayList<TaskRecord>();
      for (PodLaunch.Part part : waiting.launch().parts()) {
        ContainerSpec spec = part.container();
        tasks.add(
            TaskRecord.launching(
                "%s.%s.%d.%s".formatted(spec.podUid(), spec.container(), spec.attempt(), unique),
                spec.container(),
                spec.attempt(),
                spec.backoffLevel(),
                "%s.%d.%s".formatted(spec.podUid(), spec.attempt(), unique),
                part.init()));
      }
      PodRecord record =
          pod.record.launching(agent, launch.taken().ports(), waiting.total(), tasks);
      ObjectNode operation;
      try {
        operation = groups.launch(frameworkId, agent, record, waiting, launch.taken(), tasks);
      } catch (RuntimeFailedException e) {
        log.error("group cannot be written pod={}/{}", record.namespace(), record.name(), e);
        unwant(pod);
        return Optional.empty();
      }
      records.write(record);
      pod.record = record;
      pod.launched = waiting;
      unwant(pod);
      waiting.launch().parts().forEach(part -> pod.created.remove(key(part.container())));
      return Optional.of(operation);
    }
  }

  /// The group of this task is as if it had never been tried; it is tried again when it is known
  /// what it was made of. Called with the pod's lock.
  private void neverRan(Pod pod, TaskRecord task) {
    boolean whole =
        pod.record.tasks().stream()
            .filter(other -> other.executor().equals(task.executor()))
            .allMatch(other -> other.phase() == Phase.LAUNCHING);
    if (!whole) {
      pod.record = pod.record.without(task.id());
      return;
    }
    pod.record =
        pod.record.with(
            pod.record.tasks().stream()
                .filter(other -> !other.executor().equals(task.executor()))
                .toList());
    figures.add(Figures.REPEATED, 1);
    Waiting again = pod.launched;
    pod.launched = null;
    if (again != null && pod.waiting == null && !pod.removed) {
      want(
          pod,
          new Waiting(
              again.podUid(),
              again.node(),
              again.launch(),
              again.volumes(),
              again.mapsPorts(),
              again.since()));
      wake();
    }
  }

  // Statuses

  private void received(JsonNode json) {
    figures.add(Figures.STATUSES, 1);
    Optional<TaskStatus> read = TaskStatus.of(json, timeline.instant());
    if (read.isEmpty()) {
      log.warn("status of an unknown kind state={}", Json.string(json, "state", ""));
      return;
    }
    TaskStatus status = read.get();
    unanswered.remove(status.taskId());
    if (status.source().equals("SOURCE_EXECUTOR") || status.source().equals("SOURCE_AGENT")) {
      reachable(status.agentId(), true);
    }
    if (status.reason().equals(DRAINING)) {
      leaves(status.agentId(), timeline.instant());
    }
    Pod pod = TaskRecord.podOf(status.taskId()).map(pods::get).orElse(null);
    if (pod == null) {
      TaskRules.Meaning meaning = TaskRules.of(Optional.empty(), status, false);
      stray(status, meaning);
      acknowledge(status);
      return;
    }
    synchronized (pod) {
      pod.inbox.add(status);
    }
    updates.add(pod.record.uid());
  }

  private Outcome update(String podUid) {
    Pod pod = pods.get(podUid);
    if (pod == null || closed) {
      return Outcome.SETTLED;
    }
    var handled = new ArrayList<TaskStatus>();
    boolean news = false;
    synchronized (pod) {
      PodRecord before = pod.record;
      var was = List.copyOf(pod.inbox);
      for (TaskStatus status : was) {
        apply(pod, status);
        handled.add(status);
      }
      if (pod.record.equals(before)) {
        figures.add(Figures.REPEATS, was.size());
      } else if (!pod.record.differsFrom(before)) {
        // Only where it is: the next status says that again, and it comes even to a new daemon.
      } else {
        news = true;
        if (!pod.removed) {
          records.write(pod.record);
        }
      }
      for (int i = 0; i < was.size(); i++) {
        pod.inbox.poll();
      }
    }
    handled.forEach(this::acknowledge);
    if (news) {
      tell(podUid);
    }
    return Outcome.SETTLED;
  }

  private void apply(Pod pod, TaskStatus status) {
    Optional<TaskRecord> known = pod.record.task(status.taskId());
    Meaning meaning = TaskRules.of(known, status, pod.hard.contains(status.taskId()));
    switch (meaning) {
      case Meaning.Becomes(TaskRecord task) -> {
        boolean began =
            task.phase() == Phase.RUNNING && known.orElseThrow().phase() == Phase.LAUNCHING;
        if (began && pod.launched != null) {
          figures.add(Figures.RUNNING, 1);
          figures.add(
              Figures.LATENCY,
              Duration.between(pod.launched.since(), timeline.instant()).toMillis());
        }
        if (began) {
          pod.launched = null;
        }
        pod.record = pod.record.with(task);
        if (task.hasEnded()) {
          kills.remove(task.id());
          pod.hard.remove(task.id());
          if (pod.record.tasks().stream().allMatch(TaskRecord::hasEnded)) {
            free(pod.record.node(), pod.record.taken());
          }
        }
      }
      case Meaning.NeverRan(String why) -> {
        if (accepting.contains(status.taskId())) {
          return;
        }
        log.info(
            "group never ran pod={}/{} cause={}", pod.record.namespace(), pod.record.name(), why);
        kills.remove(status.taskId());
        known.ifPresent(task -> neverRan(pod, task));
      }
      case Meaning.Ask(String why) -> {
        log.debug("asking what became of a task task={} cause={}", status.taskId(), why);
        ask(status.taskId());
      }
      case Meaning.Kill _, Meaning.Nothing _ -> stray(status, meaning);
    }
  }

  /// A task that must not run is killed; one that has ended needs no more killing.
  private void stray(TaskStatus status, Meaning meaning) {
    switch (status.state()) {
      case FINISHED, FAILED, KILLED, ERROR, LOST, DROPPED, GONE, GONE_BY_OPERATOR, UNKNOWN ->
          kills.remove(status.taskId());
      default -> {}
    }
    if (meaning instanceof Meaning.Kill(String why) && !kills.containsKey(status.taskId())) {
      log.warn("stray task killed task={} state={} cause={}", status.taskId(), status.state(), why);
      figures.add(Figures.STRAYS, 1);
      var agent = new AgentInfo(status.agentId(), "", "", 0, "http", "", Map.of());
      timeline.execute(() -> kill(status.taskId(), agent, Optional.empty()));
    }
  }

  private void acknowledge(TaskStatus status) {
    if (status.uuid().isEmpty()) {
      return;
    }
    ObjectNode body = Json.object();
    body.putObject("agent_id").put("value", status.agentId());
    body.putObject("task_id").put("value", status.taskId());
    body.put("uuid", status.uuid().get());
    try {
      scheduler.call("ACKNOWLEDGE", body);
    } catch (MesosFailure e) {
      // The agent says it again.
      log.debug("not acknowledged task={} cause={}", status.taskId(), e.getMessage());
    }
  }

  // By and by

  private void reconcileAll() {
    for (Pod pod : pods.values()) {
      synchronized (pod) {
        pod.record.tasks().stream()
            .filter(task -> !task.hasEnded() && !accepting.contains(task.id()))
            .forEach(task -> unanswered.add(task.id()));
      }
    }
    long now = timeline.nanos();
    reconcileDelay = RECONCILE_FIRST;
    reconcileAllAt = now + RECONCILE_ALL.toNanos();
    reconcile(now);
    // And whatever else the master knows of us.
    figures.add(Figures.RECONCILIATIONS, 1);
    try {
      scheduler.call("RECONCILE", Json.object().set("tasks", Json.array()));
    } catch (MesosFailure e) {
      log.debug("not reconciled cause={}", e.getMessage());
    }
  }

  private void ask(String taskId) {
    unanswered.add(taskId);
    asked = true;
  }

  private void reconcile(long now) {
    reconcileAt = now + chance.jitter(reconcileDelay, 0.2).toNanos();
    reconcileDelay =
        reconcileDelay.multipliedBy(2).compareTo(RECONCILE_LAST) > 0
            ? RECONCILE_LAST
            : reconcileDelay.multipliedBy(2);
    ArrayNode tasks = Json.array();
    for (String id : List.copyOf(unanswered)) {
      Optional<PodRecord> record =
          TaskRecord.podOf(id)
              .flatMap(this::record)
              .filter(pod -> pod.task(id).filter(task -> !task.hasEnded()).isPresent());
      if (record.isEmpty()) {
        unanswered.remove(id);
        continue;
      }
      ObjectNode task = tasks.addObject();
      task.putObject("task_id").put("value", id);
      task.putObject("agent_id").put("value", record.get().agent().id());
      if (tasks.size() == RECONCILE_BATCH) {
        sendReconcile(tasks);
        tasks = Json.array();
      }
    }
    if (!tasks.isEmpty()) {
      sendReconcile(tasks);
    }
  }

  private void sendReconcile(ArrayNode tasks) {
    figures.add(Figures.RECONCILIATIONS, 1);
    try {
      scheduler.call("RECONCILE", Json.object().set("tasks", tasks));
    } catch (MesosFailure e) {
      log.debug("not reconciled cause={}", e.getMessage());
    }
  }

  private void tick() {
    if (closed) {
      return;
    }
    try {
      long now = timeline.nanos();
      if (scheduler.isConnected()) {
        giveUpWaiting();
        refresh(now);
        if (now >= reconcileAllAt) {
          reconcileAll();
        } else if (asked) {
          asked = false;
          reconcileDelay = RECONCILE_FIRST;
          reconcile(now);
        } else if (!unanswered.isEmpty() && now >= reconcileAt) {
          reconcile(now);
        }
        doubt(now);
        for (Kill kill : List.copyOf(kills.values())) {
          if (now - kill.sentAt() >= KILL_AGAIN.toNanos()) {
            kill(kill.taskId(), kill.agent(), kill.grace());
          }
        }
      }
    } catch (RuntimeException e) {
      log.error("the Mesos framework stumbled", e);
    } finally {
      tick = timeline.schedule(TICK, this::tick);
    }
  }

  private void refresh(long now) {
    boolean again;
    synchronized (demand) {
      if (hasDemand()) {
        again = now - revivedAt >= REVIVE_AGAIN.toNanos();
      } else {
        again = now - refreshedAt >= refreshDelay.toNanos();
        if (again) {
          Duration doubled = refreshDelay.multipliedBy(2);
          refreshDelay = doubled.compareTo(LAST_REFRESH) < 0 ? doubled : LAST_REFRESH;
        }
      }
    }
    if (again) {
      wake();
    }
  }

  /// A launch that nobody has spoken of for long is asked about.
  private void doubt(long now) {
    if (now - doubtAt < DOUBT_LAUNCH.toNanos()) {
      return;
    }
    doubtAt = now;
    var launching = new HashSet<String>();
    for (Pod pod : pods.values()) {
      synchronized (pod) {
        pod.record.tasks().stream()
            .filter(task -> task.phase() == Phase.LAUNCHING && !accepting.contains(task.id()))
            .forEach(task -> launching.add(task.id()));
      }
    }
    for (String id : launching) {
      if (doubted.contains(id)) {
        unanswered.add(id);
      }
    }
    doubted = Set.copyOf(launching);
  }

  private void giveUpWaiting() {
    List<Waiting> all;
    synchronized (queue) {
      all = queue.values().stream().flatMap(there -> there.values().stream()).toList();
    }
    Instant now = timeline.instant();
    for (Waiting waiting : all) {
      Instant since = waiting.since().isAfter(connectedAt) ? waiting.since() : connectedAt;
      if (Duration.between(since, now).compareTo(settings.patience()) < 0) {
        continue;
      }
      Pod pod = pods.get(waiting.podUid());
      if (pod == null) {
        continue;
      }
      synchronized (pod) {
        if (pod.waiting != waiting) {
          continue;
        }
        unwant(pod);
        waiting.launch().parts().forEach(part -> pod.created.remove(key(part.container())));
        Amounts free =
            Optional.ofNullable(agents.get(waiting.node()))
                .map(AgentView::free)
                .orElse(Amounts.NONE);
        pod.noRoom =
            "Mesos offered no room on %s for %s within %d s; its last offer left %s"
                .formatted(waiting.node(), waiting.total(), settings.patience().toSeconds(), free);
      }
      figures.add(Figures.NO_ROOM, 1);
      // It offered less than was believed: nobody is sent there until it offers again.
      agents.computeIfPresent(
          waiting.node(),
          (_, view) ->
              view.free().covers(waiting.total())
                  ? new AgentView(view.info(), Amounts.NONE, view.lost(), view.leaves())
                  : view);
      tell(waiting.podUid());
    }
  }

  @Override
  public void close() {
    closed = true;
    Scheduled timer = tick;
    if (timer != null) {
      timer.cancel();
    }
    scheduler.close();
    updates.close();
    http.close();
    records.close();
  }
}
