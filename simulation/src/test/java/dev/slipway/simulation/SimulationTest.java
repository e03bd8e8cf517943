package dev.slipway.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.ToIntFunction;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Lives many lives. A seed that breaks an invariant is written to `seeds.txt`, and every later
/// build replays it.
///
/// `-Dslipway.seeds=N` lives N of them, `-Dslipway.seed=S` just one.
class SimulationTest {
  private static final long SEEDS = Long.getLong("slipway.seeds", 2_000);

  @Test
  void everyLifeKeepsTheInvariants() throws IOException {
    Long one = Long.getLong("slipway.seed");
    var lives = new ConcurrentLinkedQueue<World.Counters>();
    var broken = new ConcurrentSkipListMap<Long, String>();
    LongStream seeds = one != null ? LongStream.of(one) : LongStream.range(0, SEEDS).parallel();
    seeds.forEach(
        seed -> {
          try {
            lives.add(World.live(seed, Bug.NONE));
          } catch (RuntimeException e) {
            broken.put(seed, String.valueOf(e.getMessage()));
          }
        });
    if (one == null && !broken.isEmpty()) {
      keep(broken);
    }
    assertThat(broken)
        .as("seeds that broke; `-Dslipway.seed=S` replays one, and `seeds.txt` keeps them")
        .isEmpty();
    if (one == null && SEEDS >= 100) {
      assertThat(
              Stream.<ToIntFunction<World.Counters>>of(
                      World.Counters::deaths,
                      World.Counters::rollbacks,
                      World.Counters::brokenPushes,
                      World.Counters::crashes,
                      World.Counters::outages,
                      World.Counters::refusedWrites,
                      World.Counters::deathsInWrites)
                  .map(count -> lives.stream().mapToInt(count).sum()))
          .as("the rare things did happen")
          .allMatch(count -> count > 20);
    }
  }

  /// Every later build lives them again.
  private static void keep(Map<Long, String> broken) throws IOException {
    Path file = Path.of("src/test/resources/seeds.txt");
    if (Files.isWritable(file)) {
      String known = Files.readString(file);
      var lines = new StringBuilder();
      broken.forEach(
          (seed, why) -> {
            if (known.lines().noneMatch(line -> line.startsWith(seed + " "))) {
              lines.append(seed).append(' ').append(why.replace('\n', ' ')).append('\n');
            }
          });
      Files.writeString(file, lines, StandardOpenOption.APPEND);
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

  private static void live(long seed) {
    try {
      World.live(seed, Bug.NONE);
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
