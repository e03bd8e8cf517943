package dev.slipway.sync.application;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.health.Health;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.words.Count;
import dev.slipway.sync.order.Hook;
import dev.slipway.sync.order.HookRun;
import dev.slipway.sync.order.StepPlanner;
import dev.slipway.sync.order.StepPlanner.Situation;
import dev.slipway.sync.order.StepPlanner.Step;
import dev.slipway.sync.order.SyncOrder;
import dev.slipway.sync.plan.SyncPlan;
import dev.slipway.sync.plan.SyncPlanner;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/// Carries a sync on, a step a pass, and ends it.
final class SyncRun {
  private final SyncHistory history;
  private final Renders renders;
  private final Applier applier;
  private final Operations operations;
  private final EventRecorder events;

  SyncRun(
      SyncHistory history,
      Renders renders,
      Applier applier,
      Operations operations,
      EventRecorder events) {
    this.history = history;
    this.renders = renders;
    this.applier = applier;
    this.operations = operations;
    this.events = events;
  }

  private static final Logger log = LoggerFactory.getLogger(SyncRun.class);
  static final Duration HOOKS = Duration.ofSeconds(5);
  static final Duration FAIL_HOOKS = Duration.ofMinutes(5);
  private static final int QUICK_ROUNDS = 3;
  private static final int MASS = 5;
  private static final Duration BETWEEN_RENDERS = Duration.ofSeconds(2);

