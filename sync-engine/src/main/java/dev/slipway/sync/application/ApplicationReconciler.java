package dev.slipway.sync.application;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.Problem;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.health.Health;
import dev.slipway.model.health.HealthRules;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.dependency.DependencyPlanner;
import dev.slipway.sync.order.Hook;
import dev.slipway.sync.order.HookRun;
import dev.slipway.sync.order.StepPlanner;
import dev.slipway.sync.order.StepPlanner.Situation;
import dev.slipway.sync.order.StepPlanner.Step;
import dev.slipway.sync.order.SyncOrder;
import dev.slipway.sync.plan.IgnoredFields;
import dev.slipway.sync.plan.PlannedSteps;
import dev.slipway.sync.plan.SyncOptions;
import dev.slipway.sync.plan.SyncPlan;
import dev.slipway.sync.plan.SyncPlanner;
import dev.slipway.sync.plan.SyncPlanner.Owned;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import dev.slipway.sync.window.WindowPlanner;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Brings one application towards what it wants, a step a pass. It remembers nothing but what it
/// could read again.
final class ApplicationReconciler {
  static final String LABEL = "slipway.dev/application";
  static final String FINALIZER = "slipway.dev/resources";
  private static final Logger log = LoggerFactory.getLogger(ApplicationReconciler.class);
  private static final Outcome AGAIN = Outcome.recheckAfter(Duration.ZERO, "the next step");
  private static final Duration LEAVING = Duration.ofMillis(500);
  private static final Duration LOOK_AGAIN = Duration.ofMinutes(1);
  private static final Duration HOOKS = Duration.ofSeconds(5);
  private static final Duration FAIL_HOOKS = Duration.ofMinutes(5);
  private static final int PLANS_KEPT = 20;
  private static final int QUICK_ROUNDS = 3;
  private static final int MAX_PROBLEMS_SHOWN = 20;

