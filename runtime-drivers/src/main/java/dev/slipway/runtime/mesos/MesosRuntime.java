package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.runtime.mesos.TaskRecord.Phase;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/// One agent of a Mesos cluster as a node.
final class MesosRuntime implements ContainerRuntime {
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(10);
  private static final Duration DEFAULT_GRACE = Duration.ofSeconds(30);
  private static final Duration POLL = Duration.ofMillis(20);

  private final Framework framework;
  private final String node;

  MesosRuntime(Framework framework, String node) {
    this.framework = framework;
    this.node = node;
  }

  @Override
  public String version() {
    return "mesos://" + framework.masterVersion();
  }

  @Override
  public boolean enforcesLimits() {
    return true;
  }

  @Override
  public boolean sharesFate() {
    return true;
  }

  @Override
  public List<Sandbox> sandboxes() {
    return framework.recordsOf(node).stream().map(MesosRuntime::sandbox).toList();
  }

  @Override
  public Optional<Sandbox> sandbox(String podUid) {
    return framework.record(podUid).filter(r -> r.node().equals(node)).map(MesosRuntime::sandbox);
  }

  private static Sandbox sandbox(PodRecord record) {
    return new Sandbox(record.uid(), record.namespace(), record.name(), record.address());
  }

  @Override
  public Map<Integer, Integer> ports(String podUid) {
    return framework.record(podUid).map(PodRecord::ports).orElse(Map.of());
  }

  @Override
  public List<Observed> containers(String podUid) {
    var all = new ArrayList<Observed>();
    Map<String, PodLaunch.Part> created = framework.created(podUid);
    Optional<PodRecord> record = framework.record(podUid);
    record.ifPresent(
        pod -> {
          for (TaskRecord task : pod.tasks()) {
            all.add(
                new Observed(
                    podUid,
                    task.container(),
                    task.attempt(),
                    task.backoffLevel(),
                    id(podUid, task.container(), task.attempt()),
                    "",
                    state(pod, task)));
          }
          for (PodLaunch.Part part : created.values()) {
            ContainerSpec spec = part.container();
            if (pod.task(spec.container(), spec.attempt()).isEmpty()) {
              all.add(
                  new Observed(
                      podUid,
                      spec.container(),
                      spec.attempt(),
                      spec.backoffLevel(),
                      id(podUid, spec.container(), spec.attempt()),
                      "",
                      new ContainerState.Created()));
            }
          }
        });
    return List.copyOf(all);
  }

  private static ContainerState state(PodRecord pod, TaskRecord task) {
    return switch (task.phase()) {
      case LAUNCHING -> new ContainerState.Created();
      case RUNNING ->
          waitsForInit(pod, task)
              ? new ContainerState.Created()
              : new ContainerState.Running(task.startedAt());
      case UNREACHABLE -> new ContainerState.Unknown(task.why());
      case ENDED ->
          new ContainerState.Exited(task.code(), task.startedAt(), task.endedAt(), task.why());
    };
  }

