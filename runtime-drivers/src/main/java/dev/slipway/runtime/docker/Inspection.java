package dev.slipway.runtime.docker;

import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Reads what an engine says of a container.
final class Inspection {
  private Inspection() {}

  /// Empty for one that is being removed.
  static Optional<dev.slipway.runtime.spi.ContainerState> state(InspectContainerResponse answer) {
    ContainerState state = answer.getState();
    String status = state == null || state.getStatus() == null ? "" : state.getStatus();
    return state == null
        ? Optional.of(
            new dev.slipway.runtime.spi.ContainerState.Unknown("the engine tells no state"))
        : of(
            status,
            state.getExitCodeLong() == null ? 0 : Math.toIntExact(state.getExitCodeLong()),
            Boolean.TRUE.equals(state.getOOMKilled()),
            state.getError() == null ? "" : state.getError(),
            time(state.getStartedAt()),
            time(state.getFinishedAt()),
            time(answer.getCreated()));
  }

  static Optional<dev.slipway.runtime.spi.ContainerState> of(
      String status,
      int code,
      boolean outOfMemory,
      String error,
      Instant startedAt,
      Instant finishedAt,
      Instant createdAt) {
    return switch (status) {
      case "created" ->
          Optional.of(
              error.isEmpty()
                  ? new dev.slipway.runtime.spi.ContainerState.Created()
                  : new dev.slipway.runtime.spi.ContainerState.Exited(
                      code == 0 ? 128 : code,
                      createdAt,
                      createdAt,
                      "ContainerCannotRun: " + error));
      case "running", "paused", "restarting" ->
          Optional.of(new dev.slipway.runtime.spi.ContainerState.Running(startedAt));
      case "exited", "dead" ->
          Optional.of(
              new dev.slipway.runtime.spi.ContainerState.Exited(
                  code,
                  startedAt,
                  finishedAt.isBefore(startedAt) ? startedAt : finishedAt,
                  outOfMemory ? "OOMKilled" : code == 0 ? "Completed" : "Error"));
      case "removing" -> Optional.empty();
      default ->
          Optional.of(
              new dev.slipway.runtime.spi.ContainerState.Unknown("the engine says " + status));
    };
  }

  /// What the image says that asks its program to end.
  static String stopSignal(InspectContainerResponse answer) {
    Object config = answer.getRawValues().get("Config");
    Object signal = config instanceof Map<?, ?> all ? all.get("StopSignal") : null;
    return signal instanceof String text && !text.isEmpty() ? text : "SIGTERM";
  }

  private static Instant time(@Nullable String text) {
    if (text == null) {
      return Instant.EPOCH;
    }
    try {
      Instant time = java.time.OffsetDateTime.parse(text).toInstant();
      return time.isBefore(Instant.EPOCH) ? Instant.EPOCH : time;
    } catch (DateTimeParseException e) {
      return Instant.EPOCH;
    }
  }
}
