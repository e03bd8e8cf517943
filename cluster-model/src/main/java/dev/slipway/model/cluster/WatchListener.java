package dev.slipway.model.cluster;

/// Hears the changes of a watch, in order, one at a time. Must not block and must not throw.
@FunctionalInterface
public interface WatchListener {
  void on(WatchEvent event);
}
