package dev.slipway.sync.application;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.health.Health;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.destination.Destination;
import dev.slipway.sync.destination.DestinationException;
import dev.slipway.sync.destination.Destinations;
import dev.slipway.sync.health.Expressions;
import dev.slipway.sync.health.HealthAssessor;
import dev.slipway.sync.plan.Compared;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.sync.source.BusyException;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Brings one application towards what it wants, a step a pass. It remembers nothing but what it
/// could read again.
///
/// A pass reads what Git says ([Wanted]); begins what a person asks for ([Requests]) or what is new
/// ([Automation]); carries on what is under way ([SyncRun]); and otherwise looks on ([Onlooker]).
final class ApplicationReconciler {
  static final String LABEL = "slipway.dev/application";
  static final String FINALIZER = "slipway.dev/resources";
  static final Outcome AGAIN = Outcome.recheckAfter(Duration.ZERO, "the next step");
  static final Duration LEAVING = Duration.ofMillis(500);
  private static final Duration UNREACHABLE = Duration.ofSeconds(15);
  private static final Duration BUSY = Duration.ofMillis(500);
  private static final int CONFLICTS = 20;
  private static final int IN_ONE_CLUSTER = 8;
  private static final Duration QUICK_FETCH = Duration.ofSeconds(3);
  private static final String FLAW = "InternalError";
  private static final Logger log = LoggerFactory.getLogger(ApplicationReconciler.class);
  static final Duration LOOK_AGAIN = Duration.ofMinutes(1);

  private final Cluster cluster;
  private final Destinations destinations;
  private final Source source;
  private final Repositories repositories;
  private final Renders renders;

  /// Hears of which kinds something is in which cluster.
  private final BiConsumer<Destination, Set<GroupKind>> uses;

  /// Calls for another look at an application.
  private final Consumer<ObjectKey> look;

  private final EventRecorder events;
  private final Timeline timeline;
  private final Operations operations;
  private final Requests requests;
  private final Automation automation;
  private final SyncRun run;
  private final Onlooker onlooker;
  private final TearDown tearDown;
  private final Previews previews;

  /// By application.
  private final Map<ObjectKey, Settled> settled = new ConcurrentHashMap<>();

  /// Applications whose sync a person ends, while a look at them that began before is under way.
  private final Set<ObjectKey> terminating = ConcurrentHashMap.newKeySet();

  private final Places places = new Places(IN_ONE_CLUSTER);
  private final HealthAssessor assessor = new HealthAssessor(new Expressions());

  /// By application.
  private final Map<ObjectKey, Compared> compared = new ConcurrentHashMap<>();

  /// @param source for the passes: never waits for a repository
  /// @param patient for people who ask
  ApplicationReconciler(
      Cluster cluster,
      Destinations destinations,
      Source source,
      Source patient,
      Repositories repositories,
      SyncHistory history,
      Renders renders,
      BiConsumer<Destination, Set<GroupKind>> uses,
      EventRecorder events,
      Timeline timeline,
      Consumer<String> refresh,
      Consumer<ObjectKey> look) {
    this.look = look;
    this.cluster = cluster;
    this.destinations = destinations;
    this.source = source;
    this.repositories = repositories;
    this.renders = renders;
    this.uses = uses;
    this.events = events;
    this.timeline = timeline;
    var applier = new Applier(history, terminating::contains);
    operations = new Operations(history, applier, events);
    previews =
        new Previews(
            cluster,
            destinations,
            patient,
            repositories,
            renders,
            history,
            assessor,
            this::compared,
            timeline);
    requests = new Requests(source, renders, history, operations, previews, events, refresh);
    automation = new Automation(source, history, operations, events);
    run = new SyncRun(history, renders, applier, operations, events);
    onlooker = new Onlooker(history, applier, events);
    tearDown = new TearDown(history, applier, run, events);
  }

  private Compared compared(ObjectKey application) {
    return compared.computeIfAbsent(application, _ -> new Compared());
  }

  Previews previews() {
    return previews;
  }

  /// A person ends the sync under way: a look that is just writing stops before its next write.
  void stop(ObjectKey key) {
    terminating.add(key);
  }

  /// Ends the sync of an application whose look does not come back, since its cluster is slow or
  /// silent. Does nothing when there is no such request any more.
  void terminate(ObjectKey key) {
    for (int attempt = 0; attempt < CONFLICTS; attempt++) {
      Optional<KubeObject> found = cluster.get(key);
      if (found.isEmpty()) {
        return;
      }
      Pass pass = beside(found.get());
      if (!requests.urgent(pass, false)) {
        return;
      }
      try {
        pass.save();
        return;
      } catch (ClusterException e) {
        if (e.reason() != ClusterException.Reason.CONFLICT) {
          throw e;
        }
      }
    }
  }

