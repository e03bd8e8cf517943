package dev.slipway.sync.order;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.plan.SyncPlan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A sync as [StepPlanner] would carry it out when everything goes well, for people to read before:
/// each step with the stage that it is in, in order. The stages wait for each other.
public record SyncOutline(List<Line> lines) {
  /// @param kind as the manifest declares it
  public record Line(String stage, String action, String kind, String namespace, String name) {}

  public SyncOutline {
    lines = List.copyOf(lines);
  }

  /// With all prunes that Git asks for, whether or not the application deletes by itself.
  public static SyncOutline of(SyncOrder order, SyncPlan plan) {
    var lines = new ArrayList<Line>();
    hooks(order, Hook.Phase.PRE_SYNC, lines);
    List<Integer> waves = order.waves(Hook.Phase.SYNC);
    List<KubeObject> prunes =
        plan.prunes().stream()
            .filter(gone -> !plan.lastPrunes().contains(gone.key()))
            .sorted(Comparator.comparingInt((KubeObject gone) -> Hook.wave(gone)).reversed())
            .toList();
    for (int wave : waves) {
      String stage = StepPlanner.stage(Hook.Phase.SYNC, wave, waves.size());
      for (SyncPlan.Action action : plan.actions()) {
        if (Hook.wave(action.wanted().object()) == wave) {
          lines.add(line(stage, word(action), action.wanted()));
        }
      }
      order
          .hooks(Hook.Phase.SYNC, wave)
          .forEach(hook -> lines.add(line(stage, "run", hook.object())));
      if (wave == waves.getLast()) {
        prunes.forEach(gone -> lines.add(prune(stage, gone)));
      }
    }
    if (waves.isEmpty()) {
      prunes.forEach(gone -> lines.add(prune(Hook.Phase.SYNC.word(), gone)));
    }
    plan.prunes().stream()
        .filter(gone -> plan.lastPrunes().contains(gone.key()))
        .forEach(gone -> lines.add(prune("PruneLast", gone)));
    hooks(order, Hook.Phase.POST_SYNC, lines);
    return new SyncOutline(lines);
  }

  private static void hooks(SyncOrder order, Hook.Phase phase, List<Line> lines) {
    List<Integer> waves = order.waves(phase);
    for (int wave : waves) {
      String stage = StepPlanner.stage(phase, wave, waves.size());
      order.hooks(phase, wave).forEach(hook -> lines.add(line(stage, "run", hook.object())));
    }
  }

  private static String word(SyncPlan.Action action) {
    return switch (action) {
      case SyncPlan.Action.Create _ -> "create";
      case SyncPlan.Action.Change _ -> "change";
      case SyncPlan.Action.Overwrite _, SyncPlan.Action.Replace _ -> "replace";
    };
  }

  private static Line line(String stage, String action, RenderedObject object) {
    return new Line(
        stage, action, object.declaredKind(), object.object().namespace(), object.object().name());
  }

  private static Line prune(String stage, KubeObject gone) {
    return new Line(stage, "prune", gone.kind(), gone.namespace(), gone.name());
  }

  public ArrayNode toJson() {
    ArrayNode list = Json.array();
    for (Line line : lines) {
      ObjectNode entry = list.addObject();
      entry.put("stage", line.stage()).put("action", line.action());
      entry.put("kind", line.kind()).put("namespace", line.namespace()).put("name", line.name());
    }
    return list;
  }
}
