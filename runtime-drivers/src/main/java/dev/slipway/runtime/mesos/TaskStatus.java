package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.time.Instant;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// What Mesos says of a task.
///
/// @param uuid to acknowledge it by; empty for what the master made up itself
/// @param fromReconciliation an answer, not news
record TaskStatus(
    String taskId,
    String agentId,
    State state,
    String reason,
    String message,
    String source,
    Optional<String> uuid,
    Instant at,
    Optional<Boolean> healthy,
    String containerId,
    String parentId,
    boolean fromReconciliation) {
  enum State {
    STAGING,
    STARTING,
    RUNNING,
    KILLING,
    FINISHED,
    FAILED,
    KILLED,
    ERROR,
    LOST,
    DROPPED,
    GONE,
    GONE_BY_OPERATOR,
    UNREACHABLE,
    UNKNOWN;

    static Optional<State> of(String name) {
      for (State state : values()) {
        if (name.equals("TASK_" + state)) {
          return Optional.of(state);
        }
      }
      return Optional.empty();
    }
  }

  /// @return empty when the state is one that this program has never heard of
  static Optional<TaskStatus> of(JsonNode status, Instant now) {
    JsonNode container = status.path("container_status").path("container_id");
    JsonNode healthy = status.path("healthy");
    String reason = Json.string(status, "reason", "");
    return State.of(Json.string(status, "state", ""))
        .map(
            state ->
                new TaskStatus(
                    Json.string(status.path("task_id"), "value", ""),
                    Json.string(status.path("agent_id"), "value", ""),
                    state,
                    reason,
                    Json.string(status, "message", ""),
                    Json.string(status, "source", ""),
                    Json.string(status, "uuid"),
                    time(status.path("timestamp"), now),
                    healthy.isBoolean() ? Optional.of(healthy.booleanValue()) : Optional.empty(),
                    Json.string(container, "value", ""),
                    Json.string(container.path("parent"), "value", ""),
                    reason.equals("REASON_RECONCILIATION")));
  }

  private static Instant time(JsonNode seconds, Instant now) {
    return seconds.isNumber() ? Instant.ofEpochMilli((long) (seconds.doubleValue() * 1000)) : now;
  }
}
