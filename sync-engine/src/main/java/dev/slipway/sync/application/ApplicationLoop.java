package dev.slipway.sync.application;

import dev.slipway.manifest.SourceTree;
import dev.slipway.model.archive.Archive;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Bursts;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Schedules;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.dependency.DependencyPlanner;
import dev.slipway.sync.destination.Destination;
import dev.slipway.sync.destination.Destinations;
import dev.slipway.sync.fleet.Fleet;
import dev.slipway.sync.generator.SetLoop;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// Follows applications, what they own, and their repositories; looks at an application when any of
/// these moves.
public final class ApplicationLoop implements AutoCloseable {
  private static final GroupKind APPLICATION = GroupKind.slipway("Application");
  private static final GroupKind CLUSTER = GroupKind.slipway("Cluster");
  private static final LabelSelector OWNED = LabelSelector.parse(ApplicationReconciler.LABEL);
  private static final Set<String> NOT_OWNED =
      Set.of("Event", "Lease", "Node", "SyncRecord", "Plan");
  private static final int PARALLEL = 20;
  private static final String TERMINATE = Requests.annotation(Requests.TERMINATE);
  private static final Duration TERMINATE_WITHIN = Duration.ofSeconds(2);
  private static final Duration LEAST_PAUSE = Duration.ofMillis(20);
  private static final Duration MOST_PAUSE = Duration.ofSeconds(1);

  /// A look takes at most one of so many parts of the time.
  private static final int SHARE = 5;

  private final Cluster cluster;
  private final Timeline timeline;
  private final ApplicationReconciler reconciler;
  private final ControlLoop<ObjectKey> loop;
  private final ControlLoop<ObjectKey> sets;
  private final Poller poller;
  private final List<Follower> followers = new ArrayList<>();

  /// Applications that depend on others.
  private final Set<ObjectKey> dependent = ConcurrentHashMap.newKeySet();

  /// What is followed in clusters other than our own.
  private final Map<Followed, Follower> remote = new ConcurrentHashMap<>();

  private final Bursts<ObjectKey> bursts;

  /// How long the last look at an application took.
  private final Map<ObjectKey, Duration> costs = new ConcurrentHashMap<>();

  private volatile boolean closed;

  /// One kind in one cluster.
  private record Followed(Destination destination, GroupKind kind) {}

  private ApplicationLoop(
      Cluster cluster,
      Destinations destinations,
      Archive archive,
      Source source,
      EventRecorder events,
      Schedules schedules,
      Timeline timeline,
      Chance chance) {
    this.cluster = cluster;
    this.timeline = timeline;
    var history = new SyncHistory(cluster, archive);
    var repositories = new Repositories(cluster);
    history.collect();
    var fetched = new FirstFetches(source, timeline, this::arrived);
    this.reconciler =
        new ApplicationReconciler(
            cluster,
            destinations,
            fetched,
            source,
            repositories,
            history,
            new Renders(fetched),
            this::uses,
            events.speakingAs("sync-engine"),
            timeline,
            this::hint,
            this::look);
    this.loop = new ControlLoop<>("applications", PARALLEL, this::reconcile, timeline, chance);
    this.bursts = new Bursts<>(this::pause, timeline, loop::add);
    var generators = new SetLoop(cluster, fetched, repositories, timeline);
    this.sets = new ControlLoop<>("applicationsets", 1, generators::reconcile, timeline, chance);
    this.poller = new Poller(schedules, fetched, repositories, timeline, this::look);
  }

  public static ApplicationLoop start(
      Cluster cluster,
      Destinations destinations,
      Archive archive,
      Source source,
      EventRecorder events,
      Schedules schedules,
      Timeline timeline,
      Chance chance) {
    var applications =
        new ApplicationLoop(
            cluster, destinations, archive, source, events, schedules, timeline, chance);
    applications.follow();
    return applications;
  }

  private Outcome reconcile(ObjectKey key) {
    long start = timeline.nanos();
    Outcome outcome = reconciler.reconcile(key);
    if (cluster.get(key).isPresent()) {
      costs.put(key, Duration.ofNanos(timeline.nanos() - start));
    }
    return outcome;
  }

