package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The status of a pod that follows from what is observed.
final class PodStatus {
  private PodStatus() {}

  static ObjectNode of(PodView view, String hostAddress) {
    KubeObject pod = view.pod();
    ObjectNode status = pod.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    if (!status.has("startTime")) {
      status.put("startTime", Conditions.time(view.now()));
    }
    status.put("hostIP", hostAddress);
    if (!hostAddress.isEmpty()) {
      status.putArray("hostIPs").addObject().put("ip", hostAddress);
    }
    status.put("qosClass", Qos.of(pod));
    view.sandbox()
        .ifPresent(
            address -> {
              status.put("podIP", address);
              status.putArray("podIPs").addObject().put("ip", address);
            });
    List<JsonNode> init = Json.items(pod.spec(), "initContainers");
    List<JsonNode> main = Json.items(pod.spec(), "containers");
    boolean initialized =
        PodPlanner.hasBegun(view)
            || init.stream()
                .allMatch(
                    c ->
                        PodPlanner.isSidecar(c)
                            ? PodPlanner.hasStarted(view, c)
                            : succeeded(view, c));
    boolean ready = !main.isEmpty();
    var unready = new ArrayList<String>();
    if (!init.isEmpty()) {
      ArrayNode statuses = status.putArray("initContainerStatuses");
      for (JsonNode container : init) {
        ObjectNode one = container(view, container, !PodPlanner.isSidecar(container), true);
        statuses.add(one);
        if (PodPlanner.isSidecar(container) && !Json.bool(one, "ready", false)) {
          ready = false;
          unready.add(Json.string(container, "name", ""));
        }
      }
    }
    ArrayNode statuses = status.putArray("containerStatuses");
    for (JsonNode container : main) {
      ObjectNode one = container(view, container, false, initialized);
      statuses.add(one);
      if (!Json.bool(one, "ready", false)) {
        ready = false;
        unready.add(Json.string(container, "name", ""));
      }
    }
    phase(view, status, init, main, initialized);
    String phase = Json.string(status, "phase", "");
    boolean ended = phase.equals("Succeeded") || phase.equals("Failed");
    Conditions.set(
        status, "PodReadyToStartContainers", view.sandbox().isPresent(), "", "", view.now());
    Conditions.set(status, "PodScheduled", true, "", "", view.now());
    Conditions.set(
        status,
        "Initialized",
        initialized,
        initialized ? "" : "ContainersNotInitialized",
        "",
        view.now());
    String reason = ready ? "" : ended ? "PodCompleted" : "ContainersNotReady";
    String message = ready ? "" : "containers with unready status: " + unready;
    Conditions.set(status, "ContainersReady", ready && !ended, reason, message, view.now());
    List<String> closed = closedGates(pod);
    if (ready && !closed.isEmpty()) {
      ready = false;
      reason = "ReadinessGatesNotReady";
      message = "conditions that are not true: " + closed;
    }
    Conditions.set(status, "Ready", ready && !ended, reason, message, view.now());
    return status;
  }

  private static List<String> closedGates(KubeObject pod) {
    return Json.items(pod.spec(), "readinessGates").stream()
        .map(gate -> Json.string(gate, "conditionType", ""))
        .filter(type -> !Conditions.isTrue(pod.status(), type))
        .toList();
  }

  private static void phase(
      PodView view,
      ObjectNode status,
      List<JsonNode> init,
      List<JsonNode> main,
      boolean initialized) {
    if (PodPlanner.isFinished(view.pod())) {
      return;
    }
    if (PodPlanner.deadline(view.pod()).filter(end -> !view.now().isBefore(end)).isPresent()) {
      status
          .put("phase", "Failed")
          .put("reason", "DeadlineExceeded")
          .put("message", "the pod has run for longer than its activeDeadlineSeconds");
      return;
    }
    String policy = PodPlanner.restartPolicy(view.pod());
    if (!initialized) {
      boolean failed = policy.equals("Never") && init.stream().anyMatch(c -> failed(view, c));
      status.put("phase", failed ? "Failed" : "Pending");
      return;
    }
    int ended = 0;
    int failed = 0;
    int begun = 0;
    for (JsonNode container : main) {
      String name = Json.string(container, "name", "");
      Optional<Observed> newest = view.newest(name);
      if (newest.isPresent()) {
        if (hasBegun(view, name, newest.get())) {
          begun++;
        }
        if (newest.get().state() instanceof ContainerState.Exited exited) {
          ended++;
          failed += exited.code() == 0 ? 0 : 1;
        }
      }
    }
    boolean over = ended == main.size() && !main.isEmpty();
    if (over && policy.equals("Never")) {
      status.put("phase", failed > 0 ? "Failed" : "Succeeded");
    } else if (over && policy.equals("OnFailure") && failed == 0) {
      status.put("phase", "Succeeded");
    } else {
      status.put("phase", begun == main.size() ? "Running" : "Pending");
    }
  }

  /// A pod is Pending until each container has run once (the kubelet's rule).
  private static boolean hasBegun(PodView view, String name, Observed newest) {
    return !(newest.state() instanceof ContainerState.Created)
        || view.previous(name).filter(o -> o.state() instanceof ContainerState.Exited).isPresent();
  }

