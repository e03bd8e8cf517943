package dev.slipway.runtime.agent;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.pod.PodPorts;
import dev.slipway.model.pod.PodStreams;
import dev.slipway.model.pod.UsageSource.PodUsage;
import dev.slipway.model.service.ServingGate;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerRuntime.Sandbox;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.ImageRequest;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// One node: runs the pods that are bound to it, and says how they are. Closing it leaves them
/// running; the next agent takes them over as they are.
public final class NodeAgent implements AutoCloseable, PodStreams {
  /// @param registers makes the Node object when there is none; a declared node has one
  /// @param lease of this node and others; empty for one of its own
  public record Settings(
      String nodeName, NodeFacts facts, boolean registers, Optional<NodeLease> lease) {
    public Settings(String nodeName, NodeFacts facts, boolean registers) {
      this(nodeName, facts, registers, Optional.empty());
    }
  }

  /// What pods' volumes are made of beside the pods themselves, the same for all agents.
  public record Sources(PodTokens tokens, SourceChanges changes) {}

  private static final Logger log = LoggerFactory.getLogger(NodeAgent.class);
  private static final Duration SWEEP = Duration.ofSeconds(15);
  private static final Duration RETRY = Duration.ofSeconds(2);
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final int PARALLEL = 32;

  /// Registries count requests, and give a few each hour for nothing.
  private static final Duration TAGS = Duration.ofHours(1);

  private static final Duration TAGS_SOON = Duration.ofMinutes(2);

  private final Cluster cluster;
  private final ContainerRuntime runtime;
  private final ServingGate gate;
  private final Timeline timeline;
  private final Settings settings;
  private final ContainerPlans plans;
  private final KeptTokens tokens;
  private final StaleVolumes stale = new StaleVolumes();
  private final SourceChanges sources;
  private final Consumer<ObjectKey> sourceListener = this::sourceChanged;
  private final EventRecorder events;
  private final ControlLoop<ObjectKey> loop;
  private final Probes probes;
  private final ProbeClient prober;
  private final UsageMeter meter;
  private final MovedTags tags;
  private final LastWords lastWords;
  private final Map<String, ObjectKey> keys = new ConcurrentHashMap<>();

  /// Why something could not be made at the last attempt; by pod UID, then container.
  private final Map<String, Map<String, PodView.Problem>> problems = new ConcurrentHashMap<>();

  /// Containers that were asked to stop.
  private final Set<String> stopping = ConcurrentHashMap.newKeySet();

  /// When it was first seen that a pod is to end; by pod UID. An agent that comes later sees it
  /// later.
  private final Map<String, Instant> ending = new ConcurrentHashMap<>();

  private final List<Follower> followers = new ArrayList<>();
  private volatile @Nullable Heartbeat heartbeat;
  private volatile boolean closed;

  private NodeAgent(
      Cluster cluster,
      ContainerRuntime runtime,
      ServingGate gate,
      EventRecorder events,
      Settings settings,
      Sources sources,
      Timeline timeline,
      Chance chance) {
    this.cluster = cluster.as(Author.controller("node-" + settings.nodeName()));
    this.runtime = runtime;
    this.gate = gate;
    this.timeline = timeline;
    this.settings = settings;
    this.tokens = new KeptTokens(sources.tokens(), timeline);
    this.sources = sources.changes();
    this.plans = new ContainerPlans(cluster, tokens, this::address);
    this.events = events.speakingAs("node-agent");
    this.loop =
        new ControlLoop<>(
            "agent-" + settings.nodeName(), PARALLEL, this::reconcile, timeline, chance);
    this.prober = new ProbeClient(runtime);
    this.meter =
        new UsageMeter(
            runtime::usage, timeline, () -> LockSupport.parkNanos(UsageMeter.SHORTEST.toNanos()));
    this.tags = new MovedTags(runtime::published);
    this.lastWords = new LastWords(runtime);
    this.probes = new Probes(prober::ask, timeline, this::probeChanged);
  }