  private final Cluster cluster;
  private final Source source;
  private final SyncHistory history;
  private final Renders renders;
  private final EventRecorder events;
  private final Timeline timeline;
  private final HealingPace healing = new HealingPace();
  private final ThrashDetector thrash = new ThrashDetector();

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
    this.history = history;
    this.renders = renders;
    this.events = events;
    this.timeline = timeline;
  }

  /// What Git says now: a revision and its objects, or why there is none.
  private record Wanted(
      Source.@Nullable Resolved revision, @Nullable List<RenderedObject> objects) {
    static final Wanted NOTHING = new Wanted(null, null);
  }

  /// What a pass works with.
  private final class Pass {
    KubeObject application;

    /// What was looked at to tell how the application stands: empty for what does not exist.
    @Nullable Map<ObjectKey, String> observed;

    /// Why a sync that is due does not begin.
    @Nullable String blockedBy;

    /// When the windows say something else.
    Optional<Instant> opens = Optional.empty();

    final ApplicationSpec spec;
    final ApplicationStatus status;
    final Instant now;

    Pass(KubeObject application, Instant now) {
      this.application = application;
      this.now = now;
      this.spec = ApplicationSpec.read(application, now);
      this.status = new ApplicationStatus(application, now);
    }

    Hooks hooks() {
      return new Hooks(cluster, writer(this), application, status.json(), now);
    }

    /// What a partial sync is about; empty for all.
    List<String> selection() {
      return Json.strings(status.json().path("operation"), "selection");
    }

    String label() {
      return application.namespace() + "." + application.name();
    }

    void blocked(String why, @Nullable Instant until, String then) {
      blockedBy = why;
      opens = Optional.ofNullable(until);
      status.waiting(why, until, then);
    }

    /// Makes the status durable; what follows may rely on it.
    void save() {
      if (!status.json().equals(application.status())) {
        application =
            cluster
                .as(Author.controller("slipway-sync"))
                .replaceStatus(application.withStatus(status.json().deepCopy()));
      }
    }
  }

  Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty()) {
      settled.remove(key);
      return Outcome.SETTLED;
    }
    healing.forget(timeline.instant());
    if (isUnmoved(found.get())) {
      return Outcome.SETTLED;
    }
    var pass = new Pass(found.get(), timeline.instant());
    if (pass.application.isTerminating()) {
      return tearDown(pass);
    }
    Wanted wanted = look(pass);
    boolean begun = requests(pass, wanted) || automatic(pass, wanted);
    if (begun) {
      pass.save();
      return AGAIN;
    }
    Outcome outcome = pass.status.isRunning() ? carryOn(pass) : observe(pass, wanted);
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
        .allMatch(entry -> version(cluster.get(entry.getKey())).equals(entry.getValue()));
  }

  private static String version(Optional<KubeObject> object) {
    return object.map(known -> known.uid() + "/" + known.resourceVersion()).orElse("");
  }

  private static Map<ObjectKey, String> versions(
      Pass pass, Collection<RenderedObject> objects, Map<ObjectKey, KubeObject> live) {
    var versions = new HashMap<ObjectKey, String>();
    objects.forEach(object -> versions.put(object.object().key(), ""));
    pass.status.inventory().forEach(owned -> versions.put(owned.key(), ""));
    live.forEach((key, object) -> versions.put(key, version(Optional.of(object))));
    return versions;
  }

  // What is wanted

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
      String words = words(e.problems());
      pass.status.condition(
          "InvalidManifests",
          true,
          "InvalidManifests",
          "revision %s: %s".formatted(brief(revision.commit()), words));
      return new Wanted(revision, null);
    } catch (SourceException e) {
      pass.status.sourceFailed(String.valueOf(e.getMessage()));
      return Wanted.NOTHING;
    }
  }

  private static String words(List<Problem> problems) {
    String shown =
        problems.stream()
            .limit(MAX_PROBLEMS_SHOWN)
            .map(problem -> problem.place() + ": " + problem.message())
            .collect(Collectors.joining("\n"));
    return problems.size()
        + (problems.size() == 1 ? " problem\n" : " problems\n")
        + shown
        + (problems.size() > MAX_PROBLEMS_SHOWN ? "\n…" : "");
  }

  // Beginning something

  private boolean requests(Pass pass, Wanted wanted) {
    Optional<JsonNode> terminate = request(pass, "terminate");
    if (terminate.isPresent()) {
      if (pass.status.isRunning() || pass.status.phase().equals("WaitingForConfirmation")) {
        String revision = pass.status.operationRevision();
        close(
            pass,
            "Terminated",
            "terminated by " + Json.string(terminate.get(), "by", "somebody"),
            false);
        pass.status.reject(
            revision, "terminated by " + Json.string(terminate.get(), "by", "somebody"));
        events.normal(
            pass.application,
            "OperationTerminated",
            "sync %d was terminated".formatted(pass.status.operationId()));
      }
      return true;
    }
    Optional<JsonNode> rollback = request(pass, "rollback");
    if (rollback.isPresent()) {
      return rollBack(pass, wanted, rollback.get());
    }
    Optional<JsonNode> sync = request(pass, "sync");
    return sync.isPresent() && syncNow(pass, wanted, sync.get());
  }

  /// A request that was not answered yet. It counts as answered from now on.
  private Optional<JsonNode> request(Pass pass, String name) {
    Optional<String> text = pass.application.annotation("slipway.dev/" + name + "-requested");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    JsonNode request;
    try {
      request = Json.parse(text.get());
    } catch (IllegalArgumentException e) {
      request = Json.object().put("id", text.get());
    }
    String id = Json.string(request, "id", text.get());
    if (pass.status.isHandled(name, id)) {
      return Optional.empty();
    }
    pass.status.handled(name, id);
    return Optional.of(request);
  }

  private boolean syncNow(Pass pass, Wanted wanted, JsonNode request) {
    Source.Resolved revision = wanted.revision();
    List<RenderedObject> objects = wanted.objects();
    String asked = Json.string(request, "revision", "");
    Optional<KubeObject> planned = Optional.empty();
    String planName = Json.string(request, "plan", "");
    if (!planName.isEmpty()) {
      planned =
          cluster
              .get(ObjectKey.slipway("Plan", pass.application.namespace(), planName))
              .filter(plan -> plan.isControlledBy(pass.application));
      if (planned.isEmpty()) {
        refuse(pass, "sync", "there is no plan %s of this application".formatted(planName));
        return true;
      }
      asked = Json.string(planned.get().spec(), "target", "");
    }
    try {
      if (!asked.isEmpty()) {
        revision = source.resolve(pass.spec.repository(), asked, pass.spec.path());
        objects = renders.render(pass.spec, revision, pass.label());
      }
    } catch (SourceException e) {
      refuse(pass, "sync", String.valueOf(e.getMessage()));
      return true;
    } catch (ManifestException e) {
      refuse(pass, "sync", words(e.problems()));
      return true;
    }
    if (revision == null || objects == null) {
      refuse(
          pass,
          "sync",
          revision == null
              ? Json.string(
                  pass.status.json().path("source"), "problem", "the repository does not answer")
              : "the manifests have problems; see `slipway status`");
      return true;
    }
    if (planned.isPresent()) {
      Optional<String> moved = moved(pass, planned.get(), revision, objects);
      if (moved.isPresent()) {
        refuse(pass, "sync", moved.get() + "; make a new plan");
        return true;
      }
    }
    List<String> selection = Json.strings(request, "resources");
    Optional<String> fault =
        selection.stream().map(Selection::fault).filter(text -> !text.isEmpty()).findFirst();
    if (fault.isPresent()) {
      refuse(pass, "sync", fault.get());
      return true;
    }
    if (!selection.isEmpty()
        && SyncOrder.of(objects)
            .only(object -> Selection.matches(selection, object.object()))
            .objects()
            .isEmpty()) {
      refuse(
          pass,
          "sync",
          "nothing in revision %s matches %s"
              .formatted(brief(revision.commit()), String.join(", ", selection)));
      return true;
    }
    if (window(pass) instanceof WindowPlanner.Verdict.Closed(String why, _, boolean manual)
        && !manual
        && !Json.bool(request, "overrideWindow", false)) {
      refuse(
          pass,
          "sync",
          why
              + " is in force: `slipway sync --override-window` goes on nevertheless, and is recorded");
      return true;
    }
    boolean prune =
        Json.bool(request, "prune", pass.spec.prune()) || Json.bool(request, "confirmPrune", false);
    supersede(pass, "superseded by a manual sync");
    String by = Json.string(request, "by", "somebody");
    if (selection.isEmpty()) {
      pass.status.release();
      pass.status.accept(revision.commit());
    }
    begin(
        pass,
        revision,
        objects,
        new SyncHistory.Cause(
            "manual",
            by,
            planName.isEmpty() ? Json.string(request, "reason", "") : "plan " + planName,
            selection,
            Json.bool(request, "overrideWindow", false)),
        prune && selection.isEmpty(),
        planned.isPresent() || Json.bool(request, "confirmPrune", false));
    return true;
  }

  private void refuse(Pass pass, String what, String why) {
    Json.child(pass.status.json(), "refused")
        .put("request", what)
        .put("reason", why)
        .put("at", pass.now.toString());
    events.warning(pass.application, "RequestRefused", what + ": " + why);
  }

  private boolean rollBack(Pass pass, Wanted wanted, JsonNode request) {
    long current = pass.status.operationId();
    long asked = Json.number(request, "historyId", 0);
    Optional<KubeObject> currentRecord = history.find(pass.application, current);
    Optional<KubeObject> target =
        asked > 0
            ? history.find(pass.application, asked)
            : history.of(pass.application).stream()
                .filter(
                    record ->
                        SyncHistory.id(record) < current
                            && SyncHistory.isHealthy(record)
                            && !SyncHistory.isPartial(record))
                .filter(
                    record -> currentRecord.isEmpty() || !sameObjects(record, currentRecord.get()))
                .findFirst();
    if (target.isEmpty()) {
      refuse(
          pass,
          "rollback",
          asked > 0
              ? "history has no entry " + asked
              : "there is no earlier healthy sync to go back to");
      return true;
    }
    String by = Json.string(request, "by", "somebody");
    String from = currentRecord.map(SyncHistory::revision).orElse(pass.status.operationRevision());
    supersede(pass, "superseded by a rollback");
    if (!from.isEmpty() && !from.equals(SyncHistory.revision(target.get()))) {
      pass.status.reject(from, "rolled back by " + by);
    }
    String newest =
        wanted.revision() != null
            ? wanted.revision().commit()
            : Json.string(pass.status.json().path("source"), "revision", from);
    pass.status.hold(newest, SyncHistory.id(target.get()), "rolled back by " + by);
    return restore(pass, target.get(), "rollback", by);
  }

  private static boolean sameObjects(KubeObject one, KubeObject other) {
    return one.spec().path("objects").equals(other.spec().path("objects"));
  }

  private boolean restore(Pass pass, KubeObject record, String trigger, String by) {
    List<RenderedObject> objects;
    try {
      objects = history.objects(record);
    } catch (IllegalStateException e) {
      refuse(pass, trigger, String.valueOf(e.getMessage()));
      return true;
    }
    var revision =
        new Source.Resolved(
            SyncHistory.revision(record),
            Json.string(record.spec(), "tree", ""),
            Json.string(record.spec(), "author", ""),
            Json.string(record.spec(), "authoredAt", ""),
            Json.string(record.spec(), "message", ""));
    begin(pass, revision, objects, SyncHistory.Cause.of(trigger, by), true, true);
    return true;
  }

  /// Whether a new commit is to be synced by itself.
  private boolean automatic(Pass pass, Wanted wanted) {
    Source.Resolved revision = wanted.revision();
    List<RenderedObject> objects = wanted.objects();
    if (!pass.spec.automated() || pass.spec.suspended() || revision == null || objects == null) {
      return false;
    }
    String commit = revision.commit();
    if (pass.status.isRejected(commit) || pass.status.held().filter(commit::equals).isPresent()) {
      return false;
    }
    Optional<KubeObject> current =
        pass.status.hasOperation()
            ? history.find(pass.application, pass.status.operationId())
            : Optional.empty();
    if (current.isPresent()
        && !SyncHistory.isPartial(current.get())
        && pass.status.held().isEmpty()
        && hashes(current.get()).equals(hashes(objects))) {
      if (!pass.status.operationRevision().equals(commit)) {
        pass.status.operation().put("revision", commit);
      }
      return false;
    }
    if (objects.isEmpty() && !pass.spec.allowEmpty()) {
      pass.status.condition(
          "EmptyRender",
          true,
          "NoManifests",
          "revision %s holds no manifest: nothing is changed (allowEmpty is off)"
              .formatted(brief(commit)));
      return false;
    }
    pass.status.condition("EmptyRender", false, "HasManifests", "");
    if (mustWait(pass, brief(commit))) {
      return false;
    }
    supersede(pass, "superseded by " + brief(commit));
    pass.status.release();
    begin(
        pass,
        revision,
        objects,
        SyncHistory.Cause.of("automated", "git"),
        pass.spec.prune(),
        false);
    return true;
  }

  /// Whether a sync may not begin yet: a window, or an application that comes first.
  private boolean mustWait(Pass pass, String revision) {
    WindowPlanner.Verdict window = window(pass);
    if (window instanceof WindowPlanner.Verdict.Closed(String why, Optional<Instant> until, _)) {
      pass.blocked("the end of a closed time: " + why, until.orElse(null), "syncs to " + revision);
      return true;
    }
    pass.opens = ((WindowPlanner.Verdict.Open) window).until();
    DependencyPlanner.Verdict dependency =
        DependencyPlanner.hasDependencies(pass.application)
            ? DependencyPlanner.verdict(
                pass.application,
                cluster.list(ObjectQuery.all(pass.application.key().groupKind())).items())
            : new DependencyPlanner.Verdict.Ready();
    pass.status.condition(
        "DependencyCycle",
        dependency instanceof DependencyPlanner.Verdict.Cycle,
        "Cycle",
        dependency instanceof DependencyPlanner.Verdict.Cycle cycle
            ? "it waits for itself: " + cycle.words()
            : "");
    switch (dependency) {
      case DependencyPlanner.Verdict.Ready() -> {
        return false;
      }
      case DependencyPlanner.Verdict.Waiting(String why) ->
          pass.blocked(why, null, "syncs to " + revision);
      case DependencyPlanner.Verdict.Cycle cycle ->
          pass.blocked(
              "itself: " + cycle.words(),
              null,
              "nothing, until one of these dependencies is taken out");
    }
    return true;
  }

  private static WindowPlanner.Verdict window(Pass pass) {
    try {
      WindowPlanner.Verdict verdict =
          WindowPlanner.verdict(WindowPlanner.read(pass.application.spec()), pass.now);
      pass.status.condition("InvalidWindow", false, "Valid", "");
      return verdict;
    } catch (IllegalArgumentException e) {
      pass.status.condition("InvalidWindow", true, "InvalidWindow", String.valueOf(e.getMessage()));
      return new WindowPlanner.Verdict.Closed(
          "its windows are invalid: " + e.getMessage(), Optional.empty(), true);
    }
  }

  private static List<String> hashes(KubeObject record) {
    return Json.items(record.spec(), "objects").stream()
        .map(entry -> Json.string(entry, "hash", ""))
        .toList();
  }

  private static List<String> hashes(List<RenderedObject> objects) {
    return objects.stream().map(RenderedObject::hash).toList();
  }

  private void supersede(Pass pass, String why) {
    if (pass.status.isRunning() || pass.status.phase().equals("WaitingForConfirmation")) {
      close(pass, "Superseded", why, false);
    }
  }

  private void begin(
      Pass pass,
      Source.Resolved revision,
      List<RenderedObject> objects,
      SyncHistory.Cause cause,
      boolean prune,
      boolean confirmed) {
    long id =
        Math.max(
                pass.status.operationId(),
                history.of(pass.application).stream().mapToLong(SyncHistory::id).max().orElse(0))
            + 1;
    String trigger = cause.trigger();
    history.add(pass.application, id, revision, cause, objects);
    pass.status.begin(id, revision.commit(), trigger, cause.by(), prune, confirmed);
    if (!cause.selection().isEmpty()) {
      cause.selection().forEach(pass.status.operation().putArray("selection")::add);
    }
    List<String> faults = new ArrayList<>(SyncOrder.faults(objects));
    objects.forEach(
        object ->
            SyncOptions.DEFAULT
                .of(object.object())
                .unknown()
                .forEach(fault -> faults.add(object.object().key() + ": " + fault)));
    pass.status.condition(
        "UnknownDirective",
        !faults.isEmpty(),
        "Ignored",
        faults.stream().limit(MAX_PROBLEMS_SHOWN).collect(Collectors.joining("\n")));
    pass.status.json().remove("refused");
    events.normal(
        pass.application,
        "OperationStarted",
        "sync %d (%s) to %s by %s".formatted(id, trigger, brief(revision.commit()), cause.by()));
    log.info(
        "sync begins app={} id={} trigger={} revision={} objects={}",
        pass.application.key(),
        id,
        trigger,
        revision.commit(),
        objects.size());
  }

  // Carrying on

  private Outcome carryOn(Pass pass) {
    Optional<KubeObject> record = history.find(pass.application, pass.status.operationId());
    if (record.isEmpty()) {
      pass.status.end("Failed", "its history entry is gone");
      return AGAIN;
    }
    SyncOrder all = SyncOrder.of(history.objects(record.get()));
    Optional<String> failing = Json.string(pass.status.operation(), "failing");
    if (failing.isPresent()) {
      return failing(pass, record.get(), all, failing.get());
    }
    SyncOrder order =
        pass.selection().isEmpty()
            ? all
            : all.only(object -> Selection.matches(pass.selection(), object.object()));
    List<RenderedObject> objects = order.objects();
    Instant deadline = pass.status.startedAt().plus(pass.spec.timeout());
    if (!pass.now.isBefore(deadline)) {
      return fail(
          pass,
          record.get(),
          "not healthy within %s: %s"
              .formatted(
                  span(pass.spec.timeout()), Json.string(pass.status.operation(), "message", "")));
    }
    Optional<Instant> retryAt = KubeObject.instant(pass.status.operation(), "retryAt");
    if (retryAt.filter(at -> at.isAfter(pass.now)).isPresent()) {
      return Outcome.recheckAfter(Duration.between(pass.now, retryAt.get()), "a retry is due");
    }
    Map<ObjectKey, KubeObject> live = live(pass, objects);
    SyncPlan plan = plan(pass, objects, live);
    try {
      inventory(pass, objects);
      List<KubeObject> prunes = pass.selection().isEmpty() ? prunes(pass, plan) : List.of();
      if (blocked(pass, record.get(), plan, prunes)) {
        return AGAIN;
      }
      Situation situation =
          new Situation(
              order,
              plan,
              health(live),
              pass.hooks().look(pass.status.operationId(), order),
              prunes.stream().filter(object -> !plan.lastPrunes().contains(object.key())).toList(),
              prunes.stream().filter(object -> plan.lastPrunes().contains(object.key())).toList());
      return take(pass, record.get(), objects, live, plan, StepPlanner.next(situation), deadline);
    } catch (ClusterException e) {
      inventory(pass, objects);
      return retry(pass, record.get(), e);
    }
  }

  private static SyncPlan plan(
      Pass pass, List<RenderedObject> objects, Map<ObjectKey, KubeObject> live) {
    return SyncPlanner.plan(
        objects,
        live,
        pass.status.inventory(),
        IgnoredFields.read(pass.application.spec()),
        pass.spec.options());
  }

  private static Map<ObjectKey, Health> health(Map<ObjectKey, KubeObject> live) {
    Map<ObjectKey, Health> health = new HashMap<>();
    live.forEach((key, object) -> health.put(key, HealthRules.assess(object)));
    return health;
  }

  /// Takes one step of a sync.
  private Outcome take(
      Pass pass,
      KubeObject record,
      List<RenderedObject> objects,
      Map<ObjectKey, KubeObject> live,
      SyncPlan plan,
      Step step,
      Instant deadline) {
    switch (step) {
      case Step.Apply(String stage, List<SyncPlan.Action> actions) -> {
        pass.status.stage(stage);
        pass.status.step(
            "apply", "applying %d of %d objects".formatted(actions.size(), objects.size()));
        pass.save();
        carryOut(pass, actions);
        inventory(pass, objects);
        return nextRound(pass);
      }
      case Step.Prune(String stage, List<KubeObject> gone) -> {
        pass.status.stage(stage);
        prune(pass, gone);
        return AGAIN;
      }
      case Step.StartHooks(String stage, List<Hook> fresh) -> {
        pass.status.stage(stage);
        pass.status.step("hook", "starting %d hooks".formatted(fresh.size()));
        pass.save();
        return startHooks(pass, fresh);
      }
      case Step.AwaitGone(String stage, ObjectKey key) -> {
        pass.status.stage(stage);
        String message = key + " to be gone: its deletion is under way";
        pass.status.step("apply", message);
        Instant until = gate(pass, deadline);
        pass.status.waiting(message, until, onFailure(pass, record));
        return until.isAfter(pass.now)
            ? Outcome.recheckAfter(LEAVING, message)
            : fail(pass, record, late(pass, message));
      }
      case Step.AwaitHook(String stage, HookRun run) -> {
        pass.status.stage(stage);
        String message =
            "hook %s %s (%s)".formatted(run.key().kind(), run.key().name(), run.phase().word());
        return await(pass, record, "hook", message, deadline);
      }
      case Step.AwaitHealth(String stage, Health worst) -> {
        pass.status.stage(stage);
        pass.status.health(resources(pass, objects, live, changed(plan)));
        pass.status.sync(plan.isEmpty() ? "Synced" : "OutOfSync", pass.status.operationRevision());
        return await(
            pass,
            record,
            "wait-healthy",
            worst.message().isEmpty() ? "all objects to become healthy" : worst.message(),
            deadline);
      }
      case Step.Fail(String stage, String why) -> {
        pass.status.stage(stage);
        pass.status.health(resources(pass, objects, live, changed(plan)));
        return fail(pass, record, why);
      }
      case Step.Done() -> {
        pass.status.health(resources(pass, objects, live, Set.of()));
        pass.status.sync(plan.isEmpty() ? "Synced" : "OutOfSync", pass.status.operationRevision());
        close(
            pass,
            "Succeeded",
            "%d objects are as revision %s wants them"
                .formatted(objects.size(), brief(pass.status.operationRevision())),
            true);
        events.normal(
            pass.application,
            "OperationCompleted",
            "sync %d succeeded".formatted(pass.status.operationId()));
        history.trim(pass.application, pass.spec.historyLimit(), pass.status.operationId());
        return AGAIN;
      }
    }
  }

  private Outcome await(
      Pass pass, KubeObject record, String step, String message, Instant deadline) {
    pass.status.step(step, message);
    Instant until = gate(pass, deadline);
    if (!until.isAfter(pass.now)) {
      return fail(pass, record, late(pass, message));
    }
    pass.status.waiting(message, until, onFailure(pass, record));
    Duration left = Duration.between(pass.now, until);
    return Outcome.recheckAfter(
        step.equals("hook") && left.compareTo(HOOKS) > 0 ? HOOKS : left, message);
  }

  private String late(Pass pass, String message) {
    return "%s: not done within %s: %s"
        .formatted(
            pass.status.stage(),
            span(pass.spec.waveTimeout().orElse(pass.spec.timeout())),
            message);
  }

  /// When the wave under way must be done.
  private static Instant gate(Pass pass, Instant deadline) {
    return pass.spec
        .waveTimeout()
        .map(limit -> pass.status.stageSince().plus(limit))
        .filter(until -> until.isBefore(deadline))
        .orElse(deadline);
  }

  private Outcome startHooks(Pass pass, List<Hook> fresh) {
    Hooks hooks = pass.hooks();
    for (Hook hook : fresh) {
      ensureNamespace(pass, hook.object().object());
      if (!hooks.start(hook, pass.status.operationId())) {
        return Outcome.recheckAfter(
            LEAVING, "an older run of hook " + hook.object().object().name() + " is being deleted");
      }
    }
    return AGAIN;
  }

  /// The hooks for a sync that has failed, before it is given up.
  private Outcome failing(Pass pass, KubeObject record, SyncOrder order, String message) {
    Instant deadline =
        KubeObject.instant(pass.status.operation(), "failingSince")
            .orElse(pass.now)
            .plus(FAIL_HOOKS);
    try {
      List<HookRun> runs = pass.hooks().look(pass.status.operationId(), order);
      Step step =
          pass.now.isBefore(deadline)
              ? StepPlanner.next(order, Hook.Phase.SYNC_FAIL, runs)
              : new Step.Done();
      if (step instanceof Step.StartHooks(String stage, List<Hook> fresh)) {
        pass.status.stage(stage);
        pass.save();
        return startHooks(pass, fresh);
      }
      if (step instanceof Step.AwaitHook(String stage, HookRun run)) {
        pass.status.stage(stage);
        pass.status.waiting(
            "hook " + run.key().name() + " after a failure: " + message,
            deadline,
            onFailure(pass, record));
        return Outcome.recheckAfter(HOOKS, message);
      }
    } catch (ClusterException e) {
      if (pass.now.isBefore(deadline)) {
        return Outcome.recheckAfter(HOOKS, String.valueOf(e.getMessage()));
      }
    }
    return giveUp(pass, record, message);
  }

  /// Looks at what was applied. What comes out different each time, because somebody else keeps
  /// changing it, is applied again ever more slowly.
  private static Outcome nextRound(Pass pass) {
    ObjectNode operation = pass.status.operation();
    int rounds = Json.integer(operation, "rounds", 0) + 1;
    operation.put("rounds", rounds);
    return rounds <= QUICK_ROUNDS
        ? AGAIN
        : Outcome.recheckAfter(
            Duration.ofMillis(250L << Math.min(rounds - QUICK_ROUNDS, 7)),
            "what was applied does not stay");
  }

  /// What happens when this sync fails.
  private String onFailure(Pass pass, KubeObject record) {
    if (pass.status.trigger().equals("rollback") || pass.status.trigger().equals("auto-rollback")) {
      return "the rollback fails, and what is live stays";
    }
    return history
        .lastHealthy(pass.application, record)
        .map(
            healthy ->
                "goes back to revision %s by itself"
                    .formatted(brief(SyncHistory.revision(healthy))))
        .orElse("the sync fails; there is no healthy revision to go back to");
  }

  private void carryOut(Pass pass, List<SyncPlan.Action> actions) {
    Cluster writer = writer(pass);
    for (SyncPlan.Action action : actions) {
      KubeObject wanted = action.wanted().object();
      pass.status.result(action.wanted().declaredKind(), wanted.key(), word(action));
      switch (action) {
        case SyncPlan.Action.Create _ -> {
          ensureNamespace(pass, wanted);
          writer.apply(wanted, ApplyOptions.FORCE);
        }
        case SyncPlan.Action.Overwrite(_, KubeObject live, _) -> {
          refuseForeign(pass, live);
          writer.replace(
              wanted.withMetadata(
                  metadata -> metadata.put("resourceVersion", live.resourceVersion())));
          writer.apply(wanted, ApplyOptions.FORCE);
        }
        case SyncPlan.Action.Change(_, KubeObject live, _) -> {
          refuseForeign(pass, live);
          writer.apply(wanted, ApplyOptions.FORCE);
        }
        case SyncPlan.Action.Replace(_, KubeObject live, _) -> {
          refuseForeign(pass, live);
          writer.delete(live.key(), DeleteOptions.ofUid(live.uid()));
        }
      }
    }
  }

  private static String word(SyncPlan.Action action) {
    return switch (action) {
      case SyncPlan.Action.Create _ -> "created";
      case SyncPlan.Action.Change _ -> "changed";
      case SyncPlan.Action.Overwrite _ -> "overwritten";
      case SyncPlan.Action.Replace _ -> "replaced";
    };
  }

  private Cluster writer(Pass pass) {
    return cluster.as(
        new Author(
            SyncPlanner.MANAGER,
            "system:slipway:sync",
            "application %s, sync %d, revision %s"
                .formatted(
                    pass.label(),
                    pass.status.operationId(),
                    brief(pass.status.operationRevision()))));
  }

  private void ensureNamespace(Pass pass, KubeObject wanted) {
    String namespace = wanted.namespace();
    if (!pass.spec.options().of(wanted).createNamespace()) {
      return;
    }
    ObjectKey key = ObjectKey.core("Namespace", "", namespace.isEmpty() ? "default" : namespace);
    if (!namespace.isEmpty() && cluster.get(key).isEmpty()) {
      writer(pass).create(KubeObject.make("v1", "Namespace", "", namespace, json -> {}));
    }
  }

  /// An object has one application: two would take it from each other for ever.
  private void refuseForeign(Pass pass, KubeObject live) {
    Optional<String> owner = live.label(LABEL).filter(label -> !label.equals(pass.label()));
    if (owner.isPresent()) {
      int dot = owner.get().indexOf('.');
      ObjectKey other =
          ObjectKey.slipway(
              "Application",
              owner.get().substring(0, Math.max(0, dot)),
              owner.get().substring(dot + 1));
      boolean lives =
          cluster
              .get(other)
              .filter(
                  app ->
                      Json.items(app.status(), "inventory").stream()
                          .anyMatch(entry -> Json.string(entry, "uid", "").equals(live.uid())))
              .isPresent();
      if (lives && pass.spec.options().of(live).failOnSharedResource()) {
        throw new ClusterException(
            ClusterException.Reason.FORBIDDEN,
            "%s belongs to application %s".formatted(live.key(), owner.get()));
      }
    }
  }

  /// What it owns: what it wants and is there under its name, and what it owned before and is still
  /// there.
  private void inventory(Pass pass, List<RenderedObject> objects) {
    Map<ObjectKey, Owned> owned = new LinkedHashMap<>();
    for (Owned before : pass.status.inventory()) {
      if (cluster
          .get(before.key())
          .filter(object -> object.uid().equals(before.uid()))
          .isPresent()) {
        owned.put(before.key(), before);
      }
    }
    for (RenderedObject object : objects) {
      ObjectKey key = object.object().key();
      cluster
          .get(key)
          .filter(
              known ->
                  known.label(LABEL).filter(pass.label()::equals).isPresent()
                      && !known.isTerminating())
          .ifPresent(known -> owned.put(key, new Owned(key, known.uid())));
    }
    pass.status.inventory(owned.values());
  }

  /// What the sync under way has made belongs to the application, also when nobody came to write
  /// that down.
  private void adopt(Pass pass) {
    Optional<KubeObject> record = history.find(pass.application, pass.status.operationId());
    try {
      record.ifPresent(known -> inventory(pass, Hooks.kept(history.objects(known))));
    } catch (IllegalStateException e) {
      log.warn(
          "history entry unreadable app={} id={} cause={}",
          pass.application.key(),
          pass.status.operationId(),
          e.getMessage());
    }
  }

  /// What this sync deletes, the last waves first.
  private static List<KubeObject> prunes(Pass pass, SyncPlan plan) {
    return Json.bool(pass.status.operation(), "prune", false)
        ? plan.prunes().stream()
            .sorted(Comparator.comparingInt((KubeObject object) -> Hook.wave(object)).reversed())
            .toList()
        : List.of();
  }

  /// Stops a sync that would delete more than it may; what is to be applied waits for that too.
  private boolean blocked(Pass pass, KubeObject record, SyncPlan plan, List<KubeObject> prunes) {
    if (!plan.actions().isEmpty() || !plan.leaving().isEmpty()) {
      return false;
    }
    if (prunes.isEmpty()) {
      pass.status.condition("PruneBlocked", false, "NothingToPrune", "");
      return false;
    }
    var verdict =
        SyncPlanner.mayPrune(
            prunes.size(),
            pass.status.inventory().size(),
            pass.spec.maxPruned(),
            pass.spec.maxPrunedPercent());
    if (verdict instanceof SyncPlanner.PruneVerdict.Allowed && !plan.guarded().isEmpty()) {
      verdict =
          new SyncPlanner.PruneVerdict.NeedsConfirmation(
              "%s asks for a confirmation before it is deleted: run `slipway sync --confirm-prune` to go on"
                  .formatted(plan.guarded().getFirst()));
    }
    boolean confirmed = Json.bool(pass.status.operation(), "pruneConfirmed", false);
    if (verdict instanceof SyncPlanner.PruneVerdict.NeedsConfirmation(String why) && !confirmed) {
      pass.hooks().terminate(why);
      pass.status.operation().put("phase", "WaitingForConfirmation").put("message", why);
      pass.status.condition("PruneBlocked", true, "LimitExceeded", why);
      pass.status.waiting("a person to confirm: " + why, null, "nothing is deleted until then");
      history.finish(record, recordStatus(pass, "WaitingForConfirmation", why, false));
      events.warning(pass.application, "PruneBlocked", why);
      return true;
    }
    pass.status.condition("PruneBlocked", false, "Confirmed", "");
    return false;
  }

  private void prune(Pass pass, List<KubeObject> prunes) {
    pass.status.step(
        "prune", "deleting %d objects that Git no longer has".formatted(prunes.size()));
    pass.save();
    Cluster writer = writer(pass);
    for (KubeObject gone : prunes) {
      try {
        writer.delete(gone.key(), DeleteOptions.ofUid(gone.uid()));
        pass.status.result(gone.kind(), gone.key(), "deleted");
        events.normal(pass.application, "Pruned", gone.key().toString());
      } catch (ClusterException e) {
        if (e.reason() != ClusterException.Reason.NOT_FOUND) {
          throw e;
        }
      }
    }
  }

  private Outcome retry(Pass pass, KubeObject record, ClusterException e) {
    int attempt = Json.integer(pass.status.operation(), "attempt", 1);
    if (e.reason() == ClusterException.Reason.CONFLICT) {
      return AGAIN;
    }
    String message = String.valueOf(e.getMessage()) + causes(e);
    if (attempt > pass.spec.retryLimit()) {
      return fail(pass, record, message);
    }
    Instant at = pass.now.plus(pass.spec.retryAfter(attempt));
    pass.status
        .operation()
        .put("attempt", attempt + 1)
        .put("retryAt", at.toString())
        .put("message", message);
    pass.status.waiting(
        "the cluster to accept a change: " + message,
        at,
        "attempt " + (attempt + 1) + " of " + (pass.spec.retryLimit() + 1));
    return Outcome.recheckAfter(Duration.between(pass.now, at), message);
  }

  private static String causes(ClusterException e) {
    return e.causes().stream()
        .limit(5)
        .map(cause -> "; " + cause.field() + ": " + cause.message())
        .collect(Collectors.joining());
  }

  /// Ends a sync that cannot succeed, its SyncFail hooks first.
  private Outcome fail(Pass pass, KubeObject record, String message) {
    SyncOrder order = SyncOrder.of(history.objects(record));
    if (order.has(Hook.Phase.SYNC_FAIL)
        && pass.selection().isEmpty()
        && !pass.status.operation().has("failing")) {
      pass.hooks().terminate(message);
      pass.status.operation().put("failing", message).put("failingSince", pass.now.toString());
      return AGAIN;
    }
    return giveUp(pass, record, message);
  }

  private Outcome giveUp(Pass pass, KubeObject record, String message) {
    String revision = pass.status.operationRevision();
    String trigger = pass.status.trigger();
    close(pass, "Failed", message, false);
    events.warning(
        pass.application,
        "OperationFailed",
        "sync %d failed: %s".formatted(pass.status.operationId(), message));
    log.info(
        "sync failed app={} id={} reason={}",
        pass.application.key(),
        pass.status.operationId(),
        message);
    if (trigger.equals("auto-rollback")
        || trigger.equals("rollback")
        || !pass.selection().isEmpty()) {
      return AGAIN;
    }
    pass.status.reject(revision, message);
    Optional<KubeObject> healthy = history.lastHealthy(pass.application, record);
    if (healthy.isPresent()) {
      pass.status.hold(
          revision,
          SyncHistory.id(healthy.get()),
          "revision %s failed: %s".formatted(brief(revision), message));
      restore(pass, healthy.get(), "auto-rollback", "slipway");
    }
    return AGAIN;
  }

  private void close(Pass pass, String phase, String message, boolean healthy) {
    adopt(pass);
    pass.hooks().terminate(message);
    pass.status.end(phase, message);
    history
        .find(pass.application, pass.status.operationId())
        .ifPresent(record -> history.finish(record, recordStatus(pass, phase, message, healthy)));
    log.info(
        "sync ends app={} id={} phase={}",
        pass.application.key(),
        pass.status.operationId(),
        phase);
  }

  private static ObjectNode recordStatus(Pass pass, String phase, String message, boolean healthy) {
    ObjectNode status = Json.object();
    status.put("phase", phase).put("message", message).put("healthy", healthy);
    status
        .put("startedAt", pass.status.startedAt().toString())
        .put("finishedAt", pass.now.toString());
    JsonNode results = pass.status.operation().path("results");
    if (results.isArray()) {
      status.set("results", results.deepCopy());
    }
    List<JsonNode> hooks =
        Json.items(pass.status.json(), "hooks").stream()
            .filter(hook -> Json.number(hook, "operation", 0) == pass.status.operationId())
            .toList();
    if (!hooks.isEmpty()) {
      hooks.forEach(status.putArray("hooks")::add);
    }
    return status;
  }

  // Looking on

  private Outcome observe(Pass pass, Wanted wanted) {
    Optional<KubeObject> record =
        pass.status.hasOperation()
            ? history.find(pass.application, pass.status.operationId())
            : Optional.empty();
    boolean held = pass.status.held().isPresent();
    List<RenderedObject> all =
        record.isPresent() && (held || pass.spec.automated() || wanted.objects() == null)
            ? history.objects(record.get())
            : wanted.objects();
    List<RenderedObject> objects = all == null ? null : Hooks.kept(all);
    String revision =
        record.isPresent() && (held || pass.spec.automated() || wanted.objects() == null)
            ? pass.status.operationRevision()
            : wanted.revision() == null ? "" : wanted.revision().commit();
    if (objects == null) {
      pass.status.sync("Unknown", "");
      pass.status.health(new Health(Health.Word.UNKNOWN, "nothing was synced yet"));
      return idle(pass);
    }
    Map<ObjectKey, KubeObject> live = live(pass, objects);
    SyncPlan plan = plan(pass, objects, live);
    boolean heals =
        pass.spec.automated()
            && pass.spec.selfHeal()
            && !pass.spec.suspended()
            && pass.status.phase().equals("Succeeded");
    if (heals
        && !plan.actions().isEmpty()
        && window(pass)
            instanceof WindowPlanner.Verdict.Closed(String why, Optional<Instant> until, _)) {
      pass.blocked(
          "the end of a closed time: " + why,
          until.orElse(null),
          "undoes the changes to live objects");
      heals = false;
    }
    ThrashDetector.tell(
        pass.status.json(), thrash.report(pass.application.uid(), pass.now), pass.now);
    List<SyncPlan.Action> due =
        heals
            ? plan.actions().stream()
                .filter(
                    action ->
                        thrash
                            .pause(pass.application.uid(), action.wanted().object().key(), pass.now)
                            .isZero())
                .toList()
            : List.of();
    if (heals && due.isEmpty() && !plan.actions().isEmpty()) {
      Duration pause =
          plan.actions().stream()
              .map(
                  action ->
                      thrash.pause(
                          pass.application.uid(), action.wanted().object().key(), pass.now))
              .min(Comparator.naturalOrder())
              .orElse(LOOK_AGAIN);
      pass.status.health(resources(pass, objects, live, changed(plan)));
      pass.status.sync("OutOfSync", revision);
      return Outcome.recheckAfter(pause, "an object is changed in turn by somebody else");
    }
    if (!due.isEmpty()) {
      Duration pause = healing.take(pass.application.uid(), pass.now);
      if (pause.isPositive()) {
        String message =
            "%s is changed again and again by somebody else"
                .formatted(plan.actions().getFirst().wanted().object().key());
        pass.status.condition("SelfHealFailed", true, "ChangedAgain", message);
        pass.status.health(resources(pass, objects, live, changed(plan)));
        pass.status.sync("OutOfSync", revision);
        return Outcome.recheckAfter(pause, message);
      }
      try {
        carryOut(pass, due);
        inventory(pass, objects);
        for (SyncPlan.Action action : due) {
          thrashed(pass, action, live);
        }
        events.normal(
            pass.application,
            "SelfHeal",
            due.stream()
                .map(action -> action.wanted().object().key().toString())
                .limit(5)
                .collect(Collectors.joining(", ")));
        return AGAIN;
      } catch (ClusterException e) {
        pass.status.condition(
            "SelfHealFailed", true, e.reason().word(), String.valueOf(e.getMessage()));
        pass.status.health(resources(pass, objects, live, changed(plan)));
        pass.status.sync("OutOfSync", revision);
        return Outcome.recheckAfter(pass.spec.retryAfter(1), String.valueOf(e.getMessage()));
      }
    }
    pass.status.condition("SelfHealFailed", false, "Healed", "");
    pass.status.sync(plan.isEmpty() ? "Synced" : "OutOfSync", revision);
    pass.status.health(resources(pass, objects, live, changed(plan)));
    pass.observed = versions(pass, objects, live);
    return plan.leaving().isEmpty()
        ? idle(pass)
        : Outcome.recheckAfter(LEAVING, "an object is being deleted");
  }

  private void thrashed(Pass pass, SyncPlan.Action action, Map<ObjectKey, KubeObject> live) {
    List<String> fields =
        action instanceof SyncPlan.Action.Change(_, _, var changes)
            ? changes.stream().map(change -> change.path()).toList()
            : List.of("the whole object");
    thrash.healed(
        pass.application.uid(),
        fields,
        live.getOrDefault(action.wanted().object().key(), action.wanted().object()),
        pass.now);
  }

  private static Outcome idle(Pass pass) {
    String blockedBy = pass.blockedBy;
    if (blockedBy != null) {
      Duration next =
          pass.opens
              .map(until -> Duration.between(pass.now, until))
              .filter(left -> left.compareTo(LOOK_AGAIN) < 0)
              .orElse(LOOK_AGAIN);
      return Outcome.recheckAfter(next.isPositive() ? next : Duration.ofMillis(100), blockedBy);
    }
    if (pass.spec.suspendedUntil().isPresent()) {
      Instant until = pass.spec.suspendedUntil().get();
      pass.status.waiting("the suspension to end", until, "follows Git again");
      return Outcome.recheckAfter(Duration.between(pass.now, until), "suspended");
    }
    if (!pass.status.phase().equals("WaitingForConfirmation")) {
      pass.status.notWaiting();
    }
    return Outcome.SETTLED;
  }

  private static Set<ObjectKey> changed(SyncPlan plan) {
    Set<ObjectKey> changed = new HashSet<>();
    plan.actions().forEach(action -> changed.add(action.wanted().object().key()));
    changed.addAll(plan.leaving());
    return changed;
  }

  private Map<ObjectKey, KubeObject> live(Pass pass, Collection<RenderedObject> objects) {
    Map<ObjectKey, KubeObject> live = new HashMap<>();
    for (RenderedObject object : objects) {
      cluster.get(object.object().key()).ifPresent(known -> live.put(known.key(), known));
    }
    for (Owned owned : pass.status.inventory()) {
      cluster.get(owned.key()).ifPresent(known -> live.put(known.key(), known));
    }
    return live;
  }

  /// Writes each object's line into the status.
  ///
  /// @return the health of all of them together
  private Health resources(
      Pass pass,
      List<RenderedObject> objects,
      Map<ObjectKey, KubeObject> live,
      Set<ObjectKey> changed) {
    ArrayNode list = pass.status.json().putArray("resources");
    var all = new ArrayList<Health>();
    var keys = new HashSet<ObjectKey>();
    for (RenderedObject object : objects) {
      ObjectKey key = object.object().key();
      keys.add(key);
      KubeObject known = live.get(key);
      Health health =
          known == null
              ? new Health(Health.Word.MISSING, key + " is missing")
              : HealthRules.assess(known);
      String message =
          health.message().isEmpty()
              ? ""
              : object.declaredKind() + " " + key.name() + ": " + health.message();
      all.add(new Health(health.word(), message));
      String sync = known == null ? "Missing" : changed.contains(key) ? "OutOfSync" : "Synced";
      line(list, key, object.declaredKind(), sync, health);
    }
    for (Owned owned : pass.status.inventory()) {
      if (!keys.contains(owned.key()) && live.containsKey(owned.key())) {
        line(list, owned.key(), owned.key().kind(), "Extra", Health.HEALTHY);
      }
    }
    return Health.worst(all);
  }

  private static void line(
      ArrayNode list, ObjectKey key, String declaredKind, String sync, Health health) {
    ObjectNode line = list.addObject();
    line.put("group", key.group())
        .put("kind", key.kind())
        .put("namespace", key.namespace())
        .put("name", key.name());
    line.put("declaredKind", declaredKind)
        .put("sync", sync)
        .put("health", health.word().toString());
    if (!health.message().isEmpty()) {
      line.put("message", health.message());
    }
  }

  // Going

  private Outcome tearDown(Pass pass) {
    if (!pass.application.finalizers().contains(FINALIZER)) {
      return Outcome.SETTLED;
    }
    int left = 0;
    if (pass.status.isRunning()) {
      adopt(pass);
      pass.hooks().terminate("the application is being deleted");
    }
    Optional<Outcome> before = deletionHooks(pass, Hook.Phase.PRE_DELETE);
    if (before.isPresent()) {
      return before.get();
    }
    List<String> unconfirmed = new ArrayList<>();
    List<Owned> owned =
        pass.status.inventory().stream()
            .sorted(Comparator.comparing(Owned::key, Renderer.applyOrder().reversed()))
            .toList();
    for (Owned entry : owned) {
      Optional<KubeObject> known =
          cluster.get(entry.key()).filter(object -> object.uid().equals(entry.uid()));
      SyncOptions.Guard guard =
          known
              .map(object -> pass.spec.options().of(object).delete())
              .orElse(SyncOptions.Guard.FREE);
      if (guard == SyncOptions.Guard.CONFIRM && !isDeletionApproved(pass.application)) {
        unconfirmed.add(entry.key().toString());
      } else if (known.isPresent() && guard != SyncOptions.Guard.NEVER) {
        left++;
        if (!known.get().isTerminating()) {
          writer(pass).delete(entry.key(), DeleteOptions.ofUid(entry.uid()));
        }
      }
    }
    if (!unconfirmed.isEmpty()) {
      String message =
          "a person to confirm the deletion of %s: annotate the application with slipway.dev/deletion-approved"
              .formatted(unconfirmed.getFirst());
      pass.status.waiting(message, null, "deletes it, and then the application");
      pass.save();
      return Outcome.recheckAfter(LOOK_AGAIN, message);
    }
    if (left > 0) {
      return Outcome.recheckAfter(Duration.ofMillis(500), left + " objects are being deleted");
    }
    Optional<Outcome> after = deletionHooks(pass, Hook.Phase.POST_DELETE);
    if (after.isPresent()) {
      return after.get();
    }
    if (pass.hooks().deleteAll() > 0) {
      return Outcome.recheckAfter(Duration.ofMillis(500), "hooks are being deleted");
    }
    cluster
        .as(Author.controller("slipway-sync"))
        .replace(
            pass.application.withMetadata(
                metadata -> {
                  ArrayNode finalizers = metadata.putArray("finalizers");
                  pass.application.finalizers().stream()
                      .filter(name -> !name.equals(FINALIZER))
                      .forEach(finalizers::add);
                }));
    return Outcome.SETTLED;
  }

  private static boolean isDeletionApproved(KubeObject application) {
    return application
        .annotation("slipway.dev/deletion-approved")
        .or(() -> application.annotation("argocd.argoproj.io/deletion-approved"))
        .isPresent();
  }

  /// The hooks before or after the deletion of everything. One that fails is told and stops
  /// nothing: the application would never go.
  private Optional<Outcome> deletionHooks(Pass pass, Hook.Phase phase) {
    String done = phase.word() + "Done";
    JsonNode deletion = pass.status.json().path("deletion");
    Optional<KubeObject> record =
        pass.status.hasOperation()
            ? history.find(pass.application, pass.status.operationId())
            : Optional.empty();
    if (Json.bool(deletion, done, false) || record.isEmpty()) {
      return Optional.empty();
    }
    SyncOrder order;
    try {
      order = SyncOrder.of(history.objects(record.get()));
    } catch (IllegalStateException e) {
      return Optional.empty();
    }
    if (!order.has(phase)) {
      return Optional.empty();
    }
    ObjectNode state = Json.child(pass.status.json(), "deletion");
    if (!state.has(phase.word())) {
      state.put(phase.word(), pass.now.toString());
    }
    Instant deadline = KubeObject.instant(state, phase.word()).orElse(pass.now).plus(FAIL_HOOKS);
    List<HookRun> runs = pass.hooks().look(pass.status.operationId(), order);
    Step step = StepPlanner.next(order, phase, runs);
    boolean late = !pass.now.isBefore(deadline);
    Outcome outcome = AGAIN;
    if (step instanceof Step.StartHooks(_, List<Hook> fresh) && !late) {
      pass.save();
      outcome = startHooks(pass, fresh);
    } else if (step instanceof Step.AwaitHook(_, HookRun run) && !late) {
      pass.status.waiting(
          "hook %s %s (%s)".formatted(run.key().kind(), run.key().name(), phase.word()),
          deadline,
          "goes on with the deletion");
      outcome = Outcome.recheckAfter(HOOKS, "a hook");
    } else {
      if (late || step instanceof Step.Fail) {
        events.warning(
            pass.application,
            "HookFailed",
            phase.word()
                + ": "
                + (step instanceof Step.Fail(_, String why)
                    ? why
                    : "not done within " + span(FAIL_HOOKS)));
      }
      state.put(done, true);
    }
    pass.save();
    return Optional.of(outcome);
  }

  // Differences, for people

  /// What a sync to a revision would change.
  ///
  /// @param revision empty for the application's own
  /// @throws SourceException or [ManifestException]
  ObjectNode diff(KubeObject application, String revision) {
    var pass = new Pass(application, timeline.instant());
    var resolved =
        source.resolve(
            pass.spec.repository(),
            revision.isEmpty() ? pass.spec.revision() : revision,
            pass.spec.path());
    List<RenderedObject> objects = Hooks.kept(renders.render(pass.spec, resolved, pass.label()));
    SyncPlan plan = plan(pass, objects, live(pass, objects));
    ObjectNode diff = Json.object();
    diff.put("application", pass.label())
        .put("revision", resolved.commit())
        .put("same", plan.isEmpty())
        .put("unchanged", plan.unchanged());
    ArrayNode list = diff.putArray("objects");
    for (SyncPlan.Action action : plan.actions()) {
      ObjectNode entry = list.addObject();
      RenderedObject wanted = action.wanted();
      entry
          .put("kind", wanted.declaredKind())
          .put("namespace", wanted.object().namespace())
          .put("name", wanted.object().name());
      entry.put("file", wanted.file()).put("line", wanted.line());
      switch (action) {
        case SyncPlan.Action.Create _ -> {
          entry.put("action", "create");
          if (!wanted.object().kind().equals("Secret")) {
            entry.set("desired", wanted.object().json());
          }
        }
        case SyncPlan.Action.Change change -> {
          entry.put("action", "change");
          ArrayNode changes = entry.putArray("changes");
          for (var field : change.changes()) {
            ObjectNode one = changes.addObject().put("path", field.path());
            if (!field.desired().isMissingNode()) {
              one.set("desired", field.desired());
            }
            if (!field.live().isMissingNode()) {
              one.set("live", field.live());
            }
          }
        }
        case SyncPlan.Action.Overwrite(_, _, var changes) ->
            entry
                .put("action", "replace")
                .put("why", "Replace=true, %d fields differ".formatted(changes.size()));
        case SyncPlan.Action.Replace(_, _, String why) ->
            entry.put("action", "replace").put("why", why);
      }
    }
    for (KubeObject gone : plan.prunes()) {
      list.addObject()
          .put("kind", gone.kind())
          .put("namespace", gone.namespace())
          .put("name", gone.name())
          .put("action", "prune");
    }
    return diff;
  }

  /// What a sync to a revision would do, kept as an object. The same plan twice is one object.
  ///
  /// @param revision empty for the application's own
  /// @throws SourceException or [ManifestException]
  KubeObject plan(KubeObject application, String revision, String by) {
    var pass = new Pass(application, timeline.instant());
    String target = revision.isEmpty() ? pass.spec.revision() : revision;
    Source.Resolved resolved = source.resolve(pass.spec.repository(), target, pass.spec.path());
    ObjectNode diff = diff(application, target);
    PlannedSteps steps = steps(pass, renders.render(pass.spec, resolved, pass.label()));
    String digest = steps.digest(resolved.commit());
    KubeObject plan =
        KubeObject.make(
            "slipway.dev/v1",
            "Plan",
            application.namespace(),
            application.name() + "-" + digest.substring(0, 10),
            json -> {
              Json.child(json, "metadata")
                  .putArray("ownerReferences")
                  .add(OwnerReference.controlledBy(application).toJson());
              ObjectNode spec = json.putObject("spec");
              spec.put("application", application.name())
                  .put("target", target)
                  .put("revision", resolved.commit());
              spec.put("message", resolved.message())
                  .put("author", resolved.author())
                  .put("by", by)
                  .put("digest", digest);
              spec.set("steps", steps.toJson());
              spec.set("objects", diff.path("objects"));
              spec.put("unchanged", Json.integer(diff, "unchanged", 0));
            });
    Cluster writer = cluster.as(Author.controller("slipway-sync"));
    try {
      KubeObject created = writer.create(plan);
      history.trimPlans(application, PLANS_KEPT);
      return created;
    } catch (ClusterException e) {
      if (e.reason() == ClusterException.Reason.ALREADY_EXISTS) {
        return cluster.get(plan.key()).orElseThrow(() -> e);
      }
      throw e;
    }
  }

  private PlannedSteps steps(Pass pass, List<RenderedObject> rendered) {
    SyncOrder order = SyncOrder.of(rendered);
    SyncPlan plan = plan(pass, order.objects(), live(pass, order.objects()));
    List<RenderedObject> hooks =
        rendered.stream().filter(object -> !order.objects().contains(object)).toList();
    return PlannedSteps.of(plan, hooks, pass.spec.prune());
  }

  /// Whether a plan still says what would happen.
  ///
  /// @return why not; empty when it does
  private Optional<String> moved(
      Pass pass, KubeObject plan, Source.Resolved revision, List<RenderedObject> rendered) {
    String planned = Json.string(plan.spec(), "revision", "");
    if (!revision.commit().equals(planned)) {
      return Optional.of(
          "Git moved: %s is %s now, the plan is for %s"
              .formatted(
                  Json.string(plan.spec(), "target", ""),
                  brief(revision.commit()),
                  brief(planned)));
    }
    return steps(pass, rendered)
        .movedSince(plan.spec().path("steps"))
        .map(what -> "live objects moved since the plan was made: " + what);
  }

  static String brief(String revision) {
    return revision.length() == 40 ? revision.substring(0, 8) : revision;
  }

  static String span(Duration duration) {
    return duration.toString().substring(2).toLowerCase(java.util.Locale.ROOT);
  }
}
