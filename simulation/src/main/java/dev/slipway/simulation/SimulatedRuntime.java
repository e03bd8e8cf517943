package dev.slipway.simulation;

import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.testing.SeededChance;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/// A node's containers as a world of their own: they go on while the daemon is dead.
final class SimulatedRuntime implements ContainerRuntime {
  private static final class Container {
    final ContainerSpec spec;
    int starts;
    Instant startedAt = Instant.EPOCH;
    ContainerState.@org.jspecify.annotations.Nullable Exited exited;

    Container(ContainerSpec spec) {
      this.spec = spec;
    }
  }

  private final Timeline timeline;
  private final SeededChance chance;
  private final Bug bug;
  private final Map<String, Sandbox> sandboxes = new TreeMap<>();
  private final Map<String, Container> processes = new TreeMap<>();
  private Consumer<String> listener = uid -> {};
  private final Consumer<String> ending;
  private boolean failing;

  /// What a daemon with [Bug#STARTS_TWICE] has made itself.
  private final Set<String> known = new HashSet<>();

  private int names;

  /// @param ending hears of each pod, `namespace/name`, before a container of it is told to end
  SimulatedRuntime(Timeline timeline, SeededChance chance, Bug bug, Consumer<String> ending) {
    this.timeline = timeline;
    this.chance = chance;
    this.bug = bug;
    this.ending = ending;
  }

  /// From now on every second call to make something fails.
  void failing(boolean on) {
    failing = on;
  }

  /// Any container of a pod that runs more than once.
  boolean runsTwice() {
    var running = new HashSet<String>();
    return processes.values().stream()
        .filter(process -> process.starts > 0 && process.exited == null)
        .anyMatch(process -> !running.add(process.spec.podUid() + "/" + process.spec.container()));
  }

  /// Whether a container of this pod runs, whether or not anybody has heard of it.
  boolean runs(String podUid) {
    return processes.values().stream()
        .anyMatch(p -> p.starts > 0 && p.exited == null && p.spec.podUid().equals(podUid));
  }

  int running() {
    return (int) processes.values().stream().filter(p -> p.starts > 0 && p.exited == null).count();
  }

  /// A running container dies by itself.
  void crashOne() {
    List<String> running =
        processes.entrySet().stream()
            .filter(
                e ->
                    e.getValue().starts > 0
                        && e.getValue().exited == null
                        && !e.getKey().contains("/still"))
            .map(Map.Entry::getKey)
            .toList();
    if (!running.isEmpty()) {
      end(running.get(chance.below(running.size())), 1);
    }
  }

  /// The daemon has died: nobody listens any more.
  void forgetListener() {
    listener = uid -> {};
    known.clear();
    if (bug == Bug.DIES_WITH_DAEMON) {
      List.copyOf(processes.keySet()).forEach(id -> end(id, 137));
    }
  }

  private void end(String id, int code) {
    Container process = processes.get(id);
    if (process != null && process.starts > 0 && process.exited == null) {
      Instant now = timeline.instant();
      process.exited =
          new ContainerState.Exited(
              code, process.startedAt, now, code == 0 ? "Completed" : "Error");
      listener.accept(process.spec.podUid());
    }
  }

  private void told(String id) {
    Container process = processes.get(id);
    if (process != null && process.starts > 0 && process.exited == null) {
      sandbox(process.spec.podUid())
          .ifPresent(pod -> ending.accept(pod.namespace() + "/" + pod.name()));
    }
  }

  private void mayFail() {
    if (failing && chance.oneIn(2)) {
      throw new RuntimeFailedException("the runtime does not answer");
    }
  }

  @Override
  public String version() {
    return "simulated://1";
  }

  @Override
  public boolean enforcesLimits() {
    return true;
  }

  @Override
  public Optional<Sandbox> sandbox(String podUid) {
    return Optional.ofNullable(sandboxes.get(podUid));
  }

  @Override
  public List<Sandbox> sandboxes() {
    return List.copyOf(sandboxes.values());
  }

  @Override
  public List<Observed> containers(String podUid) {
    var observed = new ArrayList<Observed>();
    processes.forEach(
        (id, process) -> {
          boolean told = bug != Bug.STARTS_TWICE || known.contains(id);
          if (process.spec.podUid().equals(podUid) && told) {
            ContainerState state =
                process.exited != null
                    ? process.exited
                    : process.starts > 0
                        ? new ContainerState.Running(process.startedAt)
                        : new ContainerState.Created();
            observed.add(
                new Observed(
                    podUid,
                    process.spec.container(),
                    process.spec.attempt(),
                    process.spec.backoffLevel(),
                    id,
                    "",
                    state));
          }
        });
    return observed;
  }

  @Override
  public String address(SandboxSpec pod) {
    return prepare(pod).address();
  }

  @Override
  public Sandbox prepare(SandboxSpec pod) {
    mayFail();
    return sandboxes.computeIfAbsent(
        pod.podUid(),
        uid ->
            new Sandbox(
                uid,
                pod.namespace(),
                pod.name(),
                "127.64." + sandboxes.size() / 250 + "." + (1 + sandboxes.size() % 250)));
  }

  @Override
  public String create(ContainerSpec spec) {
    mayFail();
    String id = spec.podUid() + "/" + spec.container() + "-" + spec.attempt();
    if (bug == Bug.STARTS_TWICE) {
      id += "-" + names++;
      known.add(id);
    }
    processes.computeIfAbsent(id, _ -> new Container(spec));
    return id;
  }

  @Override
  public void start(String id) {
    Container process = processes.get(id);
    if (process == null || process.starts > 0) {
      return;
    }
    process.starts = 1;
    process.startedAt = timeline.instant();
    if (process.spec.command().contains("broken")) {
      end(id, 1);
    }
  }

  @Override
  public void terminate(String id) {
    told(id);
    timeline.schedule(Duration.ofMillis(chance.below(3_000)), () -> end(id, 143));
  }

  @Override
  public void kill(String id) {
    told(id);
    end(id, 137);
  }

  @Override
  public void remove(String id) {
    processes.remove(id);
  }

  @Override
  public void removePod(String podUid) {
    if (bug == Bug.LEAVES_STRAYS) {
      return;
    }
    processes.keySet().removeIf(id -> id.startsWith(podUid + "/"));
    sandboxes.remove(podUid);
  }

  @Override
  public void logs(String id, LogRange range, OutputStream out) {}

  @Override
  public int exec(
      String id,
      List<String> command,
      Optional<TerminalSizes> terminal,
      InputStream in,
      OutputStream out,
      OutputStream err,
      Duration timeout) {
    return 0;
  }

  @Override
  public void onChange(Consumer<String> podUid) {
    listener = podUid;
  }
}
