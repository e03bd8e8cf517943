package dev.slipway.runtime.spi;

import java.time.Instant;

/// What a runtime observed of a container. Nothing else is true of it.
public sealed interface ContainerState {
  /// Made, never started.
  record Created() implements ContainerState {}

  record Running(Instant startedAt) implements ContainerState {}

  /// @param code the exit code; 128 + n after signal n
  /// @param reason `Completed`, `Error`, `OOMKilled` …
  record Exited(int code, Instant startedAt, Instant at, String reason) implements ContainerState {}

  /// The runtime cannot say.
  record Unknown(String why) implements ContainerState {}
}
