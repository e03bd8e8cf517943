package dev.slipway.controlplane.scheduling;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The nodes ranked for the pods of one class. Between two questions only the nodes that changed
/// are looked at again.
///
/// Terms whose domains have one node each are part of that node's rank. The others are asked once
/// per group: the nodes that share all their domains. Without such terms all nodes are one group.
final class Candidates {
  /// With siblings on more nodes than that, pods get a ranking of their own.
  private static final int FEW = 16;

  private final PodClass kind;
  private final List<NodeState> nodes;
  private final List<PodTerm> terms = new ArrayList<>();
  private final List<PodTerm> own = new ArrayList<>();
  private final List<PodTerm> shared = new ArrayList<>();

  private final long[] fixed;

  private int[] group = {};
  private int[] place = {};
  private int[][] members = {};
  private Tournament[] ranks = {};
  private int[] phases = {};
  private int repulsions;
  private int seen;
  private boolean unranked = true;

  /// @param fixed what [#fixed(NodeRules, List)] says; shared with classes of equal rules
  Candidates(PodClass kind, List<NodeState> nodes, long[] fixed) {
    this.kind = kind;
    this.nodes = nodes;
    this.fixed = fixed;
    arrange(kind.terms);
  }

  /// By node: [Tournament#NONE] when the rules refuse it, else how much they like it.
  static long[] fixed(NodeRules rules, List<NodeState> nodes) {
    var fixed = new long[nodes.size()];
    for (NodeState node : nodes) {
      fixed[node.index] =
          rules.refusal(node).isPresent() ? Tournament.NONE : NodeState.POINT * rules.score(node);
    }
    return fixed;
  }

  private void arrange(List<PodTerm> added) {
    terms.addAll(added);
    for (PodTerm term : added) {
      (term.tally().topology.isPerNode() ? own : shared).add(term);
    }
    phases = new int[own.size()];
    Arrays.fill(phases, -1);
    ranks = new Tournament[0];
    if (!shared.isEmpty()) {
      group();
    }
  }

  private void group() {
    int count = nodes.size();
    group = new int[count];
    place = new int[count];
    Map<List<Integer>, Integer> groups = new HashMap<>();
    var sizes = new ArrayList<Integer>();
    for (int i = 0; i < count; i++) {
      int node = i;
      List<Integer> domains =
          shared.stream().map(term -> term.tally().topology.domain(node)).toList();
      Integer number = groups.putIfAbsent(domains, sizes.size());
      if (number == null) {
        number = sizes.size();
        sizes.add(0);
      }
      group[i] = number;
      place[i] = sizes.get(number);
      sizes.set(number, place[i] + 1);
    }
    members = new int[sizes.size()][];
    ranks = new Tournament[sizes.size()];
    for (int g = 0; g < members.length; g++) {
      members[g] = new int[sizes.get(g)];
      ranks[g] = new Tournament(sizes.get(g));
    }
    for (int i = 0; i < count; i++) {
      members[group[i]][place[i]] = i;
    }
  }

  /// The best node; the first of several.
  Optional<NodeState> best(Board board) {
    boolean more = repelled(board);
    if (terms.isEmpty()) {
      Set<Integer> siblings = board.nodesOf(kind.shape.owner());
      if (siblings.size() <= FEW && 4 * siblings.size() <= nodes.size()) {
        return best(board.common(kind), siblings);
      }
    }
    update(board, more);
    if (shared.isEmpty()) {
      return ranks[0].best() == Tournament.NONE
          ? Optional.empty()
          : Optional.of(nodes.get(ranks[0].winner()));
    }
    int best = -1;
    long bestScore = Tournament.NONE;
    for (int g = 0; g < members.length; g++) {
      long score = ranks[g].best();
      int any = members[g][0];
      if (score == Tournament.NONE || !allowed(shared, any)) {
        continue;
      }
      score += points(shared, any);
      int node = members[g][ranks[g].winner()];
      if (best < 0 || score > bestScore || (score == bestScore && node < best)) {
        best = node;
        bestScore = score;
      }
    }
    return best < 0 ? Optional.empty() : Optional.of(nodes.get(best));
  }

  /// The ranking of all who ask for the same, put right for a moment where the siblings are.
  private Optional<NodeState> best(Tournament common, Set<Integer> siblings) {
    for (int node : siblings) {
      common.set(node, rank(node));
    }
    Optional<NodeState> best =
        common.best() == Tournament.NONE
            ? Optional.empty()
            : Optional.of(nodes.get(common.winner()));
    for (int node : siblings) {
      common.set(node, CommonRank.of(kind, nodes.get(node), fixed[node]));
    }
    return best;
  }

  /// Takes in the pods that have come and will not have these near; tells whether there are such.
  private boolean repelled(Board board) {
    List<PodTerm> more = board.terms().repulsions(kind.shape, repulsions);
    repulsions = board.terms().repulsions();
    if (!more.isEmpty()) {
      arrange(more);
    }
    return !more.isEmpty();
  }

  private void update(Board board, boolean arranged) {
    boolean all = unranked || arranged;
    if (shared.isEmpty() && ranks.length == 0) {
      ranks = new Tournament[] {new Tournament(nodes.size())};
      all = true;
    }
    for (int i = 0; i < phases.length; i++) {
      int phase = own.get(i).phase();
      all |= phase != phases[i];
      phases[i] = phase;
    }
    int changes = board.changes();
    if (terms.isEmpty() && (all || changes - seen >= nodes.size())) {
      ranks[0].copy(board.common(kind));
      for (int node : board.nodesOf(kind.shape.owner())) {
        ranks[0].set(node, rank(node));
      }
    } else if (all || changes - seen >= nodes.size()) {
      for (int i = 0; i < fixed.length; i++) {
        rankOf(i).put(placeOf(i), rank(i));
      }
      for (Tournament rank : ranks) {
        rank.settle();
      }
    } else {
      for (int at = seen; at < changes; at++) {
        int node = board.changed(at);
        rankOf(node).set(placeOf(node), rank(node));
      }
    }
    seen = changes;
    unranked = false;
  }

  private Tournament rankOf(int node) {
    return shared.isEmpty() ? ranks[0] : ranks[group[node]];
  }

  private int placeOf(int node) {
    return shared.isEmpty() ? node : place[node];
  }

  private long rank(int index) {
    NodeState node = nodes.get(index);
    long common = CommonRank.of(kind, node, fixed[index]);
    if (common == Tournament.NONE || !allowed(own, index)) {
      return Tournament.NONE;
    }
    return common - node.crowd(kind) + points(own, index);
  }

  private static boolean allowed(List<PodTerm> terms, int node) {
    for (int i = 0; i < terms.size(); i++) {
      if (!terms.get(i).allows(node)) {
        return false;
      }
    }
    return true;
  }

  private static long points(List<PodTerm> terms, int node) {
    long points = 0;
    for (int i = 0; i < terms.size(); i++) {
      points += NodeState.POINT * terms.get(i).score(node);
    }
    return points;
  }

  /// Why a node is not for these pods, however much room it has. Called after [#best].
  Optional<String> refusal(NodeState node) {
    Optional<String> byRules = kind.rules.refusal(node);
    if (byRules.isPresent()) {
      return byRules;
    }
    if (node.hostPortTaken(kind)) {
      return Optional.of("node(s) didn't have free ports for the requested pod ports");
    }
    return terms.stream()
        .filter(term -> !term.allows(node.index))
        .findFirst()
        .map(PodTerm::refusal);
  }
}
