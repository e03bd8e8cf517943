package dev.slipway.controlplane.scheduling;

import dev.slipway.model.object.KubeObject;
import java.time.Instant;

/// A pod on the [Board]: where it was seen, and where it counts now, which differ while a pass
/// decides.
final class PlacedPod {
  static final int NOWHERE = -1;

  final KubeObject pod;
  final PodClass kind;

  /// Has no node yet and wants one.
  final boolean waiting;

  /// Where the cluster says it runs.
  final int observed;

  final Instant created;

  /// Where it counts.
  int node = NOWHERE;

  /// The last pass that saw it.
  long pass;

  PlacedPod(KubeObject pod, PodClass kind, boolean waiting, int observed) {
    this.pod = pod;
    this.kind = kind;
    this.waiting = waiting;
    this.observed = observed;
    this.created = waiting ? pod.creationTimestamp().orElse(Instant.MAX) : Instant.MAX;
  }

  int priority() {
    return kind.shape.priority();
  }
}
