package dev.slipway.testing.mesos;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/// Masters and agents of a real Mesos 1.11 on free ports of this machine. Closing it ends them and
/// everything that they started.
///
/// Where Mesos comes from: `SLIPWAY_MESOS_HOME` names a folder with its programs, or
/// `SLIPWAY_MESOS_SETUP` (else `../shared/mesos` beside the checkout, or beside its parent) one
/// with a `setup.sh` that makes such a folder.
public final class RealMesos implements AutoCloseable {
  private final Path home;
  private final Path folder;
  private final Map<String, Process> processes = new LinkedHashMap<>();
  private final Map<String, Integer> ports = new LinkedHashMap<>();

  private RealMesos(Path home, Path folder) {
    this.home = home;
    this.folder = folder;
  }

  /// Where its programs are.
  public Path home() {
    return home;
  }

  /// Why there is none here; empty when there is one.
  public static Optional<String> missing() {
    return setting("SLIPWAY_MESOS_HOME").isPresent() || setup().isPresent()
        ? Optional.empty()
        : Optional.of(
            "no Mesos: neither SLIPWAY_MESOS_HOME nor SLIPWAY_MESOS_SETUP is set, and ../shared/mesos is not there");
  }

  private static Optional<String> setting(String name) {
    return Optional.ofNullable(System.getProperty(name))
        .or(() -> Optional.ofNullable(System.getenv(name)))
        .filter(value -> !value.isBlank());
  }

  private static Path checkout() {
    Path at = Path.of("").toAbsolutePath();
    while (at.getParent() != null && !Files.exists(at.resolve("check"))) {
      at = at.getParent();
    }
    return at;
  }

  private static Optional<Path> setup() {
    Optional<Path> named = setting("SLIPWAY_MESOS_SETUP").map(Path::of);
    if (named.isPresent()) {
      return named.map(path -> Files.isDirectory(path) ? path.resolve("setup.sh") : path);
    }
    Path root = checkout();
    return List.of(
            root.resolve("../shared/mesos/setup.sh"), root.resolve("../../shared/mesos/setup.sh"))
        .stream()
        .map(Path::normalize)
        .filter(Files::exists)
        .findFirst();
  }

  /// @param folder for its state and its logs
  public static RealMesos in(Path folder) throws IOException, InterruptedException {
    Optional<String> ready = setting("SLIPWAY_MESOS_HOME");
    return new RealMesos(ready.isPresent() ? Path.of(ready.get()) : install(), folder);
  }

