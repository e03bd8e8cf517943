package dev.slipway.bench;

import java.util.function.Consumer;

/// One thing that is measured. A run takes its samples and says what came out; it judges nothing.
public interface Benchmark {
  /// What `./bench/run` calls it.
  String name();

  /// @param report is told each figure; of a long run, as soon as it is known
  void run(Consumer<Figure> report) throws Exception;

  /// One line of the report.
  ///
  /// @param what is measured, with its size
  /// @param samples how often, after how much warm-up
  /// @param value the number that counts
  /// @param unit of value and goal
  /// @param goal the limit; not a number when there is none
  /// @param peer what others do with the same on this machine; empty when nobody was measured
  record Figure(String what, String samples, double value, String unit, Goal goal, String peer) {}

  /// @param most whether the limit is an upper one
  record Goal(double limit, boolean most) {
    public static final Goal NONE = new Goal(Double.NaN, true);

    public static Goal atMost(double limit) {
      return new Goal(limit, true);
    }

    public static Goal atLeast(double limit) {
      return new Goal(limit, false);
    }

    boolean isMet(double value) {
      return most ? value <= limit : value >= limit;
    }
  }
}
