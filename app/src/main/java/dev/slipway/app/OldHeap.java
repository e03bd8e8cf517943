package dev.slipway.app;

import dev.slipway.model.time.Timeline;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Collects the garbage among old objects once as much has become old as was left by the last
/// collection.
///
/// The serial collector does so only when the heap may not grow any more: of a daemon whose objects
/// change all the time the heap would become as large as it may be, whatever lives in it. The price
/// is a pause of the whole program of 2 to 4 ms for each MB that lives, also when the heap has only
/// grown.
final class OldHeap {
  private static final Logger log = LoggerFactory.getLogger(OldHeap.class);
  private static final Duration EVERY = Duration.ofSeconds(10);

  /// What need not be collected, in bytes.
  private static final long LITTLE = 48L << 20;

  private final Supplier<Sizes> sizes;
  private final Runnable collect;
  private final Timeline timeline;

  /// In bytes.
  ///
  /// @param used by what is old, garbage too
  /// @param lived what was left of it by the last collection; 0 before the first
  record Sizes(long used, long lived) {
    boolean isDue() {
      return used - lived > Math.max(lived, LITTLE);
    }
  }

  OldHeap(Supplier<Sizes> sizes, Runnable collect, Timeline timeline) {
    this.sizes = sizes;
    this.collect = collect;
    this.timeline = timeline;
  }

  /// Looks after the heap of this program for as long as it runs, where its collector is the serial
  /// one; others see to it by themselves.
  static void watch(Timeline timeline) {
    ofThisProgram().ifPresent(pool -> new OldHeap(() -> sizes(pool), System::gc, timeline).look());
  }

  private static Optional<MemoryPoolMXBean> ofThisProgram() {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getType() == MemoryType.HEAP && pool.getName().equals("Tenured Gen"))
        .findFirst();
  }

  private static Sizes sizes(MemoryPoolMXBean old) {
    MemoryUsage last = old.getCollectionUsage();
    return new Sizes(old.getUsage().getUsed(), last == null ? 0 : last.getUsed());
  }

  void look() {
    Sizes before = sizes.get();
    if (before.isDue()) {
      collect.run();
      log.debug("heap collected before={} after={}", before.used(), sizes.get().used());
    }
    timeline.schedule(EVERY, this::look);
  }
}
