package dev.slipway.runtime.spi;

import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.model.time.Timeline;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A runtime in memory. It understands commands of the form `sh -c SCRIPT`, where the script is a
/// list of `echo WORD` (into the log, or its last words by `> FILE`), `exit CODE`, `sleep SECONDS`,
/// `trap`, and `while` for ever, parted by semicolons; any other command runs until it is stopped.
public final class FakeRuntime implements ContainerRuntime {
  private final Timeline timeline;
  private final Map<String, Sandbox> sandboxes = new TreeMap<>();
  private final Map<String, Fake> containers = new TreeMap<>();
  private final List<Consumer<String>> listeners = new ArrayList<>();
  private final List<String> calls = new ArrayList<>();
  private final Map<String, String> planned = new TreeMap<>();
  private final Map<String, ContainerSpec> specs = new TreeMap<>();
  private final Map<String, List<VolumeSpec>> volumes = new TreeMap<>();
  private int addresses;

  /// What an exec answers, by container id and command.
  public BiFunction<String, List<String>, Integer> answers = (_, _) -> 0;

  /// Fails calls of this kind (`create`, `start`, `prepare`) while it is set.
  public @Nullable String broken;

  /// What an ended container left in its file, by container id.
  public final Map<String, String> lastWords = new TreeMap<>();

  public FakeRuntime(Timeline timeline) {
    this.timeline = timeline;
  }

  private static final class Fake {
    final String id;
    final ContainerSpec spec;
    final StringBuilder log = new StringBuilder();
    ContainerState state = new ContainerState.Created();
    boolean stubborn;

    Fake(String id, ContainerSpec spec) {
      this.id = id;
      this.spec = spec;
    }
  }

  /// What was done, in order: `start web-0`, `terminate web-0` …
  public synchronized List<String> calls() {
    return List.copyOf(calls);
  }

  public synchronized void forgetCalls() {
    calls.clear();
  }

  /// What a pod's volumes were last told to hold.
  public synchronized List<VolumeSpec> volumes(String podUid) {
    return volumes.getOrDefault(podUid, List.of());
  }

  public synchronized ContainerSpec spec(String id) {
    ContainerSpec spec = specs.get(id);
    if (spec == null) {
      throw new IllegalStateException("never created: " + id);
    }
    return spec;
  }

  /// A container ends by itself.
  public void exits(String id, int code) {
    end(id, code, code == 0 ? "Completed" : "Error");
  }

  @Override
  public String version() {
    return "fake://1";
  }

  @Override
  public boolean enforcesLimits() {
    return true;
  }

  @Override
  public synchronized List<Sandbox> sandboxes() {
    return List.copyOf(sandboxes.values());
  }

  @Override
  public synchronized Optional<Sandbox> sandbox(String podUid) {
    return Optional.ofNullable(sandboxes.get(podUid));
  }

  @Override
  public synchronized List<Observed> containers(String podUid) {
    return containers.values().stream()
        .filter(fake -> fake.spec.podUid().equals(podUid))
        .sorted(
            Comparator.comparing((Fake fake) -> fake.spec.container())
                .thenComparing(fake -> fake.spec.attempt()))
        .map(
            fake ->
                new Observed(
                    podUid,
                    fake.spec.container(),
                    fake.spec.attempt(),
                    fake.spec.backoffLevel(),
                    fake.id,
                    "",
                    fake.state))
        .toList();
  }

  @Override
  public synchronized String address(SandboxSpec pod) {
    return planned.computeIfAbsent(pod.podUid(), _ -> "127.64.0." + ++addresses);
  }

  @Override
  public synchronized Sandbox prepare(SandboxSpec pod) {
    refuse("prepare");
    volumes.put(pod.podUid(), pod.volumes());
    return sandboxes.computeIfAbsent(
        pod.podUid(), uid -> new Sandbox(uid, pod.namespace(), pod.name(), address(pod)));
  }

  @Override
  public Optional<byte[]> terminationMessage(String id, String path, int most) {
    return Optional.ofNullable(lastWords.get(id))
        .map(words -> words.getBytes(StandardCharsets.UTF_8))
        .map(words -> Arrays.copyOf(words, Math.min(words.length, most)));
  }

