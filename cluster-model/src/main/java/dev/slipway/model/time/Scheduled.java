package dev.slipway.model.time;

/// A task that waits for its time. Cancelling after it began does nothing.
@FunctionalInterface
public interface Scheduled {
  void cancel();
}
