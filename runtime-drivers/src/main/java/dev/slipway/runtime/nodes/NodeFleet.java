package dev.slipway.runtime.nodes;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.health.LastSign;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.pod.PodStreams;
import dev.slipway.model.pod.UsageSource;
import dev.slipway.model.service.ServingGate;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.agent.Heartbeat;
import dev.slipway.runtime.agent.NodeAgent;
import dev.slipway.runtime.agent.NodeLease;
import dev.slipway.runtime.agent.PodTokens;
import dev.slipway.runtime.agent.SourceChanges;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.NodeDeclaration;
import dev.slipway.runtime.spi.NodeDriver;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.NodePool;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The nodes of this daemon. A Node object that declares a runtime gets a connection to its engine
/// and an agent; drivers of many nodes add theirs; and whatever asks for a pod's streams is led to
/// the node that runs it.
///
/// Every node is looked after on threads of its own: an engine that hangs holds up nobody else.
/// Closing this ends the agents and leaves all pods running.
public final class NodeFleet implements NodePool, PodStreams, UsageSource, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeFleet.class);
  private static final GroupKind NODE = GroupKind.core("Node");

  /// How soon a changed Secret is seen.
  private static final Duration RECHECK = Duration.ofSeconds(20);

  private static final int NODES_AT_ONCE = 10_000;

  /// Whoever asks for metrics does not wait for an engine that hangs.
  private static final Duration MEASURED_WITHIN = Duration.ofSeconds(10);

  private final Cluster cluster;
  private final Map<String, NodeDriver> drivers;
  private final ServingGate gate;
  private final EventRecorder events;
  private final NodeAgent.Sources sources;
  private final Timeline timeline;
  private final Chance chance;
  private final ControlLoop<ObjectKey> loop;
  private final Map<String, Member> members = new ConcurrentHashMap<>();
  private final Map<String, NodeLease> leases = new ConcurrentHashMap<>();
  private final Set<String> joining = ConcurrentHashMap.newKeySet();
  private @Nullable Follower follower;
  private volatile boolean closed;

  private NodeFleet(
      Cluster cluster,
      Map<String, NodeDriver> drivers,
      ServingGate gate,
      EventRecorder events,
      PodTokens tokens,
      Timeline timeline,
      Chance chance) {
    this.cluster = cluster.as(Author.controller("nodes"));
    this.drivers = new TreeMap<>(drivers);
    this.gate = gate;
    this.events = events;
    this.sources = new NodeAgent.Sources(tokens, SourceChanges.follow(cluster, timeline));
    this.timeline = timeline;
    this.chance = chance;
    this.loop = new ControlLoop<>("fleet", NODES_AT_ONCE, this::reconcile, timeline, chance);
  }

  /// One node that is looked after.
  ///
  /// @param declared empty for one that its driver found
  /// @param found what its driver runs pods by; empty for a declared one
  /// @param connection closed with it
  private record Member(
      Optional<NodeDeclaration> declared,
      Optional<ContainerRuntime> found,
      Optional<NodeDriver.Connection> connection,
      Optional<NodeAgent> agent,
      AutoCloseable beat) {
    void close() {
      try {
        beat.close();
        connection.ifPresent(NodeDriver.Connection::close);
      } catch (Exception e) {
        log.warn("a node did not close cleanly cause={}", e.toString());
      }
    }
  }

  /// @param drivers by the name that a node declares
  public static NodeFleet start(
      Cluster cluster,
      Map<String, NodeDriver> drivers,
      ServingGate gate,
      EventRecorder events,
      PodTokens tokens,
      Timeline timeline,
      Chance chance) {
    var fleet = new NodeFleet(cluster, drivers, gate, events, tokens, timeline, chance);
    fleet.follower =
        Follower.start(
            cluster,
            ObjectQuery.all(NODE),
            timeline,
            (before, after) -> {
              KubeObject node = after != null ? after : before;
              if (node != null
                  && (after == null || before == null || declarationMoved(before, after))) {
                fleet.loop.add(node.key());
              }
            });
    return fleet;
  }

  private static boolean declarationMoved(KubeObject before, KubeObject after) {
    return !before.uid().equals(after.uid()) || !before.annotations().equals(after.annotations());
  }

  private Outcome reconcile(ObjectKey key) {
    if (closed) {
      return Outcome.SETTLED;
    }
    Member member = members.get(key.name());
    Optional<KubeObject> node = cluster.get(key).filter(found -> !found.isTerminating());
    if (node.filter(this::belongsToNone).isPresent()) {
      forget(key.name());
      return Outcome.SETTLED;
    }
    if (member != null && member.declared().isEmpty()) {
      return Outcome.SETTLED;
    }
    if (node.isEmpty() || node.get().annotation(NodeDeclaration.RUNTIME).isEmpty()) {
      if (member != null) {
        log.info("node leaves node={}", key.name());
        members.remove(key.name());
        member.connection().ifPresent(NodeDriver.Connection::leave);
        member.close();
        foundThrough(key.name()).forEach(loop::add);
      }
      return Outcome.SETTLED;
    }
    try {
      NodeDeclaration declared = declaration(withSubnet(node.get()));
      if (member == null || !member.declared().equals(Optional.of(declared))) {
        if (member != null) {
          members.remove(key.name());
          member.close();
        }
        connect(declared);
      }
      return Outcome.recheckAfter(RECHECK, "its credentials may change");
    } catch (RuntimeFailedException e) {
      Heartbeat.unknown(
          cluster,
          key,
          e.permanent() ? "InvalidDeclaration" : "ConnectFailed",
          String.valueOf(e.getMessage()),
          timeline.instant());
      if (e.permanent()) {
        return Outcome.recheckAfter(RECHECK, String.valueOf(e.getMessage()));
      }
      throw e;
    }
  }

  private List<ObjectKey> foundThrough(String declared) {
    return cluster.list(ObjectQuery.all(NODE)).items().stream()
        .filter(node -> LastSign.foundThrough(node).equals(Optional.of(declared)))
        .map(KubeObject::key)
        .toList();
  }

  /// Found through a cluster that was declared and is not any more, also while no daemon ran.
  private boolean belongsToNone(KubeObject node) {
    return LastSign.foundThrough(node)
        .filter(declared -> cluster.get(ObjectKey.core("Node", "", declared)).isEmpty())
        .isPresent();
  }

  private void forget(String node) {
    Member member = members.remove(node);
    if (member != null) {
      member.close();
    }
    cluster.deleteIfThere(ObjectKey.core("Node", "", node), DeleteOptions.BACKGROUND);
  }

  /// One at a time: two nodes must not be given the same.
  private synchronized KubeObject withSubnet(KubeObject node) {
    NodeDriver driver = drivers.get(node.annotation(NodeDeclaration.RUNTIME).orElse(""));
    if (driver == null
        || !driver.needsPodSubnet()
        || Json.string(node.spec(), "podCIDR").isPresent()) {
      return node;
    }
    String subnet =
        node.annotation(NodeDeclaration.POD_SUBNET)
            .orElseGet(
                () -> PodSubnets.free(node.name(), cluster.list(ObjectQuery.all(NODE)).items()));
    return cluster.replace(
        node.with(
            json -> {
              var spec = Json.child(json, "spec");
              spec.put("podCIDR", subnet);
              spec.putArray("podCIDRs").add(subnet);
            }));
  }

  private NodeDeclaration declaration(KubeObject node) {
    Map<String, String> annotations = node.annotations();
    return new NodeDeclaration(
        node.name(),
        annotations.getOrDefault(NodeDeclaration.RUNTIME, ""),
        annotations.getOrDefault(NodeDeclaration.HOST, ""),
        credentials(annotations.getOrDefault(NodeDeclaration.CREDENTIALS, "")),
        annotations.getOrDefault(NodeDeclaration.ALLOW_INSECURE, "").equals("true"),
        Json.string(node.spec(), "podCIDR"),
        annotations);
  }

  private Map<String, byte[]> credentials(String reference) {
    if (reference.isEmpty()) {
      return Map.of();
    }
    int slash = reference.indexOf('/');
    if (slash <= 0) {
      throw RuntimeFailedException.unsupported(
          "%s must be namespace/name of a Secret, not \"%s\""
              .formatted(NodeDeclaration.CREDENTIALS, reference));
    }
    KubeObject secret =
        cluster
            .get(
                ObjectKey.core(
                    "Secret", reference.substring(0, slash), reference.substring(slash + 1)))
            .orElseThrow(
                () ->
                    new RuntimeFailedException(
                        "the Secret %s with its credentials does not exist".formatted(reference)));
    var data = new TreeMap<String, byte[]>();
    try {
      Json.stringMap(secret.json(), "data")
          .forEach((name, value) -> data.put(name, java.util.Base64.getDecoder().decode(value)));
    } catch (IllegalArgumentException e) {
      throw RuntimeFailedException.unsupported("the Secret " + reference + " is not in base64");
    }
    return data;
  }

  private void connect(NodeDeclaration declared) {
    NodeDriver driver = drivers.get(declared.runtime());
    if (driver == null) {
      throw RuntimeFailedException.unsupported(
          "no runtime is called \"%s\"; there are %s"
              .formatted(declared.runtime(), String.join(", ", drivers.keySet())));
    }
    NodeDriver.Connection connection = driver.connect(declared, this);
    log.info("node joins node={} runtime={}", declared.name(), declared.runtime());
    Optional<NodeAgent> agent =
        connection
            .runtime()
            .map(runtime -> agent(declared.name(), runtime, connection.facts(), false));
    AutoCloseable beat =
        agent.isPresent()
            ? agent.get()
            : Heartbeat.start(
                cluster,
                declared.name(),
                connection.facts(),
                false,
                Optional.empty(),
                () -> {},
                timeline);
    put(
        declared.name(),
        new Member(Optional.of(declared), Optional.empty(), Optional.of(connection), agent, beat));
  }

  private NodeAgent agent(
      String node, ContainerRuntime runtime, NodeFacts facts, boolean registers) {
    return NodeAgent.start(
        cluster,
        runtime,
        gate,
        events,
        new NodeAgent.Settings(
            node,
            facts,
            registers,
            facts
                .heardThrough()
                .map(
                    name ->
                        leases.computeIfAbsent(name, _ -> new NodeLease(cluster, name, timeline)))),
        sources,
        timeline,
        chance);
  }

  private void put(String node, Member member) {
    members.put(node, member);
    if (closed) {
      member.close();
    }
  }

  @Override
  public void join(String node, ContainerRuntime runtime, NodeFacts facts) {
    Member known = members.get(node);
    if (closed || (known != null && known.declared().isPresent())) {
      return;
    }
    if (known != null && known.found().equals(Optional.of(runtime))) {
      known.agent().ifPresent(NodeAgent::look);
      return;
    }
    if (!joining.add(node)) {
      return;
    }
    try {
      if (known != null) {
        known.close();
      }
      NodeAgent agent = agent(node, runtime, facts, true);
      put(
          node,
          new Member(
              Optional.empty(), Optional.of(runtime), Optional.empty(), Optional.of(agent), agent));
    } finally {
      joining.remove(node);
    }
  }

  @Override
  public void leave(String node) {
    Member member = members.get(node);
    if (closed || member == null || member.declared().isPresent()) {
      return;
    }
    forget(node);
  }

  // Streams

  @Override
  public void logs(LogRequest request, OutputStream out) {
    agentOf(request.namespace(), request.pod()).logs(request, out);
  }

  @Override
  public int exec(
      ExecRequest request, InputStream stdin, OutputStream stdout, OutputStream stderr) {
    return agentOf(request.namespace(), request.pod()).exec(request, stdin, stdout, stderr);
  }

  @Override
  public void attach(
      AttachRequest request,
      Optional<InputStream> stdin,
      OutputStream stdout,
      OutputStream stderr) {
    agentOf(request.namespace(), request.pod()).attach(request, stdin, stdout, stderr);
  }

  @Override
  public Map<String, Map<String, PodUsage>> usage(Map<String, Set<String>> podUids) {
    var measured = new ConcurrentHashMap<String, Map<String, PodUsage>>();
    var left = new CountDownLatch(podUids.size());
    podUids.forEach(
        (node, pods) ->
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        Optional.ofNullable(members.get(node))
                            .flatMap(Member::agent)
                            .flatMap(agent -> agent.usage(pods))
                            .ifPresent(usage -> measured.put(node, usage));
                      } catch (RuntimeFailedException e) {
                        log.debug("node not measured node={} cause={}", node, e.getMessage());
                      } finally {
                        left.countDown();
                      }
                    }));
    try {
      if (!left.await(MEASURED_WITHIN.toSeconds(), TimeUnit.SECONDS)) {
        log.debug("nodes not measured in time nodes={}", left.getCount());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return new TreeMap<>(measured);
  }

  private NodeAgent agentOf(String namespace, String name) {
    KubeObject pod =
        cluster
            .get(ObjectKey.core("Pod", namespace, name))
            .orElseThrow(
                () ->
                    new ClusterException(
                        ClusterException.Reason.NOT_FOUND, "pods \"" + name + "\" not found"));
    String node = Json.string(pod.spec(), "nodeName", "");
    if (node.isEmpty()) {
      throw new ClusterException(
          ClusterException.Reason.BAD_REQUEST, "pod " + name + " has no node yet");
    }
    return Optional.ofNullable(members.get(node))
        .flatMap(Member::agent)
        .orElseThrow(
            () ->
                new ClusterException(
                    ClusterException.Reason.UNAVAILABLE, "nothing is heard of node " + node));
  }

  @Override
  public void close() {
    closed = true;
    Follower known = follower;
    if (known != null) {
      known.close();
    }
    loop.close();
    members.values().forEach(Member::close);
    sources.changes().close();
  }
}
