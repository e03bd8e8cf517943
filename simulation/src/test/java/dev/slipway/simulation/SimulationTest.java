package dev.slipway.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Lives many lives. A seed that breaks an invariant is told; keep it in `seeds.txt`, where every
/// build replays it.
///
/// `-Dslipway.seeds=N` lives N of them, `-Dslipway.seed=S` just one.
class SimulationTest {
  private static final long SEEDS = Long.getLong("slipway.seeds", 2_000);

  @Test
  void everyLifeKeepsTheInvariants() {
    Long one = Long.getLong("slipway.seed");
    var deaths = new AtomicInteger();
    var rollbacks = new AtomicInteger();
    var broken = new AtomicInteger();
    var crashes = new AtomicInteger();
    var outages = new AtomicInteger();
    LongStream seeds = one != null ? LongStream.of(one) : LongStream.range(0, SEEDS).parallel();
    seeds.forEach(
        seed -> {
          World.Counters life = live(seed);
          deaths.addAndGet(life.deaths());
          rollbacks.addAndGet(life.rollbacks());
          broken.addAndGet(life.brokenPushes());
          crashes.addAndGet(life.crashes());
          outages.addAndGet(life.outages());
        });
    if (one == null && SEEDS >= 100) {
      assertThat(List.of(deaths.get(), rollbacks.get(), broken.get(), crashes.get(), outages.get()))
          .as("the rare things did happen")
          .allMatch(count -> count > 20);
    }
  }

  @Test
  void lifesThatOnceBrokeAreLivedAgain() throws IOException {
    try (InputStream in = SimulationTest.class.getResourceAsStream("/seeds.txt")) {
      new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .forEach(line -> live(Long.parseLong(line.split(" ", 2)[0])));
    }
  }

  private static World.Counters live(long seed) {
    try {
      return World.live(seed, Bug.NONE);
    } catch (RuntimeException e) {
      throw new AssertionError(
          "seed %d: %s; replay with -Dslipway.seed=%d".formatted(seed, e.getMessage(), seed), e);
    }
  }

  @ParameterizedTest
  @EnumSource(value = Bug.class, mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void aPlantedMistakeIsCaught(Bug bug) {
    boolean caught =
        LongStream.range(0, 100)
            .anyMatch(
                seed -> {
                  try {
                    World.live(seed, bug);
                    return false;
                  } catch (World.Broken e) {
                    return true;
                  }
                });
    assertThat(caught).as("%s is caught within 100 seeds", bug).isTrue();
  }
}
