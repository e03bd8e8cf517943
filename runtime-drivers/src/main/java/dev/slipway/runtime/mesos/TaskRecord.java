package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.time.Instant;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// One attempt of a container as a Mesos task. Written down before Mesos hears of it.
///
/// @param id unique for ever: pod UID, container, attempt and a piece of chance
/// @param executor of the group that it was launched with
/// @param init must succeed before the main containers of its group begin
/// @param why in words, for what is unknown or has ended
/// @param code the exit code, once it has ended
/// @param containerId that Mesos gave, once known
/// @param parentId the container of the executor
record TaskRecord(
    String id,
    String container,
    int attempt,
    int backoffLevel,
    String executor,
    boolean init,
    Phase phase,
    String why,
    int code,
    Instant startedAt,
    Instant endedAt,
    String containerId,
    String parentId) {
  enum Phase {
    /// An ACCEPT with it was or may have been sent; nobody has said that it runs.
    LAUNCHING,
    RUNNING,
    /// Its agent does not answer. It may run.
    UNREACHABLE,
    ENDED
  }

  static TaskRecord launching(
      String id, String container, int attempt, int backoffLevel, String executor, boolean init) {
    return new TaskRecord(
        id,
        container,
        attempt,
        backoffLevel,
        executor,
        init,
        Phase.LAUNCHING,
        "",
        0,
        Instant.EPOCH,
        Instant.EPOCH,
        "",
        "");
  }

  boolean hasEnded() {
    return phase == Phase.ENDED;
  }

  TaskRecord running(Instant since) {
    return new TaskRecord(
        id,
        container,
        attempt,
        backoffLevel,
        executor,
        init,
        Phase.RUNNING,
        "",
        0,
        startedAt.equals(Instant.EPOCH) ? since : startedAt,
        endedAt,
        containerId,
        parentId);
  }

  TaskRecord unreachable(String reason) {
    return new TaskRecord(
        id,
        container,
        attempt,
        backoffLevel,
        executor,
        init,
        Phase.UNREACHABLE,
        reason,
        0,
        startedAt,
        endedAt,
        containerId,
        parentId);
  }

  TaskRecord ended(int exit, String reason, Instant at) {
    return new TaskRecord(
        id,
        container,
        attempt,
        backoffLevel,
        executor,
        init,
        Phase.ENDED,
        reason,
        exit,
        startedAt.equals(Instant.EPOCH) ? at : startedAt,
        at,
        containerId,
        parentId);
  }

  TaskRecord in(String ownId, String parent) {
    return ownId.isEmpty() ? this : placed(ownId, parent);
  }

  /// Without its container.
  TaskRecord nowhere() {
    return containerId.isEmpty() ? this : placed("", "");
  }

  private TaskRecord placed(String ownId, String parent) {
    return new TaskRecord(
        id,
        container,
        attempt,
        backoffLevel,
        executor,
        init,
        phase,
        why,
        code,
        startedAt,
        endedAt,
        ownId,
        parent);
  }

  ObjectNode toJson() {
    return Json.object()
        .put("id", id)
        .put("container", container)
        .put("attempt", attempt)
        .put("backoffLevel", backoffLevel)
        .put("executor", executor)
        .put("init", init)
        .put("phase", phase.name())
        .put("why", why)
        .put("code", code)
        .put("startedAt", startedAt.toString())
        .put("endedAt", endedAt.toString())
        .put("containerId", containerId)
        .put("parentId", parentId);
  }

  static TaskRecord fromJson(JsonNode json) {
    return new TaskRecord(
        Json.string(json, "id", ""),
        Json.string(json, "container", ""),
        Json.integer(json, "attempt", 0),
        Json.integer(json, "backoffLevel", 0),
        Json.string(json, "executor", ""),
        Json.bool(json, "init", false),
        Phase.valueOf(Json.string(json, "phase", "LAUNCHING")),
        Json.string(json, "why", ""),
        Json.integer(json, "code", 0),
        Instant.parse(Json.string(json, "startedAt", "1970-01-01T00:00:00Z")),
        Instant.parse(Json.string(json, "endedAt", "1970-01-01T00:00:00Z")),
        Json.string(json, "containerId", ""),
        Json.string(json, "parentId", ""));
  }

  /// The UID of the pod that a task of ours belongs to; empty for ids that are not of our making.
  static Optional<String> podOf(String taskId) {
    String[] parts = taskId.split("\\.", -1);
    return parts.length == 4 ? Optional.of(parts[0]) : Optional.empty();
  }
}
