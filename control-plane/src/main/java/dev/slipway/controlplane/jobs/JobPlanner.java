package dev.slipway.controlplane.jobs;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// What a job does next. One is made for one look at one job.
final class JobPlanner {
  static final String INDEX = "batch.kubernetes.io/job-completion-index";
  static final String INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count";
  static final String IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count";

  /// What to do about the pods, and where the job stands.
  ///
  /// @param create the pods to make
  /// @param verdict empty while nothing has decided how it ends
  /// @param over the verdict is there and no pod runs any more
  /// @param recheckAfter when time alone changes the answer
  record Plan(
      List<Place> create,
      List<KubeObject> remove,
      Optional<Verdict> verdict,
      boolean over,
      Counts counts,
      Optional<Duration> recheckAfter) {}

  /// What a pod is made for.
  ///
  /// @param index -1 in a job without indexes
  /// @param failures how often its index failed before; -1 where that does not matter
  /// @param ignored failures before that the policy ignores
  record Place(int index, int failures, int ignored) {
    static final Place ANY = new Place(-1, -1, 0);
  }

  /// What the status says, once the plan is carried out.
  ///
  /// @param completed the indexes that succeeded; empty in a job without indexes
  /// @param failedIndexes empty in a job without a limit for each index
  record Counts(
      int active,
      int ready,
      int terminating,
      int succeeded,
      int failed,
      Optional<String> completed,
      Optional<String> failedIndexes) {}

  /// How a job ends.
  record Verdict(boolean complete, String reason, String message) {}

  private static final Duration FIRST_BACKOFF = Duration.ofSeconds(10);
  private static final Duration LAST_BACKOFF = Duration.ofMinutes(6);

  private final KubeObject job;
  private final Instant now;
  private final FailurePolicy policy;
  private final boolean indexed;
  private final boolean eachIndexIsLimited;
  private final int completions;

  /// Without a number, any pod that succeeds says that the work is done.
  private final boolean untilDone;

  private final boolean replacesOnlyEnded;
  private final List<KubeObject> active;
  private final List<KubeObject> terminating;
  private final List<KubeObject> failedPods;
  private final BitSet completed;
  private final BitSet failedIndexes;
  private final int succeeded;
  private final int failed;

  static Plan plan(KubeObject job, List<KubeObject> pods, Instant now) {
    return new JobPlanner(job, pods, now).plan();
  }

  private JobPlanner(KubeObject job, List<KubeObject> pods, Instant now) {
    JsonNode spec = job.spec();
    this.job = job;
    this.now = now;
    this.policy = FailurePolicy.of(job);
    this.indexed = Json.string(spec, "completionMode", "").equals("Indexed");
    this.eachIndexIsLimited = indexed && spec.path("backoffLimitPerIndex").isIntegralNumber();
    this.completions = Json.integer(spec, "completions", 1);
    this.untilDone = !spec.has("completions");
    this.replacesOnlyEnded = Json.string(spec, "podReplacementPolicy", "").equals("Failed");
    this.active =
        pods.stream()
            .filter(pod -> !pod.isTerminating() && !hasEnded(pod))
            .sorted(Comparator.comparing(KubeObject::name))
            .toList();
    this.terminating = pods.stream().filter(pod -> pod.isTerminating() && !hasEnded(pod)).toList();
    this.failedPods = pods.stream().filter(pod -> hasPhase(pod, "Failed")).toList();
    this.completed = indexed ? completed(pods) : new BitSet();
    this.failedIndexes = eachIndexIsLimited ? failedIndexes() : new BitSet();
    this.succeeded =
        indexed
            ? completed.cardinality()
            : (int) pods.stream().filter(pod -> hasPhase(pod, "Succeeded")).count();
    this.failed = (int) failedPods.stream().filter(this::counts).count();
  }

  /// What was counted once stays: its pod may be gone.
  private BitSet completed(List<KubeObject> pods) {
    BitSet indexes = Indexes.read(Json.string(job.status(), "completedIndexes", ""), completions);
    pods.stream()
        .filter(pod -> hasPhase(pod, "Succeeded"))
        .mapToInt(JobPlanner::index)
        .filter(index -> index >= 0 && index < completions)
        .forEach(indexes::set);
    return indexes;
  }

  private BitSet failedIndexes() {
    int limit = Json.integer(job.spec(), "backoffLimitPerIndex", 0);
    BitSet indexes = Indexes.read(Json.string(job.status(), "failedIndexes", ""), completions);
    for (KubeObject pod : failedPods) {
      int index = index(pod);
      boolean fails =
          switch (policy.judge(pod).action()) {
            case FAIL_INDEX -> true;
            case IGNORE -> false;
            case COUNT, FAIL_JOB -> annotated(pod, INDEX_FAILURES, 0) >= limit;
          };
      if (fails && index >= 0 && index < completions) {
        indexes.set(index);
      }
    }
    return indexes;
  }

  private boolean counts(KubeObject failedPod) {
    return policy.judge(failedPod).action() != FailurePolicy.Action.IGNORE;
  }

