package clients;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/// What the programs of this folder expect; the first thing that is wrong ends them.
final class Checks {
  private static final int PATIENCE_SECONDS = 60;

  private Checks() {}

  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  /// Waits for a word, and passes over others.
  static void expect(BlockingQueue<String> seen, String wanted) throws InterruptedException {
    while (true) {
      String next = seen.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      check(next != null, wanted + " never came");
      if (wanted.equals(next)) {
        return;
      }
    }
  }
}