  public static NodeAgent start(
      Cluster cluster,
      ContainerRuntime runtime,
      ServingGate gate,
      EventRecorder events,
      Settings settings,
      Sources sources,
      Timeline timeline,
      Chance chance) {
    var agent = new NodeAgent(cluster, runtime, gate, events, settings, sources, timeline, chance);
    agent.heartbeat =
        Heartbeat.start(
            cluster,
            settings.nodeName(),
            settings.facts(),
            settings.registers(),
            settings.lease(),
            agent::engineReturned,
            timeline);
    runtime.onChange(agent::containersChanged);
    if (runtime.updatesVolumes()) {
      agent.sources.onChange(agent.sourceListener);
    }
    agent.followers.add(
        Follower.start(
            cluster, ObjectQuery.all(POD).onNode(settings.nodeName()), timeline, agent::podMoved));
    agent.sweep();
    timeline.schedule(TAGS_SOON, agent::lookAtTags);
    return agent;
  }

  /// Where the node's host is reached; empty as long as its engine has never answered.
  private String address() {
    Heartbeat known = heartbeat;
    return known == null ? "" : known.latest().map(NodeFacts.Reading::address).orElse("");
  }

  /// Reads what its engine says of itself without waiting for the next heartbeat.
  public void look() {
    Heartbeat known = heartbeat;
    if (known != null) {
      known.look();
    }
  }

  /// What changed meanwhile, nobody told us.
  private void engineReturned() {
    keys.values().forEach(loop::add);
    sweepOnce();
  }

  private void podMoved(@Nullable KubeObject before, @Nullable KubeObject after) {
    if (after != null) {
      keys.put(after.uid(), after.key());
      stale.moved(before, after);
      if (before == null || !before.resourceVersion().equals(after.resourceVersion())) {
        loop.add(after.key());
      }
    } else if (before != null) {
      stale.gone(before);
      timeline.execute(this::sweepOnce);
    }
  }

  private void sourceChanged(ObjectKey source) {
    stale.changed(source).forEach(loop::add);
  }

  private void containersChanged(String podUid) {
    ObjectKey key = keys.get(podUid);
    if (key != null) {
      loop.add(key);
    }
  }

  private void probeChanged(String containerId, String failure) {
    ObjectKey key = keys.get(containerId.substring(0, containerId.indexOf('/')));
    if (key != null) {
      if (!failure.isEmpty()) {
        cluster.get(key).ifPresent(pod -> events.warning(pod, "Unhealthy", failure));
      }
      loop.add(key);
    }
  }

