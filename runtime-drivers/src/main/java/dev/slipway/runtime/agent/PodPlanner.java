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

/// What a node does next about a pod: which containers start, restart, stop.
///
/// Source of the rules: Kubernetes' "Pod Lifecycle".
final class PodPlanner {
  /// @param recheckAfter when time alone changes the answer
  record Plan(List<PodStep> steps, Optional<Duration> recheckAfter) {
    Plan {
      steps = List.copyOf(steps);
    }
  }

  private static final Duration FIRST_BACKOFF = Duration.ofSeconds(10);
  private static final Duration LAST_BACKOFF = Duration.ofMinutes(5);
  static final Duration RESET_AFTER = Duration.ofMinutes(10);
  private static final Duration GATE_POLL = Duration.ofMillis(20);

  private PodPlanner() {}

  static Plan plan(PodView view) {
    if (view.pod().isTerminating()) {
      return terminate(view);
    }
    if (isFinished(view.pod())) {
      return wind(view);
    }
    if (view.sandbox().isEmpty()) {
      return new Plan(List.of(new PodStep.Prepare()), Optional.empty());
    }
    var steps = new ArrayList<PodStep>();
    var waits = new ArrayList<Duration>();
    deadline(view.pod())
        .map(deadline -> Duration.between(view.now(), deadline))
        .filter(Duration::isPositive)
        .ifPresent(waits::add);
    if (initialize(view, steps, waits)) {
      for (JsonNode container : Json.items(view.pod().spec(), "containers")) {
        keep(view, container, steps, waits);
      }
    }
    forgetOld(view, steps);
    return new Plan(steps, waits.stream().min(Duration::compareTo));
  }

  /// Once a main container was made, no init container holds the pod up any more.
  ///
  /// @return whether the main containers may run
  private static boolean initialize(PodView view, List<PodStep> steps, List<Duration> waits) {
    boolean begun = hasBegun(view);
    for (JsonNode container : Json.items(view.pod().spec(), "initContainers")) {
      boolean done;
      if (isSidecar(container)) {
        keep(view, container, steps, waits);
        done = hasStarted(view, container);
      } else {
        done = begun || initDone(view, container, steps, waits);
      }
      if (!done && !begun) {
        return false;
      }
    }
    return true;
  }

  /// Whether a main container was ever made.
  static boolean hasBegun(PodView view) {
    return Json.items(view.pod().spec(), "containers").stream()
        .anyMatch(container -> view.newest(Json.string(container, "name", "")).isPresent());
  }

  /// An init container that goes on running beside the main ones.
  static boolean isSidecar(JsonNode initContainer) {
    return Json.string(initContainer, "restartPolicy", "").equals("Always");
  }

  /// Whether a container runs, and its startup probe, if it has one, has succeeded.
  static boolean hasStarted(PodView view, JsonNode container) {
    Optional<Observed> running =
        view.newest(Json.string(container, "name", ""))
            .filter(observed -> observed.state() instanceof ContainerState.Running);
    if (running.isEmpty()) {
      return false;
    }
    PodView.ProbeWord word = view.probes().get(running.get().id());
    return word != null ? word.started() : !container.has("startupProbe");
  }

  private static boolean initDone(
      PodView view, JsonNode container, List<PodStep> steps, List<Duration> waits) {
    String name = Json.string(container, "name", "");
    Optional<Observed> newest = view.newest(name);
    if (newest.isEmpty()) {
      steps.add(new PodStep.Start(name, 0, 0));
      return false;
    }
    Observed observed = newest.get();
    switch (observed.state()) {
      case ContainerState.Created _ -> steps.add(new PodStep.StartCreated(observed.id(), name));
      case ContainerState.Running _, ContainerState.Unknown _ -> {}
      case ContainerState.Exited exited -> {
        if (exited.code() == 0) {
          return true;
        }
        if (restarts(view.pod(), container, exited)) {
          restart(view, observed, exited, steps, waits);
        }
      }
    }
    return false;
  }

  private static void keep(
      PodView view, JsonNode container, List<PodStep> steps, List<Duration> waits) {
    String name = Json.string(container, "name", "");
    Optional<Observed> newest = view.newest(name);
    if (newest.isEmpty()) {
      steps.add(new PodStep.Start(name, 0, 0));
      return;
    }
    Observed observed = newest.get();
    switch (observed.state()) {
      case ContainerState.Created _ -> steps.add(new PodStep.StartCreated(observed.id(), name));
      case ContainerState.Running _ -> {
        Optional<String> failed =
            Optional.ofNullable(view.probes().get(observed.id()))
                .flatMap(PodView.ProbeWord::failed);
        failed.ifPresent(
            why -> steps.add(new PodStep.Stop(observed.id(), name, grace(view.pod()), why)));
      }
      case ContainerState.Exited exited -> {
        if (restarts(view.pod(), container, exited)) {
          restart(view, observed, exited, steps, waits);
        }
      }
      case ContainerState.Unknown _ -> {}
    }
  }

