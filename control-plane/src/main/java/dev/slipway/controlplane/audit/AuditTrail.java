package dev.slipway.controlplane.audit;

import java.util.List;

/// The audit records that are kept: a bounded number, the oldest go first.
public interface AuditTrail {
  /// What matches, the newest first.
  List<AuditRecord> find(AuditQuery query);
}
