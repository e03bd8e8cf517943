package dev.slipway.rollout;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.words.Count;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/// The status of a Rollout while a pass reads it, changes it and writes it. Used by one thread.
final class RolloutStatus {
  private final ObjectNode status;
  private final String currentHash;
  private final Set<String> hashes;
  private boolean aborted;
  private boolean stuck;

  private RolloutStatus(ObjectNode status, String currentHash, Set<String> hashes) {
    this.status = status;
    this.currentHash = currentHash;
    this.hashes = hashes;
  }

  /// @param hashes of the revisions that still have a controller
  static RolloutStatus read(KubeObject rollout, RolloutSpec spec, Set<String> hashes, Instant now) {
    ObjectNode status =
        rollout.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    status.put("observedGeneration", rollout.generation());
    var result = new RolloutStatus(status, spec.hash(), Set.copyOf(hashes));
    if (!Json.string(status, "currentHash", "").equals(spec.hash())) {
      status.put("currentHash", spec.hash());
      status.remove("aborted");
      result.progressed(now);
    }
    if (spec.abort() && !status.has("aborted")) {
      result.abort("aborted by a person", now);
    }
    result.aborted = status.path("aborted").isObject();
    return result;
  }

  /// Notes what has moved since the last pass: that is progress.
  void observe(RolloutSpec spec, List<RolloutView.Revision> revisions, Instant now) {
    int updated = 0;
    int available = 0;
    int all = 0;
    for (RolloutView.Revision revision : revisions) {
      all += revision.active();
      available += revision.available();
      if (revision.hash().equals(target())) {
        updated += revision.available();
      }
    }
    ObjectNode seen = Json.child(status, "progress");
    int others = all - updated;
    boolean moved =
        updated > Json.integer(seen, "updated", 0)
            || others < Json.integer(seen, "others", Integer.MAX_VALUE)
            || Json.integer(status, "desiredReplicas", -1) != spec.replicas();
    if (moved || spec.paused()) {
      progressed(now);
    }
    seen.put("updated", updated).put("others", others);
    status.put("availableReplicas", available);
  }

  private void progressed(Instant now) {
    status.put("progressedAt", now.toString());
  }

  Instant progressedAt() {
    return KubeObject.instant(status, "progressedAt").orElse(Instant.EPOCH);
  }

  Optional<Integer> scaledFor() {
    return status.path("desiredReplicas").isIntegralNumber()
        ? Optional.of(status.path("desiredReplicas").intValue())
        : Optional.empty();
  }

  String stable() {
    return Json.string(status, "stableHash", "");
  }

  boolean isAborted() {
    return aborted;
  }

  boolean canGoBack() {
    return hashes.contains(stable()) && !stable().equals(currentHash);
  }

  /// The hash to bring about.
  String target() {
    return aborted && canGoBack() ? stable() : currentHash;
  }

  void abort(String reason, Instant now) {
    status
        .putObject("aborted")
        .put("hash", currentHash)
        .put("reason", reason)
        .put("since", Conditions.time(now));
    aborted = true;
    progressed(now);
  }

  /// The deadline has passed and there is nothing to go back to.
  void stuck() {
    stuck = true;
  }

  ObjectNode write(RolloutSpec spec, RolloutView view, RolloutStep step, int ready, Instant now) {
    int all = view.revisions().stream().mapToInt(RolloutView.Revision::active).sum();
    Optional<RolloutView.Revision> current =
        view.revisions().stream()
            .filter(revision -> revision.hash().equals(currentHash))
            .findFirst();
    status
        .put("desiredReplicas", spec.replicas())
        .put("replicas", all)
        .put("updatedReplicas", current.map(RolloutView.Revision::active).orElse(0))
        .put("readyReplicas", ready)
        .put(
            "unavailableReplicas",
            Math.max(0, spec.replicas() - Json.integer(status, "availableReplicas", 0)));
    current.ifPresent(revision -> status.put("revision", revision.number()));
    boolean complete = step instanceof RolloutStep.Complete;
    if (complete && !aborted) {
      status.put("stableHash", currentHash);
    }
    String phase = phase(spec, complete);
    String message = message(view, step, complete);
    status.put("phase", phase).put("message", message);
    waiting(spec, step, message, now);
    boolean available =
        Json.integer(status, "availableReplicas", 0) >= spec.replicas() - spec.maxUnavailable();
    Conditions.set(
        status,
        "Available",
        available,
        available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
        "%d of %d pods available"
            .formatted(Json.integer(status, "availableReplicas", 0), spec.replicas()),
        now);
    boolean failed = phase.equals("Degraded");
    Conditions.set(
        status,
        "Progressing",
        !failed,
        failed
            ? "ProgressDeadlineExceeded"
            : complete ? "NewReplicationControllerAvailable" : "ReplicationControllerUpdated",
        message,
        now);
    return status;
  }

  private String phase(RolloutSpec spec, boolean complete) {
    if (aborted || stuck) {
      return "Degraded";
    }
    if (complete) {
      return "Healthy";
    }
    return spec.paused() ? "Paused" : "Progressing";
  }

  private String message(RolloutView view, RolloutStep step, boolean complete) {
    if (aborted) {
      String reason = Json.string(status.path("aborted"), "reason", "");
      if (!canGoBack()) {
        return "revision %s was given up (%s); there is no earlier one to go back to"
            .formatted(currentHash, reason);
      }
      return complete
          ? "revision %s was given up (%s); revision %s serves"
              .formatted(currentHash, reason, stable())
          : "revision %s was given up (%s); going back to %s"
              .formatted(currentHash, reason, stable());
    }
    return switch (step) {
      case RolloutStep.Complete _ ->
          "%d of %d pods available".formatted(view.lasting(), view.desired());
      case RolloutStep.Wait(_, String reason) -> reason;
      case RolloutStep.Create(int replicas) ->
          "a new revision begins with " + Count.of(replicas, "pod");
      case RolloutStep.Scale(_, String why) -> why;
      case RolloutStep.GiveUp(String reason) -> reason;
    };
  }

  /// What is waited for, since when, until when, and what happens then.
  private void waiting(RolloutSpec spec, RolloutStep step, String message, Instant now) {
    if (!(step instanceof RolloutStep.Wait) || stuck) {
      status.remove("waiting");
      return;
    }
    ObjectNode waiting = Json.child(status, "waiting");
    if (!Json.string(waiting, "for", "").equals(message)) {
      waiting.put("for", message).put("since", Conditions.time(now));
    }
    if (spec.paused()) {
      waiting.remove("until");
      waiting.put("then", "nothing, until `rollout resume`");
    } else {
      waiting.put("until", Conditions.time(progressedAt().plus(spec.progressDeadline())));
      waiting.put(
          "then",
          canGoBack() && !aborted ? "goes back to revision " + stable() : "is called degraded");
    }
  }
}
