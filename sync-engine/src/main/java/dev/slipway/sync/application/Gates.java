package dev.slipway.sync.application;

import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.sync.dependency.DependencyPlanner;
import dev.slipway.sync.fleet.Fleet;
import dev.slipway.sync.fleet.FleetPlanner;
import dev.slipway.sync.window.WindowPlanner;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// Whether a sync may begin now: windows, freezes, applications that come first, and how many
/// change at once.
final class Gates {
  private static final Duration TURN = Duration.ofSeconds(1);

  private Gates() {}

  /// Whether a sync may not begin yet: a window, or an application that comes first.
  static boolean mustWait(Pass pass, String commit) {
    String revision = Words.brief(commit);
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
                commit,
                pass.home.list(ObjectQuery.all(pass.application.key().groupKind())).items(),
                pass.now)
            : new DependencyPlanner.Verdict.Ready();
    switch (dependency) {
      case DependencyPlanner.Verdict.Ready() -> {
        return awaitsTurn(pass, revision);
      }
      case DependencyPlanner.Verdict.Waiting(String why) ->
          pass.blocked(why, null, "syncs to " + revision);
      case DependencyPlanner.Verdict.Cycle cycle -> {
        pass.status.condition(
            "DependencyCycle", true, "Cycle", "it waits for itself: " + cycle.words());
        pass.blocked(
            "itself: " + cycle.words(),
            null,
            "nothing, until one of these dependencies is taken out");
      }
    }
    return true;
  }

  /// What all applications together may do.
  private static boolean awaitsTurn(Pass pass, String revision) {
    Fleet fleet = Fleet.read(pass.home, pass.now);
    if (fleet.maxChanging() <= 0 && fleet.maxPerProject() <= 0 && fleet.stopAfter() <= 0) {
      return false;
    }
    Optional<String> why =
        FleetPlanner.mustWait(
            fleet,
            pass.application,
            pass.home.list(ObjectQuery.all(pass.application.key().groupKind())).items(),
            fleet.stopAfter() > 0
                ? pass.home.list(ObjectQuery.all(SyncHistory.RECORD)).items()
                : List.of(),
            pass.now);
    why.ifPresent(
        text -> {
          pass.blocked(text, null, "syncs to " + revision);
          pass.opens = Optional.of(pass.now.plus(TURN));
        });
    return why.isPresent();
  }

  /// Says what is wrong with the windows, before anything is due.
  static void tellFaults(Pass pass) {
    String fault = "";
    try {
      WindowPlanner.read(pass.application.spec());
    } catch (IllegalArgumentException e) {
      fault = String.valueOf(e.getMessage());
    }
    pass.status.condition(
        "InvalidWindow", !fault.isEmpty(), fault.isEmpty() ? "Valid" : "InvalidWindow", fault);
  }

  /// The windows of the application, and a freeze of everything.
  static WindowPlanner.Verdict window(Pass pass) {
    Fleet fleet = Fleet.read(pass.home, pass.now);
    if (fleet.freeze().isPresent()) {
      return new WindowPlanner.Verdict.Closed(
          "everything is frozen: " + fleet.freeze().get(), fleet.frozenUntil(), false);
    }
    try {
      return WindowPlanner.verdict(WindowPlanner.read(pass.application.spec()), pass.now);
    } catch (IllegalArgumentException e) {
      return new WindowPlanner.Verdict.Closed(
          "its windows are invalid: " + e.getMessage(), Optional.empty(), true);
    }
  }
}
