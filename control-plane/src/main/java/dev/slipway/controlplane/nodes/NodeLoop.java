package dev.slipway.controlplane.nodes;

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
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Says of a node that does not answer that nothing is known of it, takes its pods out of their
/// services, and after their toleration asks for their deletion. Unreachable is not dead: nothing
/// is removed by force, and a node that returns is trusted again; but pods of a node whose object
/// was deleted are. A node that says itself that it is not ready gets no new pods. Pods leave for
/// any other `NoExecute` taint that they do not tolerate, too.
public final class NodeLoop implements AutoCloseable {
  static final Duration SILENT_AFTER = Duration.ofSeconds(40);

  /// What nobody could write down was not heard: a node that seems silent has this long to answer
  /// after the store took a write again, before its pods are taken out of their services. Longer
  /// than a node waits between two signs of life.
  private static final Duration LAST_WORD = Duration.ofSeconds(12);

  /// Kubernetes' time (`podgc`'s quarantine); a node that lives registers itself within a quarter.
  private static final Duration COLLECTED_AFTER = Duration.ofSeconds(40);

  private static final String UNREACHABLE = EvictionPlanner.UNREACHABLE;
  private static final String NOT_READY = "node.kubernetes.io/not-ready";
  private static final GroupKind NODE = GroupKind.core("Node");
  private static final GroupKind POD = GroupKind.core("Pod");

  private final Cluster cluster;
  private final EventRecorder events;
  private final Timeline timeline;
  private final ControlLoop<ObjectKey> loop;
  private final Follower follower;
  private final Follower bindings;

  /// Since when nodes are seen to be missing that have pods.
  private final Map<ObjectKey, Instant> gone = new ConcurrentHashMap<>();

  /// A daemon that was away heard nobody: silence counts from its start, and that of a node that is
  /// new from its own.
  private final Instant started;

