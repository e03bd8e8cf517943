package dev.slipway.simulation;

import dev.slipway.controlplane.Controllers;
import dev.slipway.controlplane.cluster.Admission;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.services.GuardedDataPlane;
import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.controlplane.store.MemoryJournal;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.StoreException;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.model.archive.Archive;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.schema.Defaults;
import dev.slipway.model.service.ServingGate;
import dev.slipway.model.time.TimelineSchedules;
import dev.slipway.rollout.RolloutController;
import dev.slipway.runtime.agent.NodeAgent;
import dev.slipway.runtime.agent.SourceChanges;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.sync.SyncEngine;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.node.ObjectNode;

/// The real control plane, sync engine, rollout and node agent on virtual time in one thread; the
/// disk, the repository and the containers are simulated and fail as the seed says. The same seed
/// gives the same life.
public final class World {
  /// An invariant that did not hold.
  public static final class Broken extends RuntimeException {
    Broken(String message) {
      super(message);
    }
  }

  /// How often the rare things happened.
  public record Counters(
      int pushes,
      int deaths,
      int rollbacks,
      int crashes,
      int outages,
      int brokenPushes,
      int refusedWrites,
      int deathsInWrites) {}

  private static final int REPLICAS = 3;
  private static final int SURGE = 1;
  private static final int LONGEST_ABSENCE_MILLIS = 12_000;
  private static final int BUSY_TASKS = 600;
  private static final long SETTLED_NANOS = Duration.ofSeconds(2).toNanos();
  private static final int MAX_TASKS = 200_000;
  private static final ObjectKey APP = ObjectKey.slipway("Application", "default", "shop");
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final GroupKind CONTROLLER = GroupKind.core("ReplicationController");

  private final ManualTimeline timeline;
  private final SeededChance chance;
  private final Bug bug;
  private final SimulatedDisk disk;
  private final boolean badDisk;
  private final MemoryArchive archive = new MemoryArchive();
  private final SimulatedSource source;
  private final SimulatedProxy proxy = new SimulatedProxy();
  private final SimulatedRuntime runtime;
  private Daemon daemon;
  private int version;
  private long seen;
  private int tasks;

  /// After how many tasks the daemon dies, in the midst of whatever it does then.
  private int deathAt = Integer.MAX_VALUE;

  private boolean extra;

  /// Since when all of `web` run and are known to; the largest number while they do not.
  private long wholeSince = Long.MAX_VALUE;

  private boolean undamaged;
  private long damagedAt;
  private boolean anchored;
  private String stillPods = "";
  private int pushes;
  private int deaths;
  private int rollbacks;
  private int crashes;
  private int outages;
  private int brokenPushes;
  private int deathsInWrites;
  private String appSaid = "";
  private final Map<String, Commit> commits = new HashMap<>();

  /// What a commit asks for, where it can be read and differs from others.
  private record Commit(String version, boolean extra) {}

  /// Everything that dies with the daemon.
  private record Daemon(ObjectStore store, Cluster cluster) {}

  private World(long seed, Bug bug) {
    this.chance = new SeededChance(seed);
    this.timeline = ManualTimeline.unordered(new SeededChance(seed ^ 0x5DEECE66DL));
    this.bug = bug;
    this.disk = new SimulatedDisk(new SeededChance(~seed), bug);
    this.badDisk = seed % 2 != 0;
    this.source = new SimulatedSource(bug);
    this.runtime = new SimulatedRuntime(timeline, chance, bug, this::mayStop);
    this.daemon = start();
  }

  /// Lives one life.
  ///
  /// @throws Broken naming the invariant
  public static Counters live(long seed, Bug bug) {
    var world = new World(seed, bug);
    world.run();
    return new Counters(
        world.pushes,
        world.deaths,
        world.rollbacks,
        world.crashes,
        world.outages,
        world.brokenPushes,
        world.disk.refused(),
        world.deathsInWrites);
  }

