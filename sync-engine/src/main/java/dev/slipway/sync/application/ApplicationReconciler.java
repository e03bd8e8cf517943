package dev.slipway.sync.application;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

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
  static final Duration LOOK_AGAIN = Duration.ofMinutes(1);

  private final Cluster cluster;
  private final Source source;
  private final Renders renders;
  private final EventRecorder events;
  private final Timeline timeline;
  private final Requests requests;
  private final Automation automation;
  private final SyncRun run;
  private final Onlooker onlooker;
  private final TearDown tearDown;
  private final Previews previews;

  /// By application.
  private final Map<ObjectKey, Settled> settled = new ConcurrentHashMap<>();

  ApplicationReconciler(
      Cluster cluster,
      Source source,
      SyncHistory history,
      Renders renders,
      EventRecorder events,
      Timeline timeline) {
    this.cluster = cluster;
    this.source = source;
    this.renders = renders;
    this.events = events;
    this.timeline = timeline;
    var applier = new Applier(history);
    var operations = new Operations(history, applier, events);
    previews = new Previews(cluster, source, renders, history, timeline);
    requests = new Requests(source, renders, history, operations, previews, events);
    automation = new Automation(history, operations);
    run = new SyncRun(history, applier, operations, events);
    onlooker = new Onlooker(history, applier, events);
    tearDown = new TearDown(history, applier, run, events);
  }

  Previews previews() {
    return previews;
  }

  Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty()) {
      settled.remove(key);
      return Outcome.SETTLED;
    }
    if (isUnmoved(found.get())) {
      return Outcome.SETTLED;
    }
    var pass = new Pass(cluster, cluster, found.get(), timeline.instant());
    if (pass.application.isTerminating()) {
      return tearDown.tearDown(pass);
    }
    Wanted wanted = look(pass);
    boolean begun = requests.requests(pass, wanted) || automation.automatic(pass, wanted);
    if (begun) {
      pass.save();
      return AGAIN;
    }
    Outcome outcome = pass.status.isRunning() ? run.carryOn(pass) : onlooker.observe(pass, wanted);
    pass.save();
    remember(pass, wanted, outcome);
    return outcome;
  }

  /// Everything that a look at an application depended on, when it found that nothing is to be
  /// done.
  private record Settled(
      String resourceVersion,
      String repository,
      String target,
      String path,
      Source.Resolved revision,
      Map<ObjectKey, String> observed) {}

  private void remember(Pass pass, Wanted wanted, Outcome outcome) {
    Source.Resolved revision = wanted.revision();
    Map<ObjectKey, String> observed = pass.observed;
    if (outcome.equals(Outcome.SETTLED)
        && revision != null
        && wanted.objects() != null
        && observed != null) {
      settled.put(
          pass.application.key(),
          new Settled(
              pass.application.resourceVersion(),
              pass.spec.repository(),
              pass.spec.revision(),
              pass.spec.path(),
              revision,
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
      if (!source
          .resolve(before.repository(), before.target(), before.path())
          .equals(before.revision())) {
        return false;
      }
    } catch (SourceException e) {
      return false;
    }
    return before.observed().entrySet().stream()
        .allMatch(
            entry -> Comparison.version(cluster.get(entry.getKey())).equals(entry.getValue()));
  }

  private Wanted look(Pass pass) {
    Source.Resolved revision;
    try {
      revision = source.resolve(pass.spec.repository(), pass.spec.revision(), pass.spec.path());
      pass.status.sourceReady(revision);
    } catch (SourceException e) {
      if (!Json.string(pass.status.json().path("source"), "problem", "").equals(e.getMessage())) {
        events.warning(pass.application, "SourceFailed", String.valueOf(e.getMessage()));
      }
      pass.status.sourceFailed(String.valueOf(e.getMessage()));
      return Wanted.NOTHING;
    }
    try {
      List<RenderedObject> objects = renders.render(pass.spec, revision, pass.label());
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
