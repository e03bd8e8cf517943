package dev.slipway.rollout;

import dev.slipway.model.words.Count;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Moves a workload from one revision to another without going below `desired - maxUnavailable`
/// available pods or above `desired + maxSurge` pods, counted over all revisions together.
///
/// Old pods that are not available go first and at any time: they carry nothing, so a broken old
/// revision never blocks its fix. Removal comes before addition, so a rollout that may not surge
/// still moves.
public final class RollingUpdatePlanner {
  private static final Duration LONG = Duration.ofMinutes(10);

  private RollingUpdatePlanner() {}

  /// The next step, one at a time. Example with 10 desired, surge 2, unavailable 2 and 10 old pods
  /// available: remove 2 old (10 - 8), then add 4 new (12 - 8), then wait until new pods are
  /// available.
  public static RolloutStep nextStep(RolloutView view, Instant now) {
    Optional<RolloutStep> proportional = proportional(view);
    if (proportional.isPresent()) {
      return proportional.get();
    }
    Optional<RolloutView.Revision> target = view.targetRevision();
    if (view.paused()) {
      return new RolloutStep.Wait(LONG, "paused");
    }
    if (target.isEmpty()) {
      int room = view.recreate() ? 0 : view.desired() + view.maxSurge() - view.pods();
      return new RolloutStep.Create(
          Math.max(0, Math.min(view.desired(), view.others().isEmpty() ? view.desired() : room)));
    }
    RolloutStep step = view.recreate() ? recreate(view, target.get()) : roll(view, target.get());
    if (step instanceof RolloutStep.Wait wait) {
      if (view.canGoBack() && target.get().trouble().hopeless()) {
        return new RolloutStep.GiveUp("none of its pods can run: " + target.get().trouble().word());
      }
      Duration left = Duration.between(now, view.progressedAt().plus(view.progressDeadline()));
      return left.isPositive()
          ? new RolloutStep.Wait(
              left.compareTo(wait.recheckAfter()) < 0 ? left : wait.recheckAfter(), wait.reason())
          : new RolloutStep.GiveUp(
              "no progress for %s: %s".formatted(words(view.progressDeadline()), wait.reason()));
    }
    return step;
  }

  private static RolloutStep roll(RolloutView view, RolloutView.Revision target) {
    if (target.replicas() > view.desired()) {
      return RolloutStep.Scale.one(target, view.desired(), "fewer pods are wanted");
    }
    for (RolloutView.Revision old : view.others()) {
      if (old.unready() > 0) {
        return RolloutStep.Scale.one(
            old, old.lasting(), "old pods that are not available go first");
      }
    }
    int spare = view.lasting() - (view.desired() - view.maxUnavailable());
    for (RolloutView.Revision old : view.others()) {
      int removable = Math.min(old.replicas(), spare);
      if (removable > 0) {
        return RolloutStep.Scale.one(
            old, old.replicas() - removable, "old pods may go, enough are available");
      }
    }
    int room = view.desired() + view.maxSurge() - view.pods();
    int missing = view.desired() - target.replicas();
    if (missing > 0 && room > 0) {
      return RolloutStep.Scale.one(
          target, target.replicas() + Math.min(missing, room), "new pods may be added");
    }
    return settled(view, target);
  }

  private static RolloutStep recreate(RolloutView view, RolloutView.Revision target) {
    for (RolloutView.Revision old : view.others()) {
      if (old.replicas() > 0) {
        return RolloutStep.Scale.one(old, 0, "all old pods go before a new one comes");
      }
    }
    int leaving = view.others().stream().mapToInt(old -> old.active() + old.leaving()).sum();
    if (leaving > 0 && target.replicas() == 0) {
      return new RolloutStep.Wait(
          LONG, Count.of(leaving, "old pod is", "old pods are") + " still leaving");
    }
    if (target.replicas() != view.desired()) {
      return RolloutStep.Scale.one(target, view.desired(), "the old pods are gone");
    }
    return settled(view, target);
  }

  private static RolloutStep settled(RolloutView view, RolloutView.Revision target) {
    int leaving = view.others().stream().mapToInt(RolloutView.Revision::pods).sum();
    if (target.available() < view.desired()) {
      return new RolloutStep.Wait(
          LONG,
          "%d of %d pods of the new revision available%s"
              .formatted(target.available(), view.desired(), cause(target)));
    }
    if (leaving > 0) {
      return new RolloutStep.Wait(LONG, Count.of(leaving, "old pod") + " still to go");
    }
    if (target.active() != view.desired()) {
      return new RolloutStep.Wait(
          LONG,
          "%s, %d wanted"
              .formatted(Count.of(target.active(), "pod exists", "pods exist"), view.desired()));
    }
    return new RolloutStep.Complete(surplus(view));
  }

  private static String cause(RolloutView.Revision revision) {
    return revision.trouble().word().isEmpty() ? "" : "; " + revision.trouble().word();
  }

  private static List<String> surplus(RolloutView view) {
    List<RolloutView.Revision> empty =
        view.others().stream().filter(old -> old.pods() + old.leaving() == 0).toList();
    int surplus = empty.size() - view.historyLimit();
    return surplus <= 0
        ? List.of()
        : empty.subList(0, surplus).stream().map(RolloutView.Revision::name).toList();
  }

  /// A change of the wanted number in the middle of a rollout is shared by the revisions as they
  /// stand, so that neither side of the rollout carries all of it.
  private static Optional<RolloutStep> proportional(RolloutView view) {
    List<RolloutView.Revision> live =
        view.revisions().stream().filter(revision -> revision.replicas() > 0).toList();
    int before = live.stream().mapToInt(RolloutView.Revision::replicas).sum();
    if (view.recreate()
        || view.scaledFor().isEmpty()
        || view.scaledFor().get() == view.desired()
        || live.size() < 2) {
      return Optional.empty();
    }
    int wanted = Math.max(0, before + view.desired() - view.scaledFor().get());
    int total = Math.min(wanted, view.desired() + view.maxSurge());
    Map<String, Integer> shares = new LinkedHashMap<>();
    int given = 0;
    for (RolloutView.Revision revision : live) {
      int share = (int) ((long) revision.replicas() * total / before);
      shares.put(revision.name(), share);
      given += share;
    }
    var byNeed = new ArrayList<>(live);
    byNeed.sort(
        Comparator.comparing(
                (RolloutView.Revision revision) -> !revision.hash().equals(view.target()))
            .thenComparing(revision -> -revision.number()));
    for (int i = 0; given < total; i = (i + 1) % byNeed.size()) {
      shares.merge(byNeed.get(i).name(), 1, Integer::sum);
      given++;
    }
    return Optional.of(
        new RolloutStep.Scale(
            shares,
            "%s wanted instead of %d"
                .formatted(
                    Count.of(view.desired(), "pod is", "pods are"), view.scaledFor().get())));
  }

  static String words(Duration duration) {
    return duration.toString().substring(2).toLowerCase(java.util.Locale.ROOT);
  }
}
