package dev.slipway.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.rollout.RolloutView.Revision;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// I2 for every small cluster: no step leads below the pods that must stay available or above those
/// that may exist, and every rollout ends.
class RollingUpdatePlannerTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  /// One revision in a world where controllers obey at once and pods become available one at a
  /// time.
  private record World(int desired, int surge, int unavailable, List<Revision> revisions) {
    RolloutView view() {
      return new RolloutView(
          desired,
          surge,
          unavailable,
          false,
          false,
          Optional.of(desired),
          "new",
          revisions,
          NOW,
          Duration.ofMinutes(10),
          10,
          false);
    }

    int pods() {
      return revisions.stream().mapToInt(Revision::active).sum();
    }

    int available() {
      return revisions.stream().mapToInt(Revision::available).sum();
    }
  }

  @Test
  void everySmallRolloutKeepsItsLimitsAndEnds() {
    int worlds = 0;
    for (int desired = 0; desired <= 4; desired++) {
      for (int surge = 0; surge <= 2; surge++) {
        for (int unavailable = surge == 0 ? 1 : 0; unavailable <= 2; unavailable++) {
          for (int old = 0; old <= desired + surge; old++) {
            for (int oldAvailable = 0; oldAvailable <= old; oldAvailable++) {
              for (int fresh = 0; fresh <= desired + surge - old; fresh++) {
                for (int freshAvailable = 0; freshAvailable <= fresh; freshAvailable++) {
                  var revisions = new ArrayList<Revision>();
                  revisions.add(new Revision("old", "old", 1, old, old, oldAvailable, 0));
                  revisions.add(new Revision("new", "new", 2, fresh, fresh, freshAvailable, 0));
                  run(new World(desired, surge, unavailable, revisions));
                  worlds++;
                }
              }
            }
          }
        }
      }
    }
    assertThat(worlds).isGreaterThan(2_000);
  }

  private static void run(World start) {
    World world = start;
    for (int i = 0; i < 60; i++) {
      RolloutStep step = RollingUpdatePlanner.nextStep(world.view(), NOW);
      switch (step) {
        case RolloutStep.Complete _ -> {
          assertThat(world.available()).isGreaterThanOrEqualTo(world.desired());
          assertThat(world.pods()).isEqualTo(world.desired());
          return;
        }
        case RolloutStep.Scale scale -> world = scaled(world, scale);
        case RolloutStep.Wait _ -> world = oneMoreAvailable(world);
        case RolloutStep.Create _, RolloutStep.GiveUp _ ->
            throw new AssertionError(step + " in " + world);
      }
    }
    throw new AssertionError("no end from " + start + "; stands at " + world);
  }

  private static World scaled(World before, RolloutStep.Scale scale) {
    var revisions = new ArrayList<Revision>();
    for (Revision revision : before.revisions()) {
      int replicas = scale.replicas().getOrDefault(revision.name(), revision.replicas());
      revisions.add(
          new Revision(
              revision.name(),
              revision.hash(),
              revision.number(),
              replicas,
              replicas,
              Math.min(revision.available(), replicas),
              0));
    }
    var after = new World(before.desired(), before.surge(), before.unavailable(), revisions);
    int least = Math.min(before.available(), before.desired() - before.unavailable());
    assertThat(after.available())
        .as("available after %s in %s", scale, before)
        .isGreaterThanOrEqualTo(least);
    int most = Math.max(before.pods(), before.desired() + before.surge());
    assertThat(after.pods()).as("pods after %s in %s", scale, before).isLessThanOrEqualTo(most);
    assertThat(after.revisions())
        .as("%s changes something", scale)
        .isNotEqualTo(before.revisions());
    return after;
  }

  private static World oneMoreAvailable(World world) {
    var revisions = new ArrayList<Revision>();
    boolean done = false;
    for (Revision revision : world.revisions().reversed()) {
      boolean grows = !done && revision.available() < revision.active();
      done |= grows;
      revisions.addFirst(
          new Revision(
              revision.name(),
              revision.hash(),
              revision.number(),
              revision.replicas(),
              revision.active(),
              revision.available() + (grows ? 1 : 0),
              0));
    }
    assertThat(done).as("waiting can end in %s", world).isTrue();
    return new World(world.desired(), world.surge(), world.unavailable(), revisions);
  }

  @Test
  void aBrokenOldRevisionNeverBlocksItsFix() {
    var view =
        view(
            2,
            0,
            1,
            List.of(
                new Revision("old", "old", 1, 2, 2, 0, 0),
                new Revision("new", "new", 2, 0, 0, 0, 0)));
    assertThat(RollingUpdatePlanner.nextStep(view, NOW))
        .isInstanceOfSatisfying(
            RolloutStep.Scale.class, scale -> assertThat(scale.replicas()).containsEntry("old", 0));
  }

  @Test
  void aSupersededRevisionGoesWhileTheNewestComes() {
    var view =
        view(
            3,
            1,
            0,
            List.of(
                new Revision("a", "a", 1, 3, 3, 3, 0),
                new Revision("b", "b", 2, 1, 1, 0, 0),
                new Revision("new", "new", 3, 0, 0, 0, 0)));
    assertThat(RollingUpdatePlanner.nextStep(view, NOW))
        .isInstanceOfSatisfying(
            RolloutStep.Scale.class, scale -> assertThat(scale.replicas()).containsEntry("b", 0));
  }

  @Test
  void aScaleInMidFlightIsShared() {
    var view =
        new RolloutView(
            20,
            2,
            0,
            false,
            false,
            Optional.of(10),
            "new",
            List.of(
                new Revision("old", "old", 1, 8, 8, 8, 0),
                new Revision("new", "new", 2, 4, 4, 2, 0)),
            NOW,
            Duration.ofMinutes(1),
            10,
            false);
    assertThat(RollingUpdatePlanner.nextStep(view, NOW))
        .isInstanceOfSatisfying(
            RolloutStep.Scale.class,
            scale -> {
              assertThat(scale.replicas().values().stream().mapToInt(Integer::intValue).sum())
                  .isEqualTo(22);
              assertThat(scale.replicas().get("old")).isGreaterThan(8);
            });
  }

  @Test
  void withoutProgressItGivesUpAfterTheDeadline() {
    var view =
        view(
            1,
            1,
            0,
            List.of(
                new Revision("old", "old", 1, 1, 1, 1, 0),
                new Revision("new", "new", 2, 1, 1, 0, 0)));
    assertThat(RollingUpdatePlanner.nextStep(view, NOW)).isInstanceOf(RolloutStep.Wait.class);
    assertThat(RollingUpdatePlanner.nextStep(view, NOW.plusSeconds(600)))
        .isInstanceOf(RolloutStep.GiveUp.class);
  }

  @Test
  void whatCannotWorkIsGivenUpBeforeTheDeadlineIfThereIsAWayBack() {
    var crashes = new Trouble("pod new-1: CrashLoopBackOff", true);
    var revisions =
        List.of(
            new Revision("old", "old", 1, 1, 1, 1, 0),
            new Revision("new", "new", 2, 1, 1, 0, 0, crashes));
    RolloutView noWayBack = view(1, 1, 0, revisions);
    assertThat(RollingUpdatePlanner.nextStep(noWayBack, NOW))
        .isInstanceOfSatisfying(
            RolloutStep.Wait.class,
            wait -> assertThat(wait.reason()).endsWith("pod new-1: CrashLoopBackOff"));
    var wayBack =
        new RolloutView(
            1,
            1,
            0,
            false,
            false,
            Optional.of(1),
            "new",
            revisions,
            NOW,
            Duration.ofMinutes(10),
            10,
            true);
    assertThat(RollingUpdatePlanner.nextStep(wayBack, NOW))
        .isEqualTo(new RolloutStep.GiveUp("none of its pods can run: pod new-1: CrashLoopBackOff"));
  }

  @Test
  void pausedNothingMoves() {
    var view =
        new RolloutView(
            1,
            1,
            0,
            false,
            true,
            Optional.of(1),
            "new",
            List.of(new Revision("old", "old", 1, 1, 1, 1, 0)),
            NOW,
            Duration.ofMinutes(1),
            10,
            false);
    assertThat(RollingUpdatePlanner.nextStep(view, NOW))
        .isEqualTo(new RolloutStep.Wait(Duration.ofMinutes(10), "paused"));
  }

  @Test
  void recreateWaitsForTheOldPodsToGo() {
    Set<Class<?>> seen = new HashSet<>();
    var leaving = new Revision("old", "old", 1, 0, 0, 0, 2);
    var view =
        new RolloutView(
            2,
            0,
            0,
            true,
            false,
            Optional.of(2),
            "new",
            List.of(leaving, new Revision("new", "new", 2, 0, 0, 0, 0)),
            NOW,
            Duration.ofMinutes(1),
            10,
            false);
    seen.add(RollingUpdatePlanner.nextStep(view, NOW).getClass());
    assertThat(seen).containsExactly(RolloutStep.Wait.class);
  }

  private static RolloutView view(
      int desired, int surge, int unavailable, List<Revision> revisions) {
    return new RolloutView(
        desired,
        surge,
        unavailable,
        false,
        false,
        Optional.of(desired),
        "new",
        revisions,
        NOW,
        Duration.ofMinutes(10),
        10,
        false);
  }
}
