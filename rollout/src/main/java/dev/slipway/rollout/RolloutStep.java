package dev.slipway.rollout;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/// What a rollout does next. A step is a value: nothing happens until a driver carries it out.
public sealed interface RolloutStep {
  /// Makes the replication controller of the target.
  record Create(int replicas) implements RolloutStep {}

  /// Sets the replicas of replication controllers, by name.
  record Scale(Map<String, Integer> replicas, String why) implements RolloutStep {
    public Scale {
      replicas = Map.copyOf(replicas);
    }

    static Scale one(RolloutView.Revision revision, int replicas, String why) {
      return new Scale(Map.of(revision.name(), replicas), why);
    }
  }

  /// Nothing may be done now.
  ///
  /// @param recheckAfter when time alone changes that
  record Wait(Duration recheckAfter, String reason) implements RolloutStep {}

  /// The target got no further for longer than its deadline.
  record GiveUp(String reason) implements RolloutStep {}

  /// Everything is as wanted.
  ///
  /// @param forget old controllers beyond the history limit
  record Complete(List<String> forget) implements RolloutStep {
    public Complete {
      forget = List.copyOf(forget);
    }
  }
}
