package dev.slipway.simulation;

/// Mistakes that are built into the world on purpose, to see that the invariants catch them.
public enum Bug {
  NONE,
  /// A scale-down of a replication controller goes to zero: the budget is ignored.
  SCALES_TO_ZERO,
  /// A scale-up makes two pods too many.
  SCALES_TOO_FAR,
  /// Every pod is created twice.
  CREATES_TWICE,
  /// A deletion of a pod is acknowledged and not done.
  LOSES_DELETIONS,
  /// A write is acknowledged before it is kept.
  FORGETS_ON_CRASH,
  /// The node knows its containers by heart and names them at random: a daemon that comes back
  /// makes them again.
  STARTS_TWICE,
  /// Containers are children of the daemon and die with it.
  DIES_WITH_DAEMON,
  /// What a pod's end leaves behind is never removed from the node.
  LEAVES_STRAYS,
  /// A repository that does not answer counts as one that has lost most of its files.
  PARTIAL_WHEN_DOWN,
  /// Deletions reach objects that Git still has.
  PRUNES_TOO_MUCH,
  /// A template change is applied and never rolled out.
  IGNORES_TEMPLATES,
  /// The rollout takes pods that are only just beginning for available ones.
  COUNTS_PENDING,
  /// What was rendered of the commit before is taken for this commit's.
  STALE_RENDER,
  /// A new object is acknowledged and not made.
  LOSES_APPLIES,
  /// A node does not ask whether a pod still receives requests before it stops it.
  STOPS_UNASKED,
  /// Watches fall silent.
  DEAF_WATCHES
}
