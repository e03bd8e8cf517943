package dev.slipway.sync.plan;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.ownership.FieldDiff;
import java.util.List;

/// What one sync does, in order. Nothing happens until somebody carries it out.
///
/// @param actions to bring what is wanted about
/// @param prunes what is owned, live, and wanted no more
/// @param guarded which of the prunes want a person to confirm them (`Prune=confirm`)
/// @param lastPrunes which of the prunes come after everything else is healthy (`PruneLast`)
/// @param kept owned and wanted no more, but protected from pruning by an annotation
/// @param leaving wanted, but an older object of that name is still being deleted: nothing can be
///   done until it is gone
/// @param unchanged how many objects are as wanted
public record SyncPlan(
    List<Action> actions,
    List<KubeObject> prunes,
    List<ObjectKey> guarded,
    List<ObjectKey> lastPrunes,
    List<ObjectKey> kept,
    List<ObjectKey> leaving,
    int unchanged) {
  public static final SyncPlan NOTHING =
      new SyncPlan(List.of(), List.of(), List.of(), List.of(), List.of(), List.of(), 0);

  public SyncPlan {
    actions = List.copyOf(actions);
    prunes = List.copyOf(prunes);
    guarded = List.copyOf(guarded);
    lastPrunes = List.copyOf(lastPrunes);
    kept = List.copyOf(kept);
    leaving = List.copyOf(leaving);
  }

  /// One change to one object.
  public sealed interface Action {
    RenderedObject wanted();

    record Create(RenderedObject wanted) implements Action {}

    /// @param changes which fields differ
    record Change(RenderedObject wanted, KubeObject live, List<FieldDiff.Change> changes)
        implements Action {
      public Change {
        changes = List.copyOf(changes);
      }
    }

    /// The object is written as a whole, with nothing left of what others wrote.
    record Overwrite(RenderedObject wanted, KubeObject live, List<FieldDiff.Change> changes)
        implements Action {
      public Overwrite {
        changes = List.copyOf(changes);
      }
    }

    /// The object cannot be changed in place: it is deleted and made again.
    record Replace(RenderedObject wanted, KubeObject live, String why) implements Action {}
  }

  /// Whether all is as wanted.
  public boolean isEmpty() {
    return actions.isEmpty() && prunes.isEmpty() && leaving.isEmpty();
  }
}
