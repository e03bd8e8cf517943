package dev.slipway.model.health;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/// The health of one object, from nothing but its own spec and status, and the time.
public final class HealthRules {
  /// Why a Deployment does not go on before somebody acts.
  private static final Set<String> GIVEN_UP =
      Set.of("ProgressDeadlineExceeded", "ReplicaSetCreateError");

  private HealthRules() {}

  /// A kind without a rule of its own is healthy as soon as it exists.
  public static Health assess(KubeObject object, Instant now) {
    if (object.isTerminating()) {
      return Health.progressing("being deleted");
    }
    return switch (object.key().groupKind().toString()) {
      case "Rollout.slipway.dev" -> rollout(object);
      case "Deployment.apps" -> deployment(object);
      case "ReplicationController" -> replicationController(object);
      case "Pod" -> pod(object);
      case "Job.batch" -> job(object);
      case "Application.slipway.dev" -> application(object, now);
      case "StatefulSet.apps" -> statefulSet(object);
      case "DaemonSet.apps" -> daemonSet(object);
      case "ReplicaSet.apps" -> replicationController(object);
      case "PersistentVolumeClaim" -> claim(object);
      case "CustomResourceDefinition.apiextensions.k8s.io" ->
          established(object, "Established", "waiting for the definition to be established");
      case "APIService.apiregistration.k8s.io" ->
          established(object, "Available", "waiting for the service behind it");
      case "Service" -> service(object);
      case "Ingress.networking.k8s.io" ->
          addressed(object, "waiting for an address of the ingress");
      case "HorizontalPodAutoscaler.autoscaling" -> autoscaler(object);
      case "PodDisruptionBudget.policy" -> budget(object);
      case "PersistentVolume" ->
          Json.string(object.status(), "phase", "").equals("Failed")
              ? Health.degraded(Json.string(object.status(), "message", "failed"))
              : Health.HEALTHY;
      default -> custom(object);
    };
  }

  private static Health service(KubeObject service) {
    return Json.string(service.spec(), "type", "").equals("LoadBalancer")
        ? addressed(service, "waiting for an address of the load balancer")
        : Health.HEALTHY;
  }

  /// Where nobody gives addresses, as in Slipway's own cluster, the status does not speak of them.
  private static Health addressed(KubeObject object, String otherwise) {
    JsonNode balancer = object.status().path("loadBalancer");
    return balancer.isObject() && Json.items(balancer, "ingress").isEmpty()
        ? Health.progressing(otherwise)
        : Health.HEALTHY;
  }

  private static Health autoscaler(KubeObject autoscaler) {
    for (JsonNode condition : Json.items(autoscaler.status(), "conditions")) {
      String reason = Json.string(condition, "reason", "");
      if (Json.string(condition, "status", "").equals("False")
          && (reason.startsWith("Failed") || reason.startsWith("Invalid"))) {
        return Health.degraded(reason + ": " + Json.string(condition, "message", ""));
      }
    }
    return Conditions.isTrue(autoscaler.status(), "AbleToScale")
            || Conditions.isTrue(autoscaler.status(), "ScalingActive")
        ? Health.HEALTHY
        : Health.progressing("waiting for the first look at the load");
  }

  /// One that allows no disruption now does its work.
  private static Health budget(KubeObject budget) {
    boolean failed =
        Conditions.find(budget.status(), "DisruptionAllowed")
            .filter(condition -> Json.string(condition, "reason", "").equals("SyncFailed"))
            .isPresent();
    if (failed) {
      return Health.degraded(
          Conditions.find(budget.status(), "DisruptionAllowed")
              .map(condition -> Json.string(condition, "message", ""))
              .orElse(""));
    }
    return budget.observedGeneration() < budget.generation()
        ? Health.progressing("waiting for the budget to be observed")
        : Health.HEALTHY;
  }

  /// What most controllers keep to: `observedGeneration`, and the conditions `Stalled`,
  /// `Reconciling`, and `Ready` or `Available`. What says nothing of that kind is healthy.
  private static Health custom(KubeObject object) {
    JsonNode status = object.status();
    if (status.path("observedGeneration").isIntegralNumber()
        && object.observedGeneration() < object.generation()) {
      return Health.progressing("waiting for the spec to be observed");
    }
    if (Conditions.isTrue(status, "Stalled")) {
      return Health.degraded(message(status, "Stalled"));
    }
    if (Conditions.isTrue(status, "Reconciling")) {
      return Health.progressing(message(status, "Reconciling"));
    }
    for (String type : List.of("Ready", "Available")) {
      if (Conditions.find(status, type)
          .filter(condition -> !Json.string(condition, "status", "").equals("True"))
          .isPresent()) {
        return Health.progressing(message(status, type));
      }
    }
    return Health.HEALTHY;
  }

  private static String message(JsonNode status, String type) {
    return Conditions.find(status, type)
        .map(
            condition ->
                Json.string(condition, "reason", type)
                    + ": "
                    + Json.string(condition, "message", ""))
        .orElse(type);
  }

  /// The rollout says it itself: `status.phase` is one of the health words, `status.message` the
  /// reason.
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