  @Override
  public synchronized String create(ContainerSpec spec) {
    refuse("create");
    if (!sandboxes.containsKey(spec.podUid())) {
      throw new RuntimeFailedException("pod " + spec.podUid() + " was not prepared");
    }
    if (spec.command().isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "container " + spec.container() + " states no command");
    }
    String id = spec.podUid() + "/" + spec.container() + "-" + spec.attempt();
    containers.computeIfAbsent(id, _ -> new Fake(id, spec));
    specs.put(id, spec);
    return id;
  }

  @Override
  public void start(String id) {
    synchronized (this) {
      refuse("start");
      Fake fake = containers.get(id);
      if (fake == null || !(fake.state instanceof ContainerState.Created)) {
        return;
      }
      calls.add("start " + name(id));
      fake.state = new ContainerState.Running(timeline.instant());
      run(fake);
    }
    tell(id);
  }

  private void run(Fake fake) {
    List<String> command = fake.spec.command();
    if (command.size() != 3 || !command.getFirst().equals("sh")) {
      return;
    }
    for (String part : command.get(2).split(";", -1)) {
      String[] words = part.strip().split(" ", 2);
      switch (words[0]) {
        case "echo" -> echo(fake, words[1]);
        case "trap" -> fake.stubborn = words[1].startsWith("''");
        case "while" -> {
          return;
        }
        case "sleep" -> {
          timeline.schedule(Duration.ofSeconds(Long.parseLong(words[1])), () -> exits(fake.id, 0));
          return;
        }
        case "exit" -> {
          int code = Integer.parseInt(words[1]);
          timeline.execute(() -> exits(fake.id, code));
          return;
        }
        default -> throw new IllegalArgumentException("a fake cannot " + part);
      }
    }
    timeline.execute(() -> exits(fake.id, 0));
  }

  private void echo(Fake fake, String words) {
    int into = words.indexOf(" > ");
    if (into < 0) {
      fake.log.append(words).append('\n');
    } else {
      lastWords.put(fake.id, words.substring(0, into) + "\n");
    }
  }

  @Override
  public void terminate(String id) {
    boolean ends;
    synchronized (this) {
      Fake fake = containers.get(id);
      if (fake == null || !(fake.state instanceof ContainerState.Running)) {
        return;
      }
      calls.add("terminate " + name(id));
      ends = !fake.stubborn;
    }
    if (ends) {
      timeline.execute(() -> end(id, 143, "Error"));
    }
  }

  @Override
  public void kill(String id) {
    synchronized (this) {
      Fake fake = containers.get(id);
      if (fake == null || !(fake.state instanceof ContainerState.Running)) {
        return;
      }
      calls.add("kill " + name(id));
    }
    timeline.execute(() -> end(id, 137, "Error"));
  }

  private void end(String id, int code, String reason) {
    synchronized (this) {
      Fake fake = containers.get(id);
      if (fake == null || !(fake.state instanceof ContainerState.Running(Instant startedAt))) {
        return;
      }
      fake.state = new ContainerState.Exited(code, startedAt, timeline.instant(), reason);
    }
    tell(id);
  }

  @Override
  public synchronized void remove(String id) {
    Fake fake = containers.get(id);
    if (fake != null && !(fake.state instanceof ContainerState.Running)) {
      containers.remove(id);
    }
  }

  @Override
  public synchronized void removePod(String podUid) {
    if (sandboxes.remove(podUid) != null) {
      calls.add("removePod");
    }
    containers.values().removeIf(fake -> fake.spec.podUid().equals(podUid));
  }

  @Override
  public void logs(String id, LogRange range, OutputStream out) {
    String text;
    synchronized (this) {
      Fake fake = containers.get(id);
      text = fake == null ? "" : fake.log.toString();
    }
    List<String> lines = text.lines().toList();
    int from = range.tail().map(tail -> Math.max(0, lines.size() - tail)).orElse(0);
    try {
      for (String line : lines.subList(from, lines.size())) {
        out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
    synchronized (this) {
      Fake fake = containers.get(id);
      if (fake == null || !(fake.state instanceof ContainerState.Running)) {
        throw new RuntimeFailedException("container is not running");
      }
      calls.add("exec " + name(id) + " " + String.join(" ", command));
      if (command.size() == 3
          && command.getFirst().equals("sh")
          && command.get(2).startsWith("exit ")) {
        return Integer.parseInt(command.get(2).substring(5));
      }
    }
    return answers.apply(id, command);
  }

  /// A processor and a megabyte for each container that runs.
  @Override
  public synchronized Optional<List<Usage>> usage(Set<String> podUids) {
    var all = new ArrayList<Usage>();
    for (Fake fake : containers.values()) {
      if (podUids.contains(fake.spec.podUid())
          && fake.state instanceof ContainerState.Running(Instant since)) {
        long nanos = Duration.between(since, timeline.instant()).toNanos();
        all.add(
            new Usage(
                fake.spec.podUid(),
                fake.spec.container(),
                fake.id,
                nanos,
                1 << 20,
                timeline.nanos()));
      }
    }
    return Optional.of(all);
  }

  @Override
  public synchronized void onChange(Consumer<String> podUid) {
    listeners.add(podUid);
  }

  private void tell(String id) {
    List<Consumer<String>> all;
    synchronized (this) {
      all = List.copyOf(listeners);
    }
    all.forEach(listener -> listener.accept(id.substring(0, id.indexOf('/'))));
  }

  private void refuse(String call) {
    if (call.equals(broken)) {
      throw new RuntimeFailedException(call + " fails");
    }
  }

  private static String name(String id) {
    return id.substring(id.indexOf('/') + 1);
  }
}