  /// A pass that has nothing to do with the application's cluster.
  private Pass beside(KubeObject application) {
    return new Pass(
        cluster,
        Destinations.own(cluster, Together.ONE_BY_ONE),
        repositories,
        application,
        timeline.instant(),
        assessor);
  }

  Outcome reconcile(ObjectKey key) {
    terminating.remove(key);
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty()) {
      settled.remove(key);
      compared.remove(key);
      return Outcome.SETTLED;
    }
    if (isUnmoved(found.get())) {
      return Outcome.SETTLED;
    }
    Destination destination;
    try {
      destination = destinations.of(found.get());
    } catch (DestinationException e) {
      return unreachable(found.get(), String.valueOf(e.getMessage()));
    }
    if (destination.isOwn()) {
      return reconcile(key, found.get(), destination);
    }
    if (!places.enter(destination.name(), key)) {
      return Outcome.SETTLED;
    }
    try {
      return reconcile(key, found.get(), destination);
    } finally {
      places.leave(destination.name()).ifPresent(look);
    }
  }

  private Outcome reconcile(ObjectKey key, KubeObject found, Destination destination) {
    try {
      return reconcile(
          new Pass(
              cluster,
              destination,
              repositories,
              found,
              timeline.instant(),
              compared(key),
              assessor));
    } catch (BusyException e) {
      return Outcome.recheckAfter(BUSY, String.valueOf(e.getMessage()));
    } catch (DestinationException e) {
      return unreachable(cluster.get(key).orElse(found), String.valueOf(e.getMessage()));
    } catch (ClusterException e) {
      if (destination.isOwn() || !isSilence(e)) {
        throw e;
      }
      return unreachable(
          cluster.get(key).orElse(found),
          "cluster %s: %s".formatted(destination.name(), e.getMessage()));
    } catch (IllegalStateException
        | IllegalArgumentException
        | NullPointerException
        | ClassCastException
        | IndexOutOfBoundsException e) {
      flawed(key, e);
      throw e;
    }
  }

  /// A flaw of our own: the loop logs it and tries again; who looks at the application shall know.
  private void flawed(ObjectKey key, RuntimeException flaw) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isPresent()) {
      Pass pass = beside(found.get());
      pass.status.condition(
          FLAW,
          true,
          flaw.getClass().getSimpleName(),
          "a flaw of Slipway itself: %s; the log of the daemon says more"
              .formatted(flaw.getMessage()));
      try {
        pass.save();
      } catch (ClusterException e) {
        log.debug("flaw not told app={} cause={}", key, e.getMessage());
      }
    }
  }

  private Outcome reconcile(Pass pass) {
    operations.settle(pass);
    if (pass.application.isTerminating()) {
      return tearDown.tearDown(pass);
    }
    if (requests.urgent(pass, true)) {
      reached(pass);
      pass.save();
      return AGAIN;
    }
    Optional<String> problem = assessor.problem(pass.spec.healthChecks());
    pass.status.condition(
        "InvalidHealthChecks",
        problem.isPresent(),
        problem.isPresent() ? "InvalidExpression" : "Valid",
        problem.orElse(""));
    Gates.tellFaults(pass);
    Wanted wanted = look(pass);
    boolean begun = requests.requests(pass, wanted) || automation.automatic(pass, wanted);
    if (begun) {
      pass.save();
      return AGAIN;
    }
    Outcome outcome = pass.status.isRunning() ? run.carryOn(pass) : onlooker.observe(pass, wanted);
    reached(pass);
    pass.save();
    remember(pass, wanted, outcome);
    return outcome;
  }

  /// Said at the end of a look only: a cluster that answers some requests and not others would be
  /// told of as reached and not reached in turn.
  private static void reached(Pass pass) {
    pass.status.condition("DestinationUnavailable", false, "Reached", "");
    pass.status.condition(FLAW, false, "Over", "");
    pass.status.reached();
  }

  static boolean isSilence(ClusterException e) {
    return switch (e.reason()) {
      case UNAVAILABLE, TIMEOUT, TOO_MANY_REQUESTS -> true;
      default -> false;
    };
  }

  /// Says since when the cluster of an application is out of reach. Nothing is known of its objects
  /// then, and nothing is done.
  private Outcome unreachable(KubeObject application, String why) {
    settled.remove(application.key());
    Pass pass = beside(application);
    if (pass.application.isTerminating() && !pass.application.finalizers().contains(FINALIZER)) {
      return Outcome.SETTLED;
    }
    if (!Conditions.isTrue(application.status(), "DestinationUnavailable")) {
      events.warning(application, "DestinationUnavailable", why);
    }
    requests.urgent(pass, false);
    pass.status.unreachable();
    pass.status.condition("DestinationUnavailable", true, "Unreachable", why);
    pass.status.sync("Unknown", "");
    pass.status.health(new Health(Health.Word.UNKNOWN, why));
    pass.status.waiting("its cluster: " + why, null, "goes on where it was");
    pass.save();
    return Outcome.recheckAfter(UNREACHABLE, why);
  }

  /// Everything that a look at an application depended on, when it found that nothing is to be
  /// done.
  private record Settled(
      String resourceVersion,
      Destination destination,
      Remote remote,
      String target,
      String path,
      Source.Resolved revision,
      Optional<String> problem,
      Map<ObjectKey, Comparison.Version> observed) {}

  private void remember(Pass pass, Wanted wanted, Outcome outcome) {
    Source.Resolved revision = wanted.revision();
    Map<ObjectKey, Comparison.Version> observed = pass.observed;
    if (outcome.equals(Outcome.SETTLED)
        && revision != null
        && wanted.objects() != null
        && observed != null) {
      settled.put(
          pass.application.key(),
          new Settled(
              pass.application.resourceVersion(),
              pass.destination,
              pass.remote,
              pass.spec.revision(),
              pass.spec.path(),
              revision,
              source.problem(pass.remote),
              observed));
    } else {
      settled.remove(pass.application.key());
    }
  }

  /// Whether nothing has moved since nothing was to be done: not the application, not its commit,
  /// none of its objects. Only then is the costly comparison by field left out.
  private boolean isUnmoved(KubeObject application) {
    Settled before = settled.get(application.key());
    if (before == null || !before.resourceVersion().equals(application.resourceVersion())) {
      return false;
    }
    try {
      if (!destinations.of(application).equals(before.destination())
          || !source
              .resolve(before.remote(), before.target(), before.path())
              .equals(before.revision())
          || !source.problem(before.remote()).equals(before.problem())) {
        return false;
      }
    } catch (SourceException | DestinationException | BusyException e) {
      return false;
    }
    Map<ObjectKey, KubeObject> now =
        before.destination().cluster().getAll(before.observed().keySet());
    return before.observed().entrySet().stream()
        .allMatch(entry -> entry.getValue().isOf(now.get(entry.getKey())));
  }

  private static Set<GroupKind> kinds(Pass pass, List<RenderedObject> objects) {
    var kinds = new HashSet<GroupKind>();
    objects.forEach(object -> kinds.add(object.object().key().groupKind()));
    pass.status.inventory().forEach(owned -> kinds.add(owned.key().groupKind()));
    return kinds;
  }

  private void sourceFailed(Pass pass, String problem) {
    if (!Json.string(pass.application.status().path("source"), "problem", "").equals(problem)) {
      events.warning(pass.application, "SourceFailed", problem);
    }
    pass.status.sourceFailed(problem);
  }

  /// A first fetch that takes its time is told of; where one is quick, or another revision was
  /// there before, nothing is written.
  private static void sayFetched(Pass pass, String message) {
    boolean first = Json.string(pass.status.json().path("source"), "revision", "").isEmpty();
    boolean isLong =
        KubeObject.instant(pass.application.metadata(), "creationTimestamp")
            .filter(created -> created.plus(QUICK_FETCH).isBefore(pass.now))
            .isPresent();
    if (first && isLong) {
      pass.status.waiting(message, null, "goes on when it is here");
      pass.save();
    }
  }

  private Wanted look(Pass pass) {
    Source.Resolved revision;
    try {
      revision = source.resolve(pass.remote, pass.spec.revision(), pass.spec.path());
      Optional<String> problem = source.problem(pass.remote);
      problem.ifPresent(text -> sourceFailed(pass, text));
      pass.status.source(revision, problem);
    } catch (SourceException e) {
      sourceFailed(pass, String.valueOf(e.getMessage()));
      return Wanted.NOTHING;
    } catch (BusyException e) {
      sayFetched(pass, String.valueOf(e.getMessage()));
      throw e;
    }
    try {
      List<RenderedObject> objects = renders.render(pass, revision);
      uses.accept(pass.destination, kinds(pass, objects));
      pass.status.condition("InvalidManifests", false, "Valid", "");
      return new Wanted(revision, objects);
    } catch (ManifestException e) {
      String words = Words.problems(e.problems());
      pass.status.condition(
          "InvalidManifests",
          true,
          "InvalidManifests",
          "revision %s: %s".formatted(Words.brief(revision.commit()), words));
      return new Wanted(revision, null);
    } catch (SourceException e) {
      pass.status.sourceFailed(String.valueOf(e.getMessage()));
      return Wanted.NOTHING;
    }
  }
}
