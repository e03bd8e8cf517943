package dev.slipway.controlplane.jobs;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// What a job does next.
final class JobPlanner {
  /// What to do about the pods, and where the job stands.
  ///
  /// @param verdict empty while it runs
  /// @param recheckAfter when time alone changes the answer
  record Plan(
      int create,
      List<KubeObject> remove,
      Optional<Verdict> verdict,
      int active,
      int succeeded,
      int failed,
      Optional<Duration> recheckAfter) {}

  /// How a job ended.
  record Verdict(boolean complete, String reason, String message) {}

  private static final Duration FIRST_BACKOFF = Duration.ofSeconds(10);
  private static final Duration LAST_BACKOFF = Duration.ofMinutes(6);

  private JobPlanner() {}

  static Plan plan(KubeObject job, List<KubeObject> pods, Instant now) {
    int parallelism = Json.integer(job.spec(), "parallelism", 1);
    // Without a number, any pod that succeeds says that the work is done.
    boolean untilDone = !job.spec().has("completions");
    int completions = Json.integer(job.spec(), "completions", 1);
    int limit = Json.integer(job.spec(), "backoffLimit", 6);
    int succeeded = count(pods, "Succeeded");
    int failed = count(pods, "Failed");
    List<KubeObject> active =
        pods.stream()
            .filter(
                pod ->
                    !pod.isTerminating() && !hasPhase(pod, "Succeeded") && !hasPhase(pod, "Failed"))
            .sorted(Comparator.comparing(KubeObject::name))
            .toList();
    if (succeeded >= completions && !(untilDone && !active.isEmpty())) {
      return ended(
          new Verdict(true, "CompletionsReached", "Reached expected number of succeeded pods"),
          active,
          succeeded,
          failed);
    }
    if (failed > limit || (failed == 0 && restarts(active) > limit)) {
      return ended(
          new Verdict(
              false,
              "BackoffLimitExceeded",
              "Job has reached the specified backoff limit" + lastFailure(pods)),
          active,
          succeeded,
          failed);
    }
    Optional<Duration> deadline = untilDeadline(job, now);
    if (deadline.filter(left -> !left.isPositive()).isPresent()) {
      return ended(
          new Verdict(false, "DeadlineExceeded", "Job was active longer than specified deadline"),
          active,
          succeeded,
          failed);
    }
    if (Json.bool(job.spec(), "suspend", false)) {
      return new Plan(0, active, Optional.empty(), 0, succeeded, failed, Optional.empty());
    }
    int wanted =
        untilDone
            ? (succeeded > 0 ? active.size() : parallelism)
            : Math.min(parallelism, completions - succeeded);
    if (active.size() > wanted) {
      return new Plan(
          0,
          active.subList(wanted, active.size()),
          Optional.empty(),
          wanted,
          succeeded,
          failed,
          deadline);
    }
    Duration backoff = backoffLeft(pods, failed, now);
    if (backoff.isPositive() && active.size() < wanted) {
      return new Plan(
          0,
          List.of(),
          Optional.empty(),
          active.size(),
          succeeded,
          failed,
          Optional.of(deadline.filter(left -> left.compareTo(backoff) < 0).orElse(backoff)));
    }
    return new Plan(
        wanted - active.size(), List.of(), Optional.empty(), wanted, succeeded, failed, deadline);
  }

  private static Plan ended(Verdict verdict, List<KubeObject> active, int succeeded, int failed) {
    return new Plan(0, active, Optional.of(verdict), 0, succeeded, failed, Optional.empty());
  }

  private static Optional<Duration> untilDeadline(KubeObject job, Instant now) {
    long seconds = Json.number(job.spec(), "activeDeadlineSeconds", 0);
    if (seconds == 0) {
      return Optional.empty();
    }
    return KubeObject.instant(job.status(), "startTime")
        .map(start -> Duration.between(now, start.plusSeconds(seconds)));
  }

  /// After the n-th failure the next pod waits 10 s times 2 to the n-1, at most six minutes.
  private static Duration backoffLeft(List<KubeObject> pods, int failed, Instant now) {
    if (failed == 0) {
      return Duration.ZERO;
    }
    Duration wait = FIRST_BACKOFF.multipliedBy(1L << Math.min(failed - 1, 10));
    Duration capped = wait.compareTo(LAST_BACKOFF) > 0 ? LAST_BACKOFF : wait;
    return pods.stream()
        .filter(pod -> hasPhase(pod, "Failed"))
        .map(JobPlanner::endedAt)
        .max(Comparator.naturalOrder())
        .map(last -> Duration.between(now, last.plus(capped)))
        .orElse(Duration.ZERO);
  }

  private static Instant endedAt(KubeObject pod) {
    return Json.items(pod.status(), "containerStatuses").stream()
        .map(status -> KubeObject.instant(status.path("state").path("terminated"), "finishedAt"))
        .flatMap(Optional::stream)
        .max(Comparator.naturalOrder())
        .or(pod::creationTimestamp)
        .orElse(Instant.EPOCH);
  }

  /// A pod with `restartPolicy: OnFailure` tries again in place: each of its attempts counts.
  private static int restarts(List<KubeObject> active) {
    int restarts = 0;
    for (KubeObject pod : active) {
      if (Json.string(pod.spec(), "restartPolicy", "").equals("OnFailure")) {
        for (String field : List.of("initContainerStatuses", "containerStatuses")) {
          restarts +=
              Json.items(pod.status(), field).stream()
                  .mapToInt(status -> Json.integer(status, "restartCount", 0))
                  .sum();
        }
      }
    }
    return restarts;
  }

  private static String lastFailure(List<KubeObject> pods) {
    return pods.stream()
        .filter(pod -> hasPhase(pod, "Failed"))
        .max(Comparator.comparing(JobPlanner::endedAt))
        .map(pod -> ": pod " + pod.name() + " failed" + exitCode(pod))
        .orElse("");
  }

  private static String exitCode(KubeObject pod) {
    return Json.items(pod.status(), "containerStatuses").stream()
        .map(status -> status.path("state").path("terminated"))
        .filter(ended -> Json.integer(ended, "exitCode", 0) != 0)
        .map(ended -> " with exit code " + Json.integer(ended, "exitCode", 0))
        .findFirst()
        .orElse("");
  }

  private static int count(List<KubeObject> pods, String phase) {
    return (int) pods.stream().filter(pod -> hasPhase(pod, phase)).count();
  }

  private static boolean hasPhase(KubeObject pod, String phase) {
    return Json.string(pod.status(), "phase", "").equals(phase);
  }

  static boolean isFinished(KubeObject job) {
    return Conditions.isTrue(job.status(), "Complete") || Conditions.isTrue(job.status(), "Failed");
  }
}
