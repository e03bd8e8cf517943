package dev.slipway.sync.report;

import java.util.Locale;
import java.util.Optional;

/// What a hosting provider shows beside a commit.
///
/// @param context what tells the statuses of one commit apart, `slipway/default/shop`
/// @param description one line for people
record CommitStatus(String commit, State state, String context, String description) {
  enum State {
    PENDING,
    SUCCESS,
    FAILURE,
    SUPERSEDED
  }

  /// As it is kept with the application.
  Reported reported() {
    return new Reported(commit, state);
  }

  /// What a provider was told last.
  record Reported(String commit, State state) {
    /// Empty for what no version of this program has written.
    static Optional<Reported> parse(String text) {
      int space = text.indexOf(' ');
      if (space < 0) {
        return Optional.empty();
      }
      try {
        return Optional.of(
            new Reported(
                text.substring(0, space),
                State.valueOf(text.substring(space + 1).toUpperCase(Locale.ROOT))));
      } catch (IllegalArgumentException e) {
        return Optional.empty();
      }
    }

    @Override
    public String toString() {
      return commit + " " + state.name().toLowerCase(Locale.ROOT);
    }
  }
}
