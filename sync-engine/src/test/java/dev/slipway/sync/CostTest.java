package dev.slipway.sync;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/// A look that finds nothing to do costs little and writes nothing. The bound is far above the
/// goal: it is to catch a look that compares everything again, on any machine.
class CostTest {
  private static final int OBJECTS = 2_000;

  @Test
  void aLookAtWhatHasNotMovedIsCheap() {
    var delivery = new Delivery();
    String[] all = new String[2 * OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
      all[2 * i] = "c" + i;
      all[2 * i + 1] = "x".repeat(800);
    }
    delivery.git.commit(Delivery.configs(all));
    delivery.application();
    delivery.pass(Duration.ofSeconds(3));
    assertThat(delivery.phase()).isEqualTo("Succeeded");
    int writes = delivery.cluster.writes().size();
    double least = Double.MAX_VALUE;
    for (int i = 0; i < 30; i++) {
      long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      delivery.engine().look("default", "shop");
      delivery.time.runUntilIdle();
      least =
          Math.min(
              least,
              (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - before) / 1e6);
    }
    assertThat(least).as("milliseconds of CPU").isLessThan(50.0 * OBJECTS / 10_000);
    assertThat(delivery.cluster.writes()).hasSize(writes);
  }
}
