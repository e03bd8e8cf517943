package dev.slipway.sync.plan;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.ownership.FieldDiff;
import dev.slipway.model.words.Count;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/// Compares what is wanted with what is live.
public final class SyncPlanner {
  /// The field manager that applies.
  public static final String MANAGER = "slipway";

  /// Something that an application owns: the very object, not just its name.
  public record Owned(ObjectKey key, String uid) {}

  /// Whether a prune may go ahead (I4).
  public sealed interface PruneVerdict {
    record Allowed() implements PruneVerdict {}

    /// A person must confirm.
    record NeedsConfirmation(String why) implements PruneVerdict {}
  }

  private SyncPlanner() {}

  /// @param live by key; what is not in it does not exist
  /// @param inventory what this application owns
  public static SyncPlan plan(
      List<RenderedObject> wanted,
      Map<ObjectKey, KubeObject> live,
      Collection<Owned> inventory,
      IgnoredFields ignored) {
    return plan(wanted, live, inventory, ignored, SyncOptions.DEFAULT, new Compared());
  }

  /// @param options of the application
  /// @param compared what is known from earlier plans of the same application
  public static SyncPlan plan(
      List<RenderedObject> wanted,
      Map<ObjectKey, KubeObject> live,
      Collection<Owned> inventory,
      IgnoredFields ignored,
      SyncOptions options,
      Compared compared) {
    var actions = new ArrayList<SyncPlan.Action>();
    var leaving = new ArrayList<ObjectKey>();
    Set<ObjectKey> keys = HashSet.newHashSet(wanted.size());
    int unchanged = 0;
    for (RenderedObject object : wanted) {
      ObjectKey key = object.object().key();
      keys.add(key);
      KubeObject known = live.get(key);
      if (known == null) {
        actions.add(new SyncPlan.Action.Create(object));
        continue;
      }
      if (known.isTerminating()) {
        leaving.add(key);
        continue;
      }
      List<FieldDiff.Change> changes =
          compared.changes(object, known, ignored, () -> changes(object, known, ignored));
      if (changes.isEmpty()) {
        unchanged++;
      } else if (key.groupKind().toString().equals("Job.batch")
          && changes.stream().anyMatch(change -> change.path().startsWith(".spec.template"))) {
        actions.add(
            new SyncPlan.Action.Replace(object, known, "the template of a Job cannot change"));
      } else {
        SyncOptions own = options.of(object.object());
        actions.add(
            !own.replace()
                ? new SyncPlan.Action.Change(object, known, changes)
                : own.force()
                    ? new SyncPlan.Action.Replace(object, known, "Force=true")
                    : new SyncPlan.Action.Overwrite(object, known, changes));
      }
    }
    compared.retain(keys);
    var prunes = new ArrayList<KubeObject>();
    var guarded = new ArrayList<ObjectKey>();
    var lastPrunes = new ArrayList<ObjectKey>();
    var kept = new ArrayList<ObjectKey>();
    for (Owned owned : inventory) {
      KubeObject known = live.get(owned.key());
      if (keys.contains(owned.key())
          || known == null
          || !known.uid().equals(owned.uid())
          || known.isTerminating()) {
        continue;
      }
      SyncOptions own = options.of(known);
      if (own.prune() == SyncOptions.Guard.NEVER) {
        kept.add(owned.key());
        continue;
      }
      prunes.add(known);
      if (own.prune() == SyncOptions.Guard.CONFIRM) {
        guarded.add(owned.key());
      }
      if (own.pruneLast()) {
        lastPrunes.add(owned.key());
      }
    }
    prunes.sort(Comparator.comparing(KubeObject::key, Renderer.applyOrder().reversed()));
    return new SyncPlan(actions, prunes, guarded, lastPrunes, kept, leaving, unchanged);
  }

  private static List<FieldDiff.Change> changes(
      RenderedObject wanted, KubeObject live, IgnoredFields ignored) {
    ObjectNode stated = ignored.without(declared(wanted), wanted.object().json());
    var changes =
        new ArrayList<>(FieldDiff.between(stated, live.json(), wanted.object().key().groupKind()));
    changes.addAll(FieldDiff.dropped(wanted.object(), live, MANAGER));
    return changes;
  }

  private static ObjectKey declared(RenderedObject object) {
    ObjectKey key = object.object().key();
    return object.declaredKind().equals("ReplicationController")
        ? ObjectKey.core("ReplicationController", key.namespace(), key.name())
        : key;
  }

  /// Of all that the plan would delete: the limits, and what asks for a confirmation itself.
  public static PruneVerdict mayPrune(SyncPlan plan, int owned, int maxObjects, int maxPercent) {
    PruneVerdict byNumber = mayPrune(plan.prunes().size(), owned, maxObjects, maxPercent);
    return byNumber instanceof PruneVerdict.Allowed && !plan.guarded().isEmpty()
        ? new PruneVerdict.NeedsConfirmation(
            "%s asks for a confirmation before it is deleted".formatted(plan.guarded().getFirst()))
        : byNumber;
  }

  /// @param owned how many objects the application owns
  /// @param maxObjects more prunes than this need a person
  /// @param maxPercent and so does a larger share than this of what is owned, when it is more than
  ///   one object
  public static PruneVerdict mayPrune(int prunes, int owned, int maxObjects, int maxPercent) {
    if (prunes > maxObjects) {
      return new PruneVerdict.NeedsConfirmation(
          "%s would be deleted, the limit is %d".formatted(Count.of(prunes, "object"), maxObjects));
    }
    if (prunes > 1 && (long) prunes * 100 > (long) owned * maxPercent) {
      return new PruneVerdict.NeedsConfirmation(
          "%d of %d objects would be deleted, the limit is %d %%"
              .formatted(prunes, owned, maxPercent));
    }
    return new PruneVerdict.Allowed();
  }
}
