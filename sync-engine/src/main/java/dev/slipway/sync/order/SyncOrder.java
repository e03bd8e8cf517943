package dev.slipway.sync.order;

import dev.slipway.manifest.render.RenderedObject;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;

/// The objects of a revision, apart from its hooks, and in what order they come.
public final class SyncOrder {
  private final List<RenderedObject> objects;
  private final List<Hook> hooks;
  private final NavigableMap<Integer, List<RenderedObject>> waves = new TreeMap<>();

  private SyncOrder(List<RenderedObject> objects, List<Hook> hooks) {
    this.objects = List.copyOf(objects);
    this.hooks = List.copyOf(hooks);
    for (RenderedObject object : this.objects) {
      waves
          .computeIfAbsent(
              object.directs() ? Hook.wave(object.object()) : 0, _ -> new ArrayList<>())
          .add(object);
    }
  }

  public static SyncOrder of(List<RenderedObject> rendered) {
    var objects = new ArrayList<RenderedObject>();
    var hooks = new ArrayList<Hook>();
    for (RenderedObject object : rendered) {
      List<Hook> declared = object.directs() ? Hook.of(object) : List.of();
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

  /// What is kept as Git says.
  public List<RenderedObject> objects() {
    return objects;
  }

  /// What runs in passing.
  public List<Hook> hooks() {
    return hooks;
  }

  /// The objects that run in passing, each once.
  public List<RenderedObject> passing() {
    return hooks.stream().map(Hook::object).distinct().toList();
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
    return waves.getOrDefault(wave, List.of());
  }

  /// The waves of a phase, in order.
  List<Integer> waves(Hook.Phase phase) {
    var all = new TreeSet<Integer>();
    hooks.stream().filter(hook -> hook.phase() == phase).forEach(hook -> all.add(hook.wave()));
    if (phase == Hook.Phase.SYNC) {
      all.addAll(waves.keySet());
    }
    return List.copyOf(all);
  }
}
