package dev.slipway.sync.order;

import dev.slipway.manifest.render.RenderedObject;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Predicate;

/// The objects of a revision, apart from its hooks, and in what order they come.
///
/// @param objects what is kept as Git says
/// @param hooks what runs in passing
public record SyncOrder(List<RenderedObject> objects, List<Hook> hooks) {
  public SyncOrder {
    objects = List.copyOf(objects);
    hooks = List.copyOf(hooks);
  }

  public static SyncOrder of(List<RenderedObject> rendered) {
    var objects = new ArrayList<RenderedObject>();
    var hooks = new ArrayList<Hook>();
    for (RenderedObject object : rendered) {
      List<Hook> declared = Hook.of(object);
      if (declared.isEmpty()) {
        objects.add(object);
      } else {
        hooks.addAll(declared);
      }
    }
    return new SyncOrder(objects, hooks);
  }

  /// What these objects state about hooks and waves that means nothing, a sentence each.
  public static List<String> faults(List<RenderedObject> rendered) {
    return rendered.stream().flatMap(object -> Hook.faults(object.object()).stream()).toList();
  }

  /// Some of the objects, and no hook.
  public SyncOrder only(Predicate<RenderedObject> selected) {
    return new SyncOrder(objects.stream().filter(selected).toList(), List.of());
  }

  List<Hook> hooks(Hook.Phase phase, int wave) {
    return hooks.stream().filter(hook -> hook.phase() == phase && hook.wave() == wave).toList();
  }

  public boolean has(Hook.Phase phase) {
    return hooks.stream().anyMatch(hook -> hook.phase() == phase);
  }

  List<RenderedObject> objects(int wave) {
    return objects.stream().filter(object -> Hook.wave(object.object()) == wave).toList();
  }

  /// The waves of a phase, in order.
  List<Integer> waves(Hook.Phase phase) {
    var waves = new TreeSet<Integer>();
    hooks.stream().filter(hook -> hook.phase() == phase).forEach(hook -> waves.add(hook.wave()));
    if (phase == Hook.Phase.SYNC) {
      objects.forEach(object -> waves.add(Hook.wave(object.object())));
    }
    return List.copyOf(waves);
  }
}
