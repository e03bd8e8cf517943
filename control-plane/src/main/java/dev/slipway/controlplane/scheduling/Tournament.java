package dev.slipway.controlplane.scheduling;

import java.util.Arrays;

/// Numbers at places, the greatest of which is always known. A change costs the logarithm of their
/// number.
final class Tournament {
  static final long NONE = Long.MIN_VALUE;

  private final int leaves;
  private final long[] tree;

  Tournament(int size) {
    this.leaves = Integer.highestOneBit(Math.max(1, 2 * size - 1));
    this.tree = new long[2 * leaves];
    Arrays.fill(tree, NONE);
  }

  void set(int place, long value) {
    int at = leaves + place;
    tree[at] = value;
    while (at > 1) {
      at /= 2;
      long best = Math.max(tree[2 * at], tree[2 * at + 1]);
      if (tree[at] == best) {
        return;
      }
      tree[at] = best;
    }
  }

  /// As [#set], but counted only when [#settle] is called.
  void put(int place, long value) {
    tree[leaves + place] = value;
  }

  /// Becomes what the other is, of the same size.
  void copy(Tournament other) {
    System.arraycopy(other.tree, 0, tree, 0, tree.length);
  }

  void settle() {
    for (int at = leaves - 1; at >= 1; at--) {
      tree[at] = Math.max(tree[2 * at], tree[2 * at + 1]);
    }
  }

  /// [#NONE] when there is none.
  long best() {
    return tree[1];
  }

  /// The first place that has the best.
  int winner() {
    int at = 1;
    while (at < leaves) {
      at = tree[2 * at] == tree[at] ? 2 * at : 2 * at + 1;
    }
    return at - leaves;
  }
}
