package dev.slipway.runtime.process;

import dev.slipway.model.json.Json;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.VolumeSpec;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/// Runs containers as local processes. Each has a folder, and a small shim that starts it, keeps its output and its exit code, and
/// outlives this program. Everything that is known is read from these folders: nothing is remembered.
///
/// ```
/// pods/UID/sandbox            namespace, name, address
/// pods/UID/volumes/NAME       content of the volumes
/// pods/UID/containers/NAME-N  attempt N of a container: spec, main.sh, log, shim, child, exit
/// ```
public final class ProcessRuntime implements ContainerRuntime, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProcessRuntime.class);
  private static final int ADDRESSES = 1 << 20;
  private static final int SECOND_BYTE = 64;
  private static final Duration POLL = Duration.ofSeconds(1);
  private static final long LOG_MAX = 64L << 20;

  private final Path root;
  private final Path shim;
  private final String path;
  private final Timeline timeline;
  private final Cgroups groups;
  private final boolean isRoot;
  private final String bootId = ProcessTable.bootId();
  private final Set<Consumer<String>> listeners = ConcurrentHashMap.newKeySet();
  private final WatchService watcher;
  private final Map<Path, WatchKey> watched = new ConcurrentHashMap<>();
  private volatile boolean closed;

  private ProcessRuntime(Path root, Path shim, String path, Timeline timeline, boolean isRoot, WatchService watcher) {
    this.root = root;
    this.shim = shim;
    this.path = path;
    this.timeline = timeline;
    this.groups = Cgroups.detect();
    this.isRoot = isRoot;
    this.watcher = watcher;
  }

  /// @param root holds the pods; made when missing
  /// @param path the `PATH` of containers that state none
  public static ProcessRuntime open(Path root, String path, Timeline timeline) {
    try {
      Files.createDirectories(root);
      Path shim = root.resolve("shim.sh");
      try (InputStream in = ProcessRuntime.class.getResourceAsStream("shim.sh")) {
        if (in == null) {
          throw new IllegalStateException("shim.sh is not in the program");
        }
        Path fresh = root.resolve("shim.sh.new");
        Files.copy(in, fresh, StandardCopyOption.REPLACE_EXISTING);
        Files.move(fresh, shim, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      }
      boolean isRoot = ((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid")) == 0;
      var runtime =
          new ProcessRuntime(root, shim, path, timeline, isRoot, root.getFileSystem().newWatchService());
      runtime.watchExisting();
      Thread.ofPlatform().daemon(true).name("process-exits").start(runtime::watchExits);
      runtime.tick();
      return runtime;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use " + root + ": " + e.getMessage(), e);
    }
  }

  @Override
  public String version() {
    return "process://" + Runtime.version().feature() + (groups.available() ? "+cgroups" : "");
  }

  /// Whether limits of processors and memory are enforced here.
  public boolean enforcesLimits() {
    return groups.available();
  }

  // Pods

  @Override
  public List<Sandbox> sandboxes() {
    var sandboxes = new ArrayList<Sandbox>();
    for (Path pod : children(root)) {
      readSandbox(pod).ifPresent(sandboxes::add);
    }
    sandboxes.sort(Comparator.comparing(Sandbox::podUid));
    return sandboxes;
  }

  private static Optional<Sandbox> readSandbox(Path pod) {
    try {
      var json = Json.parse(Files.readAllBytes(pod.resolve("sandbox")));
      return Optional.of(
          new Sandbox(
              pod.getFileName().toString(),
              Json.string(json, "namespace", ""),
              Json.string(json, "name", ""),
              Json.string(json, "address", "")));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  @Override
  public synchronized Sandbox prepare(
      String podUid, String namespace, String name, List<VolumeSpec> volumes) {
    Path pod = pod(podUid);
    try {
      Optional<Sandbox> known = readSandbox(pod);
      Sandbox sandbox;
      if (known.isPresent()) {
        sandbox = known.get();
      } else {
        Files.createDirectories(pod.resolve("containers"));
        Files.createDirectories(pod.resolve("volumes"));
        sandbox = new Sandbox(podUid, namespace, name, freeAddress(podUid));
        ObjectNode json = Json.object();
        json.put("namespace", namespace).put("name", name).put("address", sandbox.address());
        Folders.write(pod.resolve("sandbox"), Json.write(json), 0600);
      }
      for (VolumeSpec volume : volumes) {
        prepare(pod.resolve("volumes").resolve(volume.name()), volume);
      }
      return sandbox;
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot make pod %s/%s: %s".formatted(namespace, name, e.getMessage()), e);
    }
  }

  private String freeAddress(String podUid) {
    var taken = new HashSet<String>();
    sandboxes().forEach(sandbox -> taken.add(sandbox.address()));
    int start = Math.floorMod(podUid.hashCode() * 0x9E3779B1, ADDRESSES);
    for (int i = 0; i < ADDRESSES; i++) {
      int host = (start + i) % ADDRESSES;
      if ((host & 0xff) != 0 && (host & 0xff) != 0xff) {
        String address =
            "127.%d.%d.%d".formatted(SECOND_BYTE + (host >>> 16), (host >>> 8) & 0xff, host & 0xff);
        if (!taken.contains(address)) {
          return address;
        }
      }
    }
    throw new RuntimeFailedException("every pod address is taken");
  }

  private static void prepare(Path place, VolumeSpec volume) throws IOException {
    switch (volume) {
      case VolumeSpec.EmptyDir _ -> {
        Files.createDirectories(place);
        Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
      }
      case VolumeSpec.Files files -> {
        Files.createDirectories(place);
        if (files.secret()) {
          Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwx--x--x"));
        }
        for (var file : files.files().entrySet()) {
          Path target = place.resolve(file.getKey()).normalize();
          if (!target.startsWith(place)) {
            throw new IOException("volume " + volume.name() + " has a path that leaves it: " + file.getKey());
          }
          boolean same =
              Files.isRegularFile(target) && java.util.Arrays.equals(Files.readAllBytes(target), file.getValue().bytes());
          if (!same) {
            Folders.write(target, file.getValue().bytes(), file.getValue().mode());
          }
        }
        removeOthers(place, files.files().keySet());
      }
      case VolumeSpec.HostPath(String name, String path, String type) -> {
        Path target = Path.of(path);
        if (type.equals("DirectoryOrCreate")) {
          Files.createDirectories(target);
        } else if (type.equals("FileOrCreate") && Files.notExists(target)) {
          Files.createFile(target);
        }
        if (Files.notExists(target)) {
          throw new IOException("volume " + name + ": " + path + " does not exist on this node");
        }
        Folders.write(place.resolveSibling(name + ".host"), path.getBytes(java.nio.charset.StandardCharsets.UTF_8), 0600);
      }
    }
  }

  private static void removeOthers(Path place, Set<String> kept) throws IOException {
    try (var files = Files.walk(place)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!kept.contains(place.relativize(file).toString())) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  @Override
  public void removePod(String podUid) {
    Path pod = pod(podUid);
    for (ContainerFolder folder : folders(pod)) {
      kill(folder.id());
    }
    for (ContainerFolder folder : folders(pod)) {
      awaitEnd(folder);
      forget(folder);
    }
    try {
      Folders.delete(pod);
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot remove pod " + podUid + ": " + e.getMessage(), e);
    }
  }

  /// After a kill the shim needs a moment to write the exit code.
  private void awaitEnd(ContainerFolder folder) {
    Optional<ProcessTable.Identity> shim = folder.shim();
    long until = timeline.nanos() + TimeUnit.SECONDS.toNanos(2);
    while (shim.isPresent() && ProcessTable.lives(shim.get()) && timeline.nanos() < until) {
      java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
    }
  }

  // Containers

  @Override
  public List<Observed> containers(String podUid) {
    Instant now = timeline.instant();
    var observed = new ArrayList<Observed>();
    for (ContainerFolder folder : folders(pod(podUid))) {
      observed.add(
          new Observed(
              podUid,
              folder.container(),
              folder.attempt(),
              folder.backoffLevel(),
              folder.id(),
              folder.state(bootId, groups, now)));
    }
    return observed;
  }

  @Override
  public synchronized String create(ContainerSpec spec) {
    if (spec.command().isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "container %s states no command: the process runtime has no images, so what %s would run is not known here"
              .formatted(spec.container(), spec.image()));
    }
    if (!spec.mounts().isEmpty() && !isRoot) {
      throw RuntimeFailedException.unsupported(
          "container %s mounts volumes, which on this system only root may do".formatted(spec.container()));
    }
    Path pod = pod(spec.podUid());
    if (!Files.isDirectory(pod.resolve("containers"))) {
      throw new RuntimeFailedException("pod " + spec.podUid() + " was not prepared");
    }
    var folder =
        new ContainerFolder(pod, pod.resolve("containers").resolve(spec.container() + "-" + spec.attempt()));
    if (Files.isDirectory(folder.path())) {
      return folder.id();
    }
    Path fresh = pod.resolve("containers").resolve("." + spec.container() + "-" + spec.attempt());
    try {
      Folders.delete(fresh);
      Files.createDirectories(fresh.resolve("work"));
      Files.write(fresh.resolve("spec"), Json.write(describe(spec)));
      Files.writeString(fresh.resolve("boot"), bootId + "\n");
      Files.writeString(fresh.resolve("main.sh"), mainScript(spec, pod, folder, fresh));
      Files.setPosixFilePermissions(fresh.resolve("main.sh"), PosixFilePermissions.fromString("rw-------"));
      Files.move(fresh, folder.path(), StandardCopyOption.ATOMIC_MOVE);
      return folder.id();
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot create container " + spec.container() + ": " + e.getMessage(), e);
    }
  }

  /// What the daemon needs of a spec later: no value of the environment is kept here.
  private static ObjectNode describe(ContainerSpec spec) {
    ObjectNode json = Json.object();
    json.put("image", spec.image()).put("backoffLevel", spec.backoffLevel());
    return json;
  }

  private String mainScript(ContainerSpec spec, Path pod, ContainerFolder folder, Path fresh) throws IOException {
    var command = new ArrayList<>(spec.command());
    command.addAll(spec.arguments());
    var environment = new java.util.LinkedHashMap<String, String>();
    environment.put("PATH", path);
    environment.putAll(spec.environment());
    environment.putIfAbsent("HOME", folder.path().resolve("work").toString());
    var complete =
        new ContainerSpec(
            spec.podUid(), spec.container(), spec.attempt(), spec.backoffLevel(), spec.image(), spec.command(),
            spec.arguments(), spec.workingDirectory(), environment, spec.mounts(), spec.cpuMillis(), spec.memoryBytes(),
            spec.userId(), spec.groupId());
    List<Path> joined =
        groups.available() ? groups.create(folder.group(), spec.cpuMillis(), spec.memoryBytes()) : List.of();
    var binds = new ArrayList<MainScript.Bind>();
    boolean privateRoot = false;
    for (ContainerSpec.Mount mount : spec.mounts()) {
      Path source = source(pod, mount);
      binds.add(new MainScript.Bind(source, mount.path(), mount.readOnly()));
      privateRoot |= Files.notExists(Path.of(mount.path()));
    }
    binds.sort(Comparator.comparing(MainScript.Bind::target));
    Optional<Path> overlay = Optional.empty();
    if (privateRoot) {
      for (String part : List.of("root", "upper", "work")) {
        Files.createDirectories(fresh.resolve("fs").resolve(part));
      }
      Files.setPosixFilePermissions(fresh.resolve("fs").resolve("upper"), PosixFilePermissions.fromString("rwxr-xr-x"));
      overlay = Optional.of(folder.path().resolve("fs"));
    }
    return MainScript.write(complete, command, folder.path().resolve("work"), joined, binds, overlay);
  }

  private static Path source(Path pod, ContainerSpec.Mount mount) throws IOException {
    Path host = pod.resolve("volumes").resolve(mount.volume() + ".host");
    Path base = Files.exists(host) ? Path.of(Files.readString(host)) : pod.resolve("volumes").resolve(mount.volume());
    if (mount.subPath().isEmpty()) {
      return base;
    }
    Path source = base.resolve(mount.subPath()).normalize();
    if (!source.startsWith(base)) {
      throw new IOException("subPath " + mount.subPath() + " leaves the volume " + mount.volume());
    }
    if (Files.notExists(source)) {
      Files.createDirectories(source);
    }
    return source;
  }

  @Override
  public void start(String id) {
    ContainerFolder folder = folder(id);
    if (folder.isStarted() || !Files.isDirectory(folder.path())) {
      return;
    }
    watch(folder.path());
    try {
      Process launcher =
          new ProcessBuilder("setsid", "--fork", "sh", shim.toString(), folder.path().toString())
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!launcher.waitFor(10, TimeUnit.SECONDS) || launcher.exitValue() != 0) {
        throw new RuntimeFailedException("cannot start " + id + ": setsid failed");
      }
      awaitStart(folder);
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot start " + id + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RuntimeFailedException("interrupted", e);
    }
  }

  /// The fence is made by the shim, a moment after it was launched.
  private void awaitStart(ContainerFolder folder) {
    long until = timeline.nanos() + TimeUnit.SECONDS.toNanos(5);
    while (!folder.isStarted() && timeline.nanos() < until) {
      java.util.concurrent.locks.LockSupport.parkNanos(500_000);
    }
    if (!folder.isStarted()) {
      throw new RuntimeFailedException("the shim of " + folder.id() + " did not begin");
    }
  }

  @Override
  public void terminate(String id) {
    folder(id).child().filter(ProcessTable::lives).ifPresent(child -> signal(List.of(child.pid()), "TERM"));
  }

  @Override
  public void kill(String id) {
    ContainerFolder folder = folder(id);
    if (!folder.isStarted()) {
      return;
    }
    var members = new HashSet<Long>(groups.members(folder.group()));
    Optional<ProcessTable.Identity> shimProcess = folder.shim().filter(ProcessTable::lives);
    shimProcess.ifPresent(
        process -> {
          members.addAll(ProcessTable.ofSession(process.pid()));
          members.remove(process.pid());
        });
    if (shimProcess.isEmpty()) {
      folder.child().filter(ProcessTable::lives).ifPresent(child -> members.addAll(ProcessTable.ofSession(child.pid())));
      folder.child().filter(ProcessTable::lives).ifPresent(child -> members.add(child.pid()));
    }
    if (!members.isEmpty()) {
      signal(List.copyOf(members), "KILL");
    }
  }

  private static void signal(List<Long> pids, String signal) {
    var command = new ArrayList<String>(List.of("kill", "-" + signal));
    pids.forEach(pid -> command.add(Long.toString(pid)));
    try {
      new ProcessBuilder(command)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor(5, TimeUnit.SECONDS);
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot signal " + pids + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void remove(String id) {
    ContainerFolder folder = folder(id);
    if (folder.state(bootId, groups, timeline.instant()) instanceof ContainerState.Running) {
      return;
    }
    kill(id);
    forget(folder);
    try {
      Folders.delete(folder.path());
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot remove " + id + ": " + e.getMessage(), e);
    }
  }

  private void forget(ContainerFolder folder) {
    groups.remove(folder.group());
    WatchKey key = watched.remove(folder.path());
    if (key != null) {
      key.cancel();
    }
  }

  @Override
  public void logs(String id, LogRange range, OutputStream out) {
    ContainerFolder folder = folder(id);
    Instant startedAt =
        switch (folder.state(bootId, groups, timeline.instant())) {
          case ContainerState.Running(Instant at) -> at;
          case ContainerState.Exited exited -> exited.startedAt();
          case ContainerState.Created _, ContainerState.Unknown _ -> Instant.EPOCH;
        };
    new LogReader(folder.log())
        .write(
            range,
            startedAt,
            out,
            () -> Files.isDirectory(folder.path()) && !folder.hasEnded() && folder.shim().filter(ProcessTable::lives).isPresent());
  }

  @Override
  public int exec(
      String id, List<String> command, InputStream in, OutputStream out, OutputStream err, Duration timeout) {
    ContainerFolder folder = folder(id);
    ProcessTable.Identity child =
        folder.child().filter(ProcessTable::lives).orElseThrow(() -> new RuntimeFailedException("container is not running"));
    var line = new ArrayList<String>();
    if (isRoot) {
      line.addAll(List.of("nsenter", "--target", Long.toString(child.pid()), "--mount", "--root", "--wd", "--"));
    }
    line.addAll(command);
    try {
      var builder = new ProcessBuilder(line);
      builder.environment().clear();
      builder.environment().putAll(environmentOf(child.pid()));
      Process process = builder.start();
      Thread output = Thread.ofVirtual().start(() -> pump(process.getInputStream(), out));
      Thread errors = Thread.ofVirtual().start(() -> pump(process.getErrorStream(), err));
      Thread.ofVirtual().start(() -> pumpAndClose(in, process.getOutputStream()));
      if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        return 124;
      }
      output.join();
      errors.join();
      return process.exitValue();
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot execute " + command.getFirst() + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RuntimeFailedException("interrupted", e);
    }
  }

  private static Map<String, String> environmentOf(long pid) throws IOException {
    var environment = new HashMap<String, String>();
    String all = Files.readString(Path.of("/proc/" + pid + "/environ"));
    for (String entry : all.split("\0", -1)) {
      int equals = entry.indexOf('=');
      if (equals > 0) {
        environment.put(entry.substring(0, equals), entry.substring(equals + 1));
      }
    }
    return environment;
  }

  private static void pump(InputStream in, OutputStream out) {
    try {
      in.transferTo(out);
    } catch (IOException e) {
      log.debug("stream ended early cause={}", e.toString());
    }
  }

  private static void pumpAndClose(InputStream in, OutputStream out) {
    try (out) {
      in.transferTo(out);
    } catch (IOException e) {
      log.debug("stream ended early cause={}", e.toString());
    }
  }

  // Changes

  @Override
  public void onChange(Consumer<String> podUid) {
    listeners.add(podUid);
  }

  private void watchExisting() {
    for (Path pod : children(root)) {
      for (ContainerFolder folder : folders(pod)) {
        if (!folder.hasEnded()) {
          watch(folder.path());
        }
      }
    }
  }

  private void watch(Path folder) {
    try {
      watched.put(folder, folder.register(watcher, StandardWatchEventKinds.ENTRY_CREATE));
    } catch (IOException e) {
      log.warn("cannot watch folder={} cause={}", folder, e.toString());
    }
  }

  /// The kernel says at once when a shim has written an exit code.
  private void watchExits() {
    while (!closed) {
      try {
        WatchKey key = watcher.take();
        boolean ended =
            key.pollEvents().stream().anyMatch(event -> "exit".equals(String.valueOf(event.context())));
        key.reset();
        if (ended && key.watchable() instanceof Path folder) {
          tell(root.relativize(folder).getName(0).toString());
        }
      } catch (InterruptedException | ClosedWatchServiceException e) {
        return;
      }
    }
  }

  private void tell(String podUid) {
    listeners.forEach(listener -> listener.accept(podUid));
  }

  /// What nobody tells: a shim that was killed. And the times of the logs, and their size.
  private void tick() {
    if (closed) {
      return;
    }
    try {
      Instant now = timeline.instant();
      for (Path pod : children(root)) {
        for (ContainerFolder folder : folders(pod)) {
          if (folder.hasEnded()) {
            continue;
          }
          LogReader.mark(folder.log(), now);
          if (Files.exists(folder.log()) && Files.size(folder.log()) > LOG_MAX) {
            rotate(folder.log());
          }
          if (folder.shim().filter(shimProcess -> !ProcessTable.lives(shimProcess)).isPresent()) {
            tell(folder.podUid());
          }
        }
      }
    } catch (IOException e) {
      log.warn("process runtime tick failed cause={}", e.toString());
    } finally {
      timeline.schedule(POLL, this::tick);
    }
  }

  /// The process keeps its file open: the content moves away, the file is emptied. Lines of that very moment may be lost.
  private static void rotate(Path file) throws IOException {
    Files.copy(file, file.resolveSibling("log.1"), StandardCopyOption.REPLACE_EXISTING);
    try (var channel = java.nio.channels.FileChannel.open(file, java.nio.file.StandardOpenOption.WRITE)) {
      channel.truncate(0);
    }
    Files.deleteIfExists(file.resolveSibling("log.marks"));
  }

  // Folders

  private Path pod(String podUid) {
    if (!podUid.matches("[A-Za-z0-9-]+")) {
      throw new IllegalArgumentException("no pod UID: " + podUid);
    }
    return root.resolve(podUid);
  }

  private ContainerFolder folder(String id) {
    int slash = id.indexOf('/');
    Path pod = pod(id.substring(0, slash));
    return new ContainerFolder(pod, pod.resolve("containers").resolve(id.substring(slash + 1)));
  }

  private static List<ContainerFolder> folders(Path pod) {
    return children(pod.resolve("containers")).stream()
        .filter(path -> path.getFileName().toString().matches("[^.].*-[0-9]+"))
        .map(path -> new ContainerFolder(pod, path))
        .sorted(Comparator.comparing(ContainerFolder::container).thenComparing(ContainerFolder::attempt))
        .toList();
  }

  private static List<Path> children(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    var children = new ArrayList<Path>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
      all.forEach(
          child -> {
            if (Files.isDirectory(child)) {
              children.add(child);
            }
          });
    } catch (IOException e) {
      return children;
    }
    return children;
  }

  /// Stops looking; what runs goes on running.
  @Override
  public void close() {
    closed = true;
    try {
      watcher.close();
    } catch (IOException e) {
      log.debug("watch service did not close cause={}", e.toString());
    }
  }
}
