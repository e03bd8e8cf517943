package dev.slipway.controlplane.jobs;

import java.util.BitSet;
import java.util.StringJoiner;

/// Sets of completion indexes as a status writes them: `1,3-5,7`.
final class Indexes {
  private Indexes() {}

  /// What cannot be read, and what is not below the number of completions, is left out.
  static BitSet read(String text, int completions) {
    var indexes = new BitSet();
    for (String part : text.split(",", -1)) {
      String[] ends = part.split("-", 2);
      try {
        int first = Integer.parseInt(ends[0]);
        int last = Math.min(Integer.parseInt(ends[ends.length - 1]), completions - 1);
        if (first >= 0 && first <= last) {
          indexes.set(first, last + 1);
        }
      } catch (NumberFormatException e) {
        // Not an interval: nothing is known of it.
      }
    }
    return indexes;
  }

  static String text(BitSet indexes) {
    var text = new StringJoiner(",");
    for (int first = indexes.nextSetBit(0); first >= 0; ) {
      int last = indexes.nextClearBit(first) - 1;
      String separator = last == first + 1 ? "," : "-";
      text.add(first == last ? Integer.toString(first) : first + separator + last);
      first = indexes.nextSetBit(last + 1);
    }
    return text.toString();
  }
}
