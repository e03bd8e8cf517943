package dev.slipway.model.health;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import tools.jackson.databind.JsonNode;

/// The health of one object, from nothing but its own spec and status.
public final class HealthRules {
  private HealthRules() {}

  /// A kind without a rule of its own is healthy as soon as it exists.
  public static Health assess(KubeObject object) {
    if (object.isTerminating()) {
      return Health.progressing("being deleted");
    }
    return switch (object.key().groupKind().toString()) {
      case "Rollout.slipway.dev" -> rollout(object);
      case "Deployment.apps" -> deployment(object);
      case "ReplicationController" -> replicationController(object);
      case "Pod" -> pod(object);
      case "Job.batch" -> job(object);
      case "Namespace" -> Health.HEALTHY;
      default -> Health.HEALTHY;
    };
  }

  /// The rollout says it itself: `status.phase` is one of the health words, `status.message` the reason.
  private static Health rollout(KubeObject rollout) {
    if (rollout.observedGeneration() < rollout.generation()) {
      return Health.progressing("waiting for the rollout to be observed");
    }
    String message = Json.string(rollout.status(), "message", "");
    return switch (Json.string(rollout.status(), "phase", "")) {
      case "Healthy" -> Health.HEALTHY;
      case "Paused" -> Health.suspended(message);
      case "Degraded" -> Health.degraded(message);
      default -> Health.progressing(message);
    };
  }

  private static Health deployment(KubeObject deployment) {
    JsonNode status = deployment.status();
    if (Json.bool(deployment.spec(), "paused", false)) {
      return Health.suspended("paused");
    }
    if (deployment.observedGeneration() < deployment.generation()) {
      return Health.progressing("waiting for the spec to be observed");
    }
    var progressing = Conditions.find(status, "Progressing");
    if (progressing.isPresent()
        && Json.string(progressing.get(), "reason", "").equals("ProgressDeadlineExceeded")) {
      return Health.degraded(
          Json.string(progressing.get(), "message", "progress deadline exceeded"));
    }
    int desired = Json.integer(deployment.spec(), "replicas", 1);
    int updated = Json.integer(status, "updatedReplicas", 0);
    int available = Json.integer(status, "availableReplicas", 0);
    int all = Json.integer(status, "replicas", 0);
    if (updated < desired) {
      return Health.progressing("%d of %d replicas updated".formatted(updated, desired));
    }
    if (all > updated) {
      return Health.progressing("%d old replicas still to go".formatted(all - updated));
    }
    if (available < updated) {
      return Health.progressing("%d of %d updated replicas available".formatted(available, updated));
    }
    return Health.HEALTHY;
  }

  private static Health replicationController(KubeObject rc) {
    if (rc.observedGeneration() < rc.generation()) {
      return Health.progressing("waiting for the spec to be observed");
    }
    int desired = Json.integer(rc.spec(), "replicas", 1);
    int all = Json.integer(rc.status(), "replicas", 0);
    int available = Json.integer(rc.status(), "availableReplicas", 0);
    if (all != desired || available < desired) {
      return Health.progressing("%d of %d replicas available".formatted(available, desired));
    }
    return Health.HEALTHY;
  }

  private static Health pod(KubeObject pod) {
    String phase = Json.string(pod.status(), "phase", "Pending");
    for (JsonNode container : Json.items(pod.status(), "containerStatuses")) {
      String reason = Json.string(container.path("state").path("waiting"), "reason", "");
      if (reason.endsWith("BackOff") || reason.startsWith("Err") || reason.endsWith("Error")) {
        String name = Json.string(container, "name", "");
        String message = Json.string(container.path("state").path("waiting"), "message", "");
        return Health.degraded(
            "container %s: %s%s"
                .formatted(name, reason, message.isEmpty() ? "" : ": " + message));
      }
    }
    return switch (phase) {
      case "Succeeded" -> Health.HEALTHY;
      case "Failed" -> Health.degraded(Json.string(pod.status(), "message", "failed"));
      case "Running" ->
          Conditions.isTrue(pod.status(), "Ready")
              ? Health.HEALTHY
              : Health.progressing("not ready yet");
      case "Unknown" -> new Health(Health.Word.UNKNOWN, "its node does not answer");
      default -> Health.progressing(Json.string(pod.status(), "message", "pending"));
    };
  }

  private static Health job(KubeObject job) {
    if (Conditions.isTrue(job.status(), "Failed")) {
      return Health.degraded(
          Conditions.find(job.status(), "Failed")
              .map(condition -> Json.string(condition, "message", ""))
              .orElse(""));
    }
    if (Conditions.isTrue(job.status(), "Complete")) {
      return Health.HEALTHY;
    }
    if (Json.bool(job.spec(), "suspend", false)) {
      return Health.suspended("suspended");
    }
    return Health.progressing("running");
  }
}
