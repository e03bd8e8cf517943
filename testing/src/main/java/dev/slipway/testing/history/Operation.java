package dev.slipway.testing.history;

/// One call of one client on one key, and what came back. No two writes of a history write the same
/// value.
///
/// @param invoked when it was sent
/// @param returned when the answer was there; of an [Answer.Unknown], the last instant at which it
///   can have taken effect
public record Operation(String key, long invoked, long returned, Call call, Answer answer) {
  public Operation {
    if (returned < invoked) {
      throw new IllegalArgumentException("answered before it was asked: " + key);
    }
  }

  /// What was asked.
  public sealed interface Call {
    record Read() implements Call {}

    record Create(String value) implements Call {}

    /// @param base the revision that is to be replaced
    record Update(long base, String value) implements Call {}

    /// Changes what is there, whatever it is.
    record Patch(String value) implements Call {}

    /// Makes it, or changes what is there.
    record Apply(String value) implements Call {}

    /// @param base the revision that is to be deleted; 0 for any
    record Delete(long base) implements Call {}

    /// What it writes; empty when it writes nothing.
    default String writes() {
      return switch (this) {
        case Create(String value) -> value;
        case Update(_, String value) -> value;
        case Patch(String value) -> value;
        case Apply(String value) -> value;
        case Read _, Delete _ -> "";
      };
    }
  }

  /// What came back.
  public sealed interface Answer {
    record Found(long revision, String value) implements Answer {}

    /// 404.
    record Absent() implements Answer {}

    record Written(long revision) implements Answer {}

    record Deleted() implements Answer {}

    /// 409: it exists already, or is another revision than stated.
    record Refused() implements Answer {}

    /// The connection ended before the answer: it may have taken effect.
    record Unknown() implements Answer {}
  }

  @Override
  public String toString() {
    return "%s %s -> %s [%d..%d]".formatted(key, call, answer, invoked, returned);
  }
}
