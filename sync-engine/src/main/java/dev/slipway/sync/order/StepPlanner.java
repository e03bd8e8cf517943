package dev.slipway.sync.order;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.health.Health;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.plan.SyncPlan;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Says what a sync does next, from nothing but how everything stands now: so it goes on after any
/// interruption.
///
/// PreSync hooks first, wave by wave; then each wave of objects with the Sync hooks of that wave,
/// and the next one only when all of it is healthy; what Git no longer has goes with the last wave,
/// or after it (`PruneLast`); PostSync hooks last.
public final class StepPlanner {
  /// In these kinds a failure is final: waiting longer does not help.
  private static final Set<String> FINAL =
      Set.of("Rollout", "Deployment", "StatefulSet", "DaemonSet", "Job");

  /// How everything stands.
  ///
  /// @param plan of the objects of the order
  /// @param health of each object that is live
  /// @param runs the hooks of this very sync that were begun
  /// @param prunes what may be deleted now, before or after the rest is healthy
  public record Situation(
      SyncOrder order,
      SyncPlan plan,
      Map<ObjectKey, Health> health,
      List<HookRun> runs,
      List<KubeObject> prunes,
      List<KubeObject> lastPrunes) {}

  /// What to do now. Everything but [Step.Done] and [Step.Fail] is followed by another look.
  public sealed interface Step {
    /// Apply these, which come at the same time.
    record Apply(String stage, List<SyncPlan.Action> actions) implements Step {}

    record StartHooks(String stage, List<Hook> hooks) implements Step {}

    record Prune(String stage, List<KubeObject> objects) implements Step {}

    /// An older object of that name is still on its way out.
    record AwaitGone(String stage, ObjectKey key) implements Step {}

    record AwaitHook(String stage, HookRun run) implements Step {}

    record AwaitHealth(String stage, Health health) implements Step {}

    record Fail(String stage, String why) implements Step {}

    record Done() implements Step {}
  }

  private StepPlanner() {}

  public static Step next(Situation now) {
    return hooks(now, Hook.Phase.PRE_SYNC)
        .or(() -> waves(now))
        .or(
            () ->
                now.lastPrunes().isEmpty()
                    ? Optional.empty()
                    : Optional.of(new Step.Prune("PruneLast", now.lastPrunes())))
        .or(() -> hooks(now, Hook.Phase.POST_SYNC))
        .orElseGet(Step.Done::new);
  }

  /// The same for a phase on its own (`SyncFail`, `PreDelete`, `PostDelete`).
  public static Step next(SyncOrder order, Hook.Phase phase, List<HookRun> runs) {
    return hooks(
            new Situation(order, SyncPlan.NOTHING, Map.of(), runs, List.of(), List.of()), phase)
        .orElseGet(Step.Done::new);
  }

  private static Optional<Step> waves(Situation now) {
    List<Integer> waves = now.order().waves(Hook.Phase.SYNC);
    for (int i = 0; i < waves.size(); i++) {
      int wave = waves.get(i);
      boolean last = i == waves.size() - 1;
      Optional<Step> step = wave(now, wave, stage(Hook.Phase.SYNC, wave, waves.size()), last);
      if (step.isPresent()) {
        return step;
      }
    }
    return waves.isEmpty() && !now.prunes().isEmpty()
        ? Optional.of(new Step.Prune("Sync", now.prunes()))
        : Optional.empty();
  }

  private static Optional<Step> wave(Situation now, int wave, String stage, boolean last) {
    List<RenderedObject> objects = now.order().objects(wave);
    List<SyncPlan.Action> actions =
        now.plan().actions().stream()
            .filter(action -> Hook.wave(action.wanted().object()) == wave)
            .toList();
    if (!actions.isEmpty()) {
      return Optional.of(new Step.Apply(stage, actions));
    }
    Optional<ObjectKey> leaving =
        now.plan().leaving().isEmpty()
            ? Optional.empty()
            : objects.stream()
                .map(object -> object.object().key())
                .filter(new HashSet<>(now.plan().leaving())::contains)
                .findFirst();
    if (leaving.isPresent()) {
      return Optional.of(new Step.AwaitGone(stage, leaving.get()));
    }
    List<Hook> hooks = now.order().hooks(Hook.Phase.SYNC, wave);
    List<Hook> fresh = hooks.stream().filter(hook -> run(now, hook).isEmpty()).toList();
    if (!fresh.isEmpty()) {
      return Optional.of(new Step.StartHooks(stage, fresh));
    }
    if (last && !now.prunes().isEmpty()) {
      return Optional.of(new Step.Prune(stage, now.prunes()));
    }
    for (RenderedObject object : objects) {
      Health health = now.health().getOrDefault(object.object().key(), Health.HEALTHY);
      if (health.word() == Health.Word.DEGRADED && FINAL.contains(object.object().kind())) {
        return Optional.of(new Step.Fail(stage, words(object, health)));
      }
    }
    return ends(now, hooks, stage)
        .or(
            () -> {
              Health worst =
                  Health.worst(
                      objects.stream()
                          .map(
                              object -> {
                                Health health =
                                    now.health()
                                        .getOrDefault(
                                            object.object().key(),
                                            new Health(
                                                Health.Word.MISSING,
                                                object.object().key() + " is missing"));
                                return new Health(
                                    health.word(),
                                    health.message().isEmpty() ? "" : words(object, health));
                              })
                          .toList());
              return worst.word() == Health.Word.HEALTHY || worst.word() == Health.Word.SUSPENDED
                  ? Optional.empty()
                  : Optional.of(new Step.AwaitHealth(stage, worst));
            });
  }

  private static String words(RenderedObject object, Health health) {
    return "%s %s: %s".formatted(object.declaredKind(), object.object().name(), health.message());
  }

  private static Optional<Step> hooks(Situation now, Hook.Phase phase) {
    List<Integer> waves = now.order().waves(phase);
    for (int wave : waves) {
      String stage = stage(phase, wave, waves.size());
      List<Hook> hooks = now.order().hooks(phase, wave);
      List<Hook> fresh = hooks.stream().filter(hook -> run(now, hook).isEmpty()).toList();
      if (!fresh.isEmpty()) {
        return Optional.of(new Step.StartHooks(stage, fresh));
      }
      Optional<Step> step = ends(now, hooks, stage);
      if (step.isPresent()) {
        return step;
      }
    }
    return Optional.empty();
  }

  private static Optional<Step> ends(Situation now, List<Hook> hooks, String stage) {
    List<HookRun> runs = hooks.stream().flatMap(hook -> run(now, hook).stream()).toList();
    for (HookRun run : runs) {
      if (run.state() == HookRun.State.FAILED || run.state() == HookRun.State.TERMINATED) {
        return Optional.of(
            new Step.Fail(
                stage,
                "hook %s %s: %s".formatted(run.key().kind(), run.key().name(), run.message())));
      }
    }
    return runs.stream()
        .filter(run -> run.state() == HookRun.State.RUNNING)
        .findFirst()
        .map(run -> new Step.AwaitHook(stage, run));
  }

  private static Optional<HookRun> run(Situation now, Hook hook) {
    return now.runs().stream().filter(run -> run.isOf(hook)).findFirst();
  }

  static String stage(Hook.Phase phase, int wave, int waves) {
    return waves == 1 && wave == 0 ? phase.word() : phase.word() + " wave " + wave;
  }
}
