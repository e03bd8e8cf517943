package dev.slipway.controlplane.replication;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What a replication controller or a ReplicaSet does about its pods.
final class ReplicaPlanner {
  /// @param adopt pods of nobody that it selects
  /// @param release pods of its own that it selects no longer
  /// @param remove pods that have ended or are too many
  /// @param create how many are missing
  record Plan(
      List<KubeObject> adopt,
      List<KubeObject> release,
      List<KubeObject> remove,
      int create,
      Counts counts,
      Optional<Duration> recheckAfter) {
    Plan {
      adopt = List.copyOf(adopt);
      release = List.copyOf(release);
      remove = List.copyOf(remove);
    }
  }

  /// What the status says.
  record Counts(int replicas, int fullyLabeled, int ready, int available) {}

  private ReplicaPlanner() {}

  /// @param pods owned by this controller, and those of nobody that it selects
  static Plan plan(KubeObject controller, List<KubeObject> pods, Instant now) {
    LabelSelector selector = selector(controller);
    int desired = Json.integer(controller.spec(), "replicas", 1);
    var adopt = new ArrayList<KubeObject>();
    var release = new ArrayList<KubeObject>();
    var remove = new ArrayList<KubeObject>();
    var active = new ArrayList<KubeObject>();
    for (KubeObject pod : pods) {
      boolean mine = pod.isControlledBy(controller);
      if (!mine && pod.controller().isPresent()) {
        continue;
      }
      if (!selector.matches(pod.labels())) {
        if (mine && !pod.isTerminating()) {
          release.add(pod);
        }
      } else if (!pod.isTerminating()) {
        if (!mine) {
          adopt.add(pod);
        }
        if (isFinished(pod)) {
          remove.add(pod);
        } else {
          active.add(pod);
        }
      }
    }
    int surplus = active.size() - desired;
    if (surplus > 0) {
      remove.addAll(PodRank.firstToGo(active).subList(0, surplus));
    }
    Duration minReady = Duration.ofSeconds(Json.integer(controller.spec(), "minReadySeconds", 0));
    return new Plan(
        adopt,
        release,
        remove,
        Math.max(0, -surplus),
        counts(controller, active, minReady, now),
        nextAvailable(active, minReady, now));
  }

  /// Of a ReplicaSet a selector of its own form, of a ReplicationController a map of labels.
  static LabelSelector selector(KubeObject controller) {
    return controller.kind().equals("ReplicaSet")
        ? LabelSelector.read(controller.spec().path("selector"))
        : LabelSelector.ofMap(Json.stringMap(controller.spec(), "selector"));
  }

  private static boolean isFinished(KubeObject pod) {
    String phase = Json.string(pod.status(), "phase", "");
    return phase.equals("Failed") || phase.equals("Succeeded");
  }

  private static Counts counts(
      KubeObject controller, List<KubeObject> active, Duration minReady, Instant now) {
    var template =
        LabelSelector.ofMap(
            Json.stringMap(controller.spec().path("template").path("metadata"), "labels"));
    int labelled = 0;
    int ready = 0;
    int available = 0;
    for (KubeObject pod : active) {
      if (template.matches(pod.labels())) {
        labelled++;
      }
      if (PodRank.isReady(pod)) {
        ready++;
        if (!PodRank.readySince(pod).plus(minReady).isAfter(now)) {
          available++;
        }
      }
    }
    return new Counts(active.size(), labelled, ready, available);
  }

  private static Optional<Duration> nextAvailable(
      List<KubeObject> active, Duration minReady, Instant now) {
    return active.stream()
        .filter(PodRank::isReady)
        .map(pod -> Duration.between(now, PodRank.readySince(pod).plus(minReady)))
        .filter(Duration::isPositive)
        .min(Duration::compareTo);
  }
}
