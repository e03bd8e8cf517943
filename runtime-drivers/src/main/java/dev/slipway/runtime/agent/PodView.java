package dev.slipway.runtime.agent;

import dev.slipway.model.object.KubeObject;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// All that a decision about a pod may know.
///
/// @param sandbox the address of the pod's place, once it was made
/// @param containers every attempt that the runtime knows
/// @param problems by container (or empty for the pod), why it cannot be made now
/// @param probes what the probes of each container id say
/// @param holding the data plane may still send new connections to the pod
/// @param endingSince when this agent first saw that the pod is to end; `now` while it is not
record PodView(
    KubeObject pod,
    Optional<String> sandbox,
    List<Observed> containers,
    Map<String, Problem> problems,
    Map<String, ProbeWord> probes,
    boolean holding,
    Instant endingSince,
    Instant now) {
  PodView {
    containers = List.copyOf(containers);
    problems = Map.copyOf(problems);
    probes = Map.copyOf(probes);
  }

  /// Why a container cannot be made now, as `kubectl` shows it.
  record Problem(String reason, String message) {}

  /// What the probes of one running container say.
  ///
  /// @param started the startup probe has succeeded, or there is none
  /// @param ready the readiness probe succeeds, or there is none
  /// @param failed the probe that wants the container restarted, with its last word
  record ProbeWord(boolean started, boolean ready, Optional<String> failed) {
    static final ProbeWord NONE = new ProbeWord(true, true, Optional.empty());
  }

  /// The newest attempt of a container.
  Optional<Observed> newest(String container) {
    return containers.stream()
        .filter(observed -> observed.container().equals(container))
        .max(Comparator.comparingInt(Observed::attempt));
  }

  /// The attempt before the newest.
  Optional<Observed> previous(String container) {
    return newest(container)
        .flatMap(
            newest ->
                containers.stream()
                    .filter(
                        o -> o.container().equals(container) && o.attempt() == newest.attempt() - 1)
                    .findFirst());
  }
}
