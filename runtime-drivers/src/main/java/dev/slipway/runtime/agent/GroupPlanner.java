package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// What a node does next about a pod whose containers share their fate: they start together, and
/// when one of them must run again, all of them do. The runtime itself holds main containers back
/// until the init containers have succeeded.
final class GroupPlanner {
  private GroupPlanner() {}

  static PodPlanner.Plan plan(PodView view) {
    KubeObject pod = view.pod();
    if (pod.isTerminating() || PodPlanner.isFinished(pod) || view.sandbox().isEmpty()) {
      return PodPlanner.plan(view);
    }
    int attempt = view.containers().stream().mapToInt(Observed::attempt).max().orElse(-1);
    if (attempt < 0) {
      return new PodPlanner.Plan(List.of(new PodStep.Launch(0, 0)), Optional.empty());
    }
    List<Observed> group =
        view.containers().stream().filter(observed -> observed.attempt() == attempt).toList();
    var steps = new ArrayList<PodStep>();
    Optional<Duration> wait = Optional.empty();
    List<Observed> running =
        group.stream().filter(o -> o.state() instanceof ContainerState.Running).toList();
    if (mustRunAgain(pod, group)) {
      if (group.stream().allMatch(o -> o.state() instanceof ContainerState.Exited)) {
        wait = again(view, group, attempt, steps);
      } else {
        for (Observed observed : running) {
          steps.add(
              new PodStep.Stop(
                  observed.id(),
                  observed.container(),
                  PodPlanner.grace(pod),
                  "the pod's containers run again together"));
        }
      }
    } else {
      for (Observed observed : running) {
        Optional.ofNullable(view.probes().get(observed.id()))
            .flatMap(PodView.ProbeWord::failed)
            .ifPresent(
                why ->
                    steps.add(
                        new PodStep.Stop(
                            observed.id(), observed.container(), PodPlanner.grace(pod), why)));
      }
    }
    PodPlanner.forgetOld(view, steps);
    return new PodPlanner.Plan(steps, wait);
  }

  /// Whether the end of some container asks for the whole group again.
  private static boolean mustRunAgain(KubeObject pod, List<Observed> group) {
    var all = new ArrayList<>(Json.items(pod.spec(), "initContainers"));
    all.addAll(Json.items(pod.spec(), "containers"));
    for (JsonNode container : all) {
      for (Observed observed : group) {
        if (observed.container().equals(Json.string(container, "name", ""))
            && observed.state() instanceof ContainerState.Exited exited
            && PodPlanner.restarts(pod, container, exited)) {
          return true;
        }
      }
    }
    return false;
  }

  /// As for one container: at once the first time, then later and later.
  private static Optional<Duration> again(
      PodView view, List<Observed> group, int attempt, List<PodStep> steps) {
    List<ContainerState.Exited> ends =
        group.stream().map(o -> (ContainerState.Exited) o.state()).toList();
    Instant started =
        ends.stream()
            .map(ContainerState.Exited::startedAt)
            .min(Comparator.naturalOrder())
            .orElse(view.now());
    Instant ended =
        ends.stream()
            .map(ContainerState.Exited::at)
            .max(Comparator.naturalOrder())
            .orElse(view.now());
    int before = group.stream().mapToInt(Observed::backoffLevel).max().orElse(0);
    boolean ranWell = Duration.between(started, ended).compareTo(PodPlanner.RESET_AFTER) >= 0;
    Duration left =
        Duration.between(view.now(), ended.plus(PodPlanner.backoff(ranWell ? 0 : before)));
    if (left.isPositive()) {
      return Optional.of(left);
    }
    steps.add(new PodStep.Launch(attempt + 1, ranWell ? 0 : before + 1));
    return Optional.empty();
  }
}
