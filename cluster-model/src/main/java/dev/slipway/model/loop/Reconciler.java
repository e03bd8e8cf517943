package dev.slipway.model.loop;

/// Looks at one key: reads what is, decides, does. Must hold nothing in memory that a restart would
/// need.
@FunctionalInterface
public interface Reconciler<K> {
  /// @throws RuntimeException to be called again with growing delay
  Outcome reconcile(K key);
}
