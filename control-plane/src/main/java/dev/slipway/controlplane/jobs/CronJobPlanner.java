package dev.slipway.controlplane.jobs;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.CronSchedule;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What a CronJob does next.
///
/// A job is named after the minute that it is due in, so that the same minute never gives two, and
/// carries the very time as an annotation, so that a time whose job was made is known even when the
/// status was not written any more.
final class CronJobPlanner {
  static final String SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp";
  private static final int MANY_MISSED = 100;

  /// @param replace jobs that give way to the one that starts
  /// @param start the due time whose job is to be made
  /// @param forget finished jobs past the history limits; they go last, after the status is written
  /// @param status as it is to be, without the job that is about to be made
  /// @param remarks events to tell, as reason and message
  /// @param recheckAfter when time alone changes the answer
  record Plan(
      List<KubeObject> replace,
      Optional<Instant> start,
      List<KubeObject> forget,
      ObjectNode status,
      List<Remark> remarks,
      Optional<Duration> recheckAfter) {}

  record Remark(boolean warns, String reason, String message) {}

  private CronJobPlanner() {}

  /// @param jobs those that the CronJob owns
  static Plan plan(KubeObject cronJob, List<KubeObject> jobs, Instant now) {
    JsonNode spec = cronJob.spec();
    var remarks = new ArrayList<Remark>();
    List<KubeObject> running = new ArrayList<>();
    List<KubeObject> finished = new ArrayList<>();
    for (KubeObject job : jobs) {
      (JobPlanner.isFinished(job) ? finished : running).add(job);
    }
    running.sort(Comparator.comparing(KubeObject::name));
    Optional<Instant> last = lastScheduled(cronJob, jobs);
    ObjectNode status = status(cronJob, running, finished, last, remarks);
    List<KubeObject> forget = forgotten(spec, finished);
    if (Json.bool(spec, "suspend", false)) {
      return new Plan(List.of(), Optional.empty(), forget, status, remarks, Optional.empty());
    }
    CronSchedule schedule;
    try {
      schedule =
          CronSchedule.parse(Json.string(spec, "schedule", ""), Json.string(spec, "timeZone", ""));
    } catch (IllegalArgumentException e) {
      remarks.add(new Remark(true, "UnparseableSchedule", String.valueOf(e.getMessage())));
      return new Plan(List.of(), Optional.empty(), forget, status, remarks, Optional.empty());
    }
    Optional<Duration> untilNext =
        schedule.next(now).map(next -> Duration.between(now, next).plusMillis(100));
    Optional<Instant> due = due(cronJob, schedule, last, now, remarks);
    if (due.isEmpty()) {
      return new Plan(List.of(), Optional.empty(), forget, status, remarks, untilNext);
    }
    if (!running.isEmpty()) {
      switch (Json.string(spec, "concurrencyPolicy", "Allow")) {
        case "Forbid" -> {
          remarks.add(
              new Remark(
                  false,
                  "JobAlreadyActive",
                  "Not starting job because prior execution is running and concurrency policy is Forbid"));
          return new Plan(List.of(), Optional.empty(), forget, status, remarks, untilNext);
        }
        case "Replace" -> {
          status.remove("active");
          return new Plan(List.copyOf(running), due, forget, status, remarks, untilNext);
        }
        default -> {}
      }
    }
    return new Plan(List.of(), due, forget, status, remarks, untilNext);
  }

  /// The newest time that passed and has no job yet, unless it is too late for it.
  private static Optional<Instant> due(
      KubeObject cronJob,
      CronSchedule schedule,
      Optional<Instant> last,
      Instant now,
      List<Remark> remarks) {
    Instant earliest = last.or(cronJob::creationTimestamp).orElse(now);
    JsonNode deadline = cronJob.spec().path("startingDeadlineSeconds");
    Instant since = earliest;
    if (deadline.isIntegralNumber()) {
      Instant latest = now.minusSeconds(deadline.longValue());
      since = latest.isAfter(earliest) ? latest : earliest;
    }
    Optional<Instant> due =
        schedule.last(earliest, now).filter(at -> last.isEmpty() || at.isAfter(last.get()));
    if (due.isEmpty()) {
      return Optional.empty();
    }
    if (due.get().isBefore(since)) {
      remarks.add(
          new Remark(
              true,
              "MissSchedule",
              "Missed scheduled time to start a job: " + Conditions.time(due.get())));
      return Optional.empty();
    }
    if (schedule.between(since, now, MANY_MISSED + 1).size() > MANY_MISSED) {
      remarks.add(
          new Remark(
              true,
              "TooManyMissedTimes",
              "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"));
    }
    return due;
  }

