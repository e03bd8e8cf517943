package dev.slipway.model.cluster;

/// A running watch. Closing it ends the calls to its listener; closing twice is harmless.
public interface Watch extends AutoCloseable {
  @Override
  void close();
}
