package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.schema.Schemas;
import dev.slipway.sync.plan.SyncPlan;
import dev.slipway.sync.plan.SyncPlanner.Owned;
import dev.slipway.sync.source.BusyException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/// Writes what an application wants, and keeps the list of what it owns.
final class Applier {
  private final SyncHistory history;
  private final Predicate<ObjectKey> givenUp;

  /// @param givenUp whether the sync of an application is to be ended before its next write
  Applier(SyncHistory history, Predicate<ObjectKey> givenUp) {
    this.history = history;
    this.givenUp = givenUp;
  }

  private static final Logger log = LoggerFactory.getLogger(Applier.class);

  /// Kind after kind in the order of the plan; the objects of one kind side by side. What is of a
  /// kind that the cluster does not serve yet waits for the next round.
  ///
  /// @throws BusyException when a person ends the sync meanwhile
  /// @throws ClusterException the first refusal; `INVALID` when nothing is of a kind that is served
  void carryOut(Pass pass, List<SyncPlan.Action> all) {
    List<SyncPlan.Action> actions =
        all.stream().filter(action -> pass.destination.type(kind(action)).isPresent()).toList();
    if (actions.isEmpty() && !all.isEmpty()) {
      throw new ClusterException(
          ClusterException.Reason.INVALID, "the cluster serves no kind " + kind(all.getFirst()));
    }
    tryOut(pass, actions);
    Cluster writer = pass.writer();
    var namespaces = new HashSet<String>();
    var ofOneKind = new ArrayList<Runnable>();
    for (int i = 0; i < actions.size(); i++) {
      SyncPlan.Action action = actions.get(i);
      KubeObject wanted = action.wanted().object();
      pass.status.result(action.wanted().declaredKind(), wanted.key(), word(action));
      if (action instanceof SyncPlan.Action.Create && namespaces.add(wanted.namespace())) {
        ensureNamespace(pass, wanted);
      }
      ofOneKind.add(() -> carryOut(pass, writer, action));
      if (i + 1 == actions.size() || !kind(actions.get(i + 1)).equals(kind(action))) {
        pass.destination.together().run(ofOneKind);
        ofOneKind.clear();
      }
    }
  }

  private static GroupKind kind(SyncPlan.Action action) {
    return action.wanted().object().key().groupKind();
  }

  private void carryOut(Pass pass, Cluster writer, SyncPlan.Action action) {
    if (givenUp.test(pass.application.key())) {
      throw new BusyException("the sync is being ended");
    }
    KubeObject wanted = action.wanted().object();
    switch (action) {
      case SyncPlan.Action.Create _ -> writer.apply(wanted, ApplyOptions.FORCE);
      case SyncPlan.Action.Overwrite(_, KubeObject live, _) -> {
        refuseForeign(pass, live);
        writer.replace(
            keepingSuspension(wanted, live)
                .withMetadata(metadata -> metadata.put("resourceVersion", live.resourceVersion())));
        writer.apply(wanted, ApplyOptions.FORCE);
      }
      case SyncPlan.Action.Change(_, KubeObject live, _) -> {
        refuseForeign(pass, live);
        try {
          writer.apply(wanted, ApplyOptions.FORCE);
        } catch (ClusterException e) {
          if (e.reason() != ClusterException.Reason.INVALID || !forces(pass, wanted)) {
            throw e;
          }
          writer.delete(live.key(), DeleteOptions.ofUid(live.uid()));
        }
      }
      case SyncPlan.Action.Replace(_, KubeObject live, _) -> {
        refuseForeign(pass, live);
        writer.delete(live.key(), DeleteOptions.ofUid(live.uid()));
      }
    }
  }

  /// Lets a remote cluster judge what no schema here does, before anything is changed. A kind whose
  /// definition or namespace is not there yet is left out.
  private static void tryOut(Pass pass, List<SyncPlan.Action> actions) {
    if (pass.destination.isOwn()) {
      return;
    }
    Cluster writer = pass.writer();
    var namespaces = new HashMap<String, Boolean>();
    var trials = new ArrayList<Runnable>();
    for (SyncPlan.Action action : actions) {
      KubeObject wanted = action.wanted().object();
      if (!(action instanceof SyncPlan.Action.Replace)
          && !Schemas.kubernetes().knows(kind(action))
          && pass.destination.type(kind(action)).isPresent()
          && namespaces.computeIfAbsent(
              wanted.namespace(),
              name ->
                  name.isEmpty()
                      || pass.cluster.get(ObjectKey.core("Namespace", "", name)).isPresent())) {
        trials.add(() -> writer.apply(wanted, new ApplyOptions(true, true)));
      }
    }
    if (!trials.isEmpty()) {
      pass.destination.together().run(trials);
    }
  }

