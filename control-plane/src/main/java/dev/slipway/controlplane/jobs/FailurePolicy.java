package dev.slipway.controlplane.jobs;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// What a failed pod means to its job: by the first rule of `spec.podFailurePolicy` that fits it.
record FailurePolicy(List<JsonNode> rules) {
  enum Action {
    COUNT,
    IGNORE,
    FAIL_INDEX,
    FAIL_JOB
  }

  /// @param message why the job fails; empty for any other action
  record Judgement(Action action, String message) {}

  private static final Judgement COUNTS = new Judgement(Action.COUNT, "");

  static FailurePolicy of(KubeObject job) {
    return new FailurePolicy(Json.items(job.spec().path("podFailurePolicy"), "rules"));
  }

  Judgement judge(KubeObject pod) {
    for (int i = 0; i < rules.size(); i++) {
      Optional<String> what = match(rules.get(i), pod);
      if (what.isPresent()) {
        return switch (Json.string(rules.get(i), "action", "")) {
          case "Ignore" -> new Judgement(Action.IGNORE, "");
          case "FailIndex" -> new Judgement(Action.FAIL_INDEX, "");
          case "FailJob" ->
              new Judgement(
                  Action.FAIL_JOB, "%s matching FailJob rule at index %d".formatted(what.get(), i));
          default -> COUNTS;
        };
      }
    }
    return COUNTS;
  }

  private static Optional<String> match(JsonNode rule, KubeObject pod) {
    JsonNode codes = rule.path("onExitCodes");
    return codes.isObject()
        ? exit(codes, pod)
        : Json.items(pod.status(), "conditions").stream()
            .filter(
                condition ->
                    Json.items(rule, "onPodConditions").stream()
                        .anyMatch(pattern -> fits(pattern, condition)))
            .map(condition -> Json.string(condition, "type", ""))
            .map(type -> "Pod %s/%s has condition %s".formatted(pod.namespace(), pod.name(), type))
            .findFirst();
  }

  private static boolean fits(JsonNode pattern, JsonNode condition) {
    return Json.string(pattern, "type", "").equals(Json.string(condition, "type", ""))
        && Json.string(pattern, "status", "True").equals(Json.string(condition, "status", ""));
  }

  private static Optional<String> exit(JsonNode codes, KubeObject pod) {
    List<Integer> values =
        Json.items(codes, "values").stream().map(value -> value.asInt()).toList();
    boolean in = Json.string(codes, "operator", "").equals("In");
    Optional<String> only = Json.string(codes, "containerName");
    return Stream.of("containerStatuses", "initContainerStatuses")
        .flatMap(field -> Json.items(pod.status(), field).stream())
        .filter(status -> only.isEmpty() || only.equals(Json.string(status, "name")))
        .filter(status -> exitCode(status) != 0 && values.contains(exitCode(status)) == in)
        .map(
            status ->
                "Container %s for pod %s/%s failed with exit code %d"
                    .formatted(
                        Json.string(status, "name", ""),
                        pod.namespace(),
                        pod.name(),
                        exitCode(status)))
        .findFirst();
  }

  /// 0 when it succeeded or did not end.
  static int exitCode(JsonNode containerStatus) {
    return Json.integer(containerStatus.path("state").path("terminated"), "exitCode", 0);
  }
}
