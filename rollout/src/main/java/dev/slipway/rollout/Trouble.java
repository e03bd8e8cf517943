package dev.slipway.rollout;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// What keeps the pods of a revision from becoming available.
///
/// @param word the trouble of one of them; empty when there is none
/// @param hopeless every pod of the revision has one that waiting does not mend: its node refuses
///   it for good, or it has ended again and again
public record Trouble(String word, boolean hopeless) {
  static final Trouble NONE = new Trouble("", false);

  /// A pod that was started so often and is waiting to be started again does not heal by itself.
  private static final int RESTARTS = 3;

  /// @param unavailable the pods that are not ready, of `active` pods
  static Trouble of(List<KubeObject> unavailable, int active) {
    String word =
        unavailable.stream()
            .sorted(Comparator.comparing(KubeObject::name))
            .flatMap(pod -> word(pod).map(text -> "pod " + pod.name() + ": " + text).stream())
            .findFirst()
            .orElse("");
    boolean hopeless =
        active > 0
            && unavailable.size() == active
            && unavailable.stream().allMatch(Trouble::isHopeless);
    return word.isEmpty() ? NONE : new Trouble(word, hopeless);
  }

  private static Stream<JsonNode> containers(KubeObject pod) {
    return Stream.of("initContainerStatuses", "containerStatuses")
        .flatMap(field -> Json.items(pod.status(), field).stream());
  }

  private static boolean isHopeless(KubeObject pod) {
    return containers(pod)
        .anyMatch(
            status ->
                switch (reason(status)) {
                  case "CrashLoopBackOff" -> Json.integer(status, "restartCount", 0) >= RESTARTS;
                  case "CreateContainerError" -> true;
                  default -> false;
                });
  }

  private static String reason(JsonNode status) {
    return Json.string(status.path("state").path("waiting"), "reason", "");
  }

  private static Optional<String> word(KubeObject pod) {
    return silentNode(pod).or(() -> ownWord(pod));
  }

  /// What the pod itself was last heard to say is of no use then.
  private static Optional<String> silentNode(KubeObject pod) {
    return Conditions.find(pod.status(), "Ready")
        .filter(condition -> Json.string(condition, "reason", "").equals("NodeNotReady"))
        .map(_ -> "its node %s does not answer".formatted(Json.string(pod.spec(), "nodeName", "")));
  }

  private static Optional<String> ownWord(KubeObject pod) {
    Optional<String> waiting =
        containers(pod)
            .filter(
                status ->
                    !reason(status).isEmpty()
                        && !reason(status).equals("ContainerCreating")
                        && !reason(status).equals("PodInitializing"))
            .findFirst()
            .map(
                status ->
                    "%s: %s"
                        .formatted(
                            reason(status),
                            Json.string(
                                status.path("state").path("waiting"),
                                "message",
                                "container " + Json.string(status, "name", ""))));
    return waiting
        .or(
            () ->
                Conditions.find(pod.status(), "PodScheduled")
                    .filter(condition -> Json.string(condition, "status", "").equals("False"))
                    .map(condition -> Json.string(condition, "message", "no node takes it")))
        .or(
            () ->
                containers(pod)
                    .filter(status -> Json.integer(status, "restartCount", 0) > 0)
                    .findFirst()
                    .map(
                        status ->
                            "container %s was started %d times"
                                .formatted(
                                    Json.string(status, "name", ""),
                                    Json.integer(status, "restartCount", 0) + 1)));
  }
}
