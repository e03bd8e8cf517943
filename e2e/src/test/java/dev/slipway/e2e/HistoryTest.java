package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.testing.history.Follower;
import dev.slipway.testing.history.HistoryChecker;
import dev.slipway.testing.history.Operation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Many clients write, read, list and watch through the API of a real daemon, which is killed with
/// -9 at random instants and started again. What they did and saw must be the history of a correct
/// store: every key linearizable, no acknowledged write lost, every watch ordered, complete and
/// resumable.
///
/// A minute of it, or with `-Dslipway.operations=N` that many requests; `-Dslipway.seed=N` sets the
/// seed.
class HistoryTest {
  private static final int OPERATIONS = Integer.getInteger("slipway.operations", 0);
  private static final int SECONDS = 50;
  private static final long SEED = Long.getLong("slipway.seed", 1);
  private static final int CLIENTS = 16;
  private static final int SCOPES = 4;

  @TempDir Path folder;

  @Test
  void everythingThatClientsSeeIsTheHistoryOfACorrectStore() throws Exception {
    try (RealDaemon daemon = RealDaemon.start(folder)) {
      var load =
          new HistoryLoad(
              daemon.target(),
              CLIENTS,
              SCOPES,
              OPERATIONS > 0 ? OPERATIONS : Integer.MAX_VALUE,
              SEED);
      load.start();
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
      var random = new Random(SEED);
      int kills = 0;
      while (load.isUnderWay()) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(500 + random.nextInt(5_000)));
        if (load.isUnderWay()) {
          load.outageBegins();
          daemon.kill();
          kills++;
          daemon.startAgain();
          load.outageEnds();
        }
        if (OPERATIONS == 0 && System.nanoTime() > until) {
          load.enough();
        }
      }
      load.finish();
      List<Operation> operations = load.operations();
      List<Follower> followers = load.followers();
      System.out.println("history: " + load.summary() + ", " + kills + " kills");
      var faults = new ArrayList<>(load.surprises());
      faults.addAll(HistoryChecker.faults(operations, followers));
      assertThat(faults)
          .as(
              "seed %d, %s, %d kills; the daemon said:\n%s",
              SEED, load.summary(), kills, daemon.log())
          .isEmpty();
      assertThat(kills).isPositive();
    }
  }
}