  private Plan plan() {
    Optional<Verdict> verdict =
        decided()
            .or(this::failedByPolicy)
            .or(this::failedTooOften)
            .or(this::late)
            .or(this::failedIndex)
            .or(() -> SuccessPolicy.met(job, completed, completions))
            .or(this::completed);
    if (verdict.isPresent()) {
      boolean over = active.isEmpty() && terminating.isEmpty();
      return new Plan(
          List.of(), active, verdict, over, counts(List.of(), active), Optional.empty());
    }
    if (Json.bool(job.spec(), "suspend", false)) {
      return going(List.of(), active, Optional.empty());
    }
    int wanted = wanted();
    List<KubeObject> surplus = surplus(wanted);
    if (!surplus.isEmpty()) {
      return going(List.of(), surplus, untilDeadline());
    }
    int missing = wanted - active.size() - (replacesOnlyEnded ? terminating.size() : 0);
    if (missing <= 0) {
      return going(List.of(), List.of(), untilDeadline());
    }
    Duration backoff = eachIndexIsLimited ? Duration.ZERO : left(lastFailure(), failed);
    if (backoff.isPositive()) {
      return going(List.of(), List.of(), sooner(untilDeadline(), backoff));
    }
    return indexed
        ? indexes(missing)
        : going(Collections.nCopies(missing, Place.ANY), List.of(), untilDeadline());
  }

  private Plan going(List<Place> create, List<KubeObject> remove, Optional<Duration> recheck) {
    return new Plan(create, remove, Optional.empty(), false, counts(create, remove), recheck);
  }

  private Counts counts(List<Place> create, List<KubeObject> remove) {
    List<KubeObject> staying = active.stream().filter(pod -> !remove.contains(pod)).toList();
    return new Counts(
        staying.size() + create.size(),
        (int) staying.stream().filter(pod -> Conditions.isTrue(pod.status(), "Ready")).count(),
        terminating.size() + remove.size(),
        succeeded,
        failed,
        indexed ? Optional.of(Indexes.text(completed)) : Optional.empty(),
        eachIndexIsLimited ? Optional.of(Indexes.text(failedIndexes)) : Optional.empty());
  }

  // How it ends

  /// What was decided stays: the pods that said so may be gone.
  private Optional<Verdict> decided() {
    for (String type : List.of("SuccessCriteriaMet", "FailureTarget")) {
      if (Conditions.isTrue(job.status(), type)) {
        return Conditions.find(job.status(), type)
            .map(
                condition ->
                    new Verdict(
                        type.equals("SuccessCriteriaMet"),
                        Json.string(condition, "reason", ""),
                        Json.string(condition, "message", "")));
      }
    }
    return Optional.empty();
  }

  private Optional<Verdict> failedByPolicy() {
    return failedPods.stream()
        .map(policy::judge)
        .filter(judgement -> judgement.action() == FailurePolicy.Action.FAIL_JOB)
        .map(judgement -> new Verdict(false, "PodFailurePolicy", judgement.message()))
        .findFirst();
  }

