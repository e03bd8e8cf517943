package dev.slipway.runtime.agent;

import java.time.Duration;

/// What a node does next about a pod. A step is a value: nothing happens until the agent carries it
/// out.
sealed interface PodStep {
  /// Makes the pod's place and its volumes.
  record Prepare() implements PodStep {}

  /// Makes and starts an attempt of a container.
  record Start(String container, int attempt, int backoffLevel) implements PodStep {}

  /// Starts an attempt of all containers at once.
  record Launch(int attempt, int backoffLevel) implements PodStep {}

  /// Starts what was made already.
  record StartCreated(String id, String container) implements PodStep {}

  /// Asks a container to end, after its preStop hook; kills it after the grace.
  ///
  /// @param id of the runtime
  record Stop(String id, String container, Duration grace, String why) implements PodStep {}

  record Kill(String id, String why) implements PodStep {}

  /// Forgets an old attempt.
  record Forget(String id) implements PodStep {}

  /// Everything of the pod has ended: forgets it and takes the object away.
  record Finish() implements PodStep {}
}
