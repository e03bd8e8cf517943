package dev.slipway.runtime.process;

import dev.slipway.model.json.Json;
import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Runs containers as local processes. Each has a folder, and a small shim that starts it, keeps
/// its output and its exit code, and outlives this program. Everything that is known of a container
/// is read from its folder: nothing is remembered.
///
/// ```
/// pods/UID/sandbox            namespace, name, address
/// pods/UID/volumes/NAME       content of the volumes; NAME.place says where, when it is elsewhere
/// pods/UID/containers/NAME-N  attempt N of a container: spec, main.sh, log, and what the shim writes
/// ```
///
/// One program at a time may use the folder.
public final class ProcessRuntime implements ContainerRuntime, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProcessRuntime.class);
  private static final int ADDRESSES = 1 << 20;
  private static final int SECOND_BYTE = 64;
  private static final Duration POLL = Duration.ofSeconds(1);
  private static final Duration LAUNCH = Duration.ofSeconds(5);
  private static final Duration REMOVAL = Duration.ofSeconds(5);
  private static final Duration DRAIN = Duration.ofSeconds(1);
  private static final Duration MARKING = Duration.ofMillis(50);
  private static final String GONE = ".gone-";
  private static final String LAST_WORDS = "termination-log";

  private final Path root;
  private final Path shim;
  private final String path;
  private final Timeline timeline;
  private final Tools tools;
  private final Terminal terminal;
  private final Cgroups groups;
  private final Optional<Path> memory;
  private final Map<String, Sandbox> sandboxes = new ConcurrentHashMap<>();
  private final Map<String, String> planned = new ConcurrentHashMap<>();
  private final Set<Consumer<String>> listeners = ConcurrentHashMap.newKeySet();
  private final WatchService watcher;
  private final Map<Path, Live> live = new ConcurrentHashMap<>();
  private volatile boolean closed;

  /// A container whose end is awaited.
  private static final class Live {
    final ContainerFolder folder;
    final @Nullable WatchKey key;
    volatile long size = -1;
    boolean marking;
    long markedAt = Long.MIN_VALUE;

    Live(ContainerFolder folder, @Nullable WatchKey key) {
      this.folder = folder;
      this.key = key;
    }
  }

  private ProcessRuntime(Path root, String path, Timeline timeline) throws IOException {
    this.root = root;
    this.shim = root.resolve("shim.sh");
    this.path = path;
    this.timeline = timeline;
    this.tools = new Tools(root.resolve(".trial"), timeline);
    this.terminal = new Terminal(tools);
    this.groups = Cgroups.detect();
    Object user = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    String place = "%x".formatted(root.toString().hashCode());
    this.memory = tools.memory("slipway-%s-%s".formatted(user, place));
    this.watcher = root.getFileSystem().newWatchService();
  }

  /// @param root holds the pods; made when missing
  /// @param path the `PATH` of containers that state none
  public static ProcessRuntime open(Path root, String path, Timeline timeline) {
    try {
      Path real = Files.createDirectories(root.toAbsolutePath()).toRealPath();
      Files.setPosixFilePermissions(real, Folders.permissions(0700));
      var runtime = new ProcessRuntime(real, path, timeline);
      runtime.installShim();
      runtime.recover();
      Thread.ofPlatform().daemon(true).name("process-exits").start(runtime::watchExits);
      runtime.tick();
      return runtime;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use " + root + ": " + e.getMessage(), e);
    }
  }

  private void installShim() throws IOException {
    try (InputStream in = ProcessRuntime.class.getResourceAsStream("shim.sh")) {
      if (in == null) {
        throw new IllegalStateException("shim.sh is not in the program");
      }
      Folders.write(shim, in.readAllBytes(), 0600);
    }
  }

  /// Takes over what an earlier program left: pods go on, half-made and half-removed ones go.
  private void recover() throws IOException {
    for (Path pod : children(root)) {
      String name = String.valueOf(pod.getFileName());
      if (name.startsWith(GONE)) {
        // Removed, but for its files: a file that cannot go is no reason not to start.
        discard(pod);
        continue;
      }
      Optional<Sandbox> sandbox = isPodUid(name) ? readSandbox(pod) : Optional.empty();
      if (sandbox.isPresent()) {
        sandboxes.put(sandbox.get().podUid(), sandbox.get());
        for (ContainerFolder folder : folders(pod)) {
          if (!folder.hasEnded()) {
            watch(folder);
          }
          mark(folder);
        }
      } else if (folders(pod).isEmpty()) {
        discard(pod);
      }
    }
    if (memory.isPresent()) {
      for (Path pod : children(memory.get())) {
        if (!sandboxes.containsKey(String.valueOf(pod.getFileName()))) {
          discard(pod);
        }
      }
    }
  }

  @Override
  public String version() {
    return "process://" + Runtime.version().feature() + (groups.available() ? "+cgroups" : "");
  }

  @Override
  public boolean enforcesLimits() {
    return groups.available();
  }

  // Pods

  @Override
  public List<Sandbox> sandboxes() {
    return sandboxes.values().stream().sorted(Comparator.comparing(Sandbox::podUid)).toList();
  }

  @Override
  public Optional<Sandbox> sandbox(String podUid) {
    return Optional.ofNullable(sandboxes.get(podUid));
  }

  private static Optional<Sandbox> readSandbox(Path pod) {
    try {
      JsonNode json = Json.parse(Files.readAllBytes(pod.resolve("sandbox")));
      return Optional.of(
          new Sandbox(
              String.valueOf(pod.getFileName()),
              Json.string(json, "namespace", ""),
              Json.string(json, "name", ""),
              Json.string(json, "address", "")));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  @Override
  public synchronized String address(SandboxSpec pod) {
    Sandbox known = sandboxes.get(pod.podUid());
    String address = known != null ? known.address() : planned.get(pod.podUid());
    if (address == null) {
      address = freeAddress(pod.podUid());
      planned.put(pod.podUid(), address);
    }
    return address;
  }

  @Override
  public synchronized Sandbox prepare(SandboxSpec spec) {
    String podUid = spec.podUid();
    Path pod = pod(podUid);
    if (!spec.sysctls().isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "pod %s/%s sets sysctls, and processes share the kernel settings of their node"
              .formatted(spec.namespace(), spec.name()));
    }
    try {
      Sandbox sandbox = sandboxes.get(podUid);
      if (sandbox == null) {
        Files.createDirectories(pod.resolve("containers"));
        Files.createDirectories(pod.resolve("volumes"));
        sandbox = new Sandbox(podUid, spec.namespace(), spec.name(), address(spec));
        ObjectNode json = Json.object();
        json.put("namespace", spec.namespace())
            .put("name", spec.name())
            .put("address", sandbox.address());
        Folders.write(pod.resolve("sandbox"), Json.write(json), 0600);
        sandboxes.put(podUid, sandbox);
        planned.remove(podUid);
      }
      for (VolumeSpec volume : spec.volumes()) {
        volumes(podUid).prepare(volume, spec.namespace());
      }
      return sandbox;
    } catch (IOException e) {
      throw new RuntimeFailedException(
          "cannot make pod %s/%s: %s".formatted(spec.namespace(), spec.name(), words(e)), e);
    }
  }

  private Volumes volumes(String podUid) throws IOException {
    if (memory.isPresent() && Files.notExists(memory.get())) {
      Folders.make(memory.get(), 0700);
    }
    return new Volumes(
        pod(podUid).resolve("volumes"),
        memory.map(folder -> folder.resolve(podUid)),
        root.resolveSibling("volumes"));
  }

  private String freeAddress(String podUid) {
    var taken = new HashSet<String>();
    sandboxes.values().forEach(sandbox -> taken.add(sandbox.address()));
    taken.addAll(planned.values());
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

  @Override
  public void removePod(String podUid) {
    Path pod = pod(podUid);
    List<ContainerFolder> containers = folders(pod);
    containers.forEach(ContainerFolder::giveUp);
    containers.forEach(folder -> kill(folder.id()));
    containers.forEach(folder -> ProcessTable.kill(groups.members(folder.group())));
    for (ContainerFolder folder : containers) {
      if (!await(() -> folder.hasEnded() || !folder.isAlive(groups), REMOVAL)) {
        throw new RuntimeFailedException(
            "a process of container %s does not end".formatted(folder.id()));
      }
      forget(folder);
    }
    try {
      if (Files.exists(pod)) {
        Path gone = root.resolve(GONE + podUid);
        Folders.delete(gone);
        Files.move(pod, gone, StandardCopyOption.ATOMIC_MOVE);
        sandboxes.remove(podUid);
        Folders.delete(gone);
      }
      sandboxes.remove(podUid);
      planned.remove(podUid);
      if (memory.isPresent()) {
        Folders.delete(memory.get().resolve(podUid));
      }
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot remove pod " + podUid + ": " + words(e), e);
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
              Json.integer(folder.spec(), "backoffLevel", 0),
              folder.id(),
              "",
              folder.state(groups, now)));
    }
    return observed;
  }

  @Override
  public Optional<List<Usage>> usage(Set<String> podUids) {
    var all = new ArrayList<Usage>();
    for (String podUid : podUids) {
      for (ContainerFolder folder : folders(pod(podUid))) {
        if (folder.state(groups, timeline.instant()) instanceof ContainerState.Running) {
          Set<Long> members = folder.leftovers(groups);
          ProcessTable.Usage counted = ProcessTable.usage(members);
          all.add(
              new Usage(
                  podUid,
                  folder.container(),
                  folder.id(),
                  groups.cpuNanos(folder.group()).orElse(counted.cpuNanos()),
                  groups.memoryBytes(folder.group()).orElse(counted.memoryBytes()),
                  timeline.nanos()));
        }
      }
    }
    return Optional.of(all);
  }

  @Override
  public String create(ContainerSpec spec) {
    check(spec);
    Path pod = pod(spec.podUid());
    if (!Files.isDirectory(pod.resolve("containers"))) {
      throw new RuntimeFailedException("pod " + spec.podUid() + " was not prepared");
    }
    Path containers = pod.resolve("containers");
    var folder =
        new ContainerFolder(pod, containers.resolve(spec.container() + "-" + spec.attempt()));
    synchronized (this) {
      if (folder.exists()) {
        return folder.id();
      }
      Path fresh = containers.resolve("." + spec.container() + "-" + spec.attempt());
      try {
        Folders.delete(fresh);
        Folders.make(fresh, 0700);
        Folders.make(fresh.resolve("work"), 0755);
        write(spec, folder, fresh);
        Files.move(fresh, folder.path(), StandardCopyOption.ATOMIC_MOVE);
        return folder.id();
      } catch (IOException e) {
        throw new RuntimeFailedException(
            "cannot create container %s: %s".formatted(spec.container(), words(e)), e);
      }
    }
  }

  private void check(ContainerSpec spec) {
    // An image without an entry point runs its arguments: so does no image at all.
    if (spec.command().isEmpty() && spec.arguments().isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "container %s states no command: the process runtime has no images, so what %s would run is not known here"
              .formatted(spec.container(), spec.image()));
    }
    for (ContainerSpec.Mount mount : spec.mounts()) {
      if (mount.otherwise().isPresent() || canMount(mount)) {
        continue;
      }
      throw RuntimeFailedException.unsupported(
          tools.canMount()
              ? "container %s mounts %s, which does not exist on this node, and this system has no overlay file system to make it in"
                  .formatted(spec.container(), mount.path())
              : "container %s mounts volumes, which this system lets neither this user nor a user namespace do"
                  .formatted(spec.container()));
    }
    if (spec.userId().isPresent() && !tools.canChangeUser()) {
      throw RuntimeFailedException.unsupported(
          "container %s wants to run as user %d, and only root may change the user"
              .formatted(spec.container(), spec.userId().get()));
    }
  }

  private boolean canMount(ContainerSpec.Mount mount) {
    return tools.canMount() && (Files.exists(Path.of(mount.path())) || tools.canLayRoot());
  }

  /// Whether the place to mount it at can be made, when it is missing: in the private root, unless
  /// something else is mounted there, whose own folder it must be made in then.
  private boolean canMakePlace(ContainerSpec.Mount mount) throws IOException {
    Path present = present(Path.of(mount.path()));
    return Files.exists(Path.of(mount.path()))
        || Files.getFileStore(present).equals(Files.getFileStore(Path.of("/")))
        || Files.isWritable(present);
  }

  /// The nearest folder above that is there.
  private static Path present(Path path) {
    Path present = path;
    while (Files.notExists(present) && present.getParent() != null) {
      present = present.getParent();
    }
    return present;
  }

  /// A path without the links of the host in it: they would lead out of a private root.
  private static String withoutLinks(String path) throws IOException {
    Path whole = Path.of(path).normalize();
    Path present = present(whole);
    return present.toRealPath().resolve(present.relativize(whole)).toString();
  }

  private void write(ContainerSpec spec, ContainerFolder folder, Path fresh) throws IOException {
    Volumes volumes = volumes(spec.podUid());
    var binds = new ArrayList<MainScript.Bind>();
    var places = new LinkedHashMap<String, String>();
    boolean privateRoot = false;
    for (ContainerSpec.Mount mount : spec.mounts()) {
      Path source = volumes.source(mount);
      if (mount.otherwise().isPresent() && !(canMount(mount) && canMakePlace(mount))) {
        places.put(mount.otherwise().get(), source.toString());
        continue;
      }
      binds.add(
          new MainScript.Bind(
              source, withoutLinks(mount.path()), mount.readOnly(), Files.isRegularFile(source)));
      privateRoot |= Files.notExists(Path.of(mount.path()));
    }
    binds.sort(Comparator.comparing(MainScript.Bind::target));
    Path words = folder.path().resolve(LAST_WORDS);
    Files.createFile(fresh.resolve(LAST_WORDS));
    if (privateRoot) {
      // What is written elsewhere in a private root stays in it.
      binds.add(new MainScript.Bind(words, words.toString(), false, true));
      for (String part : List.of("root", "upper", "work")) {
        Folders.make(fresh.resolve("fs").resolve(part), 0755);
      }
    }
    if (spec.userId().isPresent()) {
      for (Path own : List.of(fresh.resolve("work"), fresh.resolve(LAST_WORDS))) {
        Files.setAttribute(own, "unix:uid", Math.toIntExact(spec.userId().get()));
        Files.setAttribute(
            own, "unix:gid", Math.toIntExact(spec.groupId().orElse(spec.userId().get())));
      }
    }
    String work = folder.path().resolve("work").toString();
    var environment = new LinkedHashMap<String, String>();
    environment.put("PATH", path);
    environment.put("HOME", work);
    environment.put("SLIPWAY_TERMINATION_LOG", words.toString());
    environment.putAll(places);
    environment.putAll(spec.environment());
    environment.put(ContainerFolder.MARK, folder.id());
    var command = new ArrayList<>(spec.command());
    command.addAll(spec.arguments());
    var script =
        new MainScript(
            folder.path(),
            command,
            environment,
            spec.workingDirectory().isEmpty() ? work : spec.workingDirectory(),
            groups.available()
                ? groups.create(folder.group(), spec.cpuMillis(), spec.memoryBytes())
                : List.of(),
            binds,
            privateRoot ? Optional.of(folder.path().resolve("fs")) : Optional.empty(),
            spec.userId(),
            spec.groupId(),
            spec.terminal().tty() ? Optional.of(terminal) : Optional.empty(),
            tools);
    Folders.write(fresh.resolve("main.sh"), script.outer().getBytes(StandardCharsets.UTF_8), 0600);
    Optional<String> inner = script.inner();
    if (inner.isPresent()) {
      Folders.write(fresh.resolve("inner.sh"), inner.get().getBytes(StandardCharsets.UTF_8), 0600);
    }
    if (spec.terminal().stdin() || spec.terminal().tty()) {
      Folders.write(fresh.resolve("input"), new byte[0], 0600);
    }
    Folders.write(fresh.resolve("spec"), Json.write(describe(spec, !binds.isEmpty())), 0600);
  }

  /// What is needed of a spec later: no value of the environment is kept here.
  private static ObjectNode describe(ContainerSpec spec, boolean mounts) {
    ObjectNode json = Json.object();
    json.put("image", spec.image())
        .put("backoffLevel", spec.backoffLevel())
        .put("mounts", mounts)
        .put("tty", spec.terminal().tty())
        .put("stdin", spec.terminal().stdin())
        .put("stdinOnce", spec.terminal().stdinOnce());
    spec.userId().ifPresent(user -> json.put("user", user));
    spec.groupId().or(spec::userId).ifPresent(group -> json.put("group", group));
    return json;
  }

  @Override
  public void start(String id) {
    ContainerFolder folder = folder(id);
    if (folder.isStarted() || !folder.exists()) {
      return;
    }
    watch(folder);
    try {
      var command =
          new ArrayList<>(
              List.of(
                  tools.program("setsid"),
                  "--fork",
                  "sh",
                  shim.toString(),
                  folder.path().toString()));
      groups.processes(folder.group()).ifPresent(file -> command.add(file.toString()));
      var builder =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD);
      builder.environment().clear();
      builder
          .environment()
          .put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
      Process launcher = builder.start();
      if (!launcher.waitFor(LAUNCH.toMillis(), TimeUnit.MILLISECONDS)
          || launcher.exitValue() != 0) {
        throw new RuntimeFailedException("cannot start " + id + ": setsid failed");
      }
      await(() -> folder.child().isPresent() || folder.hasEnded() || !folder.exists(), LAUNCH);
      if (folder.exists() && !folder.isStarted()) {
        throw new RuntimeFailedException("the shim of " + id + " did not begin");
      }
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot start " + id + ": " + words(e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RuntimeFailedException("interrupted", e);
    }
  }

  private boolean await(BooleanSupplier condition, Duration limit) {
    long until = timeline.nanos() + limit.toNanos();
    while (!condition.getAsBoolean()) {
      if (timeline.nanos() > until) {
        return false;
      }
      LockSupport.parkNanos(300_000);
    }
    return true;
  }

  @Override
  public void terminate(String id) {
    ContainerFolder folder = folder(id);
    if (!begun(folder)) {
      return;
    }
    boolean inTerminal = folder.spec().path("tty").asBoolean(false);
    folder
        .child()
        .filter(ProcessTable::lives)
        .flatMap(child -> ProcessHandle.of(child.pid()))
        .map(child -> inTerminal ? child.children().findFirst().orElse(child) : child)
        .ifPresent(ProcessHandle::destroy);
  }

  @Override
  public void kill(String id) {
    ContainerFolder folder = folder(id);
    if (!begun(folder)) {
      return;
    }
    await(
        () -> {
          Set<Long> left = folder.leftovers(groups);
          ProcessTable.kill(left);
          return left.isEmpty();
        },
        LAUNCH);
  }

  /// Whether a main process was started and may be running; waits for a shim that is just about to
  /// start one.
  private boolean begun(ContainerFolder folder) {
    if (!folder.isStarted() || folder.hasEnded()) {
      return false;
    }
    await(
        () ->
            folder.child().isPresent()
                || folder.hasEnded()
                || folder.shim().filter(process -> !ProcessTable.lives(process)).isPresent(),
        Duration.ofSeconds(1));
    return !folder.hasEnded();
  }

  @Override
  public void remove(String id) {
    ContainerFolder folder = folder(id);
    if (!folder.exists()
        || folder.state(groups, timeline.instant()) instanceof ContainerState.Running) {
      return;
    }
    if (!folder.isStarted() && !folder.giveUp()) {
      return;
    }
    forget(folder);
    try {
      Path gone = folder.path().resolveSibling("." + folder.path().getFileName() + ".gone");
      Folders.delete(gone);
      Files.move(folder.path(), gone, StandardCopyOption.ATOMIC_MOVE);
      Folders.delete(gone);
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot remove " + id + ": " + words(e), e);
    }
  }

  private void forget(ContainerFolder folder) {
    groups.remove(folder.group());
    over(folder.path());
  }

  @Override
  public void logs(String id, LogRange range, OutputStream out) {
    ContainerFolder folder = folder(id);
    Instant startedAt =
        switch (folder.state(groups, timeline.instant())) {
          case ContainerState.Running(Instant at) -> at;
          case ContainerState.Exited exited -> exited.startedAt();
          case ContainerState.Created _, ContainerState.Unknown _ -> Instant.EPOCH;
        };
    mark(folder);
    new LogReader(new ContainerLog(folder.log()))
        .write(
            range,
            startedAt,
            out,
            () -> {
              if (range.timestamps()) {
                mark(folder);
              }
              return mayWrite(folder);
            });
  }

  private boolean mayWrite(ContainerFolder folder) {
    return !closed
        && folder.exists()
        && !(folder.state(groups, timeline.instant()) instanceof ContainerState.Exited);
  }

  /// The node has one `/dev` for all: each container is told a file of its own instead.
  @Override
  public Optional<byte[]> terminationMessage(String id, String path, int most) {
    Path words = folder(id).path().resolve(LAST_WORDS);
    if (!Files.isRegularFile(words, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(words, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.of(in.readNBytes(most));
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot read " + words + ": " + words(e), e);
    }
  }

  @Override
  public void attach(
      String id,
      Optional<InputStream> in,
      OutputStream out,
      OutputStream err,
      TerminalSizes sizes,
      Instant since) {
    ContainerFolder folder = folder(id);
    if (in.isPresent() && !folder.spec().path("stdin").asBoolean(true)
        || in.isPresent() && Files.notExists(folder.path().resolve("in"))) {
      throw new RuntimeFailedException("the input of this container is not kept open");
    }
    // Before there is input: what it brings about may be written at once, and no clock of a file
    // system is fine enough to tell that from what was written before.
    long present = length(folder);
    Optional<Thread> resizing =
        folder.spec().path("tty").asBoolean(false)
            ? folder.child().map(script -> terminal.follow(script.pid(), sizes))
            : Optional.empty();
    Optional<Thread> input =
        in.map(from -> Thread.ofVirtual().name("pod-input").start(() -> feed(folder, from)));
    try {
      new LogReader(new ContainerLog(folder.log())).writeFrom(present, out, () -> mayWrite(folder));
    } finally {
      input.ifPresent(Thread::interrupt);
      resizing.ifPresent(Thread::interrupt);
    }
  }

  private static long length(ContainerFolder folder) {
    try {
      return new ContainerLog(folder.log()).length();
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot read the log: " + words(e), e);
    }
  }

  /// Opened for both ways, since opening a pipe for one waits for the other side.
  private static void feed(ContainerFolder folder, InputStream from) {
    try (FileChannel pipe = pipe(folder, "in")) {
      from.transferTo(Channels.newOutputStream(pipe));
    } catch (IOException e) {
      log.debug("input ended early container={} cause={}", folder.id(), e.toString());
    }
    if (folder.spec().path("stdinOnce").asBoolean(false)) {
      // Whichever way the client ended, also by an interrupt, which would close the pipe unwritten.
      Thread.interrupted();
      try (FileChannel over = pipe(folder, "over")) {
        over.write(ByteBuffer.wrap(new byte[] {'\n'}));
      } catch (IOException e) {
        log.debug("input stays open container={} cause={}", folder.id(), e.toString());
      }
    }
  }

  private static FileChannel pipe(ContainerFolder folder, String name) throws IOException {
    return FileChannel.open(
        folder.path().resolve(name), StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  @Override
  public int exec(
      String id,
      List<String> command,
      Optional<TerminalSizes> sizes,
      InputStream in,
      OutputStream out,
      OutputStream err,
      Duration timeout) {
    ContainerFolder folder = folder(id);
    ProcessTable.Identity child =
        folder
            .child()
            .filter(ProcessTable::lives)
            .orElseThrow(() -> new RuntimeFailedException("container is not running"));
    Map<String, String> environment = entered(child);
    try {
      List<String> line = enter(folder, child, command);
      var builder = new ProcessBuilder(sizes.isPresent() ? terminal.around(line) : line);
      if (!folder.spec().path("mounts").asBoolean(false)) {
        builder.directory(Path.of("/proc/" + child.pid() + "/cwd").toRealPath().toFile());
      }
      builder.environment().clear();
      builder.environment().putAll(environment);
      if (sizes.isPresent()) {
        builder.environment().putIfAbsent("TERM", "xterm");
      }
      Process process = builder.start();
      Optional<Thread> resizing = sizes.map(told -> terminal.follow(process.pid(), told));
      Thread output = Thread.ofVirtual().start(() -> pump(process.getInputStream(), out));
      Thread errors = Thread.ofVirtual().start(() -> pump(process.getErrorStream(), err));
      Thread.ofVirtual().start(() -> pumpAndClose(in, process.getOutputStream()));
      boolean ended = false;
      try {
        ended = process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
      } finally {
        resizing.ifPresent(Thread::interrupt);
        if (!ended) {
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly();
        }
      }
      // Whoever it left behind may hold its output open for ever.
      output.join(DRAIN);
      errors.join(DRAIN);
      return ended ? process.exitValue() : 124;
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot execute " + command + ": " + words(e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RuntimeFailedException("interrupted", e);
    }
  }

  /// The environment of a container's process. Until the command has taken the place of the scripts
  /// before it there is nothing to enter, and whenever a program takes the place of another there
  /// is none to be read for a moment.
  private Map<String, String> entered(ProcessTable.Identity child) {
    var seen = new AtomicReference<>(Map.<String, String>of());
    await(
        () -> {
          seen.set(environmentOf(child.pid()));
          return seen.get().containsKey(ContainerFolder.MARK);
        },
        Duration.ofSeconds(1));
    return seen.get();
  }

  /// The command, seeing what the container sees, bound by its limits, and ended with it.
  private List<String> enter(
      ContainerFolder folder, ProcessTable.Identity child, List<String> command) {
    var line = new ArrayList<String>();
    List<Path> joined = groups.available() ? groups.joinFiles(folder.group()) : List.of();
    if (!joined.isEmpty()) {
      var script = new StringBuilder();
      joined.forEach(
          file ->
              script
                  .append("echo $$ > ")
                  .append(MainScript.quoted(file.toString()))
                  .append(" 2>/dev/null; "));
      line.addAll(List.of("/bin/sh", "-c", script + "exec \"$@\"", "sh"));
    }
    JsonNode spec = folder.spec();
    if (spec.path("mounts").asBoolean(false)) {
      line.addAll(List.of(tools.program("nsenter"), "--target", Long.toString(child.pid())));
      if (!tools.isRoot()) {
        line.addAll(List.of("--user", "--preserve-credentials"));
      }
      line.addAll(List.of("--mount", "--root", "--wd", "--"));
    }
    if (spec.has("user")) {
      line.addAll(
          List.of(
              tools.program("setpriv"),
              "--reuid",
              spec.path("user").asString("0"),
              "--regid",
              spec.path("group").asString("0"),
              "--clear-groups",
              "--"));
    }
    // Through env, so that a program is looked for where the container would.
    line.addAll(List.of(tools.program("env"), "--"));
    line.addAll(command);
    return line;
  }

  private static Map<String, String> environmentOf(long pid) {
    var environment = new HashMap<String, String>();
    try {
      String all =
          new String(
              Files.readAllBytes(Path.of("/proc/" + pid + "/environ")), StandardCharsets.UTF_8);
      for (String entry : all.split("\0", -1)) {
        int equals = entry.indexOf('=');
        if (equals > 0) {
          environment.put(entry.substring(0, equals), entry.substring(equals + 1));
        }
      }
    } catch (IOException e) {
      log.debug("environment not known process={} cause={}", pid, e.toString());
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

  private void watch(ContainerFolder folder) {
    live.computeIfAbsent(
        folder.path(),
        path -> {
          try {
            return new Live(
                folder,
                path.register(
                    watcher,
                    StandardWatchEventKinds.ENTRY_CREATE,
                    StandardWatchEventKinds.ENTRY_MODIFY));
          } catch (IOException | ClosedWatchServiceException e) {
            log.warn("cannot watch, will look each second folder={} cause={}", path, e.toString());
            return new Live(folder, null);
          }
        });
  }

  /// Nothing more is to be heard of a container.
  private void over(Path folder) {
    Live known = live.remove(folder);
    if (known != null && known.key != null) {
      known.key.cancel();
    }
  }

  /// The kernel says at once when a shim has written an exit code, and when a container has written
  /// to its log.
  private void watchExits() {
    while (!closed) {
      try {
        WatchKey key = watcher.take();
        boolean ended = false;
        boolean wrote = false;
        boolean began = false;
        for (WatchEvent<?> event : key.pollEvents()) {
          String name = String.valueOf(event.context());
          boolean unknown = event.kind() == StandardWatchEventKinds.OVERFLOW;
          ended |= unknown || name.equals("exit");
          began |= name.equals("child") || name.equals("started");
          wrote |= unknown || name.equals("log");
        }
        key.reset();
        if (key.watchable() instanceof Path folder) {
          Live known = live.get(folder);
          if (known != null && wrote) {
            wrote(known);
          }
          if (known != null && ended && known.folder.hasEnded()) {
            over(folder);
            mark(known.folder);
          }
          if (ended || began) {
            tell(root.relativize(folder).getName(0).toString());
          }
        }
      } catch (InterruptedException | ClosedWatchServiceException e) {
        return;
      } catch (RuntimeException e) {
        log.error("a change of a container was not passed on", e);
      }
    }
  }

  /// Notes the time at once, and then no more often than needed.
  private void wrote(Live one) {
    synchronized (one) {
      if (one.marking) {
        return;
      }
      long now = timeline.nanos();
      long next = one.markedAt == Long.MIN_VALUE ? now : one.markedAt + MARKING.toNanos();
      if (next > now) {
        one.marking = true;
        timeline.schedule(
            Duration.ofNanos(next - now),
            () -> {
              synchronized (one) {
                one.marking = false;
                one.markedAt = timeline.nanos();
              }
              mark(one.folder);
            });
        return;
      }
      one.markedAt = now;
    }
    mark(one.folder);
  }

  private void tell(String podUid) {
    listeners.forEach(listener -> listener.accept(podUid));
  }

  /// What nobody tells: a shim that was killed, an exit that the kernel did not report. And the
  /// times of the logs, and their size.
  private void tick() {
    if (closed) {
      return;
    }
    try {
      for (Live one : live.values()) {
        look(one);
      }
    } finally {
      timeline.schedule(POLL, this::tick);
    }
  }

  private void look(Live one) {
    ContainerFolder folder = one.folder;
    try {
      if (!folder.exists()) {
        over(folder.path());
        return;
      }
      if (folder.hasEnded()) {
        over(folder.path());
        mark(folder);
        tell(folder.podUid());
        return;
      }
      if (Files.exists(folder.log())) {
        long size = Files.size(folder.log());
        if (size != one.size) {
          one.size = size;
          var written = new ContainerLog(folder.log());
          written.mark();
          written.shorten(tools, ContainerLog.LONGEST);
        }
      }
      if (folder.shim().filter(process -> !ProcessTable.lives(process)).isPresent()) {
        tell(folder.podUid());
      }
    } catch (IOException e) {
      log.warn("cannot look after container={} cause={}", folder.id(), e.toString());
    }
  }

  private void mark(ContainerFolder folder) {
    try {
      new ContainerLog(folder.log()).mark();
    } catch (IOException e) {
      log.debug("time of log not noted container={} cause={}", folder.id(), e.toString());
    }
  }

  // Folders

  private static void discard(Path folder) {
    try {
      Folders.delete(folder);
    } catch (IOException e) {
      log.warn("cannot delete folder={} cause={}", folder, words(e));
    }
  }

  private static boolean isPodUid(String name) {
    return name.matches("[A-Za-z0-9-]+");
  }

  private Path pod(String podUid) {
    if (!isPodUid(podUid)) {
      throw new IllegalArgumentException("no pod UID: " + podUid);
    }
    return root.resolve(podUid);
  }

  private ContainerFolder folder(String id) {
    int slash = id.indexOf('/');
    if (slash < 0 || !id.substring(slash + 1).matches("[A-Za-z0-9-]+-[0-9]+")) {
      throw new IllegalArgumentException("no container id: " + id);
    }
    Path pod = pod(id.substring(0, slash));
    return new ContainerFolder(pod, pod.resolve("containers").resolve(id.substring(slash + 1)));
  }

  private static List<ContainerFolder> folders(Path pod) {
    return children(pod.resolve("containers")).stream()
        .filter(path -> String.valueOf(path.getFileName()).matches("[A-Za-z0-9-]+-[0-9]+"))
        .map(path -> new ContainerFolder(pod, path))
        .sorted(
            Comparator.comparing(ContainerFolder::container)
                .thenComparing(ContainerFolder::attempt))
        .toList();
  }

  private static List<Path> children(Path folder) {
    var children = new ArrayList<Path>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, Files::isDirectory)) {
      all.forEach(children::add);
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return children;
    }
    return children;
  }

  private static String words(IOException e) {
    return e instanceof java.nio.file.FileSystemException && e.getMessage() != null
        ? e.getClass().getSimpleName().replace("Exception", "") + " " + e.getMessage()
        : String.valueOf(e.getMessage());
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
