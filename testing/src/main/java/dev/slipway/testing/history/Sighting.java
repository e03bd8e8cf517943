package dev.slipway.testing.history;

/// One event of a watch.
///
/// @param key empty for a bookmark
/// @param value of a deletion, the last value
public record Sighting(Type type, long revision, String key, String value) {
  /// What kind of event it is.
  public enum Type {
    ADDED,
    MODIFIED,
    DELETED,
    BOOKMARK
  }

  public static Sighting bookmark(long revision) {
    return new Sighting(Type.BOOKMARK, revision, "", "");
  }
}
