package dev.slipway.controlplane.scheduling;

import java.util.List;

/// The nodes ranked for all pods that ask for the same and obey the same rules, before other pods
/// have a say: so the controllers of a cluster, most of which ask for the same, need not look at
/// every node each for itself.
final class CommonRank {
  record Key(NodeRules rules, Resources requests, List<String> hostPorts) {
    static Key of(PodClass kind) {
      return new Key(kind.rules, kind.shape.requests(), kind.shape.hostPorts());
    }
  }

  private final PodClass any;
  private final List<NodeState> nodes;
  private final long[] fixed;
  private final Tournament ranks;
  private int seen;
  private boolean unranked = true;

  /// @param any one of the classes that this is for
  CommonRank(PodClass any, List<NodeState> nodes, long[] fixed) {
    this.any = any;
    this.nodes = nodes;
    this.fixed = fixed;
    this.ranks = new Tournament(nodes.size());
  }

  /// [Tournament#NONE] when the node is not for these pods.
  static long of(PodClass kind, NodeState node, long fixed) {
    return fixed == Tournament.NONE || node.hostPortTaken(kind) || !node.fits(kind)
        ? Tournament.NONE
        : fixed + node.room(kind);
  }

  /// As the board is now. Nobody else changes it.
  Tournament current(Board board) {
    int changes = board.changes();
    if (unranked || changes - seen >= nodes.size()) {
      for (int i = 0; i < fixed.length; i++) {
        ranks.put(i, of(any, nodes.get(i), fixed[i]));
      }
      ranks.settle();
    } else {
      for (int at = seen; at < changes; at++) {
        int node = board.changed(at);
        ranks.set(node, of(any, nodes.get(node), fixed[node]));
      }
    }
    seen = changes;
    unranked = false;
    return ranks;
  }
}
