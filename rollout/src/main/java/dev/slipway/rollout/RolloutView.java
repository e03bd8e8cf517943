package dev.slipway.rollout;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// All that a decision about a rollout may know.
///
/// @param desired pods that the workload wants
/// @param maxSurge pods above it that may exist meanwhile
/// @param maxUnavailable pods below it that may be unavailable meanwhile
/// @param scaledFor the number of pods that was wanted at the last look; empty at the first
/// @param target the template hash to bring about: the current one, or the stable one after an
///   abort
/// @param revisions one replication controller each, whatever their order
/// @param progressedAt when something last moved towards the target
/// @param canGoBack an earlier revision is known to work and can take over again
public record RolloutView(
    int desired,
    int maxSurge,
    int maxUnavailable,
    boolean recreate,
    boolean paused,
    Optional<Integer> scaledFor,
    String target,
    List<Revision> revisions,
    Instant progressedAt,
    Duration progressDeadline,
    int historyLimit,
    boolean canGoBack) {

  /// One revision of the template and its pods as they are.
  ///
  /// @param name of its replication controller
  /// @param number counts the revisions of a workload
  /// @param replicas what its controller is asked for
  /// @param active pods that exist and are not on their way out
  /// @param available those of them that have been ready for long enough
  /// @param leaving pods on their way out
  /// @param trouble what keeps its pods from becoming available
  public record Revision(
      String name,
      String hash,
      long number,
      int replicas,
      int active,
      int available,
      int leaving,
      Trouble trouble) {
    public Revision(
        String name,
        String hash,
        long number,
        int replicas,
        int active,
        int available,
        int leaving) {
      this(name, hash, number, replicas, active, available, leaving, Trouble.NONE);
    }

    /// Pods that exist or are about to: what its controller was asked for and what it has not yet
    /// removed.
    int pods() {
      return Math.max(replicas, active);
    }

    /// Available pods that stay when its controller has done what it was asked for: the others go
    /// first.
    int lasting() {
      return Math.min(available, replicas);
    }

    int unready() {
      return replicas - lasting();
    }
  }

  public RolloutView {
    if (desired < 0
        || maxSurge < 0
        || maxUnavailable < 0
        || (maxSurge == 0 && maxUnavailable == 0 && !recreate)) {
      throw new IllegalArgumentException("no rollout can move within these limits");
    }
    revisions = revisions.stream().sorted(Comparator.comparingLong(Revision::number)).toList();
  }

  Optional<Revision> targetRevision() {
    return revisions.stream().filter(revision -> revision.hash().equals(target)).findFirst();
  }

  /// The others, the oldest first.
  List<Revision> others() {
    return revisions.stream().filter(revision -> !revision.hash().equals(target)).toList();
  }

  int pods() {
    return revisions.stream().mapToInt(Revision::pods).sum();
  }

  int lasting() {
    return revisions.stream().mapToInt(Revision::lasting).sum();
  }
}