  private Daemon start() {
    var store = new ObjectStore(disk, timeline, StoreLimits.DEFAULT);
    Cluster real =
        new EmbeddedCluster(store, new Filling(), timeline, chance)
            .withNamespaces("default", "kube-system");
    Cluster cluster = bug == Bug.NONE ? real : new BuggyCluster(real, bug, chance, "");
    var events = new EventRecorder(cluster, timeline, "simulation");
    var dataPlane = new GuardedDataPlane(cluster, proxy, proxy);
    Controllers.start(
        cluster,
        dataPlane,
        ServiceAddresses.DEFAULT,
        Optional::empty,
        Together.ONE_BY_ONE,
        timeline,
        chance);
    RolloutController.start(cluster, events, timeline, chance);
    NodeAgent.start(
        cluster,
        runtime,
        bug == Bug.STOPS_UNASKED ? ServingGate.OPEN : dataPlane,
        events,
        new NodeAgent.Settings("n1", World::facts, true),
        new NodeAgent.Sources(
            (pod, audiences, life) -> Optional.empty(), SourceChanges.follow(cluster, timeline)),
        timeline,
        chance);
    SyncEngine.start(
        cluster,
        archive,
        source,
        events,
        new TimelineSchedules(timeline, chance),
        timeline,
        chance);
    return new Daemon(store, real);
  }

  private static NodeFacts.Reading facts() {
    Map<String, String> amounts = Map.of("cpu", "64", "memory", "64Gi", "pods", "500");
    return new NodeFacts.Reading(
        "127.0.0.1", Map.of(), amounts, amounts, "simulated://1", "Linux", "amd64");
  }

  private static final class Filling implements Admission {
    @Override
    public void fill(ObjectNode object) {
      Defaults.fill(object);
    }

    @Override
    public List<ClusterException.Cause> faults(Optional<KubeObject> before, KubeObject after) {
      return List.of();
    }
  }

  private void run() {
    push(false, false);
    daemon
        .cluster()
        .create(
            KubeObject.make(
                "slipway.dev/v1",
                "Application",
                "default",
                "shop",
                json -> {
                  ObjectNode spec = json.putObject("spec");
                  spec.putObject("source")
                      .put("repoURL", "/repo")
                      .put("path", ".")
                      .put("targetRevision", "main");
                  spec.putObject("destination").put("namespace", "shop");
                  ObjectNode policy = spec.putObject("syncPolicy");
                  policy
                      .putObject("automated")
                      .put("enabled", true)
                      .put("prune", true)
                      .put("selfHeal", true);
                  policy.putObject("prune").put("maxObjects", 10).put("maxPercent", 100);
                }));
    pass(Duration.ofSeconds(20));
    disk.faulty(badDisk);
    int events = 6 + chance.below(10);
    for (int i = 0; i < events; i++) {
      happen();
      pass(Duration.ofMillis(chance.below(12_000)));
    }
    source.down(false);
    runtime.failing(false);
    disk.faulty(false);
    push(false, false);
    pass(Duration.ofSeconds(60));
    atRest();
  }

  private void happen() {
    switch (chance.below(11)) {
      case 0, 1, 2 -> push(false, false);
      case 3 -> push(true, false);
      case 4 -> push(false, true);
      case 5 -> {
        deaths++;
        if (chance.oneIn(2)) {
          push(false, false);
          deathAt = tasks + 1 + chance.below(BUSY_TASKS);
        } else {
          die();
        }
      }
      case 6 -> {
        outages++;
        source.down(chance.oneIn(2));
      }
      case 7 -> {
        crashes++;
        damage();
        runtime.crashOne();
      }
      case 8 -> deleteAPod();
      case 9 -> runtime.failing(chance.oneIn(2));
      default -> rollBack();
    }
  }

