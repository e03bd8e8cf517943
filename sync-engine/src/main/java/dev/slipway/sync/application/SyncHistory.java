package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.archive.Archive;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.sync.source.Source;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The syncs of an application: one SyncRecord each, and the rendered objects in the archive, so
/// that any of them can be brought back without Git.
final class SyncHistory {
  static final GroupKind RECORD = GroupKind.slipway("SyncRecord");

  /// How a revision begins that is no commit.
  static final String LOCAL = "local-";

  private static final GroupKind PLAN = GroupKind.slipway("Plan");
  private static final int REMEMBERED_OBJECTS = 20_000;

  private final Cluster cluster;
  private final Archive archive;

  /// By record, the one that was asked for last at the end.
  private final Map<String, List<RenderedObject>> remembered = new LinkedHashMap<>(16, 0.75f, true);

  private int rememberedObjects;

  SyncHistory(Cluster cluster, Archive archive) {
    this.cluster = cluster;
    this.archive = archive;
  }

  /// The records of an application, the newest first.
  List<KubeObject> of(KubeObject application) {
    return cluster
        .list(ObjectQuery.in(RECORD, application.namespace()).ownedBy(application.uid()))
        .items()
        .stream()
        .sorted(Comparator.comparingLong(SyncHistory::id).reversed())
        .toList();
  }

  Optional<KubeObject> find(KubeObject application, long id) {
    return cluster.get(
        ObjectKey.slipway("SyncRecord", application.namespace(), application.name() + "-" + id));
  }

  static long id(KubeObject record) {
    return Json.number(record.spec(), "id", 0);
  }

  static String revision(KubeObject record) {
    return Json.string(record.spec(), "revision", "");
  }

  static boolean isHealthy(KubeObject record) {
    return Json.bool(record.status(), "healthy", false);
  }

  /// Only some of its objects were synced: nothing to come back to.
  static boolean isPartial(KubeObject record) {
    return !Json.items(record.spec(), "selection").isEmpty();
  }

  /// Why a sync happens.
  ///
  /// @param selection what it is limited to; empty for all
  /// @param overridesWindow begun although a window was closed
  record Cause(
      String trigger, String by, String reason, List<String> selection, boolean overridesWindow) {
    static Cause of(String trigger, String by) {
      return new Cause(trigger, by, "", List.of(), false);
    }
  }

  /// Puts what was rendered into the archive, and a line for each into the list. What was put there
  /// or found there with the last record is not put again.
  void keep(KubeObject application, List<RenderedObject> objects, ArrayNode list) {
    Set<String> there = new HashSet<>();
    of(application).stream()
        .findFirst()
        .ifPresent(
            last -> {
              synchronized (remembered) {
                remembered
                    .getOrDefault(last.uid(), List.of())
                    .forEach(object -> there.add(object.hash()));
              }
            });
    archive.put(
        objects.stream()
            .filter(object -> !there.contains(object.hash()))
            .map(object -> object.object().bytes())
            .toList());
    for (RenderedObject object : objects) {
      ObjectKey key = object.object().key();
      list.addObject()
          .put("group", key.group())
          .put("kind", key.kind())
          .put("namespace", key.namespace())
          .put("name", key.name())
          .put("declaredKind", object.declaredKind())
          .put("hash", object.hash());
    }
  }

  /// Keeps what is about to be applied. The same id twice keeps the first.
  KubeObject add(
      KubeObject application,
      long id,
      Source.Resolved revision,
      Cause cause,
      List<RenderedObject> objects) {
    ArrayNode kept = Json.object().putArray("objects");
    keep(application, objects, kept);
    KubeObject record =
        KubeObject.make(
            "slipway.dev/v1",
            "SyncRecord",
            application.namespace(),
            application.name() + "-" + id,
            json -> {
              Json.child(json, "metadata")
                  .putArray("ownerReferences")
                  .add(OwnerReference.controlledBy(application).toJson());
              ObjectNode spec = json.putObject("spec");
              spec.put("application", application.name())
                  .put("id", id)
                  .put("revision", revision.commit());
              spec.put("tree", revision.tree())
                  .put("author", revision.author())
                  .put("authoredAt", revision.authoredAt());
              spec.put("message", revision.message())
                  .put("trigger", cause.trigger())
                  .put("by", cause.by());
              if (!cause.reason().isEmpty()) {
                spec.put("reason", cause.reason());
              }
              if (!cause.selection().isEmpty()) {
                cause.selection().forEach(spec.putArray("selection")::add);
              }
              if (cause.overridesWindow()) {
                spec.put("overridesWindow", true);
              }
              spec.set("objects", kept);
            });
    try {
      KubeObject added = cluster.create(record);
      remember(added, objects);
      return added;
    } catch (ClusterException e) {
      if (e.reason() == ClusterException.Reason.ALREADY_EXISTS) {
        return cluster.get(record.key()).orElseThrow(() -> e);
      }
      throw e;
    }
  }

