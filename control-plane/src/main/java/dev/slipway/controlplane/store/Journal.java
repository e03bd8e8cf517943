package dev.slipway.controlplane.store;

import dev.slipway.controlplane.audit.AuditRecord;
import dev.slipway.controlplane.audit.AuditTrail;
import dev.slipway.model.object.ObjectKey;
import java.util.List;
import java.util.function.Consumer;

/// Where the store keeps its content so that it survives the process. Called by one thread at a
/// time, except [#find], which any thread may call.
public interface Journal extends AuditTrail, AutoCloseable {
  /// One object as it is kept.
  ///
  /// @param id the store's own number of the object, never used twice
  /// @param content the encoded object, its resourceVersion included
  record Row(long id, long revision, byte[] content) {}

  /// One change of a batch.
  sealed interface Change {
    AuditRecord audit();

    record Put(long id, long revision, ObjectKey key, byte[] content, AuditRecord audit)
        implements Change {}

    record Remove(long id, AuditRecord audit) implements Change {}

    /// Nothing changed; what was done is on record.
    record Note(AuditRecord audit) implements Change {}
  }

  /// Changes that are kept together or not at all.
  ///
  /// @param revision of the last change
  record Batch(long revision, List<Change> changes) {
    public Batch {
      changes = List.copyOf(changes);
    }
  }

  /// Reads everything, in no order, and returns the revision of the last batch; 0 when there is
  /// none.
  ///
  /// @throws StoreException when what is kept is damaged or cannot be read
  long load(Consumer<Row> rows);

  /// Keeps the batch: it survives the death of the process and of the machine when this returns.
  ///
  /// @throws StoreException when it was not kept; the journal goes on as if it had not been asked
  void commit(Batch batch);

  @Override
  void close();
}
