package dev.slipway.model.cluster;

/// Who writes and why. Goes into `managedFields` and into the audit record of every change.
///
/// @param manager the field manager: `slipway`, `slipway-rollout`, `kubectl` …
/// @param user the person or program behind it, as authenticated; a controller names itself
/// @param reason what the write is for, in a few words: a commit, a command; may be empty
public record Author(String manager, String user, String reason) {
  /// A controller of this program.
  public static Author controller(String name) {
    return new Author(name, "system:slipway:" + name, "");
  }

  public boolean isController() {
    return user.startsWith("system:slipway:");
  }

  public Author because(String why) {
    return new Author(manager, user, why);
  }
}
