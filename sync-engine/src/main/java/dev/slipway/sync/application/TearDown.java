package dev.slipway.sync.application;

import dev.slipway.manifest.render.Renderer;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.words.Count;
import dev.slipway.sync.order.Hook;
import dev.slipway.sync.order.HookRun;
import dev.slipway.sync.order.StepPlanner;
import dev.slipway.sync.order.StepPlanner.Step;
import dev.slipway.sync.order.SyncOrder;
import dev.slipway.sync.plan.SyncOptions;
import dev.slipway.sync.plan.SyncPlanner.Owned;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Takes away an application that is deleted, and before it what it made.
final class TearDown {
  private final SyncHistory history;
  private final Applier applier;
  private final SyncRun run;
  private final EventRecorder events;

  TearDown(SyncHistory history, Applier applier, SyncRun run, EventRecorder events) {
    this.history = history;
    this.applier = applier;
    this.run = run;
    this.events = events;
  }

  Outcome tearDown(Pass pass) {
    if (!pass.application.finalizers().contains(ApplicationReconciler.FINALIZER)) {
      return Outcome.SETTLED;
    }
    int left = 0;
    if (pass.status.isRunning()) {
      applier.adopt(pass);
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
          pass.cluster.get(entry.key()).filter(object -> object.uid().equals(entry.uid()));
      SyncOptions.Guard guard =
          known
              .map(object -> pass.spec.options().of(object).delete())
              .orElse(SyncOptions.Guard.FREE);
      if (guard == SyncOptions.Guard.CONFIRM && !isDeletionApproved(pass.application)) {
        unconfirmed.add(entry.key().toString());
      } else if (known.isPresent() && guard != SyncOptions.Guard.NEVER) {
        left++;
        if (!known.get().isTerminating()) {
          pass.writer().delete(entry.key(), DeleteOptions.ofUid(entry.uid()));
        }
      }
    }
    if (!unconfirmed.isEmpty()) {
      String message =
          "a person to confirm the deletion of %s: annotate the application with slipway.dev/deletion-approved"
              .formatted(unconfirmed.getFirst());
      pass.status.waiting(message, null, "deletes it, and then the application");
      pass.save();
      return Outcome.recheckAfter(ApplicationReconciler.LOOK_AGAIN, message);
    }
    if (left > 0) {
      return Outcome.recheckAfter(
          Duration.ofMillis(500),
          Count.of(left, "object is being deleted", "objects are being deleted"));
    }
    Optional<Outcome> after = deletionHooks(pass, Hook.Phase.POST_DELETE);
    if (after.isPresent()) {
      return after.get();
    }
    if (pass.hooks().deleteAll() > 0) {
      return Outcome.recheckAfter(Duration.ofMillis(500), "hooks are being deleted");
    }
    pass.home
        .as(Author.controller("slipway-sync"))
        .replace(
            pass.application.withMetadata(
                metadata -> {
                  ArrayNode finalizers = metadata.putArray("finalizers");
                  pass.application.finalizers().stream()
                      .filter(name -> !name.equals(ApplicationReconciler.FINALIZER))
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
    Instant deadline =
        KubeObject.instant(state, phase.word()).orElse(pass.now).plus(SyncRun.FAIL_HOOKS);
    List<HookRun> runs = pass.hooks().look(pass.status.operationId(), order);
    Step step = StepPlanner.next(order, phase, runs);
    boolean late = !pass.now.isBefore(deadline);
    Outcome outcome = ApplicationReconciler.AGAIN;
    if (step instanceof Step.StartHooks(_, List<Hook> fresh) && !late) {
      pass.save();
      outcome = run.startHooks(pass, fresh);
    } else if (step instanceof Step.AwaitHook(_, HookRun run) && !late) {
      pass.status.waiting(
          "hook %s %s (%s)".formatted(run.key().kind(), run.key().name(), phase.word()),
          deadline,
          "goes on with the deletion");
      outcome = Outcome.recheckAfter(SyncRun.HOOKS, "a hook");
    } else {
      if (late || step instanceof Step.Fail) {
        events.warning(
            pass.application,
            "HookFailed",
            phase.word()
                + ": "
                + (step instanceof Step.Fail(_, String why)
                    ? why
                    : "not done within " + Words.span(SyncRun.FAIL_HOOKS)));
      }
      state.put(done, true);
    }
    pass.save();
    return Optional.of(outcome);
  }
}