  /// How far apart the looks at one application are while its objects keep moving: an application
  /// of thousands of objects is not looked at for each of them.
  private Duration pause(ObjectKey key) {
    Duration pause = costs.getOrDefault(key, Duration.ZERO).multipliedBy(SHARE);
    return pause.compareTo(LEAST_PAUSE) < 0
        ? LEAST_PAUSE
        : pause.compareTo(MOST_PAUSE) > 0 ? MOST_PAUSE : pause;
  }

  /// What the engine itself writes while it works.
  private static boolean isOnlyStatus(KubeObject before, KubeObject after) {
    return before.generation() == after.generation()
        && before.isTerminating() == after.isTerminating()
        && before.uid().equals(after.uid())
        && before.labels().equals(after.labels())
        && before.annotations().equals(after.annotations())
        && before.finalizers().equals(after.finalizers());
  }

  private void follow() {
    followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(APPLICATION),
            timeline,
            (before, after) -> {
              dependents(before, after);
              if (after != null) {
                terminated(before, after);
                if (before != null && isOnlyStatus(before, after)) {
                  bursts.add(after.key());
                } else {
                  loop.add(after.key());
                }
                poller.follow(
                    after.key(), List.of(Json.string(after.spec().path("source"), "repoURL", "")));
              } else if (before != null) {
                loop.add(before.key());
                costs.remove(before.key());
                poller.follow(before.key(), List.of());
                everySet();
              }
            }));
    followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(Repositories.KIND),
            timeline,
            (before, after) -> poller.repositoriesChanged()));
    followers.add(Follower.start(cluster, ObjectQuery.all(SetLoop.KIND), timeline, this::setMoved));
    followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(Fleet.KEY.groupKind()),
            timeline,
            (before, after) -> everybody()));
    for (ResourceType type : ResourceTypes.KNOWN.all()) {
      if (!NOT_OWNED.contains(type.kind())) {
        followers.add(followOwned(cluster, type.groupKind()));
      }
    }
    followers.add(Follower.start(cluster, ObjectQuery.all(CLUSTER), timeline, this::clusterMoved));
  }

  private Follower followOwned(Cluster where, GroupKind kind) {
    return Follower.start(where, ObjectQuery.all(kind).labelled(OWNED), timeline, this::ownedMoved);
  }

  /// Another cluster is followed kind by kind, as far as something is in it. When it is connected
  /// anew, the followers of the old connection end.
  private void uses(Destination destination, Set<GroupKind> kinds) {
    if (destination.isOwn()) {
      return;
    }
    for (GroupKind kind : kinds) {
      var followed = new Followed(destination, kind);
      if (!kind.group().equals("slipway.dev") && !remote.containsKey(followed) && !closed) {
        remote.keySet().stream()
            .filter(
                other ->
                    other.destination().name().equals(destination.name())
                        && !other.destination().equals(destination))
            .forEach(
                other -> {
                  Follower old = remote.remove(other);
                  if (old != null) {
                    old.close();
                  }
                });
        remote.computeIfAbsent(followed, _ -> followOwned(destination.cluster(), kind));
      }
    }
  }

  /// A cluster that came, went or changed its state: what is delivered to it looks again.
  private void clusterMoved(@Nullable KubeObject before, @Nullable KubeObject after) {
    everySet();
    for (KubeObject application : cluster.list(ObjectQuery.all(APPLICATION)).items()) {
      if (application.spec().path("destination").size() > 0) {
        loop.add(application.key());
      }
    }
  }

  private void arrived(Remote repository) {
    poller.applications(repository).forEach(this::look);
  }

  private void look(ObjectKey key) {
    (key.groupKind().equals(SetLoop.KIND) ? sets : loop).add(key);
  }

  /// A set looks again when it changes, when one of its applications comes or goes, and when its
  /// repository or the clusters move.
  private void setMoved(@Nullable KubeObject before, @Nullable KubeObject after) {
    KubeObject set = after != null ? after : before;
    if (set != null) {
      poller.follow(set.key(), after == null ? List.of() : SetLoop.addresses(after));
      sets.add(set.key());
    }
  }

  private void everySet() {
    cluster.list(ObjectQuery.all(SetLoop.KIND)).items().forEach(set -> sets.add(set.key()));
  }

  private void everybody() {
    cluster.list(ObjectQuery.all(APPLICATION)).items().forEach(found -> loop.add(found.key()));
  }

  /// A sync is ended by the look at its application; where that does not come soon, beside it.
  private void terminated(@Nullable KubeObject before, KubeObject after) {
    Optional<String> asked = after.annotation(TERMINATE);
    if (asked.isPresent() && (before == null || !before.annotation(TERMINATE).equals(asked))) {
      reconciler.stop(after.key());
      timeline.schedule(TERMINATE_WITHIN, () -> reconciler.terminate(after.key()));
    }
  }

  /// Those that wait for another application look again whenever one moves.
  private void dependents(@Nullable KubeObject before, @Nullable KubeObject after) {
    ObjectKey key = after != null ? after.key() : before != null ? before.key() : null;
    if (key == null) {
      return;
    }
    if (after != null && DependencyPlanner.hasDependencies(after)) {
      dependent.add(key);
    } else {
      dependent.remove(key);
    }
    dependent.stream().filter(other -> !other.equals(key)).forEach(loop::add);
  }

  private void ownedMoved(@Nullable KubeObject before, @Nullable KubeObject after) {
    for (KubeObject object : new KubeObject[] {before, after}) {
      if (object != null) {
        object
            .label(ApplicationReconciler.LABEL)
            .filter(label -> label.indexOf('.') > 0)
            .ifPresent(
                label -> {
                  int dot = label.indexOf('.');
                  bursts.add(
                      ObjectKey.slipway(
                          "Application", label.substring(0, dot), label.substring(dot + 1)));
                });
      }
    }
  }

  /// Asks the repository now.
  public void refresh(String repository) {
    poller.refresh(repository);
  }

  /// Asks the repository soon; any number of hints in a row is one question.
  public void hint(String repository) {
    poller.hint(repository);
  }

  public void look(String namespace, String name) {
    loop.add(ObjectKey.slipway("Application", namespace, name));
  }

  public ObjectNode diff(String namespace, String name, String revision) {
    return reconciler.previews().diff(application(namespace, name), revision);
  }

  public ObjectNode diff(String namespace, String name, SourceTree files) {
    return reconciler.previews().diff(application(namespace, name), files);
  }

  /// What a sync would do, kept as an object that [#look] can be asked to carry out.
  public KubeObject plan(String namespace, String name, String revision, String by) {
    return reconciler.previews().plan(application(namespace, name), revision, by);
  }

  /// Keeps that there could be no such plan.
  public KubeObject unplanned(
      String namespace, String name, String revision, String by, String problem) {
    return reconciler.previews().unplanned(application(namespace, name), revision, by, problem);
  }

  /// A plan of files that are in no commit.
  public KubeObject plan(String namespace, String name, SourceTree files, String by) {
    return reconciler.previews().plan(application(namespace, name), files, by);
  }

  /// Pushes a commit that says what an entry of the history says.
  public String revert(String namespace, String name, long id, String onto, String by) {
    return reconciler.previews().revert(application(namespace, name), id, onto, by);
  }

  private KubeObject application(String namespace, String name) {
    return cluster
        .get(ObjectKey.slipway("Application", namespace, name))
        .orElseThrow(
            () ->
                new ClusterException(
                    ClusterException.Reason.NOT_FOUND, "application \"" + name + "\" not found"));
  }

  public boolean isIdle() {
    return loop.isIdle() && sets.isIdle();
  }

  @Override
  public void close() {
    closed = true;
    poller.close();
    followers.forEach(Follower::close);
    remote.values().forEach(Follower::close);
    sets.close();
    loop.close();
  }
}
