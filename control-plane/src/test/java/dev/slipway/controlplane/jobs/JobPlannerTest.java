package dev.slipway.controlplane.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class JobPlannerTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:10:00Z");

  private static KubeObject job(String spec, String status) {
    return KubeObject.of(
        (ObjectNode)
            Json.parse(
                """
                {"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j","namespace":"n","uid":"u"},
                 "spec":{%s"template":{"spec":{"containers":[{"name":"c","env":[{"name":"A","value":"b"}]}]}}},
                 "status":{%s}}
                """
                    .formatted(spec.replace('\'', '"'), status.replace('\'', '"'))));
  }

  /// `name:index:phase`, and further words: a number is the exit code, `leaving`, `ready`, `old`
  /// (it ended an hour ago), `f2` (failures of its index before), `disrupted`.
  private static KubeObject pod(String text) {
    List<String> words = List.of(text.split(":"));
    return KubeObject.make(
        "v1",
        "Pod",
        "n",
        words.get(0),
        json -> {
          ObjectNode metadata = Json.child(json, "metadata");
          ObjectNode annotations = metadata.putObject("annotations");
          if (!words.get(1).equals("-")) {
            annotations.put(JobPlanner.INDEX, words.get(1));
          }
          ObjectNode status = json.putObject("status").put("phase", words.get(2));
          Instant end = NOW.minusSeconds(words.contains("old") ? 3_600 : 1);
          metadata.put("creationTimestamp", Conditions.time(end));
          for (String word : words.subList(3, words.size())) {
            if (word.matches("[0-9]+")) {
              ObjectNode container = status.putArray("containerStatuses").addObject();
              container
                  .put("name", "c")
                  .putObject("state")
                  .putObject("terminated")
                  .put("exitCode", Integer.parseInt(word))
                  .put("finishedAt", Conditions.time(end));
            } else if (word.startsWith("f")) {
              annotations.put(JobPlanner.INDEX_FAILURES, word.substring(1));
            } else if (word.equals("leaving")) {
              metadata.put("deletionTimestamp", Conditions.time(NOW));
            } else if (word.equals("ready")) {
              Conditions.set(status, "Ready", true, "", "", NOW);
            } else if (word.equals("disrupted")) {
              Conditions.set(status, "DisruptionTarget", true, "", "", NOW);
            }
          }
        });
  }

  private static JobPlanner.Plan plan(String spec, String status, String pods) {
    return JobPlanner.plan(
        job(spec, status == null ? "" : status),
        pods == null ? List.of() : Stream.of(pods.split(" ")).map(JobPlannerTest::pod).toList(),
        NOW);
  }

  private static String told(JobPlanner.Plan plan) {
    var told = new ArrayList<String>();
    for (JobPlanner.Place place : plan.create()) {
      told.add(
          "+"
              + (place.index() < 0 ? "" : place.index())
              + (place.failures() > 0 ? "f" + place.failures() : ""));
    }
    plan.remove().forEach(pod -> told.add("-" + pod.name()));
    plan.verdict().ifPresent(end -> told.add(end.reason() + (plan.over() ? "" : "...")));
    return String.join(" ", told);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          # case                                   | spec                                              | status                | pods                                   | what happens
          as many at once as it says               | 'completions':3,'parallelism':2,                  |                       |                                        | + +
          no more than are still to succeed        | 'completions':3,'parallelism':2,                  |                       | a:-:Succeeded b:-:Succeeded            | +
          it ends when enough have succeeded       | 'completions':2,                                  |                       | a:-:Succeeded b:-:Succeeded            | CompletionsReached
          and not before the last has left         | 'completions':1,                                  |                       | a:-:Succeeded b:-:Running:leaving      | CompletionsReached...
          without a number one success is enough   | 'parallelism':2,                                  |                       | a:-:Succeeded b:-:Running              | ""
          it waits after a failure                 | 'completions':1,                                  |                       | a:-:Failed:1                           | ""
          and then tries again                     | 'completions':1,                                  |                       | a:-:Failed:1:old                       | +
          until it has failed too often            | 'completions':1,'backoffLimit':0,'parallelism':2, |                       | a:-:Failed:1 b:-:Running               | -b BackoffLimitExceeded...
          what was decided stays                   | 'completions':1,                                  | 'conditions':[{'type':'FailureTarget','status':'True','reason':'X'}] |  | X
          one that leaves is replaced at once      | 'completions':1,                                  |                       | a:-:Running:leaving                    | +
          or when it has ended                     | 'completions':1,'podReplacementPolicy':'Failed',  |                       | a:-:Running:leaving                    | ""
          suspended, it has no pods                | 'completions':1,'suspend':true,                   |                       | a:-:Running                            | -a
          each index has a pod                     | INDEXED'completions':3,'parallelism':2,           |                       |                                        | +0 +1
          the next index follows                   | INDEXED'completions':3,'parallelism':2,           |                       | a:0:Succeeded b:1:Running              | +2
          a success is remembered                  | INDEXED'completions':3,'parallelism':2,           | 'completedIndexes':'0-1' |                                     | +2
          a failed index is tried again            | INDEXED'completions':2,'parallelism':2,           |                       | a:0:Succeeded b:1:Failed:1:old         | +1
          a second pod of one index goes           | INDEXED'completions':2,'parallelism':2,           |                       | a:0:Running b:0:Running                | -b
          and one that is not wanted any more      | INDEXED'completions':1,'parallelism':1,           |                       | a:0:Running b:4:Running                | -b
          it ends with the last index              | INDEXED'completions':2,'parallelism':2,           |                       | a:0:Succeeded b:1:Succeeded            | CompletionsReached
          an index in use waits for its end        | INDEXED'completions':2,'parallelism':2,'podReplacementPolicy':'Failed', | | a:0:Running:leaving                    | +1
          each index fails by itself               | EACH'completions':2,'parallelism':2,              |                       | a:0:Failed:1:f0:old b:1:Running        | +0f1
          and waits by itself                      | EACH'completions':2,'parallelism':2,              |                       | a:0:Failed:1:f0                        | +1
          an index that failed too often is lost   | EACH'completions':3,'parallelism':2,              |                       | a:0:Failed:1:f1:old                    | +1 +2
          which fails the job when all have ended  | EACH'completions':2,'parallelism':2,              | 'failedIndexes':'0'   | b:1:Succeeded                          | FailedIndexes
          or when too many are lost                | EACH'completions':9,'maxFailedIndexes':0,         | 'failedIndexes':'3'   | b:1:Running                            | -b MaxFailedIndexesExceeded...
          enough indexes may be some of them       | INDEXED'completions':9,'successPolicy':{'rules':[{'succeededIndexes':'2-3'}]}, | 'completedIndexes':'2-3' | b:1:Running  | -b SuccessPolicy...
          or a number of them                      | INDEXED'completions':9,'successPolicy':{'rules':[{'succeededIndexes':'2-5','succeededCount':1}]}, | 'completedIndexes':'4' | | SuccessPolicy
          others do not count                      | INDEXED'completions':9,'parallelism':0,'successPolicy':{'rules':[{'succeededIndexes':'2-5','succeededCount':1}]}, | 'completedIndexes':'7' | | ""
          a rule fails the job at once             | POLICY'completions':2,'parallelism':2,            |                       | a:-:Failed:42 b:-:Running              | -b PodFailurePolicy...
          another rule ignores a failure           | POLICY'completions':1,'backoffLimit':0,           |                       | a:-:Failed:1:disrupted                 | +
          what fits no rule counts                 | POLICY'completions':1,'backoffLimit':0,           |                       | a:-:Failed:1                           | BackoffLimitExceeded
          a rule gives up an index                 | EACH'completions':2,'parallelism':2,'podFailurePolicy':{'rules':[{'action':'FailIndex','onExitCodes':{'operator':'NotIn','values':[1,2]}}]}, | | a:0:Failed:3:f0 b:1:Running | ""
          """)
  void decides(String name, String spec, String status, String pods, String happens) {
    String written =
        spec.replace("INDEXED", "'completionMode':'Indexed',")
            .replace("EACH", "'completionMode':'Indexed','backoffLimitPerIndex':1,")
            .replace(
                "POLICY",
                "'podFailurePolicy':{'rules':["
                    + "{'action':'FailJob','onExitCodes':{'containerName':'c','operator':'In','values':[42]}},"
                    + "{'action':'Ignore','onPodConditions':[{'type':'DisruptionTarget','status':'True'}]}]},");
    assertThat(told(plan(written, status, pods))).isEqualTo(happens);
  }

  @Test
  void countsWhatTheStatusSays() {
    JobPlanner.Counts counts =
        plan(
                "'completionMode':'Indexed','backoffLimitPerIndex':0,'completions':9,'parallelism':3,",
                "'completedIndexes':'0,2'",
                "a:3:Succeeded b:4:Failed:1 c:5:Running:ready d:6:Running:leaving")
            .counts();
    assertThat(counts.active()).isEqualTo(3);
    assertThat(counts.ready()).isEqualTo(1);
    assertThat(counts.terminating()).isEqualTo(1);
    assertThat(counts.succeeded()).isEqualTo(3);
    assertThat(counts.failed()).isEqualTo(1);
    assertThat(counts.completed()).hasValue("0,2,3");
    assertThat(counts.failedIndexes()).hasValue("4");
  }

  @Test
  void saysWhyAPodFailsTheJob() {
    assertThat(
            plan(
                    "'podFailurePolicy':{'rules':[{'action':'FailJob','onExitCodes':{'operator':'In','values':[42]}}]},",
                    "",
                    "a:-:Failed:42")
                .verdict()
                .orElseThrow()
                .message())
        .isEqualTo(
            "Container c for pod n/a failed with exit code 42 matching FailJob rule at index 0");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          1,3,4,5,7 | 1,3-5,7
          0-9       | 0-4
          3,4       | 3,4
          x,2       | 2
          2-1       |
          -5        |
          """)
  void writesIndexesAsIntervals(String text, String written) {
    assertThat(Indexes.text(Indexes.read(text, text.equals("0-9") ? 5 : 10)))
        .isEqualTo(written == null ? "" : written);
  }

  @Test
  void aPodKnowsItsIndex() {
    KubeObject pod = JobPods.make(job("", ""), new JobPlanner.Place(3, 1, 0), "abcde");
    assertThat(pod.name()).isEqualTo("j-3-abcde");
    assertThat(pod.label(JobPlanner.INDEX)).hasValue("3");
    assertThat(pod.annotation(JobPlanner.INDEX)).hasValue("3");
    assertThat(pod.annotation(JobPlanner.INDEX_FAILURES)).hasValue("1");
    assertThat(Json.string(pod.spec(), "hostname")).hasValue("j-3");
    assertThat(Json.items(Json.items(pod.spec(), "containers").getFirst(), "env"))
        .extracting(variable -> Json.string(variable, "name", ""))
        .containsExactly("A", "JOB_COMPLETION_INDEX");
  }
}
