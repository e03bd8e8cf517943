package dev.slipway.controlplane.nodes;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Empties nodes that say by their condition `Draining` that their machine is wanted for something
/// else: no new pods come, and those that are there move as `slipway node drain` moves them. A node
/// that says so no more takes pods again.
///
/// All such nodes are emptied together: two of them must not take a pod each from one workload.
public final class DrainLoop implements AutoCloseable {
  /// The condition of a node that is to be emptied.
  public static final String DRAINING = "Draining";

  static final String TAINT = "slipway.dev/draining";
  private static final Duration NEXT_STEP = Duration.ofMillis(500);
  private static final Duration RECHECK = Duration.ofSeconds(30);
  private static final GroupKind NODE = GroupKind.core("Node");

  private final Cluster cluster;
  private final EventRecorder events;
  private final Timeline timeline;
  private final ControlLoop<GroupKind> loop;
  private final Follower follower;

  private DrainLoop(Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("drain-controller"));
    this.events = events.speakingAs("drain-controller");
    this.timeline = timeline;
    this.loop = new ControlLoop<>("drain", 1, _ -> reconcile(), timeline, chance);
    this.follower = Follower.start(cluster, ObjectQuery.all(NODE), timeline, this::moved);
  }

  public static DrainLoop start(
      Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    return new DrainLoop(cluster, events, timeline, chance);
  }

  private void moved(@Nullable KubeObject before, @Nullable KubeObject after) {
    if (Stream.of(before, after).anyMatch(node -> node != null && concerns(node))) {
      loop.add(NODE);
    }
  }

  private static boolean concerns(KubeObject node) {
    return isDraining(node) || isTainted(node);
  }

  private static boolean isDraining(KubeObject node) {
    return Conditions.isTrue(node.status(), DRAINING);
  }

  private static boolean isTainted(KubeObject node) {
    return Taints.find(node, TAINT).isPresent();
  }

  private Outcome reconcile() {
    var here = new ArrayList<KubeObject>();
    boolean draining = false;
    for (KubeObject node : cluster.list(ObjectQuery.all(NODE)).items()) {
      if (isDraining(node)) {
        draining = true;
        close(node);
        here.addAll(
            cluster.list(ObjectQuery.all(GroupKind.core("Pod")).onNode(node.name())).items());
      } else if (isTainted(node)) {
        open(node);
      }
    }
    if (!draining) {
      return Outcome.SETTLED;
    }
    DrainPlanner.Step step =
        DrainPlanner.next(
            here,
            cluster.list(ObjectQuery.all(GroupKind.core("ReplicationController"))).items(),
            false);
    step.evict().forEach(this::evict);
    step.orphans()
        .forEach(
            pod -> events.warning(pod, "NodeDraining", "it stays: nothing would make it again"));
    boolean moves = !step.evict().isEmpty() || !step.waitsFor().isEmpty();
    return moves
        ? Outcome.recheckAfter(
            NEXT_STEP, step.waitsFor().isEmpty() ? "pods move away" : step.waitsFor())
        : Outcome.recheckAfter(RECHECK, "nodes that drain may get pods that were on their way");
  }

  /// Before any pod leaves, so that none comes back.
  private void close(KubeObject node) {
    if (isTainted(node)) {
      return;
    }
    cluster.replace(node.with(json -> Taints.put(json, TAINT, "NoSchedule", timeline.instant())));
    events.normal(
        node,
        "NodeDraining",
        Conditions.find(node.status(), DRAINING)
            .map(condition -> Json.string(condition, "message", ""))
            .orElse(""));
  }

  private void open(KubeObject node) {
    cluster.replace(node.with(json -> Taints.remove(json, TAINT)));
    events.normal(node, "NodeDrainingEnded", "the node takes pods again");
  }

  private void evict(KubeObject pod) {
    if (cluster.deleteIfThere(pod.key(), DeleteOptions.ofUid(pod.uid()))) {
      events.normal(
          pod,
          "NodeDraining",
          "it leaves %s, which is drained".formatted(Json.string(pod.spec(), "nodeName", "")));
    }
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    follower.close();
    loop.close();
  }
}