  private NodeLoop(Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("node-controller"));
    this.events = events.speakingAs("node-controller");
    this.timeline = timeline;
    this.started = timeline.instant();
    this.loop = new ControlLoop<>("nodes", 1, this::reconcile, timeline, chance);
    this.follower =
        Follower.start(
            cluster,
            ObjectQuery.all(NODE),
            timeline,
            Follower.Listener.ofAll(node -> loop.add(node.key())));
    this.bindings =
        Follower.start(
            cluster,
            ObjectQuery.all(POD),
            timeline,
            (before, after) -> {
              String node = after == null ? "" : nodeName(after);
              if (!node.isEmpty() && (before == null || !nodeName(before).equals(node))) {
                loop.add(ObjectKey.core("Node", "", node));
              }
            });
  }

  public static NodeLoop start(
      Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    return new NodeLoop(cluster, events, timeline, chance);
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key);
    Instant now = timeline.instant();
    if (found.isEmpty()) {
      return collect(key, now);
    }
    gone.remove(key);
    KubeObject node = found.get();
    Instant last = LastSign.of(node, cluster.get(LastSign.lease(node))).orElse(Instant.EPOCH);
    Instant counted = silentSince(node, last);
    Duration left = Duration.between(now, counted.plus(SILENT_AFTER));
    boolean tainted = Taints.find(node, UNREACHABLE).isPresent();
    if (left.isPositive()) {
      boolean ready = !readiness(node).equals("False") && !readiness(node).equals("Unknown");
      if (tainted && ready && !last.isBefore(started)) {
        node = cluster.replace(node.with(json -> Taints.remove(json, UNREACHABLE)));
        events.normal(node, "NodeReady", "the node answers again");
      }
      boolean wanted = !ready && Taints.find(node, UNREACHABLE).isEmpty();
      if (wanted != Taints.find(node, NOT_READY).isPresent()) {
        node =
            cluster.replace(
                node.with(
                    json -> {
                      if (wanted) {
                        Taints.put(json, NOT_READY, "NoSchedule", now);
                      } else {
                        Taints.remove(json, NOT_READY);
                      }
                    }));
      }
      Duration next =
          evict(node, false, now).filter(other -> other.compareTo(left) < 0).orElse(left);
      return Outcome.recheckAfter(next.plusMillis(1), "the node must give a sign of life");
    }
    KubeObject marked = unreachable(node, now);
    Duration patience = Duration.between(now, since(marked, now).plus(LAST_WORD));
    if (patience.isPositive()) {
      return Outcome.recheckAfter(patience.plusMillis(1), "the node may answer yet");
    }
    lost(marked, now);
    return Outcome.recheckAfter(
        evict(cluster.get(key).orElse(marked), true, now).orElse(Duration.ofDays(1)).plusMillis(1),
        "pods of a silent node wait for their toleration to end");
  }

  /// Pods of a node that does not exist: whoever deletes a Node says that nothing of it comes back,
  /// unless it is registered anew, as a node does whose daemon lives. As the pod garbage collector
  /// of Kubernetes. A daemon that starts anew waits anew.
  private Outcome collect(ObjectKey node, Instant now) {
    List<KubeObject> left = pods(node.name());
    if (left.isEmpty()) {
      gone.remove(node);
      return Outcome.SETTLED;
    }
    Instant since = gone.computeIfAbsent(node, _ -> now);
    Duration patience = Duration.between(now, since.plus(COLLECTED_AFTER));
    if (patience.isPositive()) {
      return Outcome.recheckAfter(patience.plusMillis(1), "the node may be registered again");
    }
    for (KubeObject pod : left) {
      DeleteOptions atOnce = DeleteOptions.ofUid(pod.uid()).withGrace(Duration.ZERO);
      if (disrupt(pod, "DeletionByPodGC", "PodGC: node no longer exists", atOnce, now)) {
        events.warning(pod, "DeletionByPodGC", "its node " + node.name() + " no longer exists");
      }
    }
    gone.remove(node);
    return Outcome.SETTLED;
  }

  /// @param last its last sign of life
  private Instant silentSince(KubeObject node, Instant last) {
    return Stream.of(last, started, node.creationTimestamp().orElse(last))
        .max(Comparator.naturalOrder())
        .orElse(last);
  }

  private KubeObject unreachable(KubeObject node, Instant now) {
    if (Taints.find(node, UNREACHABLE).isPresent()) {
      return node;
    }
    KubeObject marked =
        cluster.replace(
            node.with(
                json -> {
                  Taints.remove(json, NOT_READY);
                  Taints.put(json, UNREACHABLE, "NoExecute", now);
                }));
    events.warning(node, "NodeNotReady", whySilent(node));
    return marked;
  }

  /// An agent that lives says of its engine what is wrong.
  private static String whySilent(KubeObject node) {
    return Conditions.find(node.status(), "Ready")
        .filter(condition -> Json.string(condition, "status", "").equals("Unknown"))
        .flatMap(condition -> Json.string(condition, "message"))
        .orElse("the node's agent stopped answering");
  }

  private static Instant since(KubeObject node, Instant otherwise) {
    return Taints.find(node, UNREACHABLE)
        .flatMap(taint -> KubeObject.instant(taint, "timeAdded"))
        .orElse(otherwise);
  }

  /// Each step is looked at by itself: a daemon that died after one of them goes on with the next.
  private void lost(KubeObject node, Instant now) {
    if (!readiness(node).equals("Unknown")) {
      cluster.replaceStatus(node.with(json -> unknown(Json.child(json, "status"), now)));
    }
    for (KubeObject pod : pods(node.name())) {
      if (Conditions.isTrue(pod.status(), "Ready")) {
        ObjectNode status =
            pod.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
        Conditions.set(status, "Ready", false, "NodeNotReady", "its node does not answer", now);
        cluster.replaceStatus(pod.withStatus(status));
      }
    }
  }

  private static void unknown(ObjectNode status, Instant now) {
    Conditions.set(
        status, "Ready", false, "NodeStatusUnknown", "the node's agent stopped answering", now);
    for (JsonNode condition : status.path("conditions")) {
      if (condition instanceof ObjectNode entry && Json.string(entry, "type", "").equals("Ready")) {
        entry.put("status", "Unknown");
      }
    }
  }

  private static String readiness(KubeObject node) {
    return Conditions.find(node.status(), "Ready")
        .map(condition -> Json.string(condition, "status", ""))
        .orElse("");
  }

  /// @return how long the next pod has left that leaves for a taint
  private Optional<Duration> evict(KubeObject node, boolean silent, Instant now) {
    if (Json.items(node.spec(), "taints").stream().noneMatch(EvictionPlanner::evicts)) {
      return Optional.empty();
    }
    KubeObject dated = dated(node, now);
    EvictionPlanner.Plan plan = EvictionPlanner.plan(dated, pods(dated.name()), silent, now);
    plan.leave().forEach(pod -> evict(pod, node, silent, now));
    return plan.next();
  }

  /// A taint that says not since when it is there gets the time: how long pods tolerate it counts
  /// from then, whatever is restarted meanwhile.
  private KubeObject dated(KubeObject node, Instant now) {
    return cluster.replace(
        node.with(
            json -> {
              for (JsonNode taint : json.path("spec").path("taints")) {
                if (EvictionPlanner.evicts(taint) && !taint.has("timeAdded")) {
                  ((ObjectNode) taint).put("timeAdded", Conditions.time(now));
                }
              }
            }));
  }

  private void evict(KubeObject pod, KubeObject node, boolean silent, Instant now) {
    if (!disrupt(
        pod,
        "DeletionByTaintManager",
        "Taint manager: deleting due to NoExecute taint",
        DeleteOptions.ofUid(pod.uid()),
        now)) {
      return;
    }
    if (silent) {
      events.warning(pod, "TaintManagerEviction", "its node " + node.name() + " does not answer");
    } else {
      events.normal(
          pod,
          "TaintManagerEviction",
          "Marking for deletion Pod %s/%s".formatted(pod.namespace(), pod.name()));
    }
  }

  /// Deletes a pod that has done nothing to deserve it, and says so in its status first.
  ///
  /// @return whether it was there
  private boolean disrupt(
      KubeObject pod, String reason, String message, DeleteOptions how, Instant now) {
    ObjectNode status = pod.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    Conditions.set(status, "DisruptionTarget", true, reason, message, now);
    try {
      cluster.replaceStatus(pod.withStatus(status));
      cluster.delete(pod.key(), how);
      return true;
    } catch (ClusterException e) {
      if (e.reason() != ClusterException.Reason.NOT_FOUND) {
        throw e;
      }
      return false;
    }
  }

  private List<KubeObject> pods(String node) {
    return cluster.list(ObjectQuery.all(POD).onNode(node)).items();
  }

  private static String nodeName(KubeObject pod) {
    return Json.string(pod.spec(), "nodeName", "");
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    follower.close();
    bindings.close();
    loop.close();
  }
}
