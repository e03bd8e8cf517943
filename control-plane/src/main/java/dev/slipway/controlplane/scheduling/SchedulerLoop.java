package dev.slipway.controlplane.scheduling;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// Binds waiting pods, all that wait in one pass.
public final class SchedulerLoop implements AutoCloseable {
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final GroupKind NODE = GroupKind.core("Node");
  private static final String ALL = "all";
  private static final Duration RETRY = Duration.ofSeconds(30);

  private final Cluster cluster;
  private final EventRecorder events;
  private final Together together;
  private final Timeline timeline;
  private final ControlLoop<String> loop;

  /// Used by the loop's one worker.
  private final Board board = new Board();

  private final List<Follower> followers = new ArrayList<>();

  private SchedulerLoop(
      Cluster cluster, EventRecorder events, Together together, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("scheduler"));
    this.events = events.speakingAs("scheduler");
    this.together = together;
    this.timeline = timeline;
    this.loop = new ControlLoop<>("scheduler", 1, _ -> reconcile(), timeline, chance);
  }

  public static SchedulerLoop start(
      Cluster cluster, EventRecorder events, Together together, Timeline timeline, Chance chance) {
    var loop = new SchedulerLoop(cluster, events, together, timeline, chance);
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(POD),
            timeline,
            (before, after) -> {
              if (after == null
                  || isWaiting(after)
                  || (before != null && hasEnded(before, after))) {
                loop.loop.add(ALL);
              }
            }));
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(NODE),
            timeline,
            (before, after) -> {
              if (before == null || after == null || nodeMatters(before, after)) {
                loop.loop.add(ALL);
              }
            }));
    return loop;
  }

  /// A heartbeat is no news.
  private static boolean nodeMatters(KubeObject before, KubeObject after) {
    return !before.spec().equals(after.spec())
        || !before.labels().equals(after.labels())
        || !before.status().path("allocatable").equals(after.status().path("allocatable"));
  }

  /// A pod that has ended gives its room back, though it is still there.
  private static boolean hasEnded(KubeObject before, KubeObject after) {
    return !PlacementPlanner.isFinished(before) && PlacementPlanner.isFinished(after);
  }

  private static boolean isBound(KubeObject pod) {
    return !Json.string(pod.spec(), "nodeName", "").isEmpty();
  }

  /// Whether it is ours to find a node for it, now: a pod may name another scheduler, and gates
  /// that somebody opens one by one.
  private static boolean isWaiting(KubeObject pod) {
    return !isBound(pod)
        && Json.items(pod.spec(), "schedulingGates").isEmpty()
        && Json.string(pod.spec(), "schedulerName", "default-scheduler")
            .equals("default-scheduler");
  }

  private Outcome reconcile() {
    List<KubeObject> pods =
        cluster.list(ObjectQuery.all(POD)).items().stream()
            .filter(pod -> isBound(pod) || isWaiting(pod))
            .toList();
    if (pods.stream().allMatch(SchedulerLoop::isBound)) {
      return Outcome.SETTLED;
    }
    List<KubeObject> nodes = cluster.list(ObjectQuery.all(NODE)).items();
    List<PlacementPlanner.Decision> decisions = PlacementPlanner.plan(board, nodes, pods);
    together.run(decisions.stream().map(decision -> (Runnable) () -> carryOut(decision)).toList());
    boolean waiting =
        decisions.stream()
            .anyMatch(decision -> !(decision instanceof PlacementPlanner.Decision.Bind));
    return waiting ? Outcome.recheckAfter(RETRY, "pods fit nowhere") : Outcome.SETTLED;
  }

  private void carryOut(PlacementPlanner.Decision decision) {
    try {
      switch (decision) {
        case PlacementPlanner.Decision.Bind(KubeObject pod, String node) -> bind(pod, node);
        case PlacementPlanner.Decision.Unschedulable(KubeObject pod, String message) -> {
          if (condition(pod, false, "Unschedulable", message)) {
            events.warning(pod, "FailedScheduling", message);
          }
        }
        case PlacementPlanner.Decision.Preempt(
                KubeObject pod,
                String node,
                List<KubeObject> victims) -> {
          for (KubeObject victim : victims) {
            cluster.delete(victim.key(), DeleteOptions.ofUid(victim.uid()));
            events.normal(
                victim,
                "Preempted",
                "by %s/%s on node %s".formatted(pod.namespace(), pod.name(), node));
          }
          condition(
              pod,
              false,
              "Unschedulable",
              "waits for room on node " + node + ": pods of lower priority leave");
        }
      }
    } catch (ClusterException e) {
      if (e.reason() != ClusterException.Reason.NOT_FOUND
          && e.reason() != ClusterException.Reason.CONFLICT) {
        throw e;
      }
      loop.add(ALL);
    }
  }

  private void bind(KubeObject pod, String node) {
    cluster.replace(pod.with(json -> Json.child(json, "spec").put("nodeName", node)));
    events.normal(
        pod,
        "Scheduled",
        "Successfully assigned %s/%s to %s".formatted(pod.namespace(), pod.name(), node));
  }

  /// @return whether it was news
  private boolean condition(KubeObject pod, boolean scheduled, String reason, String message) {
    ObjectNode status = pod.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    Conditions.set(status, "PodScheduled", scheduled, reason, message, timeline.instant());
    if (status.equals(pod.status())) {
      return false;
    }
    cluster.replaceStatus(pod.withStatus(status));
    return true;
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
