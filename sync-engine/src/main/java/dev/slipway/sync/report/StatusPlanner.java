package dev.slipway.sync.report;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.report.CommitStatus.Reported;
import dev.slipway.sync.report.CommitStatus.State;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/// Decides what a provider is told next of the commit that an application follows.
///
/// A commit is reported until its delivery has ended. What happens to its pods days later is no
/// matter of the commit, unless the commit is given up for it.
final class StatusPlanner {
  private static final int BRIEF = 8;

  private StatusPlanner() {}

  /// @param reported what was told last
  static Optional<CommitStatus> next(KubeObject application, Optional<Reported> reported) {
    String commit = Json.string(application.status().path("source"), "revision", "");
    if (commit.isEmpty()) {
      return Optional.empty();
    }
    String context = "slipway/" + application.namespace() + "/" + application.name();
    Optional<Reported> other =
        reported.filter(told -> !told.commit().equals(commit) && told.state() == State.PENDING);
    if (other.isPresent()) {
      return Optional.of(
          new CommitStatus(
              other.get().commit(),
              State.SUPERSEDED,
              context,
              "superseded by " + commit.substring(0, Math.min(BRIEF, commit.length()))));
    }
    Optional<State> told =
        reported.filter(last -> last.commit().equals(commit)).map(Reported::state);
    return now(application.status(), commit, context)
        .filter(status -> told.isEmpty() || told.get() != status.state())
        .filter(
            status ->
                told.isEmpty() || told.get() != State.SUCCESS || isRejected(application, commit));
  }

  /// What is said of the plan of a pull request, once.
  static Optional<CommitStatus> ofPlan(KubeObject plan, Optional<Reported> reported) {
    String commit = Json.string(plan.spec(), "revision", "");
    if (reported.isPresent()
        || commit.isEmpty()
        || !Json.string(plan.spec(), "by", "").startsWith("proposal ")) {
      return Optional.empty();
    }
    String context =
        "slipway/%s/%s/plan"
            .formatted(plan.namespace(), Json.string(plan.spec(), "application", ""));
    Optional<String> problem = Json.string(plan.spec(), "problem");
    if (problem.isPresent()) {
      return Optional.of(new CommitStatus(commit, State.FAILURE, context, problem.get()));
    }
    List<String> actions =
        Json.items(plan.spec(), "steps").stream()
            .map(step -> Json.string(step, "action", ""))
            .filter(action -> !action.isEmpty())
            .toList();
    String steps =
        actions.isEmpty()
            ? "nothing to do"
            : actions.stream()
                .distinct()
                .map(action -> Collections.frequency(actions, action) + " to " + action)
                .collect(Collectors.joining(", "));
    return Optional.of(
        new CommitStatus(commit, State.SUCCESS, context, steps + ": plan " + plan.name()));
  }

  private static boolean isRejected(KubeObject application, String commit) {
    return rejection(application.status(), commit).isPresent();
  }

  private static Optional<String> rejection(JsonNode status, String commit) {
    return Json.items(status, "rejected").stream()
        .filter(entry -> Json.string(entry, "revision", "").equals(commit))
        .map(entry -> Json.string(entry, "reason", "given up"))
        .findFirst();
  }

  private static Optional<CommitStatus> now(JsonNode status, String commit, String context) {
    Optional<String> rejected = rejection(status, commit);
    if (rejected.isPresent()) {
      return Optional.of(new CommitStatus(commit, State.FAILURE, context, rejected.get()));
    }
    Optional<String> invalid =
        Conditions.find(status, "InvalidManifests")
            .filter(condition -> Json.string(condition, "status", "").equals("True"))
            .map(condition -> Json.string(condition, "message", ""));
    if (invalid.isPresent()) {
      return Optional.of(new CommitStatus(commit, State.FAILURE, context, invalid.get()));
    }
    JsonNode operation = status.path("operation");
    if (!Json.string(operation, "revision", "").equals(commit)
        || !Json.items(operation, "selection").isEmpty()) {
      return Optional.empty();
    }
    String message = Json.string(operation, "message", "");
    return switch (Json.string(operation, "phase", "")) {
      case "Running" ->
          Optional.of(new CommitStatus(commit, State.PENDING, context, "is being delivered"));
      case "WaitingForConfirmation" ->
          Optional.of(new CommitStatus(commit, State.PENDING, context, message));
      case "Succeeded" -> delivered(status, commit, context);
      case "Failed" -> Optional.of(new CommitStatus(commit, State.FAILURE, context, message));
      case "Terminated" ->
          Optional.of(new CommitStatus(commit, State.FAILURE, context, "terminated " + message));
      default -> Optional.empty();
    };
  }

  private static Optional<CommitStatus> delivered(JsonNode status, String commit, String context) {
    JsonNode health = status.path("health");
    return switch (Json.string(health, "status", "")) {
      case "Healthy" ->
          Optional.of(new CommitStatus(commit, State.SUCCESS, context, "delivered and healthy"));
      case "Degraded" ->
          Optional.of(
              new CommitStatus(
                  commit, State.FAILURE, context, Json.string(health, "message", "degraded")));
      default ->
          Optional.of(
              new CommitStatus(commit, State.PENDING, context, "delivered, not yet healthy"));
    };
  }
}
