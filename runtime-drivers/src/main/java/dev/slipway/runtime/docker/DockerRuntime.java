package dev.slipway.runtime.docker;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.Frame;
import com.github.dockerjava.api.model.StreamType;
import dev.slipway.model.json.Json;
import dev.slipway.model.pod.TerminalSizes;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.ImageRequest;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.TerminalFollower;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Runs pods as containers of one engine. What is known of a container is in its labels and in what
/// the engine says; a restart of this program or of the engine loses nothing.
///
/// A pod of one container is that one container, with an address that we chose. A pod of several
/// has one more that holds their common place, and so has one whose volumes are in memory. A pod
/// with other volumes has one that is made and never runs, to bring files through.
public final class DockerRuntime implements ContainerRuntime, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DockerRuntime.class);
  private static final String SCHEME = "docker://";
  private static final int END_OF_TRANSMISSION = 4;
  private static final int RESIZES = 10;
  private static final Duration SLOW = Duration.ofMinutes(2);
  private static final Duration REMOVAL = Duration.ofSeconds(30);

  private final Engine engine;
  private final DockerOptions options;
  private final Timeline timeline;
  private final Labels labels;
  private final ContainerConfig config;
  private final PodNetwork network;
  private final PodVolumes volumes;
  private final MessageFiles messages;
  private final Images images;
  private final EngineWatch watch;
  private final Semaphore slots;
  private final Set<Consumer<String>> listeners = ConcurrentHashMap.newKeySet();

  /// Pods that have something on the engine, or were prepared. Read from the engine at first.
  private final Map<String, Sandbox> places = new ConcurrentHashMap<>();

  private final Map<String, String> planned = new ConcurrentHashMap<>();
  private final Map<String, Prepared> prepared = new ConcurrentHashMap<>();

  /// Containers that this program has just made and nobody has tried to start.
  private final Set<String> fresh = ConcurrentHashMap.newKeySet();

  /// Pods of which the last look saw no container, and for which none was made since.
  private final Set<String> empty = ConcurrentHashMap.newKeySet();

  /// What the last look at a pod saw.
  ///
  /// @param happenings how much had happened to the pod before that look
  private record Look(long happenings, List<Observed> containers) {}

  private final Map<String, Look> looks = new ConcurrentHashMap<>();
  private final Map<String, Long> happenings = new ConcurrentHashMap<>();

  private final Set<Closeable> streams = ConcurrentHashMap.newKeySet();

  /// What the last comparison saw, by pod.
  private Map<String, Set<String>> seen = Map.of();

  private volatile boolean loaded;

  /// Whether the engine tells what happens: only then a look is worth keeping.
  private volatile boolean listening;

  private volatile boolean closed;

  /// What the last [#prepare] of a pod made.
  ///
  /// @param placeId of the container that keeps or holds its place; empty when it has none
  private record Prepared(SandboxSpec pod, String address, String placeId, boolean held) {}

  private DockerRuntime(EngineAddress address, DockerOptions options, Timeline timeline) {
    this.options = options;
    this.timeline = timeline;
    this.engine = new Engine(address, options.patience(), timeline);
    this.labels = new Labels(options);
    this.config = new ContainerConfig(options);
    this.network = new PodNetwork(engine, options, labels);
    this.volumes = new PodVolumes(engine, labels, timeline);
    this.messages = new MessageFiles(engine, labels, options.patience(), timeline);
    this.images = new Images(engine, timeline, this::tell);
    this.slots = new Semaphore(options.atOnce());
    this.watch = new EngineWatch(engine, labels.ours(), timeline, new Heard());
  }

  /// Does not wait for the engine: as long as it does not answer, calls fail.
  public static DockerRuntime open(
      EngineAddress address, DockerOptions options, Timeline timeline) {
    var runtime = new DockerRuntime(address, options, timeline);
    runtime.watch.start();
    timeline.schedule(options.compareEvery(), runtime::compare);
    return runtime;
  }

  Engine engine() {
    return engine;
  }

  @Override
  public String version() {
    try {
      return port(
          () ->
              SCHEME
                  + engine.call(
                      "tell its version",
                      Duration.ofSeconds(5),
                      client -> client.versionCmd().exec().getVersion()));
    } catch (RuntimeFailedException e) {
      return SCHEME + "unknown";
    }
  }

  @Override
  public boolean enforcesLimits() {
    return true;
  }

  // Pods

  @Override
  public List<Sandbox> sandboxes() {
    return port(
        () -> {
          var all = new HashMap<>(places);
          for (Container container : list(labels.ours())) {
            Sandbox sandbox = sandbox(container);
            all.putIfAbsent(sandbox.podUid(), sandbox);
          }
          places.putAll(all);
          loaded = true;
          return all.values().stream().sorted(Comparator.comparing(Sandbox::podUid)).toList();
        });
  }

  @Override
  public Optional<Sandbox> sandbox(String podUid) {
    load();
    return Optional.ofNullable(places.get(podUid));
  }

  private void load() {
    if (!loaded) {
      sandboxes();
    }
  }

  private static Sandbox sandbox(Container container) {
    Map<String, String> marks = container.getLabels();
    return new Sandbox(
        marks.getOrDefault(Labels.POD_UID, ""),
        marks.getOrDefault(Labels.NAMESPACE, ""),
        marks.getOrDefault(Labels.POD, ""),
        marks.getOrDefault(Labels.ADDRESS, ""));
  }

  private List<Container> list(Map<String, String> marks) {
    return engine
        .call(
            "list containers",
            client -> client.listContainersCmd().withShowAll(true).withLabelFilter(marks).exec())
        .stream()
        .filter(container -> labels.areOurs(container.getLabels()))
        .toList();
  }

  @Override
  public String address(SandboxSpec pod) {
    load();
    if (pod.host().network()) {
      return hostAddress();
    }
    PodNetwork.Range range = port(network::ensure);
    synchronized (planned) {
      Sandbox known = places.get(pod.podUid());
      if (known != null) {
        return known.address();
      }
      String address = planned.get(pod.podUid());
      if (address == null) {
        var taken = new HashSet<>(planned.values());
        places.values().forEach(sandbox -> taken.add(sandbox.address()));
        address = range.free(pod.podUid(), taken);
        planned.put(pod.podUid(), address);
      }
      return address;
    }
  }

  /// Where the engine's host is reached: by pods too, where that is this machine, so not by its
  /// loopback.
  String hostAddress() {
    Optional<String> elsewhere = LinkPlan.elsewhere(engine.address());
    if (elsewhere.isPresent()) {
      return elsewhere.get();
    }
    try {
      return port(network::ensure).gatewayAddress();
    } catch (RuntimeFailedException e) {
      // Its pods say so, all of them.
      log.debug("network of pods not made engine={} cause={}", engine.address(), e.getMessage());
      return "127.0.0.1";
    }
  }

  @Override
  public Sandbox prepare(SandboxSpec pod) {
    if (!options.hostAllowed()) {
      refuse(pod.namespace() + "/" + pod.name(), HostPolicy.beyond(pod));
    }
    String address = address(pod);
    boolean held = pod.containers() > 1 || pod.sharedProcesses() || PodVolumes.needHolding(pod);
    String placeId = "";
    if (held || PodVolumes.needPlace(pod)) {
      placeId = port(() -> place(pod, address, held));
      String id = placeId;
      port(
          () -> {
            volumes.fill(pod, address, id);
            return id;
          });
    }
    var sandbox = new Sandbox(pod.podUid(), pod.namespace(), pod.name(), address);
    prepared.put(pod.podUid(), new Prepared(pod, address, placeId, held));
    boolean isNew;
    synchronized (planned) {
      isNew = places.put(pod.podUid(), sandbox) == null;
      planned.remove(pod.podUid());
    }
    if (isNew && loaded && placeId.isEmpty()) {
      // Were there something all the same, its name would be taken.
      empty.add(pod.podUid());
      looks.put(pod.podUid(), new Look(happenings.merge(pod.podUid(), 0L, Long::sum), List.of()));
    }
    return sandbox;
  }

  private static void refuse(String who, List<String> beyond) {
    if (!beyond.isEmpty()) {
      throw RuntimeFailedException.unsupported(
          "%s asks for %s, which this node does not allow (annotation slipway.dev/allow-host-access)"
              .formatted(who, String.join(", ", beyond)));
    }
  }

  /// @return the id of the container that keeps the pod's place, running if it has to
  private String place(SandboxSpec pod, String address, boolean held) {
    Map<String, String> marks = labels.pod(pod.podUid());
    List<Container> all = list(marks);
    Optional<Container> known =
        all.stream().filter(c -> c.getLabels().containsKey(Labels.PLACE)).findFirst();
    String id;
    if (known.isPresent()) {
      id = known.get().getId();
    } else {
      OwnImage.ensure(engine, timeline, PauseImage.NAME, PauseImage::archive);
      List<com.github.dockerjava.api.model.Mount> mounts = volumes.make(pod);
      var where = new ContainerConfig.Where(pod, address, network.name(), Optional.empty());
      id =
          limited(
              () ->
                  create(
                      PauseImage.NAME,
                      Labels.placeName(pod),
                      labels.place(pod, address, held),
                      command -> config.place(command, where, mounts)));
    }
    if (held && known.filter(c -> "running".equals(c.getState())).isEmpty()) {
      // Whoever still runs is in a place that is gone.
      all.stream()
          .filter(c -> "running".equals(c.getState()))
          .forEach(c -> killId(c.getId(), "SIGKILL"));
      limited(() -> startPlace(id));
    }
    return id;
  }

  private String startPlace(String id) {
    fresh.remove(id);
    try {
      engine.call("start a pod's place", SLOW, client -> client.startContainerCmd(id).exec());
    } catch (Engine.Refused e) {
      if (e.status() != 304) {
        throw RuntimeFailedException.because(
            "FailedCreatePodSandBox", String.valueOf(e.getMessage()), e);
      }
    }
    return id;
  }

  @Override
  public void removePod(String podUid) {
    port(
        () -> {
          long until = timeline.nanos() + REMOVAL.toNanos();
          List<Container> left;
          while (!(left = list(labels.pod(podUid))).isEmpty()) {
            removeAll(left);
            if (timeline.nanos() > until) {
              throw new RuntimeFailedException(
                  "a container of pod %s does not end".formatted(podUid));
            }
            if (left.stream().allMatch(c -> "removing".equals(c.getState()))) {
              LockSupport.parkNanos(50_000_000);
            }
          }
          volumes.remove(podUid);
          return podUid;
        });
    empty.remove(podUid);
    looks.remove(podUid);
    happenings.remove(podUid);
    Prepared known = prepared.remove(podUid);
    if (known != null) {
      fresh.remove(known.placeId());
    }
    synchronized (planned) {
      places.remove(podUid);
      planned.remove(podUid);
    }
  }

  private void removeAll(List<Container> containers) {
    if (containers.size() == 1) {
      forceRemove(containers.getFirst().getId());
      return;
    }
    try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      containers.forEach(container -> all.add(tasks.submit(() -> forceRemove(container.getId()))));
      for (Future<?> task : all) {
        task.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RuntimeFailedException("interrupted", e);
    } catch (java.util.concurrent.ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e);
    }
  }

  private void forceRemove(String id) {
    fresh.remove(id);
    limited(
        () -> {
          try {
            return engine.call(
                "remove a container",
                SLOW,
                client ->
                    client.removeContainerCmd(id).withForce(true).withRemoveVolumes(true).exec());
          } catch (Engine.Refused e) {
            // 409: somebody is just removing it.
            if (e.status() != 404 && e.status() != 409) {
              throw e;
            }
            return id;
          }
        });
  }

  // Containers

  @Override
  public List<Observed> containers(String podUid) {
    long before = happenings.merge(podUid, 0L, Long::sum);
    Look known = looks.get(podUid);
    if (listening && known != null && known.happenings() == before) {
      return known.containers();
    }
    if (listening && loaded && !places.containsKey(podUid)) {
      empty.add(podUid);
      return List.of();
    }
    List<Observed> observed = port(() -> look(podUid));
    looks.put(podUid, new Look(before, observed));
    return observed;
  }

  private List<Observed> look(String podUid) {
    var observed = new ArrayList<Observed>();
    boolean none = true;
    for (Container container : list(labels.pod(podUid))) {
      if (container.getLabels().containsKey(Labels.CONTAINER)) {
        none = false;
        observe(container).ifPresent(observed::add);
      }
    }
    if (none) {
      empty.add(podUid);
    } else {
      empty.remove(podUid);
    }
    observed.sort(Comparator.comparing(Observed::container).thenComparingInt(Observed::attempt));
    return List.copyOf(observed);
  }

  private Optional<Observed> observe(Container container) {
    Map<String, String> marks = container.getLabels();
    Optional<InspectContainerResponse> answer = inspect(container.getId());
    return answer.flatMap(
        found ->
            Inspection.state(found)
                .map(
                    state ->
                        new Observed(
                            marks.getOrDefault(Labels.POD_UID, ""),
                            marks.getOrDefault(Labels.CONTAINER, ""),
                            Labels.number(marks, Labels.ATTEMPT),
                            Labels.number(marks, Labels.BACKOFF),
                            id(marks.getOrDefault(Labels.POD_UID, ""), container.getId()),
                            found.getImageId() == null ? "" : images.digest(found.getImageId()),
                            state)));
  }

  @Override
  public Optional<List<Usage>> usage(Set<String> podUids) {
    return port(
        () -> {
          var all = new ConcurrentLinkedQueue<Usage>();
          try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Container container : list(labels.ours())) {
              Map<String, String> marks = container.getLabels();
              if (podUids.contains(marks.get(Labels.POD_UID))
                  && marks.containsKey(Labels.CONTAINER)
                  && "running".equals(container.getState())) {
                tasks.execute(() -> limited(() -> usage(container)).ifPresent(all::add));
              }
            }
          }
          return Optional.of(List.copyOf(all));
        });
  }

  /// The client library cannot ask for what there is at once: the engine would wait for a second.
  private Optional<Usage> usage(Container container) {
    EngineSocket socket;
    try {
      socket = engine.dial();
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot read what is used: " + e.getMessage(), e);
    }
    var timer = timeline.schedule(options.patience(), socket::close);
    try (socket) {
      byte[] answer =
          socket.get(
              "/containers/%s/stats?stream=false&one-shot=true".formatted(container.getId()));
      JsonNode stats = Json.parse(answer);
      JsonNode memory = stats.path("memory_stats");
      if (!memory.has("usage")) {
        // It has just ended.
        return Optional.empty();
      }
      JsonNode details = memory.path("stats");
      long idle =
          Json.number(
              details,
              details.has("total_inactive_file") ? "total_inactive_file" : "inactive_file",
              0);
      Map<String, String> marks = container.getLabels();
      String podUid = marks.getOrDefault(Labels.POD_UID, "");
      return Optional.of(
          new Usage(
              podUid,
              marks.getOrDefault(Labels.CONTAINER, ""),
              id(podUid, container.getId()),
              Json.number(stats.path("cpu_stats").path("cpu_usage"), "total_usage", 0),
              Math.max(0, Json.number(memory, "usage", 0) - idle),
              timeline.nanos()));
    } catch (IOException | IllegalArgumentException e) {
      log.debug("usage not read container={} cause={}", container.getId(), e.toString());
      return Optional.empty();
    } finally {
      timer.cancel();
    }
  }

  private Optional<InspectContainerResponse> inspect(String id) {
    try {
      return Optional.of(
          engine.call("inspect a container", client -> client.inspectContainerCmd(id).exec()));
    } catch (Engine.Refused e) {
      if (e.status() == 404) {
        return Optional.empty();
      }
      throw e;
    }
  }

  @Override
  public ImageRequest.State image(ImageRequest request) {
    return port(() -> images.state(request));
  }

  @Override
  public Optional<String> published(ImageRequest request) {
    return images.published(request);
  }

  @Override
  public String create(ContainerSpec spec) {
    Prepared place = prepared.get(spec.podUid());
    if (place == null) {
      throw new RuntimeFailedException("pod " + spec.podUid() + " was not prepared");
    }
    if (!options.hostAllowed()) {
      refuse("container " + spec.container(), HostPolicy.beyond(spec));
    }
    return port(
        () -> {
          Map<String, String> marks = labels.pod(spec.podUid());
          marks.put(Labels.CONTAINER, spec.container());
          marks.put(Labels.ATTEMPT, Integer.toString(spec.attempt()));
          // What was made since the last look bears the same name.
          List<Container> known = empty.remove(spec.podUid()) ? List.of() : list(marks);
          if (!known.isEmpty()) {
            return id(spec.podUid(), known.getFirst().getId());
          }
          var where =
              new ContainerConfig.Where(
                  place.pod(),
                  place.address(),
                  network.name(),
                  place.held() ? Optional.of(place.placeId()) : Optional.empty());
          PodVolumes.Seen seenVolumes = volumes.seen(spec, place.pod(), place.placeId());
          String user = user(spec);
          Function<Optional<MessageFiles.MessageFile>, String> making =
              file ->
                  limited(
                      () ->
                          create(
                              spec.image(),
                              Labels.name(spec, place.pod()),
                              labels.container(spec, place.pod(), place.address(), file),
                              command ->
                                  config.container(
                                      command,
                                      spec,
                                      where,
                                      PodVolumes.with(seenVolumes.mounts(), spec, file),
                                      seenVolumes.binds(),
                                      user)));
          String made =
              leavesMessage(spec)
                  ? messages.give(spec.image(), file -> making.apply(Optional.of(file)))
                  : making.apply(Optional.empty());
          changed(spec.podUid());
          return id(spec.podUid(), made);
        });
  }

  private static boolean leavesMessage(ContainerSpec spec) {
    return spec.messagePath().startsWith("/")
        && spec.mounts().stream().noneMatch(mount -> mount.path().equals(spec.messagePath()));
  }

  /// Who the container is, where the manifest says something of it.
  private String user(ContainerSpec spec) {
    ContainerSpec.Security security = spec.security();
    boolean asksImage =
        security.userId().isEmpty() && (security.groupId().isPresent() || security.notRoot());
    String ofImage = "";
    if (asksImage) {
      var image =
          engine
              .call("inspect an image", client -> client.inspectImageCmd(spec.image()).exec())
              .getConfig();
      ofImage = image == null || image.getUser() == null ? "" : image.getUser();
    }
    String user = security.userId().map(id -> Long.toString(id)).orElse(ofImage);
    String number = user.contains(":") ? user.substring(0, user.indexOf(':')) : user;
    if (security.notRoot()) {
      String why =
          number.isEmpty() || number.equals("0") || number.equals("root")
              ? "it would run as root"
              : number.matches("[0-9]+")
                  ? ""
                  : "its image names the user " + number + ", which may be root";
      if (!why.isEmpty()) {
        throw RuntimeFailedException.because(
            "CreateContainerConfigError",
            "container %s has runAsNonRoot, and %s".formatted(spec.container(), why),
            new IllegalArgumentException(why));
      }
    }
    return security
        .groupId()
        .map(group -> (number.isEmpty() ? "0" : number) + ":" + group)
        .orElse(user);
  }

  private String create(
      String image, String name, Map<String, String> marks, Consumer<CreateContainerCmd> details) {
    try {
      String id =
          engine.call(
              "create container " + name,
              SLOW,
              client -> {
                CreateContainerCmd command =
                    client.createContainerCmd(image).withName(name).withLabels(marks);
                details.accept(command);
                return command.exec().getId();
              });
      fresh.add(id);
      return id;
    } catch (Engine.Refused e) {
      if (e.status() == 409) {
        return adopt(name, marks);
      }
      String words = String.valueOf(e.getMessage());
      if (words.contains("No command specified") || words.contains("no command or entrypoint")) {
        throw RuntimeFailedException.unsupported(
            "container %s states no command, and neither does its image %s"
                .formatted(marks.getOrDefault(Labels.CONTAINER, name), image));
      }
      if (e.status() == 404 && words.contains("network")) {
        network.forget();
      }
      throw RuntimeFailedException.because(refusal(e.status(), words), words, e);
    }
  }

  /// What is the engine's own trouble (a full disk) says nothing against the manifest: a rollout
  /// must not give a revision up for it at once.
  private static String refusal(int status, String words) {
    if (status == 404 && words.contains("No such image")) {
      return "ErrImagePull";
    }
    return status >= 500 ? "RunContainerError" : "CreateContainerError";
  }

  /// The name is taken: by the same container that an earlier call made, or by somebody else's.
  private String adopt(String name, Map<String, String> marks) {
    InspectContainerResponse found =
        inspect(name)
            .orElseThrow(() -> new RuntimeFailedException("container " + name + " comes and goes"));
    Map<String, String> theirs =
        found.getConfig().getLabels() == null ? Map.of() : found.getConfig().getLabels();
    for (String mark :
        List.of(Labels.OWNER, Labels.NODE, Labels.POD_UID, Labels.CONTAINER, Labels.ATTEMPT)) {
      if (!java.util.Objects.equals(theirs.get(mark), marks.get(mark))) {
        throw RuntimeFailedException.because(
            "CreateContainerError",
            "the name %s is taken by container %s, which is not ours and stays as it is"
                .formatted(name, found.getId()),
            new IllegalStateException(name));
      }
    }
    return found.getId();
  }

  /// A container is started only by the program that made it, and tried only once: were a start
  /// repeated whose answer was lost, both could be carried out, and a container that had ended
  /// meanwhile would run a second time. One whose start is in doubt is therefore removed, unless it
  /// runs, and made anew: a late start finds nothing then.
  @Override
  public void start(String id) {
    Optional<String> hex = hex(id);
    if (hex.isEmpty()) {
      return;
    }
    port(
        () -> {
          if (fresh.remove(hex.get())) {
            limited(() -> startId(hex.get()));
          } else if (inspect(hex.get())
              .flatMap(Inspection::state)
              .filter(ContainerState.Created.class::isInstance)
              .isPresent()) {
            log.info("container with a start in doubt removed container={}", id);
            removeId(hex.get());
          }
          return id;
        });
    tell(podUid(id));
  }

  private String startId(String id) {
    fresh.remove(id);
    try {
      engine.call("start a container", SLOW, client -> client.startContainerCmd(id).exec());
    } catch (Engine.Refused e) {
      boolean over = e.status() == 304 || e.status() == 404 && inspect(id).isEmpty();
      if (!over
          && inspect(id)
              .flatMap(Inspection::state)
              .filter(ContainerState.Exited.class::isInstance)
              .isEmpty()) {
        throw RuntimeFailedException.because(
            "RunContainerError", String.valueOf(e.getMessage()), e);
      }
    }
    return id;
  }

  @Override
  public void terminate(String id) {
    Optional<String> hex = hex(id);
    if (hex.isPresent()) {
      port(
          () -> {
            inspect(hex.get()).ifPresent(found -> killId(hex.get(), Inspection.stopSignal(found)));
            return id;
          });
    }
  }

  @Override
  public void kill(String id) {
    Optional<String> hex = hex(id);
    if (hex.isPresent()) {
      port(() -> killId(hex.get(), "SIGKILL"));
    }
  }

  private String killId(String id, String signal) {
    try {
      engine.call(
          "signal a container", client -> client.killContainerCmd(id).withSignal(signal).exec());
    } catch (Engine.Refused e) {
      // 409: it does not run.
      if (e.status() != 404 && e.status() != 409) {
        throw e;
      }
    }
    return id;
  }

  @Override
  public void remove(String id) {
    Optional<String> hex = hex(id);
    if (hex.isPresent()) {
      port(() -> removeId(hex.get()));
      changed(podUid(id));
    }
  }

  private String removeId(String id) {
    fresh.remove(id);
    try {
      engine.call(
          "remove a container",
          SLOW,
          client -> client.removeContainerCmd(id).withRemoveVolumes(true).exec());
    } catch (Engine.Refused e) {
      // 409: it runs, or somebody is just removing it. Podman has 500 for one that runs.
      boolean runs = String.valueOf(e.getMessage()).contains("cannot be removed without force");
      if (e.status() != 404 && e.status() != 409 && !runs) {
        throw e;
      }
    }
    return id;
  }

  // Streams

  @Override
  public void logs(String id, LogRange range, OutputStream out) {
    Optional<String> hex = hex(id);
    if (hex.isEmpty()) {
      return;
    }
    boolean exact =
        range.since().filter(at -> !at.equals(at.truncatedTo(ChronoUnit.SECONDS))).isPresent();
    var command =
        engine
            .streams()
            .logContainerCmd(hex.get())
            .withStdOut(true)
            .withStdErr(true)
            .withFollowStream(range.follow())
            .withTimestamps(range.timestamps() || exact);
    if (range.tail().isPresent()) {
      command.withTail(range.tail().get());
    } else {
      command.withTailAll();
    }
    range
        .since()
        .ifPresent(
            since -> command.withSince(Math.toIntExact(Math.max(0, since.getEpochSecond()))));
    var lines =
        exact
            ? new SinceFilter(out, range.since().orElseThrow(), range.timestamps())
            : new SinceFilter(out, Instant.EPOCH, true);
    var copy = new Copy(lines, exact);
    streams.add(copy);
    try {
      command.exec(copy);
      copy.await();
    } finally {
      streams.remove(copy);
      end(copy);
    }
  }

  /// Hands a log on.
  private static final class Copy extends ResultCallback.Adapter<Frame> {
    private final SinceFilter out;
    private final boolean filtered;
    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Copy(SinceFilter out, boolean filtered) {
      this.out = out;
      this.filtered = filtered;
    }

    @Override
    public void onNext(Frame frame) {
      if (frame.getStreamType() == StreamType.STDIN) {
        return;
      }
      try {
        if (filtered) {
          out.line(frame.getPayload());
        } else {
          out.all(frame.getPayload());
        }
      } catch (IOException e) {
        // The reader is gone.
        over.countDown();
      }
    }

    @Override
    public void onError(Throwable cause) {
      failure.compareAndSet(null, cause);
      over.countDown();
    }

    @Override
    public void onComplete() {
      over.countDown();
    }

    @Override
    public void close() throws IOException {
      super.close();
      over.countDown();
    }

    void await() {
      try {
        over.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      Throwable cause = failure.get();
      if (cause instanceof DockerException e && e.getHttpStatus() != 404) {
        throw new RuntimeFailedException("the log cannot be read: " + Engine.words(e), e);
      }
    }
  }

  /// Docker knows whole seconds only.
  private record SinceFilter(OutputStream out, Instant since, boolean keepTimes) {
    void all(byte[] payload) throws IOException {
      out.write(payload);
      out.flush();
    }

    void line(byte[] payload) throws IOException {
      int space = 0;
      while (space < payload.length && payload[space] != ' ') {
        space++;
      }
      try {
        Instant at =
            OffsetDateTime.parse(
                    new String(payload, 0, space, java.nio.charset.StandardCharsets.US_ASCII))
                .toInstant();
        if (at.isBefore(since)) {
          return;
        }
      } catch (DateTimeParseException e) {
        all(payload);
        return;
      }
      int from = keepTimes ? 0 : Math.min(payload.length, space + 1);
      out.write(payload, from, payload.length - from);
      out.flush();
    }
  }

  private static void end(Closeable stream) {
    try {
      stream.close();
    } catch (IOException e) {
      log.debug("stream did not close cause={}", e.toString());
    }
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
    boolean terminal = sizes.isPresent();
    String container =
        hex(id).orElseThrow(() -> new RuntimeFailedException("container is not running"));
    String exec;
    try {
      exec =
          engine.call(
              "prepare a command",
              client ->
                  client
                      .execCreateCmd(container)
                      .withCmd(command.toArray(String[]::new))
                      .withAttachStdin(true)
                      .withAttachStdout(true)
                      .withAttachStderr(true)
                      .withTty(terminal)
                      .exec()
                      .getId());
    } catch (Engine.Refused e) {
      throw new RuntimeFailedException(
          e.status() == 404 || e.status() == 409
              ? "container is not running"
              : "cannot execute " + command + ": " + e.getMessage(),
          e);
    }
    ObjectNode body = Json.object();
    body.put("Detach", false).put("Tty", terminal);
    long until = timeline.nanos() + timeout.toNanos();
    EngineSocket socket;
    try {
      socket = engine.dial();
    } catch (IOException e) {
      throw new RuntimeFailedException(
          "cannot execute %s: %s".formatted(command, e.getMessage()), e);
    }
    try {
      var timedOut = new java.util.concurrent.atomic.AtomicBoolean();
      var timer =
          timeline.schedule(
              timeout,
              () -> {
                timedOut.set(true);
                socket.close();
              });
      try {
        socket.upgrade("/exec/" + exec + "/start", Json.write(body));
        Thread input = Thread.ofVirtual().start(() -> feed(in, socket, terminal));
        Optional<Thread> resizing =
            sizes.map(
                told ->
                    follow(
                        told,
                        (client, size) ->
                            client
                                .resizeExecCmd(exec)
                                .withSize(size.rows(), size.columns())
                                .exec()));
        try {
          socket.copyTo(terminal, out, err);
        } finally {
          input.interrupt();
          resizing.ifPresent(Thread::interrupt);
        }
      } catch (IOException e) {
        if (!timedOut.get()) {
          throw new RuntimeFailedException(
              "cannot execute %s: %s".formatted(command, e.getMessage()), e);
        }
      } finally {
        timer.cancel();
      }
      return timedOut.get() ? 124 : exitCode(exec, until);
    } finally {
      socket.close();
    }
  }

  @Override
  public Optional<byte[]> terminationMessage(String id, String path, int most) {
    return path.startsWith("/")
        ? hex(id).flatMap(container -> port(() -> messages.read(container, path, most)))
        : Optional.empty();
  }

  @Override
  public void attach(
      String id,
      Optional<InputStream> in,
      OutputStream out,
      OutputStream err,
      TerminalSizes sizes,
      Instant since) {
    String container =
        hex(id).orElseThrow(() -> new RuntimeFailedException("container is not running"));
    boolean terminal =
        port(
            () ->
                engine.call(
                    "inspect a container",
                    client ->
                        Boolean.TRUE.equals(
                            client.inspectContainerCmd(container).exec().getConfig().getTty())));
    EngineSocket socket;
    try {
      socket = engine.dial();
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot attach: " + e.getMessage(), e);
    }
    try {
      socket.upgrade(
          "/containers/%s/attach?stream=1&stdout=1&stderr=1&stdin=%d"
              .formatted(container, in.isPresent() ? 1 : 0),
          new byte[0]);
      Optional<Thread> input =
          in.map(from -> Thread.ofVirtual().start(() -> feed(from, socket, terminal)));
      Optional<Thread> resizing =
          terminal
              ? Optional.of(
                  follow(
                      sizes,
                      (client, size) ->
                          client
                              .resizeContainerCmd(container)
                              .withSize(size.rows(), size.columns())
                              .exec()))
              : Optional.empty();
      try {
        socket.copyTo(terminal, out, err);
      } finally {
        input.ifPresent(Thread::interrupt);
        resizing.ifPresent(Thread::interrupt);
      }
    } catch (IOException e) {
      throw new RuntimeFailedException("cannot attach: " + e.getMessage(), e);
    } finally {
      socket.close();
    }
  }

  private static void feed(InputStream in, EngineSocket socket, boolean terminal) {
    try {
      var buffer = new byte[32 << 10];
      int count;
      while ((count = in.read(buffer)) >= 0) {
        socket.out().write(buffer, 0, count);
        socket.out().flush();
      }
      if (terminal) {
        // A terminal that loses its input hangs up: this is how its user would end it.
        socket.out().write(END_OF_TRANSMISSION);
        socket.out().flush();
      } else {
        socket.endOutput();
      }
    } catch (IOException e) {
      log.debug("input ended early cause={}", e.toString());
    }
  }

  /// Makes a terminal as large as its client's, until interrupted.
  private Thread follow(TerminalSizes sizes, BiConsumer<DockerClient, TerminalSizes.Size> resize) {
    return TerminalFollower.follow(
        sizes,
        size -> {
          try {
            resize(size, resize);
          } catch (RuntimeFailedException e) {
            throw new IOException(e);
          }
        });
  }

  /// An engine may refuse it for as long as the command has not begun.
  private void resize(TerminalSizes.Size size, BiConsumer<DockerClient, TerminalSizes.Size> resize)
      throws InterruptedException {
    for (int i = 0; i < RESIZES; i++) {
      try {
        engine.call(
            "resize a terminal",
            client -> {
              resize.accept(client, size);
              return size;
            });
        return;
      } catch (Engine.Refused e) {
        log.debug("terminal not resized cause={}", e.getMessage());
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20L * (i + 1)));
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
      }
    }
  }

  /// The output may end a moment before the command has.
  private int exitCode(String exec, long until) {
    while (true) {
      var answer =
          port(
              () -> engine.call("inspect a command", client -> client.inspectExecCmd(exec).exec()));
      if (!Boolean.TRUE.equals(answer.isRunning()) && answer.getExitCodeLong() != null) {
        return Math.toIntExact(answer.getExitCodeLong());
      }
      if (timeline.nanos() > until) {
        return 124;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
    }
  }

  // Changes

  @Override
  public void onChange(Consumer<String> podUid) {
    listeners.add(podUid);
  }

  /// What was seen of a pod before is worth nothing from now on.
  private void changed(String podUid) {
    happenings.merge(podUid, 1L, Long::sum);
  }

  private void tell(String podUid) {
    changed(podUid);
    listeners.forEach(listener -> listener.accept(podUid));
  }

  private final class Heard implements EngineWatch.Listener {
    @Override
    public void happened(String action, Map<String, String> attributes) {
      String podUid = attributes.get(Labels.POD_UID);
      if (podUid == null || !labels.areOurs(attributes) || action.startsWith("exec_")) {
        return;
      }
      if (!places.containsKey(podUid) && (action.equals("create") || action.equals("start"))) {
        loaded = false;
      }
      if ((action.equals("die") || action.equals("destroy"))
          && "held".equals(attributes.get(Labels.PLACE))
          && places.containsKey(podUid)) {
        timeline.execute(() -> placeLost(podUid));
      }
      tell(podUid);
    }

    @Override
    public void began() {
      happenings.replaceAll((_, count) -> count + 1);
      listening = true;
      places.keySet().forEach(DockerRuntime.this::tell);
    }

    @Override
    public void deaf() {
      listening = false;
    }

    @Override
    public void lost() {
      network.forget();
      List.copyOf(streams).forEach(DockerRuntime::end);
    }
  }

  /// Somebody ended the container that holds a pod's place: what runs in it has lost its address.
  private void placeLost(String podUid) {
    try {
      List<Container> all = list(labels.pod(podUid));
      boolean holds =
          all.stream()
              .anyMatch(
                  c ->
                      "held".equals(c.getLabels().get(Labels.PLACE))
                          && "running".equals(c.getState()));
      boolean needsHolding =
          Optional.ofNullable(prepared.get(podUid)).map(Prepared::held).orElse(true);
      if (!holds && needsHolding) {
        for (Container container : all) {
          if ("running".equals(container.getState())) {
            log.warn(
                "container killed, the place of its pod is gone container={}", container.getId());
            killId(container.getId(), "SIGKILL");
          }
        }
      }
    } catch (RuntimeFailedException | Engine.Refused e) {
      log.warn("place of pod not looked after pod={} cause={}", podUid, e.getMessage());
    }
  }

  /// The safety net beside the events.
  private void compare() {
    if (closed) {
      return;
    }
    try {
      var now = new HashMap<String, Set<String>>();
      var holders = new HashMap<String, Boolean>();
      for (Container container : list(labels.ours())) {
        Sandbox sandbox = sandbox(container);
        places.putIfAbsent(sandbox.podUid(), sandbox);
        now.computeIfAbsent(sandbox.podUid(), _ -> new HashSet<>())
            .add(container.getId() + " " + container.getState());
        if ("held".equals(container.getLabels().get(Labels.PLACE))) {
          holders.put(sandbox.podUid(), "running".equals(container.getState()));
        }
      }
      loaded = true;
      Map<String, Set<String>> before = seen;
      var all = new HashSet<>(before.keySet());
      all.addAll(now.keySet());
      all.stream()
          .filter(pod -> !java.util.Objects.equals(before.get(pod), now.get(pod)))
          .forEach(this::tell);
      seen = now;
      holders.forEach(
          (pod, runs) -> {
            if (!runs) {
              placeLost(pod);
            }
          });
      for (String pod : volumes.pods()) {
        boolean known;
        synchronized (planned) {
          known = now.containsKey(pod) || places.containsKey(pod) || planned.containsKey(pod);
        }
        if (!known) {
          volumes.remove(pod);
        }
      }
      looks.keySet().retainAll(places.keySet());
      happenings.keySet().retainAll(places.keySet());
      messages.sweep(places.isEmpty());
    } catch (RuntimeFailedException | Engine.Refused e) {
      log.debug("comparison failed engine={} cause={}", engine.address(), e.getMessage());
    } finally {
      timeline.schedule(options.compareEvery(), this::compare);
    }
  }

  // The border

  private <T> T limited(Supplier<T> action) {
    try {
      slots.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RuntimeFailedException("interrupted", e);
    }
    try {
      return action.get();
    } finally {
      slots.release();
    }
  }

  /// What the engine refuses is a failure like any other to those beyond the port.
  private <T> T port(Supplier<T> action) {
    try {
      return action.get();
    } catch (Engine.Refused e) {
      throw new RuntimeFailedException(
          "engine %s: %s".formatted(engine.address(), e.getMessage()), e);
    }
  }

  private static String id(String podUid, String container) {
    return podUid + "/" + SCHEME + container;
  }

  private static String podUid(String id) {
    int slash = id.indexOf('/');
    return slash < 0 ? id : id.substring(0, slash);
  }

  private static Optional<String> hex(String id) {
    int at = id.indexOf("/" + SCHEME);
    return at < 0 ? Optional.empty() : Optional.of(id.substring(at + 1 + SCHEME.length()));
  }

  /// Takes back what the engine has for the node and no pod uses.
  void leave() {
    try {
      messages.sweep(true);
      EngineMark.remove(engine);
    } catch (RuntimeFailedException | Engine.Refused e) {
      log.info("volumes stay engine={} cause={}", engine.address(), e.getMessage());
    }
    network.remove();
  }

  /// Stops looking; what runs goes on running.
  @Override
  public void close() {
    closed = true;
    watch.close();
    List.copyOf(streams).forEach(DockerRuntime::end);
    engine.close();
  }
}