  private static String whyNotSynced(JsonNode status) {
    return Conditions.find(status, "InvalidManifests")
        .filter(condition -> Json.string(condition, "status", "").equals("True"))
        .flatMap(condition -> Json.string(condition, "message"))
        .or(() -> Json.string(status.path("waiting"), "for"))
        .or(() -> Json.string(status.path("source"), "problem"))
        .map(why -> ": " + why.lines().limit(3).collect(Collectors.joining(" ")))
        .orElse("");
  }

  /// Whether an application takes up each new commit by itself.
  public static boolean follows(KubeObject application, Instant now) {
    JsonNode automated = application.spec().path("syncPolicy").path("automated");
    return automated.isObject()
        && Json.bool(automated, "enabled", true)
        && !isSuspended(application, now);
  }

  /// Whether an application is held; a time that is over holds nothing.
  public static boolean isSuspended(KubeObject application, Instant now) {
    JsonNode suspend = application.spec().path("suspend");
    return suspend.isObject()
        && KubeObject.instant(suspend, "until").filter(until -> !until.isAfter(now)).isEmpty();
  }

  /// One that follows Git by itself is done when it has what Git says; another one is as it says
  /// itself.
  private static Health application(KubeObject application, Instant now) {
    JsonNode status = application.status();
    if (application.observedGeneration() < application.generation()) {
      return Health.progressing("waiting for the application to be looked at");
    }
    String message = Json.string(status.path("health"), "message", "");
    String word = Json.string(status.path("health"), "status", "");
    boolean follows = follows(application, now);
    if (Json.string(status.path("operation"), "phase", "").equals("Running")) {
      return Health.progressing(message.isEmpty() ? "a sync is under way" : message);
    }
    if (follows && !Json.string(status.path("sync"), "status", "").equals("Synced")) {
      return Health.progressing("not synced yet" + whyNotSynced(status));
    }
    return switch (word) {
      case "Healthy" -> Health.HEALTHY;
      case "Suspended" -> Health.suspended(message);
      case "Degraded" -> Health.degraded(message);
      case "Missing" -> new Health(Health.Word.MISSING, message);
      case "Unknown" -> follows ? new Health(Health.Word.UNKNOWN, message) : Health.HEALTHY;
      default -> follows ? Health.progressing(message) : Health.HEALTHY;
    };
  }

  private static Health statefulSet(KubeObject set) {
    if (set.observedGeneration() < set.generation()) {
      return Health.progressing("waiting for the spec to be observed");
    }
    int desired = Json.integer(set.spec(), "replicas", 1);
    int ready = Json.integer(set.status(), "readyReplicas", 0);
    int updated = Json.integer(set.status(), "updatedReplicas", 0);
    if (Json.string(set.spec().path("updateStrategy"), "type", "").equals("OnDelete")) {
      updated = desired;
    }
    int partition =
        Json.integer(set.spec().path("updateStrategy").path("rollingUpdate"), "partition", 0);
    int wanted = Math.max(0, desired - partition);
    if (updated < wanted) {
      return Health.progressing("%d of %d replicas updated".formatted(updated, wanted));
    }
    return ready < desired
        ? Health.progressing("%d of %d replicas ready".formatted(ready, desired))
        : Health.HEALTHY;
  }

  private static Health daemonSet(KubeObject set) {
    if (set.observedGeneration() < set.generation()) {
      return Health.progressing("waiting for the spec to be observed");
    }
    int desired = Json.integer(set.status(), "desiredNumberScheduled", 0);
    int updated = Json.integer(set.status(), "updatedNumberScheduled", 0);
    int available = Json.integer(set.status(), "numberAvailable", 0);
    if (!Json.string(set.spec().path("updateStrategy"), "type", "").equals("OnDelete")
        && updated < desired) {
      return Health.progressing("%d of %d pods updated".formatted(updated, desired));
    }
    return available < desired
        ? Health.progressing("%d of %d pods available".formatted(available, desired))
        : Health.HEALTHY;
  }

  private static Health claim(KubeObject claim) {
    return switch (Json.string(claim.status(), "phase", "Pending")) {
      case "Bound" -> Health.HEALTHY;
      case "Lost" -> Health.degraded("its volume is lost");
      default -> Health.progressing("not bound to a volume yet");
    };
  }

  private static Health established(KubeObject object, String condition, String otherwise) {
    if (Conditions.isTrue(object.status(), condition)) {
      return Health.HEALTHY;
    }
    String message =
        Conditions.find(object.status(), condition)
            .map(found -> Json.string(found, "message", ""))
            .orElse("");
    return Health.progressing(message.isEmpty() ? otherwise : message);
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
        && Json.string(progressing.get(), "status", "").equals("False")
        && GIVEN_UP.contains(Json.string(progressing.get(), "reason", ""))) {
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
      return Health.progressing(
          "%d of %d updated replicas available".formatted(available, updated));
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
            "container %s: %s%s".formatted(name, reason, message.isEmpty() ? "" : ": " + message));
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
    for (String end : List.of("Failed", "FailureTarget")) {
      if (Conditions.isTrue(job.status(), end)) {
        return Health.degraded(
            Conditions.find(job.status(), end)
                .map(condition -> Json.string(condition, "message", ""))
                .orElse(""));
      }
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
