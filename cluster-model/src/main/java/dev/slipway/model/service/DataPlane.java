package dev.slipway.model.service;

import java.util.List;

/// The proxy processes as the control plane sees them. They outlive it: what was published last
/// stays in force.
public interface DataPlane {
  /// Puts a table in force. Returns when every proxy that answers has it; an older version than the
  /// one in force is ignored.
  ///
  /// @return listeners that could not be opened, each with its reason; empty when all is well
  List<String> publish(RoutingTable table);

  /// Whether the table of this version still holds everywhere; a proxy that died has none.
  default boolean hasInForce(long version) {
    return true;
  }
}
