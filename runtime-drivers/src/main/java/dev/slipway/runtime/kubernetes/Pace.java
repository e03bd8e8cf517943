package dev.slipway.runtime.kubernetes;

/// How many requests are sent side by side: no limit is guessed, it is found. As long as more at
/// once get more done, there are more; when nothing is gained there are fewer again; and a server
/// that says "too many" halves them. Immutable.
///
/// A round is as many answers as there were requests at once. Example: 8 at once answered 400 a
/// second, then 12 answered 560: 18 are next. Had 12 answered 405, the next round would have 8.
///
/// @param limit how many at once, now
/// @param answers of this round so far
/// @param roundStart in nanoseconds
/// @param best answers a second, of the best round so far; fades, so that a change is noticed
/// @param bestLimit the limit of that round
record Pace(int limit, int answers, long roundStart, double best, int bestLimit) {
  static final int FIRST = 8;
  static final int MOST = 96;

  /// A gain below this is none.
  private static final double GAIN = 1.05;

  private static final double FADES = 0.98;

  static Pace start(long nanos) {
    return new Pace(FIRST, 0, nanos, 0, FIRST);
  }

  /// @param busy whether the limit was in use: an idle round tells nothing
  Pace answered(long nanos, boolean busy) {
    if (!busy) {
      return new Pace(limit, 0, nanos, best, bestLimit);
    }
    int count = answers + 1;
    if (count < Math.max(limit, FIRST) * 2) {
      return new Pace(limit, count, roundStart, best, bestLimit);
    }
    double rate = count * 1e9 / Math.max(1, nanos - roundStart);
    double known = best * FADES;
    if (rate > known * GAIN) {
      int more = Math.min(MOST, Math.max(limit + 1, limit * 3 / 2));
      return new Pace(more, 0, nanos, rate, limit);
    }
    int next = limit > bestLimit ? bestLimit : Math.min(MOST, limit + 1);
    return new Pace(next, 0, nanos, Math.max(known, rate), rate > known ? limit : bestLimit);
  }

  /// The server refused one for there being too many.
  Pace refused(long nanos) {
    int fewer = Math.max(1, limit / 2);
    return new Pace(fewer, 0, nanos, best / 2, fewer);
  }
}
