package dev.slipway.sync.source;

import dev.slipway.manifest.SourceTree;
import java.util.Optional;

/// Repositories. Every call ends within the adapter's timeout; any thread may call.
public interface Source {
  /// A revision of a folder, found once and carried through a whole sync.
  ///
  /// @param commit full id
  /// @param tree id of the folder's content: equal ids mean equal files
  /// @param authoredAt RFC 3339
  /// @param message first line
  record Resolved(String commit, String tree, String author, String authoredAt, String message) {}

  /// How a commit stands to one that came before.
  enum Ancestry {
    DESCENDANT,
    /// Another line of the same history: a forced push.
    REWRITTEN,
    /// Nothing in common.
    UNRELATED,
    UNKNOWN
  }

  /// What a branch, tag, commit or semver range names, as of the last time that the repository was
  /// asked ([#refresh]).
  ///
  /// @param revision `HEAD` or empty for the default branch
  /// @throws SourceException when the repository, the revision or the folder is not there
  Resolved resolve(Remote repository, String revision, String path);

  /// Whether [#resolve] answers without asking the repository, which may take minutes.
  boolean isAtHand(Remote repository, String revision);

  /// Asks the repository what is new.
  ///
  /// @return whether anything has moved since the last time
  /// @throws SourceException when it does not answer
  boolean refresh(Remote repository);

  /// Why the repository did not answer when it was last asked, in a sentence; what [#resolve] says
  /// is then as old as the last answer.
  Optional<String> problem(Remote repository);

  Ancestry ancestry(Remote repository, String before, String after);

  /// Makes a commit on top of a branch, whose folder holds what it held in an older commit, and
  /// pushes it with the credentials for writing.
  ///
  /// @param branch short name of the branch to go on from
  /// @param onto short name of the branch to push to: the same, or one that is new
  /// @param commit whose folder is wanted back
  /// @return the new commit
  /// @throws SourceException when it cannot be pushed, or when nothing would change
  String revert(
      Remote repository, String branch, String onto, String path, String commit, String message);

  /// The files of a folder of a commit that was resolved before.
  SourceTree tree(Remote repository, String commit, String path);
}
