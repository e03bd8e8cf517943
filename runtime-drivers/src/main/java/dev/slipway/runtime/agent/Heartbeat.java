package dev.slipway.runtime.agent;

import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.health.LastSign;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Keeps a Node object true to what its engine says. An engine that does not answer leaves the node
/// `Unknown`, with the reason, and nothing else changed: unreachable is not dead.
public final class Heartbeat implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Heartbeat.class);
  private static final Duration EVERY = Duration.ofSeconds(10);

  /// A lost engine is asked more often: its pods wait for it.
  private static final Duration WHILE_LOST = Duration.ofSeconds(2);

  /// The reason of a node that is not served, since its engine is another node.
  private static final String IN_USE = "EngineInUse";

  private static final String RUNTIME = "slipway.dev/runtime";

  /// The condition of a node whose pods are to move elsewhere.
  private static final String DRAINING = "Draining";

  private static final String NETWORK = "NetworkUnavailable";

  private final Cluster cluster;
  private final ObjectKey key;
  private final NodeFacts facts;
  private final boolean registers;
  private final NodeLease lease;
  private final Runnable returned;
  private final Timeline timeline;
  private volatile NodeFacts.@Nullable Reading latest;
  private volatile boolean closed;
  private boolean lost;

  /// When the engine answered last.
  private @Nullable Instant aliveAt;

  private @Nullable Instant writtenAt;

  private Heartbeat(
      Cluster cluster,
      String node,
      NodeFacts facts,
      boolean registers,
      Optional<NodeLease> shared,
      Runnable returned,
      Timeline timeline) {
    this.cluster = cluster.as(Author.controller("node-" + node));
    this.lease = shared.orElseGet(() -> new NodeLease(this.cluster, node, timeline));
    this.key = ObjectKey.core("Node", "", node);
    this.facts = facts;
    this.registers = registers;
    this.returned = returned;
    this.timeline = timeline;
  }

  /// Beats once before it returns.
  ///
  /// @param registers makes the Node object when there is none
  /// @param shared the lease of this node and others; empty for one of its own
  /// @param returned called when an engine that was lost answers again
  public static Heartbeat start(
      Cluster cluster,
      String node,
      NodeFacts facts,
      boolean registers,
      Optional<NodeLease> shared,
      Runnable returned,
      Timeline timeline) {
    var heartbeat = new Heartbeat(cluster, node, facts, registers, shared, returned, timeline);
    heartbeat.beat();
    return heartbeat;
  }

  /// The last answer; empty when the engine has not answered yet.
  Optional<NodeFacts.Reading> latest() {
    return Optional.ofNullable(latest);
  }

  private void beat() {
    if (closed) {
      return;
    }
    Duration next = EVERY;
    try {
      next = look() ? EVERY : WHILE_LOST;
    } finally {
      timeline.schedule(next, this::beat);
    }
  }

  /// @return whether the engine answered
  synchronized boolean look() {
    if (closed) {
      return false;
    }
    try {
      NodeFacts.Reading reading = facts.read();
      latest = reading;
      Optional<String> owner = registers ? Optional.empty() : olderNodeOf(reading);
      if (owner.isPresent()) {
        refuse(owner.get());
        return true;
      }
      if (!closed) {
        alive(reading);
      }
      if (lost) {
        lost = false;
        log.info("engine answers again node={}", key.name());
        returned.run();
      }
    } catch (RuntimeFailedException e) {
      if (!lost) {
        lost = true;
        log.warn("engine does not answer node={} cause={}", key.name(), e.getMessage());
      }
      silent(String.valueOf(e.getMessage()));
      return false;
    } catch (ClusterException e) {
      log.warn("heartbeat failed node={} cause={}", key.name(), e.toString());
    }
    return true;
  }

  /// Two nodes of one engine would count what it has twice. The older one keeps it.
  private Optional<String> olderNodeOf(NodeFacts.Reading reading) {
    String runtime = reading.labels().getOrDefault(RUNTIME, "");
    Optional<KubeObject> me = cluster.get(key);
    if (reading.machine().id().isEmpty() || runtime.isEmpty() || me.isEmpty()) {
      return Optional.empty();
    }
    Comparator<KubeObject> byAge =
        Comparator.comparing((KubeObject node) -> node.creationTimestamp().orElse(Instant.EPOCH))
            .thenComparing(KubeObject::name);
    return cluster
        .list(
            ObjectQuery.all(key.groupKind())
                .labelled(LabelSelector.ofMap(Map.of(RUNTIME, runtime))))
        .items()
        .stream()
        .filter(
            node ->
                byAge.compare(node, me.get()) < 0
                    && reading
                        .machine()
                        .id()
                        .equals(Json.string(node.status().path("nodeInfo"), "machineID", "")))
        .min(byAge)
        .map(KubeObject::name);
  }

  private void refuse(String owner) {
    String why =
        "its engine is node %s already: what it has would be counted twice".formatted(owner);
    if (!lost) {
      lost = true;
      log.warn("node refused node={} cause={}", key.name(), why);
    }
    unknown(cluster, key, IN_USE, why, Optional.empty(), timeline.instant());
  }

  private void alive(NodeFacts.Reading reading) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty() && !registers) {
      return;
    }
    KubeObject node = label(found.orElseGet(() -> register(reading)), reading);
    ObjectNode status =
        node.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    describe(status, reading);
    Instant now = timeline.instant();
    for (String pressure : List.of("Memory", "Disk", "PID")) {
      Conditions.set(
          status,
          pressure + "Pressure",
          false,
          "NotObserved",
          "no pod is evicted from this node for it",
          now);
    }
    Conditions.set(status, "Ready", true, "AgentReady", "the node's agent answers", now);
    Optional<String> problem = facts.networkProblem();
    if (problem.isPresent()) {
      Conditions.set(status, NETWORK, true, "NoLink", problem.get(), now);
    } else if (Conditions.find(status, NETWORK).isPresent()) {
      Conditions.set(status, NETWORK, false, "Linked", "pods and services reach each other", now);
    }
    Optional<String> leaving = facts.leaving();
    if (leaving.isPresent()) {
      Conditions.set(status, DRAINING, true, "Leaving", leaving.get(), now);
    } else if (Conditions.find(status, DRAINING).isPresent()) {
      Conditions.set(status, DRAINING, false, "Staying", "pods may be placed there", now);
    }
    aliveAt = now;
    var beat =
        new BeatPlanner.Beat(
            !status.equals(node.status()), lease.renew(node), Optional.ofNullable(writtenAt));
    if (BeatPlanner.writesNode(beat, now)) {
      for (JsonNode condition : status.path("conditions")) {
        if (condition instanceof ObjectNode entry
            && !Json.string(entry, "type", "").equals(NETWORK)) {
          entry.put("lastHeartbeatTime", Conditions.time(now));
        }
      }
      cluster.replaceStatus(node.withStatus(status));
      writtenAt = now;
    }
  }

  private void silent(String why) {
    try {
      unknown(
          cluster, key, "EngineUnreachable", why, Optional.ofNullable(aliveAt), timeline.instant());
    } catch (ClusterException e) {
      log.warn("heartbeat failed node={} cause={}", key.name(), e.toString());
    }
  }

  /// Says of a node that nothing is known of it. Its last sign of life stays.
  public static void unknown(
      Cluster cluster, ObjectKey key, String reason, String message, Instant now) {
    unknown(cluster, key, reason, message, Optional.empty(), now);
  }

  /// @param alive its last sign of life, where only its lease may have told of that
  private static void unknown(
      Cluster cluster,
      ObjectKey key,
      String reason,
      String message,
      Optional<Instant> alive,
      Instant now) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty()) {
      return;
    }
    ObjectNode status =
        found.get().status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    Conditions.setUnknown(status, "Ready", reason, message, now);
    alive.ifPresent(
        at ->
            Conditions.find(status, "Ready")
                .ifPresent(
                    ready -> ((ObjectNode) ready).put("lastHeartbeatTime", Conditions.time(at))));
    if (!status.equals(found.get().status())) {
      cluster.replaceStatus(found.get().withStatus(status));
    }
  }

  private KubeObject register(NodeFacts.Reading reading) {
    return cluster.create(
        KubeObject.make(
            "v1",
            "Node",
            "",
            key.name(),
            json -> {
              Json.child(json, "metadata").putObject("labels");
              json.putObject("spec");
              describe(json.putObject("status"), reading);
            }));
  }

  /// Puts the engine's labels on the node, where nobody else has put one.
  private KubeObject label(KubeObject node, NodeFacts.Reading reading) {
    var wanted = new TreeMap<String, String>();
    wanted.put("kubernetes.io/hostname", key.name());
    wanted.put("kubernetes.io/os", "linux");
    wanted.putAll(reading.labels());
    Map<String, String> present = node.labels();
    boolean ownLease = lease.name().equals(key.name());
    boolean leaseNamed =
        ownLease || node.annotation(LastSign.LEASE).equals(Optional.of(lease.name()));
    if (leaseNamed && present.entrySet().containsAll(wanted.entrySet())) {
      return node;
    }
    wanted
        .entrySet()
        .removeIf(
            label ->
                present.containsKey(label.getKey())
                    && !label.getValue().equals(present.get(label.getKey())));
    return cluster.apply(
        KubeObject.make(
            "v1",
            "Node",
            "",
            key.name(),
            json -> {
              ObjectNode metadata = Json.child(json, "metadata");
              wanted.forEach(metadata.putObject("labels")::put);
              if (!ownLease) {
                metadata.putObject("annotations").put(LastSign.LEASE, lease.name());
              }
            }),
        ApplyOptions.PLAIN);
  }

  private static void describe(ObjectNode status, NodeFacts.Reading reading) {
    ObjectNode capacity = status.putObject("capacity");
    new TreeMap<>(reading.capacity()).forEach(capacity::put);
    ObjectNode allocatable = status.putObject("allocatable");
    new TreeMap<>(reading.allocatable()).forEach(allocatable::put);
    status
        .putArray("addresses")
        .addObject()
        .put("type", "InternalIP")
        .put("address", reading.address());
    Json.child(status, "nodeInfo")
        .put("containerRuntimeVersion", reading.version())
        .put("kubeletVersion", "v1.36.3-slipway")
        .put("operatingSystem", "linux")
        .put("osImage", reading.machine().osImage())
        .put("kernelVersion", reading.machine().kernelVersion())
        .put("architecture", reading.machine().architecture())
        .put("machineID", reading.machine().id())
        .put("systemUUID", reading.machine().id());
  }

  @Override
  public void close() {
    closed = true;
  }
}
