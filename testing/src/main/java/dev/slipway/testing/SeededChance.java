package dev.slipway.testing;

import dev.slipway.model.time.Chance;
import java.util.SplittableRandom;

/// Chance that gives the same values again for the same seed.
public final class SeededChance implements Chance {
  private final SplittableRandom random;

  public SeededChance(long seed) {
    this.random = new SplittableRandom(seed);
  }

  @Override
  public synchronized long nextLong() {
    return random.nextLong();
  }

  /// A number from 0 up to, and without, the bound.
  public int below(int bound) {
    return (int) Math.floorMod(nextLong(), (long) bound);
  }

  /// True once in so many times, on average.
  public boolean oneIn(int times) {
    return below(times) == 0;
  }
}