  /// Its task runs, but only to wait until the init containers of its group have succeeded.
  private static boolean waitsForInit(PodRecord pod, TaskRecord task) {
    for (TaskRecord other : pod.tasks()) {
      if (other.id().equals(task.id())) {
        return false;
      }
      if (other.init()
          && other.executor().equals(task.executor())
          && !(other.hasEnded() && other.code() == 0)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public Sandbox prepare(SandboxSpec pod) {
    return new Sandbox(pod.podUid(), pod.namespace(), pod.name(), framework.prepare(node, pod));
  }

  /// They are files of the task group's launch.
  @Override
  public boolean updatesVolumes() {
    return false;
  }

  @Override
  public String address(SandboxSpec pod) {
    return framework.prepare(node, pod.withVolumes(List.of()));
  }

  @Override
  public String create(ContainerSpec spec) {
    framework.create(alone(spec));
    return id(spec.podUid(), spec.container(), spec.attempt());
  }

  private static PodLaunch.Part alone(ContainerSpec spec) {
    return new PodLaunch.Part(spec, false, List.of(), Optional.empty());
  }

  @Override
  public void start(String id) {
    String podUid = podUid(id);
    PodLaunch.Part part = framework.created(podUid).get(id.substring(podUid.length() + 1));
    if (part != null) {
      framework.launch(new PodLaunch(podUid, List.of(part), DEFAULT_GRACE));
    }
  }

  @Override
  public List<String> launch(PodLaunch launch) {
    framework.launch(launch);
    return launch.parts().stream()
        .map(PodLaunch.Part::container)
        .map(spec -> id(spec.podUid(), spec.container(), spec.attempt()))
        .toList();
  }

  private static String id(String podUid, String container, int attempt) {
    return podUid + "/" + container + "-" + attempt;
  }

  private static String podUid(String id) {
    int slash = id.indexOf('/');
    return slash < 0 ? id : id.substring(0, slash);
  }

  private Optional<TaskRecord> task(String id) {
    int dash = id.lastIndexOf('-');
    String podUid = podUid(id);
    if (dash <= podUid.length()) {
      return Optional.empty();
    }
    try {
      int attempt = Integer.parseInt(id.substring(dash + 1));
      return framework
          .record(podUid)
          .flatMap(pod -> pod.task(id.substring(podUid.length() + 1, dash), attempt));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  @Override
  public void terminate(String id) {
    task(id).ifPresent(task -> framework.terminate(podUid(id), task));
  }

  @Override
  public void kill(String id) {
    task(id).ifPresent(task -> framework.kill(podUid(id), task));
  }

  @Override
  public void remove(String id) {
    String podUid = podUid(id);
    Optional<TaskRecord> task = task(id);
    if (task.isPresent()) {
      framework.forget(podUid, task.get().id());
    } else if (id.length() > podUid.length()) {
      framework.forgetCreated(podUid, id.substring(podUid.length() + 1));
    }
  }

  @Override
  public void removePod(String podUid) {
    long until = System.nanoTime() + ENDS_WITHIN.toNanos();
    while (true) {
      List<TaskRecord> left = framework.remove(podUid);
      if (left.isEmpty()) {
        return;
      }
      boolean unreachable = left.stream().anyMatch(task -> task.phase() == Phase.UNREACHABLE);
      if (unreachable || System.nanoTime() > until) {
        throw new RuntimeFailedException(
            "task %s of pod %s does not end: %s"
                .formatted(
                    left.getFirst().id(),
                    podUid,
                    unreachable ? left.getFirst().why() : "Mesos has not said so"));
      }
      try {
        Thread.sleep(POLL);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RuntimeFailedException("interrupted", e);
      }
    }
  }

  @Override
  public void logs(String id, LogRange range, OutputStream out) {
    Optional<TaskRecord> task = task(id).filter(found -> !found.containerId().isEmpty());
    if (task.isEmpty()) {
      return;
    }
    PodRecord pod = framework.record(podUid(id)).orElseThrow();
    framework
        .agent()
        .logs(
            pod.agent(),
            framework.id(),
            task.get(),
            range,
            () -> task(id).filter(now -> !now.hasEnded()).isPresent(),
            out);
  }

  /// A file of the task's sandbox, which the task is told: its own `/dev` may be the agent's.
  @Override
  public Optional<byte[]> terminationMessage(String id, String path, int most) {
    Optional<TaskRecord> task = task(id).filter(found -> !found.containerId().isEmpty());
    if (task.isEmpty()) {
      return Optional.empty();
    }
    PodRecord pod = framework.record(podUid(id)).orElseThrow();
    return framework
        .agent()
        .beginning(pod.agent(), framework.id(), task.get(), LaunchScript.LAST_WORDS, most);
  }

  @Override
  public int exec(
      String id,
      List<String> command,
      Optional<TerminalSizes> terminal,
      InputStream in,
      OutputStream out,
      OutputStream err,
      Duration timeout) {
    TaskRecord task =
        task(id)
            .filter(found -> found.phase() == Phase.RUNNING)
            .orElseThrow(() -> new RuntimeFailedException("container is not running"));
    PodRecord pod = framework.record(podUid(id)).orElseThrow();
    return framework
        .agent()
        .exec(
            pod.agent(),
            framework.id(),
            task,
            command,
            terminal.isPresent(),
            in,
            out,
            err,
            timeout);
  }

  /// Only what the agent's isolators count by task: those of the kind `posix` see the executor's
  /// own process and nothing below it.
  @Override
  public Optional<List<Usage>> usage(Set<String> podUids) {
    List<PodRecord> pods =
        framework.recordsOf(node).stream().filter(pod -> podUids.contains(pod.uid())).toList();
    if (pods.isEmpty()) {
      return Optional.of(List.of());
    }
    Map<String, JsonNode> counted = framework.agent().statistics(pods.getFirst().agent());
    long now = System.nanoTime();
    var all = new ArrayList<Usage>();
    for (PodRecord pod : pods) {
      for (TaskRecord task : pod.tasks()) {
        JsonNode used = counted.get(task.containerId());
        if (used != null && task.phase() == Phase.RUNNING) {
          all.add(
              new Usage(
                  pod.uid(),
                  task.container(),
                  id(pod.uid(), task.container(), task.attempt()),
                  nanos(used, "cpus_user_time_secs") + nanos(used, "cpus_system_time_secs"),
                  Json.number(used, "mem_rss_bytes", 0),
                  now));
        }
      }
    }
    return Optional.of(all);
  }

  private static long nanos(JsonNode used, String field) {
    return Math.round(used.path(field).asDouble(0) * 1e9);
  }

  @Override
  public void onChange(Consumer<String> podUid) {
    framework.listen(node, podUid);
  }
}