  Outcome carryOn(Pass pass) {
    Optional<KubeObject> record = history.find(pass.application, pass.status.operationId());
    if (record.isEmpty()) {
      pass.status.end("Failed", "its history entry is gone");
      return ApplicationReconciler.AGAIN;
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
    Instant deadline = pass.status.startedAt().plus(pass.spec.timeout()).plus(pass.status.outage());
    if (!pass.now.isBefore(deadline)) {
      return fail(
          pass,
          record.get(),
          "not healthy within %s: %s"
              .formatted(
                  Words.span(pass.spec.timeout()),
                  Json.string(pass.status.operation(), "message", "")));
    }
    Optional<Instant> retryAt = KubeObject.instant(pass.status.operation(), "retryAt");
    if (retryAt.filter(at -> at.isAfter(pass.now)).isPresent()) {
      return Outcome.recheckAfter(Duration.between(pass.now, retryAt.get()), "a retry is due");
    }
    Map<ObjectKey, KubeObject> live = Comparison.live(pass, objects);
    SyncPlan plan = Comparison.plan(pass, objects, live);
    try {
      applier.inventory(pass, objects, live);
      List<KubeObject> prunes = pass.selection().isEmpty() ? prunes(pass, plan) : List.of();
      if (blocked(pass, record.get(), plan, prunes)) {
        return ApplicationReconciler.AGAIN;
      }
      Situation situation =
          new Situation(
              order,
              plan,
              Comparison.health(pass, live),
              pass.hooks().look(pass.status.operationId(), order),
              prunes.stream().filter(object -> !plan.lastPrunes().contains(object.key())).toList(),
              prunes.stream().filter(object -> plan.lastPrunes().contains(object.key())).toList());
      return take(pass, record.get(), objects, live, plan, StepPlanner.next(situation), deadline);
    } catch (ClusterException e) {
      if (!pass.destination.isOwn() && ApplicationReconciler.isSilence(e)) {
        throw e;
      }
      applier.inventory(pass, objects);
      return retry(pass, record.get(), e);
    }
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
            "apply",
            "applying %d of %s".formatted(actions.size(), Count.of(objects.size(), "object")));
        pass.save();
        applier.carryOut(pass, actions);
        applier.inventory(pass, objects);
        Outcome next = nextRound(pass);
        KubeObject.instant(pass.status.operation(), "retryAt")
            .filter(at -> at.isAfter(pass.now))
            .ifPresentOrElse(
                at ->
                    pass.status.waiting(
                        "%s, which does not stay as it is applied"
                            .formatted(actions.getFirst().wanted().object().key()),
                        at,
                        "applies it again"),
                pass.status::notWaiting);
        return next;
      }
      case Step.Prune(String stage, List<KubeObject> gone) -> {
        pass.status.stage(stage);
        Optional<Outcome> doubt = renderedTwice(pass, record, gone.size());
        if (doubt.isPresent()) {
          return doubt.get();
        }
        prune(pass, gone);
        return ApplicationReconciler.AGAIN;
      }
      case Step.StartHooks(String stage, List<Hook> fresh) -> {
        pass.status.stage(stage);
        pass.status.step("hook", "starting " + Count.of(fresh.size(), "hook"));
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
            ? Outcome.recheckAfter(ApplicationReconciler.LEAVING, message)
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
        compared(pass, objects, live, plan);
        return await(
            pass,
            record,
            "wait-healthy",
            worst.message().isEmpty() ? "all objects to become healthy" : worst.message(),
            deadline);
      }
      case Step.Fail(String stage, String why) -> {
        pass.status.stage(stage);
        pass.status.step("wait-healthy", why);
        if (pass.selection().isEmpty()) {
          pass.status.health(Comparison.resources(pass, objects, live, plan));
        }
        return fail(pass, record, why);
      }
      case Step.Done() -> {
        compared(pass, objects, live, plan);
        operations.close(
            pass,
            "Succeeded",
            "%s as revision %s wants %s"
                .formatted(
                    Count.of(objects.size(), "object is", "objects are"),
                    Words.brief(pass.status.operationRevision()),
                    objects.size() == 1 ? "it" : "them"),
            true);
        events.normal(
            pass.application,
            "OperationCompleted",
            "sync %d succeeded".formatted(pass.status.operationId()));
        history.trim(
            pass.application,
            pass.spec.historyLimit(),
            pass.spec.historyAge().map(pass.now::minus).orElse(Instant.MIN),
            pass.status.operationId());
        return ApplicationReconciler.AGAIN;
      }
    }
  }

  /// Says how the application stands. A part of it says nothing of the whole: what is said stays
  /// until the next look.
  private static void compared(
      Pass pass, List<RenderedObject> objects, Map<ObjectKey, KubeObject> live, SyncPlan plan) {
    if (pass.selection().isEmpty()) {
      pass.status.health(Comparison.resources(pass, objects, live, plan));
      pass.status.sync(plan.isEmpty() ? "Synced" : "OutOfSync", pass.status.operationRevision());
    }
  }

  /// A mass delete needs the same answer twice: the commit is rendered once more, some time after
  /// the first, from the files as they are in the mirror then.
  ///
  /// @return what to do instead of deleting; empty to go on
  private Optional<Outcome> renderedTwice(Pass pass, KubeObject record, int deleted) {
    ObjectNode operation = pass.status.operation();
    boolean fromGit =
        !pass.status.trigger().endsWith("rollback")
            && !SyncHistory.isLocal(SyncHistory.revision(record));
    if (!fromGit || deleted < MASS || Json.bool(operation, "renderedTwice", false)) {
      return Optional.empty();
    }
    Optional<Instant> first = KubeObject.instant(operation, "massDeleteSeen");
    if (first.isEmpty()) {
      operation.put("massDeleteSeen", pass.now.toString());
    }
    Instant due = first.orElse(pass.now).plus(BETWEEN_RENDERS);
    if (due.isAfter(pass.now)) {
      String message =
          "a second render of the commit, before %s"
              .formatted(Count.of(deleted, "object goes", "objects go"));
      pass.status.waiting(message, due, "deletes them when it is equal");
      return Optional.of(Outcome.recheckAfter(Duration.between(pass.now, due), message));
    }
    var revision =
        new Source.Resolved(
            SyncHistory.revision(record), Json.string(record.spec(), "tree", ""), "", "", "");
    try {
      List<String> again =
          renders.again(pass, revision).stream().map(RenderedObject::hash).toList();
      List<String> before =
          Json.items(record.spec(), "objects").stream()
              .map(entry -> Json.string(entry, "hash", ""))
              .toList();
      if (!again.equals(before)) {
        return Optional.of(
            fail(
                pass,
                record,
                "two renders of one commit differ, and %s would be deleted"
                    .formatted(Count.of(deleted, "object"))));
      }
    } catch (SourceException | ManifestException e) {
      return Optional.of(
          Outcome.recheckAfter(
              BETWEEN_RENDERS, "the commit cannot be rendered again: " + e.getMessage()));
    }
    operation.put("renderedTwice", true);
    return Optional.empty();
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
            Words.span(pass.spec.waveTimeout().orElse(pass.spec.timeout())),
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

  Outcome startHooks(Pass pass, List<Hook> fresh) {
    Hooks hooks = pass.hooks();
    for (Hook hook : fresh) {
      applier.ensureNamespace(pass, hook.object().object());
      if (!hooks.start(hook, pass.status.operationId())) {
        return Outcome.recheckAfter(
            ApplicationReconciler.LEAVING,
            "an older run of hook " + hook.object().object().name() + " is being deleted");
      }
    }
    return ApplicationReconciler.AGAIN;
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
    if (rounds <= QUICK_ROUNDS) {
      return ApplicationReconciler.AGAIN;
    }
    Duration pause = Duration.ofMillis(250L << Math.min(rounds - QUICK_ROUNDS, 7));
    // Writing the status is news of the application itself: the pause must be in it.
    operation.put("retryAt", pass.now.plus(pause).toString());
    return Outcome.recheckAfter(pause, "what was applied does not stay");
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
                    .formatted(Words.brief(SyncHistory.revision(healthy))))
        .orElse("the sync fails; there is no healthy revision to go back to");
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
            plan,
            pass.status.inventory().size(),
            pass.spec.maxPruned(),
            pass.spec.maxPrunedPercent());
    if (verdict instanceof SyncPlanner.PruneVerdict.Allowed
        && Json.bool(pass.status.operation(), "rewritten", false)) {
      verdict =
          new SyncPlanner.PruneVerdict.NeedsConfirmation(
              "the history was rewritten, and %s would be deleted"
                  .formatted(Count.of(prunes.size(), "object")));
    }
    boolean confirmed = Json.bool(pass.status.operation(), "pruneConfirmed", false);
    if (verdict instanceof SyncPlanner.PruneVerdict.NeedsConfirmation(String because)
        && !confirmed) {
      String why =
          "%s: run `slipway sync %s%s --confirm-prune` to go on"
              .formatted(because, pass.application.name(), Words.elsewhere(pass.application));
      pass.hooks().terminate(why);
      pass.status.operation().put("phase", "WaitingForConfirmation").put("message", why);
      pass.status.condition("PruneBlocked", true, "LimitExceeded", why);
      pass.status.waiting("a person to confirm: " + why, null, "deletes them");
      history.finish(record, Operations.recordStatus(pass, "WaitingForConfirmation", why, false));
      events.warning(pass.application, "PruneBlocked", why);
      return true;
    }
    pass.status.condition("PruneBlocked", false, "Confirmed", "");
    return false;
  }

  private void prune(Pass pass, List<KubeObject> prunes) {
    pass.status.step(
        "prune", "deleting %s that Git no longer has".formatted(Count.of(prunes.size(), "object")));
    pass.save();
    Cluster writer = pass.writer();
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
    String message = String.valueOf(e.getMessage()) + causes(e);
    if (e.reason() == ClusterException.Reason.CONFLICT) {
      pass.status.waiting(
          "the cluster to accept a change: " + message, null, "reads again what is there");
      return nextRound(pass);
    }
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
      return ApplicationReconciler.AGAIN;
    }
    return giveUp(pass, record, message);
  }

  private Outcome giveUp(Pass pass, KubeObject record, String message) {
    String revision = pass.status.operationRevision();
    String trigger = pass.status.trigger();
    operations.close(pass, "Failed", message, false);
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
      return ApplicationReconciler.AGAIN;
    }
    pass.status.reject(revision, message);
    Optional<KubeObject> healthy = history.lastHealthy(pass.application, record);
    if (healthy.isPresent()) {
      pass.status.hold(
          revision,
          SyncHistory.id(healthy.get()),
          "revision %s failed: %s".formatted(Words.brief(revision), message));
      operations.restore(pass, healthy.get(), "auto-rollback", "slipway");
    }
    return ApplicationReconciler.AGAIN;
  }
}