  private static synchronized Path install() throws IOException, InterruptedException {
    Path home = checkout().resolve("target/mesos");
    if (Files.notExists(home.resolve("mesos-default-executor"))) {
      Files.createDirectories(home);
      Path log = home.resolve("setup.log");
      Process process =
          new ProcessBuilder("bash", setup().orElseThrow().toString(), home.toString())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (!process.waitFor(10, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IOException("Mesos cannot be set up: " + Files.readString(log));
      }
    }
    return home;
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /// The port that one will listen on that is yet to be started.
  public int reserve(String name) throws IOException {
    ports.put(name, freePort());
    return port(name);
  }

  public int port(String name) {
    return java.util.Objects.requireNonNull(ports.get(name), name);
  }

  public URI url(String name) {
    return URI.create("http://127.0.0.1:" + port(name));
  }

  public void master(String name, String... flags) throws IOException {
    Integer known = ports.get(name);
    int port = known != null ? known : freePort();
    ports.put(name, port);
    var command =
        new ArrayList<>(
            List.of(
                home.resolve("mesos-master").toString(),
                "--ip=127.0.0.1",
                "--hostname=127.0.0.1",
                "--port=" + port,
                "--work_dir=" + folder.resolve(name)));
    command.addAll(List.of(flags));
    if (command.stream().noneMatch(flag -> flag.startsWith("--registry="))) {
      command.add("--registry=in_memory");
    }
    run(name, command);
  }

  public void agent(String name, String master, String... flags) throws IOException {
    agent(name, master, Map.of(), flags);
  }

  /// An agent that tells everybody another port of this machine than the one it listens on.
  public void agentBehind(int advertised, String name, String master) throws IOException {
    agent(
        name,
        master,
        Map.of(
            "LIBPROCESS_ADVERTISE_IP",
            "127.0.0.1",
            "LIBPROCESS_ADVERTISE_PORT",
            Integer.toString(advertised)));
  }

  private void agent(String name, String master, Map<String, String> variables, String... flags)
      throws IOException {
    Integer known = ports.get(name);
    int port = known != null ? known : freePort();
    ports.put(name, port);
    Path work = folder.resolve(name);
    var command =
        new ArrayList<>(
            List.of(
                home.resolve("mesos-agent").toString(),
                "--ip=127.0.0.1",
                "--port=" + port,
                "--master=" + master,
                "--work_dir=" + work,
                "--runtime_dir=" + folder.resolve(name + "-runtime"),
                "--fetcher_cache_dir=" + folder.resolve(name + "-fetch"),
                "--launcher_dir=" + home,
                "--launcher=posix",
                "--isolation=posix/cpu,posix/mem",
                "--no-systemd_enable_support"));
    command.addAll(List.of(flags));
    if (command.stream().noneMatch(flag -> flag.startsWith("--hostname="))) {
      command.add("--hostname=127.0.0.1");
    }
    if (command.stream().noneMatch(flag -> flag.startsWith("--resources="))) {
      command.add("--resources=cpus:4;mem:4096;disk:4096;ports:[31000-31999]");
    }
    run(name, command, variables);
  }

  /// A master and agents in one process.
  public void local(String name, int agents, String resources, String... flags) throws IOException {
    int port = freePort();
    ports.put(name, port);
    var command =
        new ArrayList<>(
            List.of(
                home.resolve("mesos-local").toString(),
                "--ip=127.0.0.1",
                "--hostname=127.0.0.1",
                "--port=" + port,
                "--num_slaves=" + agents,
                "--registry=in_memory",
                "--work_dir=" + folder.resolve(name),
                "--runtime_dir=" + folder.resolve(name + "-runtime"),
                "--fetcher_cache_dir=" + folder.resolve(name + "-fetch"),
                "--launcher_dir=" + home,
                "--launcher=posix",
                "--isolation=posix/cpu,posix/mem",
                "--no-systemd_enable_support",
                "--resources=" + resources));
    command.addAll(List.of(flags));
    run(name, command);
  }

  private void run(String name, List<String> command) throws IOException {
    run(name, command, Map.of());
  }

  private void run(String name, List<String> command, Map<String, String> variables)
      throws IOException {
    Files.createDirectories(folder);
    var builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(
                ProcessBuilder.Redirect.appendTo(folder.resolve(name + ".log").toFile()));
    builder.environment().put("LIBPROCESS_NUM_WORKER_THREADS", "4");
    builder.environment().putAll(variables);
    processes.put(name, builder.start());
  }

  public long pid(String name) {
    return java.util.Objects.requireNonNull(processes.get(name), name).pid();
  }

  /// Ends one at once.
  public void kill(String name) throws InterruptedException {
    Process process = processes.remove(name);
    if (process != null) {
      process.destroyForcibly().waitFor();
    }
  }

  public void signal(String name, String signal) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(pid(name))).start().waitFor();
  }

  /// The ids of the tasks that have a process on this machine, whatever master and agents say.
  public Set<String> tasksWithProcess() {
    String mark = folder.toString();
    var ids = new TreeSet<String>();
    ProcessHandle.allProcesses()
        .filter(handle -> mentions(handle.pid(), mark))
        .forEach(handle -> taskOf(handle.pid()).ifPresent(ids::add));
    return ids;
  }

  private static Optional<String> taskOf(long pid) {
    try {
      for (String variable : environment(pid).split("\0", -1)) {
        if (variable.startsWith("MESOS_TASK_ID=")) {
          return Optional.of(variable.substring("MESOS_TASK_ID=".length()));
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static String environment(long pid) throws IOException {
    return Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
  }

  /// What Mesos wrote lately, for a failure's message.
  public String log(String name) throws IOException {
    List<String> lines = Files.readAllLines(folder.resolve(name + ".log"));
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
  }

  @Override
  public void close() throws IOException {
    // Executors are no children of ours: an agent that is killed leaves them. They know their
    // sandbox by their environment.
    for (Process process : processes.values()) {
      process.destroyForcibly();
    }
    for (int round = 0; round < 3; round++) {
      endWhatRunsBelow(folder);
    }
  }

  private static void endWhatRunsBelow(Path folder) {
    String mark = folder.toString();
    ProcessHandle.allProcesses()
        .filter(handle -> handle.pid() != ProcessHandle.current().pid())
        .filter(handle -> mentions(handle.pid(), mark))
        .forEach(ProcessHandle::destroyForcibly);
  }

  private static boolean mentions(long pid, String mark) {
    try {
      String text = environment(pid);
      return text.contains("MESOS_") && text.contains(mark);
    } catch (IOException e) {
      return false;
    }
  }
}
