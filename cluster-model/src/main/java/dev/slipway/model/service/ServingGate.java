package dev.slipway.model.service;

import java.time.Duration;
import java.util.Optional;

/// Asked before a pod is told to stop: is anything still sending it new connections?
@FunctionalInterface
public interface ServingGate {
  /// For places without services.
  ServingGate OPEN = (namespace, pod) -> Optional.empty();

  /// Empty when the pod may be stopped; else how long to wait before asking again. Fails open: when
  /// the data plane does not answer, the caller's own grace period decides.
  Optional<Duration> holds(String namespace, String pod);
}