  private static boolean succeeded(PodView view, JsonNode container) {
    return view.newest(Json.string(container, "name", ""))
        .filter(o -> o.state() instanceof ContainerState.Exited exited && exited.code() == 0)
        .isPresent();
  }

  private static boolean failed(PodView view, JsonNode container) {
    return view.newest(Json.string(container, "name", ""))
        .filter(o -> o.state() instanceof ContainerState.Exited exited && exited.code() != 0)
        .isPresent();
  }

  private static ObjectNode container(PodView view, JsonNode spec, boolean init, boolean mayStart) {
    String name = Json.string(spec, "name", "");
    Optional<Observed> newest = view.newest(name);
    ObjectNode status = Json.object();
    status.put("name", name).put("image", Json.string(spec, "image", "")).put("imageID", "");
    status.put("restartCount", newest.map(Observed::attempt).orElse(0));
    newest.ifPresent(
        observed ->
            status.put("imageID", observed.imageId()).put("containerID", shownId(observed.id())));
    ObjectNode state = status.putObject("state");
    ObjectNode last = status.putObject("lastState");
    boolean ready = false;
    boolean started = false;
    if (newest.isEmpty()) {
      PodView.Problem problem = problem(view, name);
      if (problem != null) {
        waiting(state, problem.reason(), problem.message());
      } else {
        waiting(state, mayStart ? "ContainerCreating" : "PodInitializing", "");
      }
    } else {
      Observed observed = newest.get();
      switch (observed.state()) {
        case ContainerState.Created _ -> {
          PodView.Problem problem = problem(view, name);
          waiting(
              state,
              problem == null ? "ContainerCreating" : problem.reason(),
              problem == null ? "" : problem.message());
        }
        case ContainerState.Unknown(String why) -> waiting(state, "Unknown", why);
        case ContainerState.Running(Instant at) -> {
          state.putObject("running").put("startedAt", Conditions.time(at));
          PodView.ProbeWord probe =
              view.probes().getOrDefault(observed.id(), PodView.ProbeWord.NONE);
          started = probe.started();
          ready = !init && started && probe.ready();
        }
        case ContainerState.Exited exited -> exited(view, spec, observed, exited, state, last);
      }
    }
    if (last.isEmpty()) {
      view.previous(name)
          .filter(previous -> previous.state() instanceof ContainerState.Exited)
          .ifPresent(
              previous -> ended(last, (ContainerState.Exited) previous.state(), previous.id()));
    }
    boolean completedInit =
        init
            && newest.isPresent()
            && newest.get().state() instanceof ContainerState.Exited e
            && e.code() == 0;
    status.put("ready", ready || completedInit).put("started", started);
    return status;
  }

  private static PodView.@org.jspecify.annotations.Nullable Problem problem(
      PodView view, String container) {
    PodView.Problem own = view.problems().get(container);
    return own != null ? own : view.problems().get("");
  }

  private static void exited(
      PodView view,
      JsonNode spec,
      Observed observed,
      ContainerState.Exited exited,
      ObjectNode state,
      ObjectNode last) {
    boolean restarts =
        !view.pod().isTerminating()
            && !PodPlanner.isFinished(view.pod())
            && PodPlanner.restarts(view.pod(), spec, exited);
    if (!restarts) {
      ended(state, exited, observed.id());
      return;
    }
    Duration backoff = PodPlanner.backoff(observed.backoffLevel());
    PodView.Problem problem = problem(view, observed.container());
    if (problem != null) {
      waiting(state, problem.reason(), problem.message());
      ended(last, exited, observed.id());
    } else if (backoff.isZero()) {
      ended(state, exited, observed.id());
    } else {
      waiting(
          state,
          "CrashLoopBackOff",
          "back-off %s restarting failed container %s, which ended with exit code %d"
              .formatted(
                  backoff.toString().substring(2).toLowerCase(java.util.Locale.ROOT),
                  observed.container(),
                  exited.code()));
      ended(last, exited, observed.id());
    }
  }

  private static void waiting(ObjectNode state, String reason, String message) {
    ObjectNode waiting = state.putObject("waiting").put("reason", reason);
    if (!message.isEmpty()) {
      waiting.put("message", message);
    }
  }

  private static void ended(ObjectNode state, ContainerState.Exited exited, String id) {
    ObjectNode terminated = state.putObject("terminated").put("exitCode", exited.code());
    if (exited.code() > 128) {
      terminated.put("signal", exited.code() - 128);
    }
    int colon = exited.reason().indexOf(':');
    terminated.put("reason", colon > 0 ? exited.reason().substring(0, colon) : exited.reason());
    if (colon > 0) {
      terminated.put("message", exited.reason().substring(colon + 1).strip());
    }
    terminated
        .put("startedAt", Conditions.time(exited.startedAt()))
        .put("finishedAt", Conditions.time(exited.at()))
        .put("containerID", shownId(id));
  }

  /// Where the runtime has a scheme, as in `docker://0123…`, the pod's UID before it is left out.
  static String shownId(String id) {
    int slash = id.indexOf('/');
    return id.indexOf("://") > slash ? id.substring(slash + 1) : id;
  }
}