  // One pod

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found =
        cluster
            .get(key)
            .filter(pod -> Json.string(pod.spec(), "nodeName", "").equals(settings.nodeName()));
    if (found.isEmpty() || closed) {
      return Outcome.SETTLED;
    }
    KubeObject pod = found.get();
    PodView view = observe(pod);
    PodPlanner.Plan plan = runtime.sharesFate() ? GroupPlanner.plan(view) : PodPlanner.plan(view);
    boolean again = false;
    for (PodStep step : plan.steps()) {
      again |= carryOut(pod, view, step);
      if (step instanceof PodStep.Finish) {
        return Outcome.SETTLED;
      }
    }
    if (again) {
      return Outcome.recheckAfter(Duration.ZERO, "the next step");
    }
    PodView after = plan.steps().isEmpty() ? view : observe(pod);
    Optional<Duration> renewal = refresh(after);
    follow(after);
    writeStatus(after);
    if (problems.containsKey(pod.uid())) {
      return Outcome.recheckAfter(RETRY, "something is missing");
    }
    return Stream.concat(plan.recheckAfter().stream(), renewal.stream())
        .min(Duration::compareTo)
        .map(delay -> Outcome.recheckAfter(delay, "a deadline, a back-off or a token's end"))
        .orElse(Outcome.SETTLED);
  }

  /// Brings the volumes of a pod up to date when what they show has changed, or a token nears its
  /// end. What is missing by now stays as it was.
  ///
  /// @return when that must be done next, by what is known
  private Optional<Duration> refresh(PodView view) {
    KubeObject pod = view.pod();
    if (!runtime.updatesVolumes() || view.sandbox().isEmpty() || PodPlanner.isFinished(pod)) {
      return Optional.empty();
    }
    boolean due = tokens.renewal(pod.uid()).filter(at -> !view.now().isBefore(at)).isPresent();
    if (due || stale.has(pod.uid())) {
      try {
        prepare(pod);
      } catch (ContainerPlans.Missing e) {
        events.warning(pod, "FailedMount", String.valueOf(e.getMessage()));
        return due ? Optional.of(SWEEP) : Optional.empty();
      } catch (RuntimeFailedException e) {
        log.warn("volumes not renewed pod={} cause={}", pod.key(), e.getMessage());
        stale.add(pod.uid());
        return Optional.of(RETRY);
      }
    }
    return tokens.renewal(pod.uid()).map(at -> Duration.between(view.now(), at));
  }

  private PodView observe(KubeObject pod) {
    Optional<String> address = runtime.sandbox(pod.uid()).map(Sandbox::address);
    List<Observed> containers = runtime.containers(pod.uid());
    var words = new HashMap<String, PodView.ProbeWord>();
    for (Observed observed : containers) {
      if (observed.state() instanceof ContainerState.Running) {
        // A start whose answer was lost: what runs is no problem.
        solved(pod.uid(), observed.container());
      }
      probes.word(observed.id()).ifPresent(word -> words.put(observed.id(), word));
    }
    Instant now = timeline.instant();
    Instant endingSince = pod.isTerminating() ? ending.computeIfAbsent(pod.uid(), _ -> now) : now;
    boolean holding = pod.isTerminating() && gate.holds(pod.namespace(), pod.name()).isPresent();
    return new PodView(
        pod,
        address,
        containers,
        problems.getOrDefault(pod.uid(), Map.of()),
        words,
        holding,
        endingSince,
        now);
  }

  /// @return whether the pod should be looked at again at once
  private boolean carryOut(KubeObject pod, PodView view, PodStep step) {
    return switch (step) {
      case PodStep.Prepare() -> attempt(pod, "", "FailedMount", () -> prepare(pod));
      case PodStep.Start(String container, int attempt, int level) -> {
        attempt(
            pod,
            container,
            "CreateContainerConfigError",
            () -> start(pod, view, container, attempt, level));
        yield false;
      }
      case PodStep.Launch(int attempt, int level) -> {
        attempt(pod, "", "CreateContainerConfigError", () -> launch(pod, view, attempt, level));
        yield false;
      }
      case PodStep.StartCreated(String id, String container) -> {
        attempt(
            pod,
            container,
            "RunContainerError",
            () -> {
              runtime.start(id);
              return true;
            });
        yield false;
      }
      case PodStep.Stop stop -> {
        stop(pod, stop);
        yield false;
      }
      case PodStep.Kill(String id, String why) -> {
        log.info("container killed pod={} container={} why={}", pod.key(), id, why);
        runtime.kill(id);
        yield false;
      }
      case PodStep.Forget(String id) -> {
        runtime.remove(id);
        yield false;
      }
      case PodStep.Finish() -> {
        finish(pod);
        yield false;
      }
    };
  }

  /// @param action says whether it has done all
  /// @return whether it succeeded
  private boolean attempt(KubeObject pod, String part, String reason, BooleanSupplier action) {
    try {
      boolean done = action.getAsBoolean();
      if (done) {
        solved(pod.uid(), part);
      }
      return done;
    } catch (ContainerPlans.Missing e) {
      problem(pod, part, reason, String.valueOf(e.getMessage()));
    } catch (RuntimeFailedException e) {
      if (e.isNoRoom()) {
        giveUp(pod, String.valueOf(e.getMessage()));
        return false;
      }
      problem(
          pod,
          part,
          e.reason().isEmpty() ? (e.permanent() ? "CreateContainerError" : reason) : e.reason(),
          String.valueOf(e.getMessage()));
    }
    return false;
  }

  private void solved(String podUid, String part) {
    Map<String, PodView.Problem> known = problems.get(podUid);
    if (known != null && known.containsKey(part)) {
      var left = new HashMap<>(known);
      left.remove(part);
      if (left.isEmpty()) {
        problems.remove(podUid);
      } else {
        problems.put(podUid, left);
      }
    }
  }

  private void problem(KubeObject pod, String part, String reason, String message) {
    var all = new HashMap<>(problems.getOrDefault(pod.uid(), Map.of()));
    var problem = new PodView.Problem(reason, message);
    if (!problem.equals(all.put(part, problem))) {
      events.warning(pod, "Failed", message);
    }
    problems.put(pod.uid(), all);
  }

  private boolean prepare(KubeObject pod) {
    stale.written(pod.uid());
    runtime.prepare(plans.sandbox(pod, runtime));
    return true;
  }

  /// @return whether nothing stands in its way any more
  private boolean start(KubeObject pod, PodView view, String container, int attempt, int level) {
    JsonNode spec =
        specs(pod).stream()
            .filter(candidate -> Json.string(candidate, "name", "").equals(container))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("no container " + container));
    String address = view.sandbox().orElseThrow();
    if (!imageIsThere(pod, plans.image(pod, spec), container)) {
      return false;
    }
    prepare(pod);
    String id = runtime.create(plans.spec(pod, spec, attempt, level, address));
    runtime.start(id);
    stopping.remove(id);
    if (attempt == 0) {
      events.normal(pod, "Started", "Started container " + container);
      if (!runtime.enforcesLimits() && spec.path("resources").path("limits").size() > 0) {
        events.warning(
            pod,
            "LimitsNotEnforced",
            "container %s has limits, which nothing holds it to: this node may not use control groups"
                .formatted(container));
      }
    } else {
      events.normal(pod, "Started", "Started container " + container + " again");
    }
    JsonNode postStart = spec.path("lifecycle").path("postStart");
    if (postStart.isObject()) {
      timeline.execute(
          () -> {
            if (!hook(pod, spec, id, address, postStart, "PostStartHook", Duration.ofSeconds(30))) {
              runtime.kill(id);
            }
          });
    }
    return true;
  }

  private boolean imageIsThere(KubeObject pod, ImageRequest request, String container) {
    return switch (runtime.image(request)) {
      case ImageRequest.State.Present() -> true;
      case ImageRequest.State.Pulling() -> {
        var all = new HashMap<>(problems.getOrDefault(pod.uid(), Map.of()));
        var waiting = new PodView.Problem("ContainerCreating", "pulling image " + request.image());
        if (!waiting.equals(all.put(container, waiting))) {
          events.normal(pod, "Pulling", "Pulling image \"" + request.image() + "\"");
        }
        problems.put(pod.uid(), all);
        yield false;
      }
      case ImageRequest.State.Failed(String reason, String message) ->
          throw RuntimeFailedException.because(reason, message, new IllegalStateException(message));
    };
  }

  /// All containers at once. Their ends and their restarts are seen by looking, as those of others.
  private boolean launch(KubeObject pod, PodView view, int attempt, int level) {
    String address = view.sandbox().orElseThrow();
    prepare(pod);
    int inits = Json.items(pod.spec(), "initContainers").size();
    var parts = new ArrayList<PodLaunch.Part>();
    for (JsonNode spec : specs(pod)) {
      boolean main = parts.size() >= inits;
      parts.add(
          new PodLaunch.Part(
              plans.spec(pod, spec, attempt, level, address),
              !main && !PodPlanner.isSidecar(spec),
              Json.items(spec, "ports").stream()
                  .map(
                      port ->
                          new PodLaunch.Port(
                              Json.string(port, "name", ""),
                              Json.integer(port, "containerPort", 0),
                              Json.integer(port, "hostPort", 0)))
                  .toList(),
              main ? ProbeSpec.local(spec) : Optional.empty()));
    }
    runtime.launch(new PodLaunch(pod.uid(), parts, PodPlanner.grace(pod)));
    for (JsonNode spec : specs(pod)) {
      if (spec.path("lifecycle").has("postStart")) {
        events.warning(
            pod,
            "FailedPostStartHook",
            "container %s has a postStart hook, which is not run: on this node the containers of a pod start together"
                .formatted(Json.string(spec, "name", "")));
      }
    }
    events.normal(
        pod,
        "Started",
        attempt == 0 ? "Launching its containers" : "Launching its containers again");
    return true;
  }

  /// The node has no room after all: its controller shall place another pod.
  private void giveUp(KubeObject pod, String message) {
    events.warning(pod, "OutOfResources", message);
    ObjectNode status = pod.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    status.put("phase", "Failed").put("reason", "OutOfResources").put("message", message);
    cluster.replaceStatus(pod.withStatus(status));
  }

  private static List<JsonNode> specs(KubeObject pod) {
    var all = new ArrayList<>(Json.items(pod.spec(), "initContainers"));
    all.addAll(Json.items(pod.spec(), "containers"));
    return all;
  }

  private void stop(KubeObject pod, PodStep.Stop step) {
    if (!stopping.add(step.id())) {
      return;
    }
    events.normal(
        pod, "Killing", "Stopping container %s: %s".formatted(step.container(), step.why()));
    Instant deadline = timeline.instant().plus(step.grace());
    timeline.schedule(step.grace(), () -> insist(pod, step, () -> runtime.kill(step.id())));
    timeline.execute(
        () -> {
          specs(pod).stream()
              .filter(spec -> Json.string(spec, "name", "").equals(step.container()))
              .findFirst()
              .ifPresent(spec -> preStop(pod, spec, step, deadline));
          insist(pod, step, () -> runtime.terminate(step.id()));
        });
  }

  /// An engine that does not answer is asked again, by the next look at the pod.
  private void insist(KubeObject pod, PodStep.Stop step, Runnable action) {
    try {
      action.run();
    } catch (RuntimeFailedException e) {
      log.warn("stop failed pod={} container={} cause={}", pod.key(), step.id(), e.getMessage());
      stopping.remove(step.id());
      loop.addAfter(pod.key(), RETRY);
    }
  }

  private void preStop(KubeObject pod, JsonNode spec, PodStep.Stop step, Instant deadline) {
    JsonNode hook = spec.path("lifecycle").path("preStop");
    Duration left = Duration.between(timeline.instant(), deadline);
    if (hook.isObject() && left.isPositive()) {
      String address = Json.string(pod.status(), "podIP", "127.0.0.1");
      hook(pod, spec, step.id(), address, hook, "PreStopHook", left);
    }
  }

  /// @return whether it succeeded
  private boolean hook(
      KubeObject pod,
      JsonNode container,
      String id,
      String address,
      JsonNode hook,
      String name,
      Duration timeout) {
    Optional<String> failure;
    if (hook.has("sleep")) {
      long seconds = Math.min(timeout.toSeconds(), Json.number(hook.path("sleep"), "seconds", 0));
      failure =
          prober.ask(
              new ProbeSpec(
                  ProbeSpec.Kind.LIVENESS,
                  new ProbeSpec.Check.Exec(List.of("sleep", Long.toString(seconds))),
                  Duration.ZERO,
                  timeout,
                  timeout,
                  1,
                  1),
              id,
              address);
    } else {
      ObjectNode carrier = Json.object();
      carrier.set("ports", container.path("ports"));
      ObjectNode probe = Json.child(carrier, "livenessProbe");
      hook.properties().forEach(member -> probe.set(member.getKey(), member.getValue()));
      failure =
          ProbeSpec.of(carrier).stream()
              .findFirst()
              .map(
                  spec ->
                      new ProbeSpec(
                          spec.kind(), spec.check(), Duration.ZERO, timeout, timeout, 1, 1))
              .flatMap(spec -> prober.ask(spec, id, address));
    }
    failure.ifPresent(word -> events.warning(pod, "Failed" + name, word));
    return failure.isEmpty();
  }

  private void finish(KubeObject pod) {
    runtime.removePod(pod.uid());
    forget(pod.uid());
    cluster.deleteIfThere(pod.key(), DeleteOptions.ofUid(pod.uid()).withGrace(Duration.ZERO));
  }

  private void forget(String podUid) {
    keys.remove(podUid);
    problems.remove(podUid);
    ending.remove(podUid);
    tokens.forget(podUid);
    lastWords.forget(podUid);
    probes.retain(podUid + "/", Set.of());
    stopping.removeIf(id -> id.startsWith(podUid + "/"));
  }

  /// Keeps the probes of what runs, and of nothing else.
  private void follow(PodView view) {
    var running = new HashSet<String>();
    String address = view.sandbox().orElse("");
    List<JsonNode> probed =
        Stream.concat(
                Json.items(view.pod().spec(), "initContainers").stream()
                    .filter(PodPlanner::isSidecar),
                Json.items(view.pod().spec(), "containers").stream())
            .toList();
    for (JsonNode container : probed) {
      Optional<Observed> newest = view.newest(Json.string(container, "name", ""));
      if (newest.isEmpty() || !(newest.get().state() instanceof ContainerState.Running)) {
        continue;
      }
      String id = newest.get().id();
      running.add(id);
      Map<Integer, Integer> ports = runtime.ports(view.pod().uid());
      List<ProbeSpec> specs =
          ProbeSpec.of(container).stream()
              .filter(probe -> !(runtime.sharesFate() && probe.isLocal()))
              .map(probe -> probe.at(ports))
              .toList();
      if (!specs.isEmpty()) {
        Optional<JsonNode> said =
            Stream.of("initContainerStatuses", "containerStatuses")
                .flatMap(field -> Json.items(view.pod().status(), field).stream())
                .filter(
                    status -> Json.string(status, "containerID", "").equals(PodStatus.shownId(id)))
                .findFirst();
        probes.watch(
            id,
            address,
            specs,
            said.filter(status -> Json.bool(status, "started", false)).isPresent(),
            said.filter(status -> Json.bool(status, "ready", false)).isPresent());
      }
    }
    probes.retain(view.pod().uid() + "/", running);
  }

  private void writeStatus(PodView view) {
    var words = new HashMap<String, PodView.ProbeWord>();
    for (Observed observed : view.containers()) {
      probes.word(observed.id()).ifPresent(word -> words.put(observed.id(), word));
    }
    var current =
        new PodView(
            view.pod(),
            view.sandbox(),
            view.containers(),
            problems.getOrDefault(view.pod().uid(), Map.of()),
            words,
            false,
            view.endingSince(),
            view.now());
    ObjectNode status = PodStatus.of(current, address());
    PodPorts.write(status, runtime.ports(view.pod().uid()));
    lastWords.write(status, specs(view.pod()), view.containers());
    tags.write(status, Json.items(view.pod().spec(), "containers"), view, current.now());
    if (status.equals(view.pod().status())) {
      return;
    }
    try {
      cluster.replaceStatus(view.pod().withStatus(status));
    } catch (ClusterException e) {
      if (e.reason() != ClusterException.Reason.NOT_FOUND) {
        throw e;
      }
    }
  }

  // The node

  private void sweep() {
    if (closed) {
      return;
    }
    sweepOnce();
    timeline.schedule(SWEEP, this::sweep);
  }

  private void lookAtTags() {
    if (closed) {
      return;
    }
    try {
      List<KubeObject> pods =
          cluster.list(ObjectQuery.all(POD).onNode(settings.nodeName())).items();
      List<String> moved = tags.look(pods.stream().flatMap(this::images).toList());
      pods.stream()
          .filter(pod -> images(pod).anyMatch(request -> moved.contains(request.image())))
          .forEach(pod -> loop.add(pod.key()));
    } catch (ClusterException | RuntimeFailedException e) {
      log.warn("tags not compared node={} cause={}", settings.nodeName(), e.toString());
    } finally {
      timeline.schedule(TAGS, this::lookAtTags);
    }
  }

  private Stream<ImageRequest> images(KubeObject pod) {
    try {
      return Json.items(pod.spec(), "containers").stream()
          .map(container -> plans.image(pod, container))
          .toList()
          .stream();
    } catch (ContainerPlans.Missing e) {
      return Stream.empty();
    }
  }

  /// What runs here and belongs to no pod any more is ended. Only a complete list of the pods is
  /// proof of that.
  private void sweepOnce() {
    try {
      List<Sandbox> here = runtime.sandboxes();
      var wanted = new HashSet<String>();
      for (KubeObject pod :
          cluster.list(ObjectQuery.all(POD).onNode(settings.nodeName())).items()) {
        wanted.add(pod.uid());
      }
      for (Sandbox sandbox : here) {
        if (!wanted.contains(sandbox.podUid())) {
          removeStray(sandbox);
        }
      }
    } catch (ClusterException | RuntimeFailedException e) {
      log.warn("sweep failed node={} cause={}", settings.nodeName(), e.toString());
    }
  }

  /// One that cannot be removed keeps none of the others.
  private void removeStray(Sandbox stray) {
    try {
      runtime.removePod(stray.podUid());
      forget(stray.podUid());
      log.info("stray removed pod={}/{} uid={}", stray.namespace(), stray.name(), stray.podUid());
    } catch (RuntimeFailedException e) {
      log.warn(
          "stray not removed pod={}/{} uid={} cause={}",
          stray.namespace(),
          stray.name(),
          stray.podUid(),
          e.getMessage());
    }
  }

  // Streams

  @Override
  public void logs(LogRequest request, OutputStream out) {
    KubeObject pod = pod(request.namespace(), request.pod());
    String container = container(pod, request.container());
    List<Observed> attempts =
        runtime.containers(pod.uid()).stream()
            .filter(o -> o.container().equals(container))
            .toList();
    int wanted = attempts.size() - (request.previous() ? 2 : 1);
    if (wanted < 0) {
      throw new ClusterException(
          ClusterException.Reason.BAD_REQUEST,
          request.previous()
              ? "previous terminated container \"%s\" in pod \"%s\" not found"
                  .formatted(container, pod.name())
              : "container \"%s\" in pod \"%s\" is waiting to start"
                  .formatted(container, pod.name()));
    }
    runtime.logs(
        attempts.get(wanted).id(),
        new ContainerRuntime.LogRange(
            request.tail(),
            request.since(),
            request.timestamps(),
            request.follow() && !request.previous()),
        out);
  }

  @Override
  public int exec(
      ExecRequest request, InputStream stdin, OutputStream stdout, OutputStream stderr) {
    KubeObject pod = pod(request.namespace(), request.pod());
    Observed running = running(pod, container(pod, request.container()));
    return runtime.exec(
        running.id(),
        request.command(),
        request.terminal() ? Optional.of(request.sizes()) : Optional.empty(),
        stdin,
        stdout,
        stderr,
        request.timeout());
  }

  @Override
  public void attach(
      AttachRequest request,
      Optional<InputStream> stdin,
      OutputStream stdout,
      OutputStream stderr) {
    KubeObject pod = pod(request.namespace(), request.pod());
    String container = container(pod, request.container());
    boolean keepsInput =
        specs(pod).stream()
            .filter(spec -> Json.string(spec, "name", "").equals(container))
            .anyMatch(spec -> Json.bool(spec, "stdin", false));
    if (stdin.isPresent() && !keepsInput) {
      throw new ClusterException(
          ClusterException.Reason.BAD_REQUEST,
          "the input of container %s is not kept open: its spec has no \"stdin: true\""
              .formatted(container));
    }
    runtime.attach(
        running(pod, container).id(), stdin, stdout, stderr, request.sizes(), timeline.instant());
  }

  /// What the running containers of these pods use, by pod UID; empty when the runtime can tell
  /// nothing. May take a second or two.
  ///
  /// @throws RuntimeFailedException when the engine does not answer
  public Optional<Map<String, PodUsage>> usage(Set<String> podUids) {
    return meter.measure(podUids);
  }

  private Observed running(KubeObject pod, String container) {
    return runtime.containers(pod.uid()).stream()
        .filter(o -> o.container().equals(container) && o.state() instanceof ContainerState.Running)
        .reduce((one, other) -> other)
        .orElseThrow(
            () ->
                new ClusterException(
                    ClusterException.Reason.BAD_REQUEST,
                    "container " + container + " is not running"));
  }

  private KubeObject pod(String namespace, String name) {
    return cluster
        .get(ObjectKey.core("Pod", namespace, name))
        .orElseThrow(
            () ->
                new ClusterException(
                    ClusterException.Reason.NOT_FOUND, "pods \"" + name + "\" not found"));
  }

  private static List<String> names(KubeObject pod, String field) {
    return Json.items(pod.spec(), field).stream()
        .map(spec -> Json.string(spec, "name", ""))
        .toList();
  }

  private static String container(KubeObject pod, String asked) {
    List<String> names = specs(pod).stream().map(spec -> Json.string(spec, "name", "")).toList();
    if (!asked.isEmpty()) {
      if (!names.contains(asked)) {
        throw new ClusterException(
            ClusterException.Reason.BAD_REQUEST,
            "container %s is not valid for pod %s".formatted(asked, pod.name()));
      }
      return asked;
    }
    List<String> main = names(pod, "containers");
    if (main.size() == 1) {
      return main.getFirst();
    }
    List<String> inits = names(pod, "initContainers");
    throw new ClusterException(
        ClusterException.Reason.BAD_REQUEST,
        "a container name must be specified for pod %s, choose one of: [%s]%s"
            .formatted(
                pod.name(),
                String.join(" ", main),
                inits.isEmpty()
                    ? ""
                    : " or one of the init containers: [" + String.join(" ", inits) + "]"));
  }

  @Override
  public void close() {
    closed = true;
    Heartbeat known = heartbeat;
    if (known != null) {
      known.close();
    }
    sources.forget(sourceListener);
    followers.forEach(Follower::close);
    loop.close();
    probes.close();
  }
}
