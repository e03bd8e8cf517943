package dev.slipway.simulation;

import dev.slipway.controlplane.audit.AuditQuery;
import dev.slipway.controlplane.audit.AuditRecord;
import dev.slipway.controlplane.store.Journal;
import dev.slipway.controlplane.store.MemoryJournal;
import dev.slipway.controlplane.store.MemoryJournal.Fate;
import dev.slipway.testing.SeededChance;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Consumer;

/// The disk below the store: it gets full and empties again, and the daemon dies in the middle of a
/// write, just before or just after the write is kept.
final class SimulatedDisk implements Journal {
  private static final int LATE = 3;

  private final SeededChance chance;
  private final Bug bug;
  private final MemoryJournal kept = new MemoryJournal(this::fate);

  /// What a daemon with [Bug#FORGETS_ON_CRASH] still means to write.
  private final ArrayDeque<Batch> late = new ArrayDeque<>();

  private boolean faulty;
  private int refusals;
  private int refused;
  private Fate last = Fate.KEPT;

  SimulatedDisk(SeededChance chance, Bug bug) {
    this.chance = chance;
    this.bug = bug;
  }

  void faulty(boolean on) {
    faulty = on;
    refusals = 0;
  }

  /// How often a write was refused.
  int refused() {
    return refused;
  }

  /// Whether the daemon has died in a write.
  boolean hasCrashed() {
    return last == Fate.CRASH_BEFORE || last == Fate.CRASH_AFTER;
  }

  /// Whether the write in which it died was kept: nobody has heard of it.
  boolean keptTheLast() {
    return last == Fate.CRASH_AFTER;
  }

  private Fate fate() {
    last = faulty ? next() : Fate.KEPT;
    return last;
  }

  private Fate next() {
    if (refusals > 0) {
      refusals--;
      refused++;
      return Fate.REFUSED;
    }
    return switch (chance.below(600)) {
      case 0, 1 -> Fate.CRASH_BEFORE;
      case 2, 3 -> Fate.CRASH_AFTER;
      case 4 -> {
        refusals = chance.below(30);
        refused++;
        yield Fate.REFUSED;
      }
      default -> Fate.KEPT;
    };
  }

  @Override
  public long load(Consumer<Row> rows) {
    last = Fate.KEPT;
    late.clear();
    return kept.load(rows);
  }

  @Override
  public void commit(Batch batch) {
    if (bug != Bug.FORGETS_ON_CRASH) {
      kept.commit(batch);
      return;
    }
    late.add(batch);
    if (late.size() > LATE) {
      kept.commit(late.remove());
    }
  }

  @Override
  public List<AuditRecord> find(AuditQuery query) {
    return kept.find(query);
  }

  @Override
  public void close() {}
}
