package dev.slipway.controlplane.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CronJobPlannerTest {
  private static final Instant MADE = Instant.parse("2026-01-01T00:00:30Z");

  private static KubeObject cronJob(String spec, String status) {
    return KubeObject.of(
        (tools.jackson.databind.node.ObjectNode)
            Json.parse(
                """
                {"apiVersion":"batch/v1","kind":"CronJob",
                 "metadata":{"name":"c","namespace":"n","uid":"c1","creationTimestamp":"2026-01-01T00:00:30Z"},
                 "spec":{"schedule":"*/10 * * * *",%s"jobTemplate":{"spec":{}}},"status":%s}
                """
                    .formatted(spec.replace('\'', '"'), status.replace('\'', '"'))));
  }

  private static KubeObject job(KubeObject cronJob, Instant due, String condition) {
    return CronJobPlanner.job(cronJob, due)
        .with(
            json -> {
              Json.child(json, "metadata").put("uid", "j" + due.getEpochSecond());
              var status = Json.child(json, "status");
              status.put("startTime", Conditions.time(due));
              if (!condition.isEmpty()) {
                Conditions.set(status, condition, true, "", "", due.plusSeconds(5));
                status.put("completionTime", Conditions.time(due.plusSeconds(5)));
              }
            });
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          # case                                | spec                                    | last scheduled       | running since        | now                  | starts               | replaces
          not before its time                   |                                         |                      |                      | 2026-01-01T00:09:59Z |                      | 0
          when it is due                        |                                         |                      |                      | 2026-01-01T00:10:00Z | 2026-01-01T00:10:00Z | 0
          the newest of those missed            |                                         |                      |                      | 2026-01-01T05:12:00Z | 2026-01-01T05:10:00Z | 0
          not the same time twice               |                                         | 2026-01-01T00:10:00Z |                      | 2026-01-01T00:10:01Z |                      | 0
          not while it is suspended             | 'suspend':true,                         |                      |                      | 2026-01-01T00:10:00Z |                      | 0
          beside one that runs                  |                                         | 2026-01-01T00:10:00Z | 2026-01-01T00:10:00Z | 2026-01-01T00:20:00Z | 2026-01-01T00:20:00Z | 0
          never beside one that runs            | 'concurrencyPolicy':'Forbid',           | 2026-01-01T00:10:00Z | 2026-01-01T00:10:00Z | 2026-01-01T00:20:00Z |                      | 0
          instead of one that runs              | 'concurrencyPolicy':'Replace',          | 2026-01-01T00:10:00Z | 2026-01-01T00:10:00Z | 2026-01-01T00:20:00Z | 2026-01-01T00:20:00Z | 1
          within the deadline for starting      | 'startingDeadlineSeconds':60,           |                      |                      | 2026-01-01T00:10:59Z | 2026-01-01T00:10:00Z | 0
          not after the deadline for starting   | 'startingDeadlineSeconds':60,           |                      |                      | 2026-01-01T00:11:01Z |                      | 0
          in its own zone                       | 'timeZone':'Asia/Kolkata',              |                      |                      | 2026-01-01T00:10:00Z | 2026-01-01T00:10:00Z | 0
          known from the job when no status is  |                                         |                      | 2026-01-01T00:10:00Z | 2026-01-01T00:10:01Z |                      | 0
          """)
  void starts(
      String name,
      String spec,
      String last,
      Instant running,
      Instant now,
      Instant starts,
      int replaces) {
    KubeObject cronJob =
        cronJob(
            spec == null ? "" : spec,
            last == null ? "{}" : "{'lastScheduleTime':'%s'}".formatted(last));
    List<KubeObject> jobs = running == null ? List.of() : List.of(job(cronJob, running, ""));
    var plan = CronJobPlanner.plan(cronJob, jobs, now);
    assertThat(plan.start().orElse(null)).isEqualTo(starts);
    assertThat(plan.replace()).hasSize(replaces);
  }

  @Test
  void aJobIsNamedAfterItsMinute() {
    KubeObject cronJob = cronJob("", "{}");
    KubeObject job = CronJobPlanner.job(cronJob, Instant.parse("2026-01-01T00:10:00Z"));
    assertThat(job.name()).isEqualTo("c-29453770");
    assertThat(job.controller().orElseThrow().uid()).isEqualTo("c1");
  }

  @Test
  void keepsAsManyEndedJobsAsItIsTold() {
    KubeObject cronJob =
        cronJob("'successfulJobsHistoryLimit':1,'failedJobsHistoryLimit':0,", "{}");
    var jobs = new ArrayList<KubeObject>();
    for (int i = 1; i <= 3; i++) {
      jobs.add(job(cronJob, MADE.plusSeconds(600L * i), "Complete"));
    }
    jobs.add(job(cronJob, MADE.plusSeconds(2_400), "Failed"));
    var plan = CronJobPlanner.plan(cronJob, jobs, MADE.plusSeconds(2_500));
    assertThat(plan.forget()).containsExactly(jobs.get(0), jobs.get(1), jobs.get(3));
    assertThat(Json.string(plan.status(), "lastSuccessfulTime"))
        .contains(Conditions.time(MADE.plusSeconds(1_805)));
  }

  @Test
  void saysThatAJobEnded() {
    KubeObject cronJob = cronJob("", "{'active':[{'uid':'j1767226230','name':'c-1'}]}");
    KubeObject job = job(cronJob, Instant.parse("2026-01-01T00:10:30Z"), "Complete");
    var plan = CronJobPlanner.plan(cronJob, List.of(job), Instant.parse("2026-01-01T00:11:00Z"));
    assertThat(plan.remarks())
        .extracting(CronJobPlanner.Remark::reason)
        .containsExactly("SawCompletedJob");
    assertThat(plan.status().has("active")).isFalse();
  }
}