  /// A new commit: another template, sometimes one object more or less, sometimes one that cannot
  /// work or cannot be read.
  private void push(boolean broken, boolean unreadable) {
    pushes++;
    brokenPushes += broken || unreadable ? 1 : 0;
    version++;
    if (chance.oneIn(3)) {
      extra = !extra;
    }
    var files = new TreeMap<String, String>();
    files.put(
        "anchor.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: anchor}\ndata: {a: b}\n");
    files.put(
        "service.yaml",
        """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{port: 80}]}
        """);
    files.put("still.yaml", controller("still", 2, "steady", "0"));
    files.put(
        "web.yaml",
        unreadable
            ? "kind: [\n"
            : controller("web", REPLICAS, broken ? "broken" : "serve", Integer.toString(version)));
    if (extra) {
      files.put(
          "extra.yaml",
          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {v: \""
              + version
              + "\"}\n");
    }
    source.push(files);
    if (!unreadable) {
      commits.put(source.head(), new Commit(Integer.toString(version), extra));
    }
  }

  private static String controller(String name, int replicas, String command, String version) {
    return """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: %1$s
          annotations: {slipway.dev/max-surge: "%5$d", slipway.dev/max-unavailable: "0", slipway.dev/progress-deadline-seconds: "15"}
        spec:
          replicas: %2$d
          selector: {app: %1$s}
          template:
            metadata: {labels: {app: %1$s}, annotations: {version: "%4$s"}}
            spec:
              terminationGracePeriodSeconds: 5
              containers: [{name: %1$s, image: x, command: [%3$s]}]
        """
        .formatted(name, replicas, command, version, SURGE);
  }

  private void die() {
    deathAt = Integer.MAX_VALUE;
    Map<ObjectKey, String> before = disk.keptTheLast() ? Map.of() : content();
    daemon = restart();
    Map<ObjectKey, String> after = content();
    before.forEach(
        (key, revision) -> {
          if (!after.containsKey(key) && !key.kind().equals("Event")) {
            throw new Broken("I5: " + key + " was acknowledged and is gone after a restart");
          }
        });
  }

  /// Clients call the service all the time, so a container that is told to end while the proxy
  /// still sends requests to its pod fails one. While the disk is full nobody can tell the proxy.
  private void mayStop(String pod) {
    if (!badDisk && proxy.receives(pod)) {
      throw new Broken("I2: " + pod + " is stopped and still receives requests");
    }
  }

  /// As often as it takes: a daemon may die again in the first write after its start.
  private Daemon restart() {
    while (true) {
      timeline.dropEverything();
      runtime.forgetListener();
      if (chance.oneIn(2)) {
        timeline.advance(Duration.ofMillis(chance.below(LONGEST_ABSENCE_MILLIS)));
      }
      try {
        return start();
      } catch (MemoryJournal.Crash e) {
        deathsInWrites++;
      }
    }
  }

  private Map<ObjectKey, String> content() {
    var content = new HashMap<ObjectKey, String>();
    for (var type : dev.slipway.model.object.ResourceTypes.KNOWN.all()) {
      for (KubeObject object : daemon.cluster().list(ObjectQuery.all(type.groupKind())).items()) {
        content.put(object.key(), object.resourceVersion());
      }
    }
    return content;
  }

  private void deleteAPod() {
    List<KubeObject> pods = pods("web");
    if (!pods.isEmpty()) {
      damage();
      KubeObject pod = pods.get(chance.below(pods.size()));
      asPerson(() -> daemon.cluster().delete(pod.key(), DeleteOptions.ofUid(pod.uid())));
    }
  }

  /// Somebody asks for something, and is refused while the disk is full or the daemon dies.
  private void asPerson(Runnable action) {
    try {
      action.run();
    } catch (ClusterException | StoreException | MemoryJournal.Crash e) {
      if (!badDisk) {
        throw e;
      }
    }
  }

  /// The world takes a pod away: that is nobody's fault, and shows a moment later.
  private void damage() {
    undamaged = false;
    damagedAt = timeline.nanos();
  }

  private void rollBack() {
    rollbacks++;
    String request = "{\"id\":\"r" + rollbacks + "\",\"by\":\"tester\"}";
    daemon
        .cluster()
        .get(APP)
        .map(
            app ->
                app.withMetadata(
                    metadata ->
                        Json.child(metadata, "annotations")
                            .put("slipway.dev/rollback-requested", request)))
        .ifPresent(app -> asPerson(() -> daemon.cluster().replace(app)));
  }

  /// Lets time pass and looks at the world at every instant at which something happens.
  private void pass(Duration time) {
    long end = timeline.nanos() + time.toNanos();
    do {
      try {
        timeline.runUntil(this::look, Duration.ofNanos(end - timeline.nanos()));
      } catch (StoreException | MemoryJournal.Crash e) {
        if (!badDisk) {
          throw e;
        }
      } catch (ClusterException e) {
        if (!badDisk) {
          throw new IllegalStateException("a refusal reached nobody: " + e.getMessage(), e);
        }
      }
      if (disk.hasCrashed()) {
        deathsInWrites++;
        die();
      } else if (tasks >= deathAt) {
        die();
      }
    } while (timeline.nanos() < end);
  }

  /// @return whether the daemon has died
  private boolean look() {
    if (daemon.store().revision() != seen) {
      seen = daemon.store().revision();
      always();
    }
    if (++tasks > MAX_TASKS) {
      throw new Broken("I8: " + MAX_TASKS + " tasks in one life: something spins");
    }
    return disk.hasCrashed() || tasks >= deathAt;
  }

  private List<KubeObject> pods(String app) {
    var pods = new ArrayList<KubeObject>();
    for (KubeObject pod : daemon.cluster().list(ObjectQuery.in(POD, "shop")).items()) {
      String phase = Json.string(pod.status(), "phase", "");
      if (pod.label("app").filter(app::equals).isPresent()
          && !pod.isTerminating()
          && !phase.equals("Failed")
          && !phase.equals("Succeeded")) {
        pods.add(pod);
      }
    }
    return pods;
  }

  /// Whether a number of pods was decided that its controller has not acted upon.
  private boolean isDecided(String app) {
    return daemon.cluster().list(ObjectQuery.in(CONTROLLER, "shop")).items().stream()
        .filter(rc -> Json.string(rc.spec().path("selector"), "app", "").equals(app))
        .anyMatch(rc -> rc.observedGeneration() < rc.generation());
  }

  private void always() {
    List<KubeObject> web = pods("web");
    long ready = web.stream().filter(pod -> Conditions.isTrue(pod.status(), "Ready")).count();
    if (web.size() > REPLICAS + SURGE) {
      throw new Broken("I2: " + web.size() + " pods exist, " + (REPLICAS + SURGE) + " may");
    }
    // While the disk is full the status may still tell of pods that were damaged: they must run
    // too. And a rollout lets old pods go first that are not available, by their number: when the
    // one it counted becomes ready before the controller acts, a ready one goes, as on Kubernetes;
    // a disk that refuses the controller's write makes that a matter of seconds. So a workload that
    // was damaged is held to its limit once it has been whole for a while, and what was decided is
    // carried out.
    if (ready < REPLICAS
        || isDecided("web")
        || web.stream().filter(pod -> runtime.runs(pod.uid())).count() < REPLICAS) {
      wholeSince = Long.MAX_VALUE;
    } else if (wholeSince == Long.MAX_VALUE) {
      wholeSince = timeline.nanos();
    }
    if (ready >= REPLICAS) {
      undamaged |=
          wholeSince != Long.MAX_VALUE
              && timeline.nanos() > Math.max(wholeSince, damagedAt) + SETTLED_NANOS;
    } else if (undamaged) {
      throw new Broken("I2: only " + ready + " pods are available, " + REPLICAS + " must be");
    }
    boolean anchor =
        daemon.cluster().get(ObjectKey.core("ConfigMap", "shop", "anchor")).isPresent();
    if (anchored && !anchor) {
      throw new Broken("I4: an object that every commit has was deleted");
    }
    anchored |= anchor;
    if (runtime.runsTwice()) {
      throw new Broken("I6: a container runs twice");
    }
    honest();
    List<KubeObject> still = pods("still");
    if (still.size() == 2
        && still.stream().allMatch(pod -> Conditions.isTrue(pod.status(), "Ready"))) {
      String uids = still.stream().map(KubeObject::uid).sorted().toList().toString();
      if (!stillPods.isEmpty() && !stillPods.equals(uids)) {
        throw new Broken("I6: a pod that need not change was replaced");
      }
      stillPods = uids;
    } else if (!stillPods.isEmpty()) {
      throw new Broken("I6: a pod that need not change does not run");
    }
  }

  /// Whoever says that all is as a commit wants it must have seen it so.
  private void honest() {
    String said =
        daemon
            .cluster()
            .get(APP)
            .map(app -> app.status().path("sync"))
            .filter(sync -> Json.string(sync, "status", "").equals("Synced"))
            .map(sync -> Json.string(sync, "revision", ""))
            .orElse("");
    Commit commit = commits.get(said);
    if (!said.equals(appSaid) && commit != null) {
      String live =
          daemon
              .cluster()
              .get(ObjectKey.slipway("Rollout", "shop", "web"))
              .map(
                  rollout ->
                      Json.string(
                          rollout.spec().path("template").path("metadata").path("annotations"),
                          "version",
                          ""))
              .orElse("none");
      boolean hasExtra =
          daemon.cluster().get(ObjectKey.core("ConfigMap", "shop", "extra")).isPresent();
      if (!live.equals(commit.version()) || hasExtra != commit.extra()) {
        throw new Broken(
            "I1: synced at version %s, and version %s is there".formatted(commit.version(), live));
      }
    }
    appSaid = said;
  }

  private void atRest() {
    KubeObject app = daemon.cluster().get(APP).orElseThrow();
    String sync = Json.string(app.status().path("sync"), "status", "");
    String revision = Json.string(app.status().path("sync"), "revision", "");
    String health = Json.string(app.status().path("health"), "status", "");
    if (!sync.equals("Synced") || !health.equals("Healthy") || !revision.equals(source.head())) {
      throw new Broken(
          "I9: 60 s after the last fault the application is %s %s at %s, not at %s: %s"
              .formatted(
                  sync,
                  health,
                  revision,
                  source.head(),
                  Json.text(app.status().path("operation"))));
    }
    List<KubeObject> web = pods("web");
    if (web.size() != REPLICAS) {
      throw new Broken("I3: " + web.size() + " pods at rest");
    }
    String wanted = Integer.toString(version);
    if (!web.stream()
        .allMatch(pod -> pod.annotation("version").filter(wanted::equals).isPresent())) {
      throw new Broken("I1: synced at a revision whose template the pods do not have");
    }
    boolean hasExtra =
        daemon.cluster().get(ObjectKey.core("ConfigMap", "shop", "extra")).isPresent();
    if (hasExtra != extra) {
      throw new Broken("I1: what Git " + (extra ? "has is not there" : "no longer has is there"));
    }
    if (runtime.running() != REPLICAS + 2 || runtime.sandboxes().size() != REPLICAS + 2) {
      throw new Broken(
          "I3: "
              + runtime.running()
              + " containers and "
              + runtime.sandboxes().size()
              + " sandboxes at rest");
    }
  }

  /// Survives the daemon, as a disk does.
  private static final class MemoryArchive implements Archive {
    private final Map<String, byte[]> kept = new HashMap<>();

    @Override
    public List<String> put(Collection<byte[]> contents) {
      return contents.stream()
          .map(
              bytes -> {
                String hash = dev.slipway.manifest.render.Renderer.hash(bytes);
                kept.put(hash, bytes);
                return hash;
              })
          .toList();
    }

    @Override
    public Optional<byte[]> get(String hash) {
      return Optional.ofNullable(kept.get(hash));
    }

    @Override
    public void retain(Collection<String> hashes) {
      kept.keySet().retainAll(List.copyOf(hashes));
    }
  }
}
