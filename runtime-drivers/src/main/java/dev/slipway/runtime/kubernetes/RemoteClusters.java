package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/// The remote clusters that `Cluster` objects describe: connected when first used, connected anew
/// when the object or its Secret changes, each with its state in the object's status.
public final class RemoteClusters implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RemoteClusters.class);
  private static final GroupKind CLUSTER = GroupKind.slipway("Cluster");
  private static final Duration LOOK_AGAIN = Duration.ofSeconds(30);
  private static final Duration STALE = Duration.ofSeconds(15);
  private static final int PARALLEL = 8;

  /// What the daemon around this gives.
  ///
  /// @param yaml reads one YAML document; throws IllegalArgumentException
  /// @param environment a variable of this process
  /// @param allowExec whether programs that a kubeconfig names are run
  /// @param rollouts drives the rollouts of a cluster until closed; called when there is one
  public record Surroundings(
      Function<byte[], ObjectNode> yaml,
      Function<String, Optional<String>> environment,
      boolean allowExec,
      BiFunction<String, Cluster, AutoCloseable> rollouts) {}

  /// One cluster that can be delivered to.
  public record Connected(String name, RemoteCluster remote, Cluster cluster) {}

  private static final class Entry {
    final String fingerprint;
    final Optional<URI> server;
    final @Nullable Connected connected;
    final String problem;
    final @Nullable RemoteRollouts leaving;
    @Nullable AutoCloseable rollouts;
    volatile String silent = "";

    Entry(String fingerprint, URI server, Connected connected, RemoteRollouts leaving) {
      this.fingerprint = fingerprint;
      this.server = Optional.of(server);
      this.connected = connected;
      this.leaving = leaving;
      this.problem = "";
    }

    Entry(String fingerprint, String problem) {
      this.fingerprint = fingerprint;
      this.server = Optional.empty();
      this.connected = null;
      this.leaving = null;
      this.problem = problem;
    }
  }

  private final Cluster home;
  private final Surroundings surroundings;
  private final Endpoints endpoints;
  private final Timeline timeline;
  private final Chance chance;
  private final Map<String, Entry> entries = new HashMap<>();
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers = new ArrayList<>();
  private boolean closed;

  private RemoteClusters(
      Cluster home, Surroundings surroundings, Timeline timeline, Chance chance) {
    this.home = home.as(Author.controller("slipway-clusters"));
    this.surroundings = surroundings;
    this.timeline = timeline;
    this.chance = chance;
    this.endpoints =
        new Endpoints(
            home,
            surroundings.yaml(),
            surroundings.allowExec(),
            surroundings.environment(),
            timeline);
    this.loop = new ControlLoop<>("clusters", PARALLEL, this::reconcile, timeline, chance);
  }

  /// @param home where the `Cluster` objects, their Secrets and the Rollouts are
  public static RemoteClusters start(
      Cluster home, Surroundings surroundings, Timeline timeline, Chance chance) {
    var clusters = new RemoteClusters(home, surroundings, timeline, chance);
    clusters.follow();
    return clusters;
  }

  private void follow() {
    followers.add(
        Follower.start(
            home,
            ObjectQuery.all(CLUSTER),
            timeline,
            Follower.Listener.ofAll(declared -> loop.add(declared.key()))));
    followers.add(
        Follower.start(
            home,
            ObjectQuery.all(GroupKind.core("Secret")),
            timeline,
            Follower.Listener.ofAll(
                secret -> {
                  for (KubeObject cluster : home.list(ObjectQuery.all(CLUSTER)).items()) {
                    if (Endpoints.secret(cluster).filter(secret.key()::equals).isPresent()) {
                      loop.add(cluster.key());
                    }
                  }
                })));
    followers.add(
        Follower.start(
            home,
            ObjectQuery.all(GroupKind.slipway("Rollout"))
                .labelled(LabelSelector.parse(WorkloadCluster.CLUSTER)),
            timeline,
            (before, after) -> {
              if (before == null && after != null) {
                after
                    .label(WorkloadCluster.CLUSTER)
                    .ifPresent(name -> timeline.execute(() -> drive(name)));
              }
            }));
  }

  private static ObjectKey key(String name) {
    return ObjectKey.slipway("Cluster", "", name);
  }

  /// Finds a cluster by its name, or else by the address of its server.
  ///
  /// @throws ClusterException `NOT_FOUND` when there is none; `UNAVAILABLE` when it cannot be used
  ///   now, with the reason in words
  public Connected find(String name, String server) {
    String called = name.isEmpty() ? byServer(server) : name;
    Entry entry = entry(called);
    if (entry == null) {
      throw new ClusterException(
          Reason.NOT_FOUND,
          "there is no cluster %s: `slipway cluster list` shows those that there are"
              .formatted(called));
    }
    Connected connected = entry.connected;
    if (connected == null) {
      throw new ClusterException(
          Reason.UNAVAILABLE, "cluster %s: %s".formatted(called, entry.problem));
    }
    Optional<String> stale = connected.remote().staleSince(STALE);
    String silent = stale.orElse(entry.silent);
    if (!silent.isEmpty()) {
      loop.add(key(called));
      throw new ClusterException(Reason.UNAVAILABLE, "cluster %s: %s".formatted(called, silent));
    }
    return connected;
  }

  private String byServer(String server) {
    List<KubeObject> all = home.list(ObjectQuery.all(CLUSTER)).items();
    for (KubeObject cluster : all) {
      Entry entry = entry(cluster.name());
      if (entry != null && entry.server.map(URI::toString).filter(server::equals).isPresent()) {
        return cluster.name();
      }
    }
    throw new ClusterException(
        Reason.NOT_FOUND, "there is no cluster whose server is %s".formatted(server));
  }

  /// As the object says now, connected anew if that has changed.
  private synchronized @Nullable Entry entry(String name) {
    Optional<KubeObject> found = home.get(key(name)).filter(cluster -> !cluster.isTerminating());
    Entry before = entries.get(name);
    if (found.isEmpty() || closed) {
      entries.remove(name);
      shut(name, before);
      return null;
    }
    KubeObject cluster = found.get();
    String fingerprint =
        Json.text(cluster.spec())
            + Endpoints.secret(cluster)
                .flatMap(home::get)
                .map(secret -> secret.uid() + secret.resourceVersion())
                .orElse("");
    if (before != null && before.fingerprint.equals(fingerprint)) {
      return before;
    }
    shut(name, before);
    Entry entry;
    try {
      Endpoint endpoint = endpoints.read(cluster);
      RemoteCluster remote = RemoteCluster.open(endpoint, timeline, chance);
      provideNamespace(name);
      entry =
          new Entry(
              fingerprint,
              endpoint.server(),
              new Connected(name, remote, new WorkloadCluster(name, remote, home, timeline)),
              new RemoteRollouts(name, remote, home, timeline, chance));
      log.info("cluster opened cluster={} server={}", name, endpoint.server());
    } catch (IllegalArgumentException e) {
      entry = new Entry(fingerprint, String.valueOf(e.getMessage()));
    }
    entries.put(name, entry);
    timeline.execute(() -> drive(name));
    return entry;
  }

  private void provideNamespace(String name) {
    String namespace = WorkloadCluster.namespace(name);
    if (home.get(ObjectKey.core("Namespace", "", namespace)).isEmpty()) {
      try {
        home.create(KubeObject.make("v1", "Namespace", "", namespace, json -> {}));
      } catch (ClusterException e) {
        if (e.reason() != Reason.ALREADY_EXISTS) {
          throw e;
        }
      }
    }
  }

  /// Starts to drive the rollouts of a cluster, once there are any.
  private synchronized void drive(String name) {
    Entry entry = entries.get(name);
    if (entry == null || entry.connected == null || entry.rollouts != null || closed) {
      return;
    }
    boolean any =
        !home.list(
                ObjectQuery.in(GroupKind.slipway("Rollout"), WorkloadCluster.namespace(name))
                    .labelled(LabelSelector.parse(WorkloadCluster.CLUSTER + "=" + name)))
            .items()
            .isEmpty();
    if (any) {
      entry.rollouts = surroundings.rollouts().apply(name, entry.connected.cluster());
    }
  }

  private static void shut(String name, @Nullable Entry entry) {
    if (entry == null) {
      return;
    }
    try {
      if (entry.rollouts != null) {
        entry.rollouts.close();
      }
    } catch (Exception e) {
      log.warn("rollouts did not stop cleanly cluster={} cause={}", name, e.toString());
    }
    if (entry.leaving != null) {
      entry.leaving.close();
    }
    if (entry.connected != null) {
      entry.connected.remote().close();
      log.info("cluster closed cluster={}", name);
    }
  }

  // What the status says

  private Outcome reconcile(ObjectKey key) {
    Entry entry = entry(key.name());
    Optional<KubeObject> cluster = home.get(key);
    if (entry == null || cluster.isEmpty()) {
      return Outcome.SETTLED;
    }
    Connected connected = entry.connected;
    if (connected == null) {
      say(cluster.get(), "Invalid", entry.problem, "");
      return Outcome.SETTLED;
    }
    RemoteCluster remote = connected.remote();
    String version = Json.string(cluster.get().status(), "version", "");
    Optional<String> stale = remote.staleSince(Duration.ZERO);
    boolean heard = remote.watched().getKey() > 0 && stale.isEmpty() && entry.silent.isEmpty();
    if (!heard || version.isEmpty()) {
      try {
        version = remote.version();
        entry.silent = "";
      } catch (ClusterException e) {
        entry.silent = String.valueOf(e.getMessage());
      }
    }
    // It may answer, and what is watched be old nevertheless.
    String problem = entry.silent.isEmpty() ? remote.staleSince(STALE).orElse("") : entry.silent;
    say(cluster.get(), problem.isEmpty() ? "Connected" : "Unreachable", problem, version);
    boolean well = problem.isEmpty() && stale.isEmpty();
    return Outcome.recheckAfter(well ? LOOK_AGAIN : LOOK_AGAIN.dividedBy(6), "looks again");
  }

  private void say(KubeObject cluster, String phase, String message, String version) {
    ObjectNode status =
        cluster.status() instanceof ObjectNode there ? there.deepCopy() : Json.object();
    if (!Json.string(status, "phase", "").equals(phase)) {
      status.put("since", Conditions.time(timeline.instant()));
      log.info("cluster state cluster={} phase={} message={}", cluster.name(), phase, message);
    }
    status.put("phase", phase);
    status.put("observedGeneration", cluster.generation());
    if (message.isEmpty()) {
      status.remove("message");
    } else {
      status.put("message", message);
    }
    if (!version.isEmpty()) {
      status.put("version", version);
    }
    Conditions.set(status, "Ready", phase.equals("Connected"), phase, message, timeline.instant());
    if (!status.equals(cluster.status())) {
      home.replaceStatus(cluster.withStatus(status));
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    followers.forEach(Follower::close);
    loop.close();
    entries.forEach(RemoteClusters::shut);
    entries.clear();
  }
}