  private Optional<Verdict> failedTooOften() {
    int limit =
        Json.integer(job.spec(), "backoffLimit", eachIndexIsLimited ? Integer.MAX_VALUE : 6);
    return failed > limit || (failed == 0 && restarts() > limit)
        ? Optional.of(
            new Verdict(
                false,
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit" + howItFailed()))
        : Optional.empty();
  }

  private Optional<Verdict> late() {
    return untilDeadline()
        .filter(left -> !left.isPositive())
        .map(
            _ ->
                new Verdict(
                    false, "DeadlineExceeded", "Job was active longer than specified deadline"));
  }

  private Optional<Verdict> failedIndex() {
    int lost = failedIndexes.cardinality();
    if (lost > Json.integer(job.spec(), "maxFailedIndexes", Integer.MAX_VALUE)) {
      return Optional.of(
          new Verdict(
              false,
              "MaxFailedIndexesExceeded",
              "Job has exceeded the specified maximal number of failed indexes"));
    }
    return lost > 0 && lost + succeeded >= completions
        ? Optional.of(new Verdict(false, "FailedIndexes", "Job has failed indexes"))
        : Optional.empty();
  }

  private Optional<Verdict> completed() {
    return succeeded >= completions && !(untilDone && !active.isEmpty())
        ? Optional.of(
            new Verdict(true, "CompletionsReached", "Reached expected number of succeeded pods"))
        : Optional.empty();
  }

  private Optional<Duration> untilDeadline() {
    long seconds = Json.number(job.spec(), "activeDeadlineSeconds", 0);
    if (seconds == 0 || Json.bool(job.spec(), "suspend", false)) {
      return Optional.empty();
    }
    return KubeObject.instant(job.status(), "startTime")
        .map(start -> Duration.between(now, start.plusSeconds(seconds)));
  }

  // Which pods it has

  private int wanted() {
    int parallelism = Json.integer(job.spec(), "parallelism", 1);
    if (untilDone) {
      return succeeded > 0 ? active.size() : parallelism;
    }
    return Math.min(parallelism, completions - succeeded);
  }

  /// A second pod of one index, and one whose index is not wanted any more, go first.
  private List<KubeObject> surplus(int wanted) {
    var surplus = new ArrayList<KubeObject>();
    var others = new ArrayList<KubeObject>();
    BitSet taken = (BitSet) completed.clone();
    for (KubeObject pod : active) {
      int index = index(pod);
      boolean fits = !indexed || (index >= 0 && index < completions && !taken.get(index));
      if (fits && indexed) {
        taken.set(index);
      }
      (fits ? others : surplus).add(pod);
    }
    int more = active.size() - wanted - surplus.size();
    if (more > 0) {
      surplus.addAll(others.subList(others.size() - more, others.size()));
    }
    return surplus;
  }

  private Plan indexes(int missing) {
    BitSet taken = (BitSet) completed.clone();
    taken.or(failedIndexes);
    Stream.concat(active.stream(), replacesOnlyEnded ? terminating.stream() : Stream.empty())
        .mapToInt(JobPlanner::index)
        .filter(index -> index >= 0)
        .forEach(taken::set);
    var create = new ArrayList<Place>();
    Optional<Duration> recheck = untilDeadline();
    int free = taken.nextClearBit(0);
    for (int n = 0; n < missing && free < completions; n++) {
      Place place = place(free);
      Duration wait = eachIndexIsLimited ? left(lastFailure(free), place) : Duration.ZERO;
      if (wait.isPositive()) {
        recheck = sooner(recheck, wait);
      } else {
        create.add(place);
      }
      free = taken.nextClearBit(free + 1);
    }
    return going(create, List.of(), recheck);
  }

  private Place place(int index) {
    if (!eachIndexIsLimited) {
      return new Place(index, -1, 0);
    }
    return lastFailure(index)
        .map(
            pod -> {
              int failures = annotated(pod, INDEX_FAILURES, 0);
              int ignored = annotated(pod, IGNORED_FAILURES, 0);
              return counts(pod)
                  ? new Place(index, failures + 1, ignored)
                  : new Place(index, failures, ignored + 1);
            })
        .orElse(new Place(index, 0, 0));
  }

  // What failed, and how long to wait after it

  private Optional<KubeObject> lastFailure() {
    return failedPods.stream().filter(this::counts).max(Comparator.comparing(JobPlanner::endedAt));
  }

  private Optional<KubeObject> lastFailure(int index) {
    return failedPods.stream()
        .filter(pod -> index(pod) == index)
        .max(
            Comparator.comparingInt(
                    (KubeObject pod) ->
                        annotated(pod, INDEX_FAILURES, 0) + annotated(pod, IGNORED_FAILURES, 0))
                .thenComparing(JobPlanner::endedAt));
  }

  private Duration left(Optional<KubeObject> last, Place next) {
    return left(last, next.failures() + next.ignored());
  }

  /// After the n-th failure the next pod waits 10 s times 2 to the n-1, at most six minutes.
  private Duration left(Optional<KubeObject> last, int failures) {
    if (failures == 0) {
      return Duration.ZERO;
    }
    Duration wait = FIRST_BACKOFF.multipliedBy(1L << Math.min(failures - 1, 10));
    Duration capped = wait.compareTo(LAST_BACKOFF) > 0 ? LAST_BACKOFF : wait;
    return last.map(pod -> Duration.between(now, endedAt(pod).plus(capped))).orElse(Duration.ZERO);
  }

  private static Optional<Duration> sooner(Optional<Duration> one, Duration other) {
    return Optional.of(one.filter(left -> left.compareTo(other) < 0).orElse(other));
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
  private int restarts() {
    return active.stream()
        .filter(pod -> Json.string(pod.spec(), "restartPolicy", "").equals("OnFailure"))
        .flatMap(
            pod ->
                Stream.of("initContainerStatuses", "containerStatuses")
                    .flatMap(field -> Json.items(pod.status(), field).stream()))
        .mapToInt(status -> Json.integer(status, "restartCount", 0))
        .sum();
  }

  private String howItFailed() {
    return lastFailure().map(pod -> ": pod " + pod.name() + " failed" + exitCode(pod)).orElse("");
  }

  private static String exitCode(KubeObject pod) {
    return Json.items(pod.status(), "containerStatuses").stream()
        .map(FailurePolicy::exitCode)
        .filter(code -> code != 0)
        .map(code -> " with exit code " + code)
        .findFirst()
        .orElse("");
  }

  /// -1 for a pod without one.
  private static int index(KubeObject pod) {
    return annotated(pod, INDEX, -1);
  }

  private static int annotated(KubeObject pod, String name, int otherwise) {
    try {
      return pod.annotation(name).map(Integer::valueOf).orElse(otherwise);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static boolean hasEnded(KubeObject pod) {
    return hasPhase(pod, "Succeeded") || hasPhase(pod, "Failed");
  }

  private static boolean hasPhase(KubeObject pod, String phase) {
    return Json.string(pod.status(), "phase", "").equals(phase);
  }

  static boolean isFinished(KubeObject job) {
    return Conditions.isTrue(job.status(), "Complete") || Conditions.isTrue(job.status(), "Failed");
  }
}
