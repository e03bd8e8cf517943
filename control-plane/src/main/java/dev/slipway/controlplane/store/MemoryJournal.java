package dev.slipway.controlplane.store;

import dev.slipway.controlplane.audit.AuditQuery;
import dev.slipway.controlplane.audit.AuditRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// A journal in memory that can fail as a disk and a process do. For simulations, tests and
/// clusters that are thrown away.
///
/// The same instance outlives the store above it: a "restart" opens a new store on it.
public final class MemoryJournal implements Journal {
  /// What becomes of the next commit.
  public enum Fate {
    KEPT,
    /// Refused, as by a full disk: nothing is kept.
    REFUSED,
    /// The process dies before anything is kept.
    CRASH_BEFORE,
    /// The process dies after the batch is kept and before anyone hears of it.
    CRASH_AFTER
  }

  /// The process died: nothing above this journal may go on. Open a new store on it.
  public static final class Crash extends RuntimeException {
    private Crash() {
      super("the process died here");
    }
  }

  private static final int AUDIT_KEPT = 100_000;

  private final Supplier<Fate> fates;
  private final TreeMap<Long, Row> rows = new TreeMap<>();
  private final Deque<AuditRecord> audit = new ArrayDeque<>();
  private long revision;
  private boolean crashed;

  public MemoryJournal() {
    this(() -> Fate.KEPT);
  }

  /// @param fates asked once for every commit
  public MemoryJournal(Supplier<Fate> fates) {
    this.fates = fates;
  }

  @Override
  public synchronized long load(Consumer<Row> reader) {
    crashed = false;
    rows.values().forEach(reader);
    return revision;
  }

  @Override
  public synchronized void commit(Batch batch) {
    if (crashed) {
      throw new Crash();
    }
    Fate fate = fates.get();
    switch (fate) {
      case REFUSED -> throw new StoreException("the journal is full");
      case CRASH_BEFORE -> crash();
      case KEPT, CRASH_AFTER -> keep(batch);
    }
    if (fate == Fate.CRASH_AFTER) {
      crash();
    }
  }

  private void keep(Batch batch) {
    for (Change change : batch.changes()) {
      switch (change) {
        case Change.Put(long id, long at, _, byte[] content, _) ->
            rows.put(id, new Row(id, at, content));
        case Change.Remove(long id, _) -> rows.remove(id);
        case Change.Note _ -> {}
      }
      audit.addFirst(change.audit());
      if (audit.size() > AUDIT_KEPT) {
        audit.removeLast();
      }
    }
    revision = batch.revision();
  }

  private void crash() {
    crashed = true;
    throw new Crash();
  }

  @Override
  public synchronized List<AuditRecord> find(AuditQuery query) {
    var found = new ArrayList<AuditRecord>();
    for (AuditRecord entry : audit) {
      if (found.size() == query.limit()) {
        break;
      }
      if (query.matches(entry)) {
        found.add(entry);
      }
    }
    return List.copyOf(found);
  }

  @Override
  public void close() {}
}
