package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.PodLaunch.Liveness;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.VolumeSpec;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A pod as a task group of the default executor, as Mesos writes it.
///
/// @param images containers get the root file system of their image, which the agents provide
/// @param path `PATH` of containers that state none; empty for the agents' own choice
record TaskGroups(boolean images, String path) {
  /// @throws RuntimeFailedException permanent when Mesos could not run such a pod
  void check(Waiting waiting) {
    var before = new ArrayList<String>();
    for (PodLaunch.Part part : waiting.launch().parts()) {
      ContainerSpec spec = part.container();
      if (spec.command().isEmpty() && !images) {
        throw RuntimeFailedException.unsupported(
            "container %s states no command, and these Mesos agents run no images"
                .formatted(spec.container()));
      }
      refuse(spec);
      if (images && (!spec.mounts().isEmpty() || !before.isEmpty() || part.init())) {
        if (spec.command().isEmpty()) {
          throw RuntimeFailedException.unsupported(
              "container %s mounts volumes or waits for init containers, so it must state its command on Mesos"
                  .formatted(spec.container()));
        }
      }
      new LaunchScript(part, before, waiting.volumes(), images).environment();
      if (part.init()) {
        before.add(spec.container());
      }
    }
  }

  /// What would weaken a container if it were passed over in silence.
  private static void refuse(ContainerSpec spec) {
    ContainerSpec.Security security = spec.security();
    String what =
        security.userId().isPresent() || security.groupId().isPresent()
            ? "a user or group of its own; tasks of Mesos run as the user of the framework"
            : security.readOnlyRoot()
                ? "a root file system that is read only"
                : security.privileged() ? "to be privileged" : "";
    if (!what.isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "container %s asks for %s".formatted(spec.container(), what));
    }
  }

  /// The operation of an ACCEPT.
  ///
  /// @param tasks in the order of the parts
  ObjectNode launch(
      String frameworkId,
      AgentInfo agent,
      PodRecord pod,
      Waiting waiting,
      OfferPlanner.Taken taken,
      List<TaskRecord> tasks) {
    ObjectNode operation = Json.object().put("type", "LAUNCH_GROUP");
    ObjectNode group = operation.putObject("launch_group");
    ObjectNode executor = group.putObject("executor").put("type", "DEFAULT");
    executor.putObject("executor_id").put("value", tasks.getFirst().executor());
    executor.putObject("framework_id").put("value", frameworkId);
    executor.set("resources", taken.executor());
    label(executor.putObject("labels").putArray("labels"), pod);
    ArrayNode list = group.putObject("task_group").putArray("tasks");
    var before = new ArrayList<String>();
    for (int i = 0; i < tasks.size(); i++) {
      PodLaunch.Part part = waiting.launch().parts().get(i);
      list.add(
          task(
              agent,
              pod,
              waiting,
              part,
              before,
              tasks.get(i),
              taken.tasks().get(i),
              taken.ports()));
      if (part.init()) {
        before.add(part.container().container());
      }
    }
    return operation;
  }

  private ObjectNode task(
      AgentInfo agent,
      PodRecord pod,
      Waiting waiting,
      PodLaunch.Part part,
      List<String> before,
      TaskRecord record,
      ArrayNode resources,
      Map<Integer, Integer> ports) {
    ContainerSpec spec = part.container();
    ObjectNode task = Json.object().put("name", pod.name() + "/" + spec.container());
    task.putObject("task_id").put("value", record.id());
    task.putObject("agent_id").put("value", agent.id());
    task.set("resources", resources);
    var script = new LaunchScript(part, before, waiting.volumes(), images);
    var environment = new LinkedHashMap<>(ports(agent, pod, part, ports));
    if (!path.isEmpty()) {
      environment.put("PATH", path);
    }
    environment.putAll(spec.environment());
    environment.putAll(script.environment());
    ObjectNode command = task.putObject("command");
    if (!spec.command().isEmpty()) {
      command.put("shell", true).put("value", script.text());
    } else {
      command.put("shell", false);
      ArrayNode words = command.putArray("arguments");
      spec.arguments().forEach(words::add);
    }
    ArrayNode variables = command.putObject("environment").putArray("variables");
    environment.forEach((name, value) -> variables.add(variable(name, value)));
    task.putObject("kill_policy")
        .putObject("grace_period")
        .put("nanoseconds", waiting.launch().grace().toNanos());
    part.liveness().ifPresent(check -> task.set("health_check", health(check, ports)));
    limits(spec, task);
    if (images) {
      ObjectNode container = Json.child(task, "container").put("type", "MESOS");
      container
          .putObject("mesos")
          .putObject("image")
          .put("type", "DOCKER")
          .putObject("docker")
          .put("name", spec.image());
      volumes(spec, waiting, container.putArray("volumes"));
    }
    label(task.putObject("labels").putArray("labels"), pod);
    return task;
  }

  /// The folder that the pod's containers share, and each volume in it where it is to be seen.
  private static void volumes(ContainerSpec spec, Waiting waiting, ArrayNode volumes) {
    if (spec.command().isEmpty()) {
      return;
    }
    shared(volumes.addObject(), "slipway")
        .put("container_path", LaunchScript.SHARED)
        .put("mode", "RW");
    for (ContainerSpec.Mount mount : spec.mounts()) {
      ObjectNode volume =
          volumes
              .addObject()
              .put("container_path", mount.path())
              .put("mode", mount.readOnly() ? "RO" : "RW");
      String below = mount.subPath().isEmpty() ? "" : "/" + mount.subPath();
      Optional<VolumeSpec> known =
          waiting.volumes().stream().filter(v -> v.name().equals(mount.volume())).findFirst();
      if (known.isPresent() && known.get() instanceof VolumeSpec.HostPath host) {
        volume
            .putObject("source")
            .put("type", "HOST_PATH")
            .putObject("host_path")
            .put("path", host.path() + below);
      } else {
        shared(volume, "slipway/volumes/" + mount.volume() + below);
      }
    }
  }

  private static ObjectNode shared(ObjectNode volume, String path) {
    volume
        .putObject("source")
        .put("type", "SANDBOX_PATH")
        .putObject("sandbox_path")
        .put("type", "PARENT")
        .put("path", path);
    return volume;
  }

  /// Of the kind that neither the master nor the agent shows to anybody.
  private static ObjectNode variable(String name, String value) {
    ObjectNode variable = Json.object().put("name", name).put("type", "SECRET");
    variable
        .putObject("secret")
        .put("type", "VALUE")
        .putObject("value")
        .put("data", Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8)));
    return variable;
  }

  /// Which ports a program should listen on: `PORT0`, `PORT_8080`, `PORT_HTTP`, and `HOST`.
  private static Map<String, String> ports(
      AgentInfo agent, PodRecord pod, PodLaunch.Part part, Map<Integer, Integer> mapped) {
    var environment = new LinkedHashMap<String, String>();
    environment.put("HOST", agent.isLoopback() ? pod.address() : agent.hostname());
    int index = 0;
    for (PodLaunch.Port port : part.ports()) {
      String number = Integer.toString(mapped.getOrDefault(port.number(), port.number()));
      environment.put("PORT" + index++, number);
      environment.put("PORT_" + port.number(), number);
      if (!port.name().isEmpty()) {
        environment.put("PORT_" + port.name().toUpperCase(Locale.ROOT).replace('-', '_'), number);
      }
    }
    return environment;
  }

  private static void label(ArrayNode labels, PodRecord pod) {
    labels.addObject().put("key", "slipway.dev/namespace").put("value", pod.namespace());
    labels.addObject().put("key", "slipway.dev/pod").put("value", pod.name());
  }

  /// Limits of one task need a control group of its own.
  private static void limits(ContainerSpec spec, ObjectNode task) {
    if (spec.cpuMillis().isEmpty() && spec.memoryBytes().isEmpty()) {
      return;
    }
    ObjectNode limits = task.putObject("limits");
    double asked = asked(task, "cpus");
    spec.cpuMillis()
        .ifPresent(limit -> limits.putObject("cpus").put("value", Math.max(asked, limit / 1000.0)));
    double memory = asked(task, "mem");
    spec.memoryBytes()
        .ifPresent(
            limit ->
                limits.putObject("mem").put("value", Math.max(memory, (double) (limit >> 20))));
    Json.child(task, "container")
        .put("type", "MESOS")
        .putObject("linux_info")
        .put("share_cgroups", false);
  }

  private static double asked(JsonNode task, String name) {
    return Json.items(task, "resources").stream()
        .filter(resource -> Json.string(resource, "name", "").equals(name))
        .mapToDouble(resource -> resource.path("scalar").path("value").asDouble(0))
        .sum();
  }

  private static ObjectNode health(Liveness liveness, Map<Integer, Integer> ports) {
    ObjectNode check = Json.object();
    switch (liveness.check()) {
      case Liveness.Check.Http(int port, String path, boolean secure) ->
          check
              .put("type", "HTTP")
              .putObject("http")
              .put("scheme", secure ? "https" : "http")
              .put("port", ports.getOrDefault(port, port))
              .put("path", path);
      case Liveness.Check.Tcp(int port) ->
          check.put("type", "TCP").putObject("tcp").put("port", ports.getOrDefault(port, port));
      case Liveness.Check.Command(List<String> command) -> {
        var words = command.stream().map(LaunchScript::quoted).toList();
        check
            .put("type", "COMMAND")
            .putObject("command")
            .put("shell", true)
            .put("value", "exec " + String.join(" ", words));
      }
    }
    check.put("delay_seconds", seconds(liveness.delay()));
    check.put("interval_seconds", seconds(liveness.period()));
    check.put("timeout_seconds", seconds(liveness.timeout()));
    check.put("consecutive_failures", liveness.failures());
    // Kubernetes has no grace beside the delay: from the first look on, failures count.
    return check.put("grace_period_seconds", seconds(liveness.delay()));
  }

  private static double seconds(Duration duration) {
    return duration.toMillis() / 1000.0;
  }
}
