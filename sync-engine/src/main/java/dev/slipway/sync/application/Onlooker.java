package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.health.Health;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.plan.SyncPlan;
import dev.slipway.sync.window.WindowPlanner;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// Looks at an application between syncs, and undoes what others changed.
final class Onlooker {
  private final SyncHistory history;
  private final Applier applier;
  private final EventRecorder events;

  Onlooker(SyncHistory history, Applier applier, EventRecorder events) {
    this.history = history;
    this.applier = applier;
    this.events = events;
  }

  private final HealingPace healing = new HealingPace();
  private final ThrashDetector thrash = new ThrashDetector();

  Outcome observe(Pass pass, Wanted wanted) {
    healing.forget(pass.now);
    Optional<KubeObject> record =
        pass.status.hasOperation()
            ? history.find(pass.application, pass.status.operationId())
            : Optional.empty();
    boolean held = pass.status.held().isPresent();
    boolean follows = pass.spec.automated() && !pass.spec.suspended();
    boolean ofRecord = record.isPresent() && (held || follows || wanted.objects() == null);
    List<RenderedObject> all = ofRecord ? history.objects(record.get()) : wanted.objects();
    List<RenderedObject> objects = all == null ? null : Hooks.kept(all);
    String revision =
        ofRecord
            ? pass.status.operationRevision()
            : wanted.revision() == null ? "" : wanted.revision().commit();
    if (objects == null) {
      pass.status.sync("Unknown", "");
      pass.status.health(new Health(Health.Word.UNKNOWN, "nothing was synced yet"));
      return idle(pass);
    }
    Map<ObjectKey, KubeObject> live = Comparison.live(pass, objects);
    SyncPlan plan = Comparison.plan(pass, objects, live);
    boolean heals =
        pass.spec.automated()
            && pass.spec.selfHeal()
            && !pass.spec.suspended()
            && pass.status.phase().equals("Succeeded");
    if (heals
        && !plan.actions().isEmpty()
        && Gates.window(pass)
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
              .orElse(ApplicationReconciler.LOOK_AGAIN);
      pass.status.health(Comparison.resources(pass, objects, live, plan));
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
        pass.status.health(Comparison.resources(pass, objects, live, plan));
        pass.status.sync("OutOfSync", revision);
        return Outcome.recheckAfter(pause, message);
      }
      try {
        applier.carryOut(pass, due);
        applier.inventory(pass, objects);
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
        return ApplicationReconciler.AGAIN;
      } catch (ClusterException e) {
        pass.status.condition(
            "SelfHealFailed", true, e.reason().word(), String.valueOf(e.getMessage()));
        pass.status.health(Comparison.resources(pass, objects, live, plan));
        pass.status.sync("OutOfSync", revision);
        return Outcome.recheckAfter(pass.spec.retryAfter(1), String.valueOf(e.getMessage()));
      }
    }
    pass.status.condition("SelfHealFailed", false, "Healed", "");
    pass.status.sync(plan.isEmpty() ? "Synced" : "OutOfSync", revision);
    pass.status.health(Comparison.resources(pass, objects, live, plan));
    pass.observed = Comparison.versions(pass, objects, live);
    return plan.leaving().isEmpty()
        ? idle(pass)
        : Outcome.recheckAfter(ApplicationReconciler.LEAVING, "an object is being deleted");
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
              .filter(left -> left.compareTo(ApplicationReconciler.LOOK_AGAIN) < 0)
              .orElse(ApplicationReconciler.LOOK_AGAIN);
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
}
