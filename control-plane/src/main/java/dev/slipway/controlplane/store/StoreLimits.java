package dev.slipway.controlplane.store;

/// How much the store keeps in memory for watches, and how large a batch grows.
///
/// @param historyEvents changes that a watch may resume over
/// @param historyBytes their encoded size together; whichever bound is met first drops the oldest
/// @param batchWrites writes that share one flush at most
public record StoreLimits(int historyEvents, long historyBytes, int batchWrites) {
  public static final StoreLimits DEFAULT = new StoreLimits(20_000, 64L << 20, 512);

  public StoreLimits {
    if (historyEvents < 1 || historyBytes < 1 || batchWrites < 1) {
      throw new IllegalArgumentException("store limits must be positive");
    }
  }
}