  /// The first restart comes at once, the next after 10 s, then twice as long each time up to 5
  /// minutes; ten good minutes forgive all.
  private static void restart(
      PodView view,
      Observed last,
      ContainerState.Exited exited,
      List<PodStep> steps,
      List<Duration> waits) {
    boolean ranWell = Duration.between(exited.startedAt(), exited.at()).compareTo(RESET_AFTER) >= 0;
    int level = ranWell ? 0 : last.backoffLevel() + 1;
    Duration left =
        Duration.between(view.now(), exited.at().plus(backoff(ranWell ? 0 : last.backoffLevel())));
    if (left.isPositive()) {
      waits.add(left);
    } else {
      steps.add(new PodStep.Start(last.container(), last.attempt() + 1, level));
    }
  }

  /// How long after an end the next attempt waits.
  static Duration backoff(int level) {
    if (level == 0) {
      return Duration.ZERO;
    }
    Duration delay = FIRST_BACKOFF.multipliedBy(1L << Math.min(level - 1, 10));
    return delay.compareTo(LAST_BACKOFF) > 0 ? LAST_BACKOFF : delay;
  }

  /// The newest attempt and the one before it (for `--previous`) are kept.
  static void forgetOld(PodView view, List<PodStep> steps) {
    for (Observed observed : view.containers()) {
      int newest = view.newest(observed.container()).map(Observed::attempt).orElse(0);
      if (observed.attempt() < newest - 1) {
        steps.add(new PodStep.Forget(observed.id()));
      }
    }
  }

  /// A pod that has ended keeps its logs, and nothing of it runs.
  private static Plan wind(PodView view) {
    var steps = new ArrayList<PodStep>();
    for (Observed observed : view.containers()) {
      if (observed.state() instanceof ContainerState.Running) {
        steps.add(
            new PodStep.Stop(
                observed.id(), observed.container(), grace(view.pod()), "the pod has ended"));
      }
    }
    return new Plan(steps, Optional.empty());
  }

  /// A node that learns of the end late, because it was away, gives the pod its whole grace from
  /// then on, as a kubelet does: it could neither wait for the data plane nor ask the containers to
  /// stop before. The pod's address is not given back either while connections go there.
  private static Plan terminate(PodView view) {
    List<Observed> running =
        view.containers().stream()
            .filter(o -> o.state() instanceof ContainerState.Running)
            .toList();
    Duration grace = grace(view.pod());
    Instant seen = view.endingSince().plus(grace);
    Instant deadline =
        view.pod().deletionTimestamp().filter(told -> told.isAfter(seen)).orElse(seen);
    Duration left = Duration.between(view.now(), deadline);
    if (view.holding() && left.compareTo(grace.dividedBy(2)) > 0) {
      return new Plan(List.of(), Optional.of(GATE_POLL));
    }
    if (running.isEmpty()) {
      return new Plan(List.of(new PodStep.Finish()), Optional.empty());
    }
    if (!left.isPositive()) {
      return new Plan(
          running.stream()
              .map(o -> (PodStep) new PodStep.Kill(o.id(), "its grace period is over"))
              .toList(),
          Optional.of(Duration.ofSeconds(1)));
    }
    return new Plan(
        endingNow(view, running).stream()
            .map(
                o ->
                    (PodStep)
                        new PodStep.Stop(o.id(), o.container(), left, "the pod is being deleted"))
            .toList(),
        Optional.of(left));
  }

  /// Sidecars serve the main containers to their end: they go after these, the last one first.
  private static List<Observed> endingNow(PodView view, List<Observed> running) {
    List<String> sidecars =
        Json.items(view.pod().spec(), "initContainers").stream()
            .filter(PodPlanner::isSidecar)
            .map(container -> Json.string(container, "name", ""))
            .toList();
    List<Observed> others =
        running.stream().filter(observed -> !sidecars.contains(observed.container())).toList();
    if (!others.isEmpty()) {
      return others;
    }
    return running.stream()
        .max(Comparator.comparing(observed -> sidecars.indexOf(observed.container())))
        .map(List::of)
        .orElse(List.of());
  }

  /// When a pod with `activeDeadlineSeconds` has had its time.
  static Optional<Instant> deadline(KubeObject pod) {
    long seconds = Json.number(pod.spec(), "activeDeadlineSeconds", 0);
    return seconds <= 0
        ? Optional.empty()
        : KubeObject.instant(pod.status(), "startTime").map(start -> start.plusSeconds(seconds));
  }

  /// Whether a container that has ended is run again.
  static boolean restarts(KubeObject pod, JsonNode container, ContainerState.Exited exited) {
    String policy = restartPolicy(pod);
    if (isSidecar(container)) {
      return true;
    }
    boolean init =
        Json.items(pod.spec(), "initContainers").stream()
            .anyMatch(
                candidate ->
                    Json.string(candidate, "name", "").equals(Json.string(container, "name", "")));
    return init || policy.equals("OnFailure")
        ? exited.code() != 0 && !policy.equals("Never")
        : policy.equals("Always");
  }

  static Duration grace(KubeObject pod) {
    if (pod.isTerminating()) {
      return Duration.ofSeconds(Json.number(pod.metadata(), "deletionGracePeriodSeconds", 30));
    }
    return Duration.ofSeconds(Json.number(pod.spec(), "terminationGracePeriodSeconds", 30));
  }

  static String restartPolicy(KubeObject pod) {
    return Json.string(pod.spec(), "restartPolicy", "Always");
  }

  static boolean isFinished(KubeObject pod) {
    String phase = Json.string(pod.status(), "phase", "");
    return phase.equals("Succeeded") || phase.equals("Failed");
  }
}