  private static String word(SyncPlan.Action action) {
    return switch (action) {
      case SyncPlan.Action.Create _ -> "created";
      case SyncPlan.Action.Change _ -> "changed";
      case SyncPlan.Action.Overwrite _ -> "overwritten";
      case SyncPlan.Action.Replace _ -> "replaced";
    };
  }

  /// Whether what cannot be changed in place may be made anew.
  private static boolean forces(Pass pass, KubeObject wanted) {
    return Json.bool(pass.status.operation(), "force", false)
        || pass.spec.options().of(wanted).force();
  }

  /// A suspension by a person is not Git's to end, unless Git states one.
  private static KubeObject keepingSuspension(KubeObject wanted, KubeObject live) {
    JsonNode suspend = live.spec().path("suspend");
    return wanted.kind().equals("Application")
            && suspend.isObject()
            && !wanted.spec().has("suspend")
        ? wanted.with(json -> Json.child(json, "spec").set("suspend", suspend))
        : wanted;
  }

  void ensureNamespace(Pass pass, KubeObject wanted) {
    String namespace = wanted.namespace();
    if (!pass.spec.options().of(wanted).createNamespace()) {
      return;
    }
    ObjectKey key = ObjectKey.core("Namespace", "", namespace.isEmpty() ? "default" : namespace);
    if (!namespace.isEmpty() && pass.cluster.get(key).isEmpty()) {
      pass.writer().create(KubeObject.make("v1", "Namespace", "", namespace, json -> {}));
    }
  }

  /// An object has one application: two would take it from each other for ever.
  private void refuseForeign(Pass pass, KubeObject live) {
    Optional<String> owner =
        live.label(ApplicationReconciler.LABEL).filter(label -> !label.equals(pass.label()));
    if (owner.isPresent()) {
      int dot = owner.get().indexOf('.');
      ObjectKey other =
          ObjectKey.slipway(
              "Application",
              owner.get().substring(0, Math.max(0, dot)),
              owner.get().substring(dot + 1));
      boolean lives =
          pass.home
              .get(other)
              .filter(
                  app ->
                      Json.items(app.status(), "inventory").stream()
                          .anyMatch(entry -> Json.string(entry, "uid", "").equals(live.uid())))
              .isPresent();
      if (lives && pass.spec.options().of(live).failOnSharedResource()) {
        throw new ClusterException(
            ClusterException.Reason.FORBIDDEN,
            "%s belongs to application %s".formatted(live.key(), owner.get()));
      }
    }
  }

  /// What it owns: what it wants and is there under its name, and what it owned before and is still
  /// there.
  void inventory(Pass pass, List<RenderedObject> objects) {
    inventory(pass, objects, Comparison.live(pass, objects));
  }

  void inventory(Pass pass, List<RenderedObject> objects, Map<ObjectKey, KubeObject> live) {
    Map<ObjectKey, Owned> owned = new LinkedHashMap<>();
    for (Owned before : pass.status.inventory()) {
      KubeObject known = live.get(before.key());
      if (known != null && known.uid().equals(before.uid())) {
        owned.put(before.key(), before);
      }
    }
    for (RenderedObject object : objects) {
      ObjectKey key = object.object().key();
      Optional.ofNullable(live.get(key))
          .filter(
              known ->
                  known.label(ApplicationReconciler.LABEL).filter(pass.label()::equals).isPresent()
                      && !known.isTerminating())
          .ifPresent(known -> owned.put(key, new Owned(key, known.uid())));
    }
    pass.status.inventory(owned.values());
  }

  /// What the sync under way has made belongs to the application, also when nobody came to write
  /// that down.
  void adopt(Pass pass) {
    Optional<KubeObject> record = history.find(pass.application, pass.status.operationId());
    try {
      record.ifPresent(known -> inventory(pass, Hooks.kept(history.objects(known))));
    } catch (IllegalStateException e) {
      log.warn(
          "history entry unreadable app={} id={} cause={}",
          pass.application.key(),
          pass.status.operationId(),
          e.getMessage());
    }
  }
}
