package dev.slipway.controlplane.scheduling;

/// What a pod asks of a node for the sake of other pods in the node's domain.
sealed interface PodTerm {
  Tally tally();

  default boolean allows(int node) {
    return true;
  }

  /// Why not, for a node that is not allowed.
  default String refusal() {
    return "";
  }

  /// In points.
  default long score(int node) {
    return 0;
  }

  /// While this stays the same, a pod that comes or goes changes the answers for its own domain
  /// only.
  default int phase() {
    return 0;
  }

  /// Required pod affinity. The first of pods that want each other may go anywhere.
  ///
  /// @param self whether the pod itself is of those that it wants
  record Near(Tally tally, boolean self) implements PodTerm {
    @Override
    public boolean allows(int node) {
      return tally.near(node) > 0
          || (self && tally.total() == 0 && tally.topology.domain(node) != Topology.NONE);
    }

    @Override
    public String refusal() {
      return "node(s) didn't match pod affinity rules";
    }

    @Override
    public int phase() {
      return tally.total() == 0 ? 0 : 1;
    }
  }

  /// Required pod anti-affinity.
  record Apart(Tally tally) implements PodTerm {
    @Override
    public boolean allows(int node) {
      return tally.near(node) == 0;
    }

    @Override
    public String refusal() {
      return "node(s) didn't match pod anti-affinity rules";
    }
  }

  /// Required anti-affinity of pods that are there already and would not have this one near.
  record Repelled(Tally tally) implements PodTerm {
    @Override
    public boolean allows(int node) {
      return tally.near(node) == 0;
    }

    @Override
    public String refusal() {
      return "node(s) didn't satisfy existing pods anti-affinity rules";
    }
  }

  /// A spread constraint that must hold.
  ///
  /// @param self 1 when the pod counts itself
  /// @param minDomains with fewer domains the least counts as 0
  record Spread(Tally tally, int maxSkew, int self, int minDomains) implements PodTerm {
    @Override
    public boolean allows(int node) {
      return tally.topology.domain(node) != Topology.NONE
          && tally.near(node) + self - least() <= maxSkew;
    }

    private int least() {
      return tally.domains() < minDomains ? 0 : tally.least();
    }

    @Override
    public String refusal() {
      return "node(s) didn't match pod topology spread constraints";
    }

    @Override
    public int phase() {
      return tally.least();
    }
  }

  /// Preferred pod affinity, or anti-affinity when the weight is negative.
  record Preferred(Tally tally, long weight) implements PodTerm {
    @Override
    public long score(int node) {
      return tally.near(node) > 0 ? weight : 0;
    }
  }

  /// A spread constraint that had better hold.
  record Loose(Tally tally) implements PodTerm {
    static final long POINTS = 10;

    @Override
    public long score(int node) {
      return -POINTS * tally.near(node);
    }
  }
}
