package dev.slipway.model.cluster;

/// @param force takes fields over from other owners instead of failing with a conflict
/// @param dryRun answers what would be stored, and stores nothing
public record ApplyOptions(boolean force, boolean dryRun) {
  public static final ApplyOptions FORCE = new ApplyOptions(true, false);
  public static final ApplyOptions PLAIN = new ApplyOptions(false, false);
}