  private static Optional<Instant> lastScheduled(KubeObject cronJob, List<KubeObject> jobs) {
    Optional<Instant> stated = KubeObject.instant(cronJob.status(), "lastScheduleTime");
    return jobs.stream()
        .map(job -> KubeObject.instant(job.metadata().path("annotations"), SCHEDULED_AT))
        .flatMap(Optional::stream)
        .max(Comparator.naturalOrder())
        .filter(made -> stated.isEmpty() || made.isAfter(stated.get()))
        .or(() -> stated);
  }

  private static ObjectNode status(
      KubeObject cronJob,
      List<KubeObject> running,
      List<KubeObject> finished,
      Optional<Instant> last,
      List<Remark> remarks) {
    ObjectNode status =
        cronJob.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    Map<String, KubeObject> ended = new TreeMap<>();
    finished.forEach(job -> ended.put(job.uid(), job));
    for (JsonNode active : Json.items(status, "active")) {
      String uid = Json.string(active, "uid", "");
      KubeObject job = ended.get(uid);
      if (job != null) {
        boolean complete = Conditions.isTrue(job.status(), "Complete");
        remarks.add(
            new Remark(
                false,
                "SawCompletedJob",
                "Saw completed job: %s, condition: %s"
                    .formatted(job.name(), complete ? "Complete" : "Failed")));
      } else if (running.stream().noneMatch(known -> known.uid().equals(uid))) {
        remarks.add(
            new Remark(
                false,
                "MissingJob",
                "Active job went missing: " + Json.string(active, "name", "")));
      }
    }
    status.remove("active");
    if (!running.isEmpty()) {
      ArrayNode active = status.putArray("active");
      running.forEach(job -> active.add(reference(job)));
    }
    last.ifPresent(at -> status.put("lastScheduleTime", Conditions.time(at)));
    Optional<Instant> success = KubeObject.instant(status, "lastSuccessfulTime");
    finished.stream()
        .filter(job -> Conditions.isTrue(job.status(), "Complete"))
        .map(job -> KubeObject.instant(job.status(), "completionTime"))
        .flatMap(Optional::stream)
        .max(Comparator.naturalOrder())
        .filter(at -> success.isEmpty() || at.isAfter(success.get()))
        .ifPresent(at -> status.put("lastSuccessfulTime", Conditions.time(at)));
    return status;
  }

  static ObjectNode reference(KubeObject job) {
    return Json.object()
        .put("kind", "Job")
        .put("namespace", job.namespace())
        .put("name", job.name())
        .put("uid", job.uid())
        .put("apiVersion", "batch/v1")
        .put("resourceVersion", job.resourceVersion());
  }

  private static List<KubeObject> forgotten(JsonNode spec, List<KubeObject> finished) {
    var forgotten = new ArrayList<KubeObject>();
    for (boolean complete : new boolean[] {true, false}) {
      int limit =
          complete
              ? Json.integer(spec, "successfulJobsHistoryLimit", 3)
              : Json.integer(spec, "failedJobsHistoryLimit", 1);
      List<KubeObject> known =
          finished.stream()
              .filter(job -> Conditions.isTrue(job.status(), "Complete") == complete)
              .filter(job -> !job.isTerminating())
              .sorted(
                  Comparator.comparing(
                          (KubeObject job) ->
                              KubeObject.instant(job.status(), "startTime").orElse(Instant.EPOCH))
                      .thenComparing(KubeObject::name))
              .toList();
      forgotten.addAll(known.subList(0, Math.max(0, known.size() - limit)));
    }
    return forgotten;
  }

  /// The job of one due time.
  static KubeObject job(KubeObject cronJob, Instant due) {
    JsonNode template = cronJob.spec().path("jobTemplate");
    return KubeObject.make(
        "batch/v1",
        "Job",
        cronJob.namespace(),
        cronJob.name() + "-" + due.getEpochSecond() / 60,
        json -> {
          ObjectNode metadata = Json.child(json, "metadata");
          if (template.path("metadata").path("labels") instanceof ObjectNode labels) {
            metadata.set("labels", labels.deepCopy());
          }
          ObjectNode annotations =
              template.path("metadata").path("annotations") instanceof ObjectNode stated
                  ? stated.deepCopy()
                  : Json.object();
          annotations.put(SCHEDULED_AT, Conditions.time(due));
          metadata.set("annotations", annotations);
          metadata.putArray("ownerReferences").add(OwnerReference.controlledBy(cronJob).toJson());
          json.set("spec", template.path("spec").deepCopy());
        });
  }
}
