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
/// @param kept owned and wanted no more, but protected from pruning by an annotation
/// @param leaving wanted, but an older object of that name is still being deleted: nothing can be done until it is gone
/// @param unchanged how many objects are as wanted
public record SyncPlan(
    List<Action> actions, List<KubeObject> prunes, List<ObjectKey> kept, List<ObjectKey> leaving, int unchanged) {
  public SyncPlan {
    actions = List.copyOf(actions);
    prunes = List.copyOf(prunes);
    kept = List.copyOf(kept);
    leaving = List.copyOf(leaving);
  }

  /// One change to one object.
  public sealed interface Action {
    RenderedObject wanted();

    record Create(RenderedObject wanted) implements Action {}

    /// @param changes which fields differ
    record Change(RenderedObject wanted, KubeObject live, List<FieldDiff.Change> changes) implements Action {
      public Change {
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