  /// The lines that [#keep] wrote: of a record all, of a plan only those of local files.
  private static List<JsonNode> kept(KubeObject record) {
    return Json.items(record.spec(), record.kind().equals("Plan") ? "rendered" : "objects");
  }

  /// Not from Git: there is nothing to read it from again.
  static boolean isLocal(String revision) {
    return revision.startsWith(LOCAL);
  }

  /// The objects of a record, or of a plan of local files, as they were rendered then.
  ///
  /// @throws IllegalStateException when the archive no longer has them
  List<RenderedObject> objects(KubeObject record) {
    synchronized (remembered) {
      List<RenderedObject> known = remembered.get(record.uid());
      if (known != null) {
        return known;
      }
    }
    var objects = new ArrayList<RenderedObject>();
    for (JsonNode entry : kept(record)) {
      String hash = Json.string(entry, "hash", "");
      byte[] bytes =
          archive
              .get(hash)
              .orElseThrow(
                  () ->
                      new IllegalStateException(
                          "the archive has lost "
                              + Json.string(entry, "kind", "")
                              + " "
                              + Json.string(entry, "name", "")));
      objects.add(
          RenderedObject.of(
              KubeObject.parse(bytes),
              hash,
              Json.string(entry, "declaredKind", Json.string(entry, "kind", "")),
              Set.of(),
              "",
              0));
    }
    remember(record, objects);
    return objects;
  }

  private void remember(KubeObject record, List<RenderedObject> objects) {
    synchronized (remembered) {
      List<RenderedObject> before = remembered.put(record.uid(), List.copyOf(objects));
      rememberedObjects += objects.size() - (before == null ? 0 : before.size());
      var oldest = remembered.values().iterator();
      while (rememberedObjects > REMEMBERED_OBJECTS && remembered.size() > 1) {
        rememberedObjects -= oldest.next().size();
        oldest.remove();
      }
    }
  }

  void finish(KubeObject record, ObjectNode status) {
    if (!status.equals(record.status())) {
      cluster.replaceStatus(record.withStatus(status));
    }
  }

  /// The last healthy revision before this record.
  Optional<KubeObject> lastHealthy(KubeObject application, @Nullable KubeObject before) {
    return of(application).stream()
        .filter(record -> before == null || id(record) < id(before))
        .filter(record -> isHealthy(record) && !isPartial(record))
        .findFirst();
  }

  /// Forgets syncs beyond the limit, and those that ended before `oldest`; what is in force and the
  /// last healthy one stay.
  ///
  /// First those go that brought about what a later one, healthy too, brought about again, then the
  /// oldest: so that many syncs of one commit leave the commits before it to go back to.
  void trim(KubeObject application, int limit, Instant oldest, long current) {
    List<KubeObject> all = of(application);
    Optional<KubeObject> healthy =
        all.stream().filter(record -> isHealthy(record) && !isPartial(record)).findFirst();
    var repeats = new ArrayDeque<KubeObject>();
    var others = new ArrayDeque<KubeObject>();
    Set<String> broughtAbout = new HashSet<>();
    int kept = all.size();
    for (KubeObject record : all) {
      boolean complete = isHealthy(record) && !isPartial(record);
      boolean repeat =
          complete && !broughtAbout.add(revision(record) + Json.string(record.spec(), "tree", ""));
      if (id(record) == current || healthy.filter(h -> h.uid().equals(record.uid())).isPresent()) {
        continue;
      }
      if (KubeObject.instant(record.status(), "finishedAt")
          .filter(end -> end.isBefore(oldest))
          .isPresent()) {
        forget(record);
        kept--;
      } else {
        (repeat ? repeats : others).addFirst(record);
      }
    }
    for (; kept > limit && !(repeats.isEmpty() && others.isEmpty()); kept--) {
      forget(repeats.isEmpty() ? others.removeFirst() : repeats.removeFirst());
    }
  }

  private void forget(KubeObject record) {
    cluster.delete(record.key(), DeleteOptions.ofUid(record.uid()));
  }

  /// Forgets the oldest plans of an application.
  void trimPlans(KubeObject application, int limit) {
    cluster
        .list(ObjectQuery.in(PLAN, application.namespace()).ownedBy(application.uid()))
        .items()
        .stream()
        .sorted(
            Comparator.comparing((KubeObject plan) -> plan.creationTimestamp().orElse(Instant.MIN))
                .reversed())
        .skip(limit)
        .forEach(plan -> cluster.delete(plan.key(), DeleteOptions.ofUid(plan.uid())));
  }

  /// Content that no record needs any more is forgotten.
  void collect() {
    Set<String> needed = new HashSet<>();
    for (GroupKind kind : List.of(RECORD, PLAN)) {
      for (KubeObject record : cluster.list(ObjectQuery.all(kind)).items()) {
        kept(record).forEach(entry -> needed.add(Json.string(entry, "hash", "")));
      }
    }
    archive.retain(needed);
  }
}
