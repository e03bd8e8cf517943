package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.cluster.WatchListener;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A remote cluster as delivery and rollouts see it: with Rollouts in it. These, and the events
/// about them, are kept in Slipway's own cluster, in a namespace of their own for each remote one.
/// So a remote cluster needs no definition of Slipway's kinds, and a step of a rollout costs it no
/// request but the one that matters.
///
/// A Rollout `web` of namespace `shop` is at home called `shop.web`. Its replication controllers
/// bear the annotation [Owners#ROLLOUT] in place of an owner reference.
public final class WorkloadCluster implements Cluster {
  /// Which remote cluster an object at home is about.
  public static final String CLUSTER = "slipway.dev/cluster";

  /// Keeps a Rollout at home until its replication controllers are gone.
  static final String FINALIZER = "slipway.dev/remote";

  private static final GroupKind ROLLOUT = GroupKind.slipway("Rollout");
  private static final GroupKind RC = GroupKind.core("ReplicationController");
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final GroupKind EVENT = GroupKind.core("Event");
  private static final Duration PLAIN_AGAIN = Duration.ofMinutes(5);

  private record Names(long nanos, Set<String> names) {}

  private record Owned(KubeObject there, String owner, KubeObject here) {}

  private record Translated(KubeObject atHome, KubeObject here) {}

  private static final class Memory {
    /// Rollouts by the UID that they have at home.
    final Map<String, ObjectKey> rollouts = new ConcurrentHashMap<>();

    /// Rollouts as they look here, by the key that they have at home.
    final Map<ObjectKey, Translated> translated = new ConcurrentHashMap<>();

    /// Replication controllers with their owner, by key.
    final Map<ObjectKey, Owned> owned = new ConcurrentHashMap<>();

    /// Replication controllers whose pods bear no hash: they were there before Slipway.
    final Set<String> plain = ConcurrentHashMap.newKeySet();

    /// All replication controllers of a namespace, when last asked.
    final Map<String, Names> controllers = new ConcurrentHashMap<>();
  }

  private final String name;
  private final RemoteCluster remote;
  private final Cluster writer;
  private final Cluster home;
  private final Timeline timeline;
  private final Memory memory;

  public WorkloadCluster(String name, RemoteCluster remote, Cluster home, Timeline timeline) {
    this(name, remote, remote, home, timeline, new Memory());
  }

  private WorkloadCluster(
      String name,
      RemoteCluster remote,
      Cluster writer,
      Cluster home,
      Timeline timeline,
      Memory memory) {
    this.name = name;
    this.remote = remote;
    this.writer = writer;
    this.home = home;
    this.timeline = timeline;
    this.memory = memory;
  }

  /// The namespace at home that is about a remote cluster.
  public static String namespace(String cluster) {
    return "slipway-cluster-" + cluster;
  }

  private static boolean isAtHome(GroupKind kind) {
    return kind.equals(ROLLOUT) || kind.equals(EVENT);
  }

  private static void refuseOwnKinds(GroupKind kind) {
    if (kind.group().equals("slipway.dev") && !kind.equals(ROLLOUT)) {
      throw new ClusterException(
          Reason.INVALID,
          "a %s belongs into Slipway's own cluster, not into a remote one".formatted(kind.kind()));
    }
  }

  // Names here and at home

  private ObjectKey atHome(ObjectKey key) {
    return new ObjectKey(
        key.group(), key.kind(), namespace(name), key.namespace() + "." + key.name());
  }

  private static ObjectKey here(ObjectKey key) {
    int dot = key.name().indexOf('.');
    return new ObjectKey(
        key.group(),
        key.kind(),
        key.name().substring(0, Math.max(0, dot)),
        key.name().substring(dot + 1));
  }

  private KubeObject atHome(KubeObject object) {
    ObjectKey key = atHome(object.key());
    KubeObject renamed =
        object.withMetadata(
            metadata -> {
              metadata.put("namespace", key.namespace()).put("name", key.name());
              Json.child(metadata, "labels").put(CLUSTER, name);
              if (key.groupKind().equals(ROLLOUT)) {
                metadata.putArray("finalizers").add(FINALIZER);
              }
            });
    if (!key.groupKind().equals(EVENT)) {
      return renamed;
    }
    return renamed.with(
        json -> {
          if (json.path("involvedObject") instanceof ObjectNode about
              && Json.string(about, "kind", "").equals("Rollout")) {
            about.put(
                "name", Json.string(about, "namespace", "") + "." + Json.string(about, "name", ""));
            about.put("namespace", key.namespace());
          }
        });
  }

  private KubeObject here(KubeObject object) {
    ObjectKey key = here(object.key());
    if (!key.groupKind().equals(ROLLOUT)) {
      return here(object, key);
    }
    Translated known = memory.translated.get(object.key());
    if (known != null && known.atHome() == object) {
      return known.here();
    }
    memory.rollouts.put(object.uid(), key);
    KubeObject translated = here(object, key);
    memory.translated.put(object.key(), new Translated(object, translated));
    return translated;
  }

  private KubeObject here(KubeObject object, ObjectKey key) {
    KubeObject renamed =
        object.withMetadata(
            metadata -> {
              metadata.put("namespace", key.namespace()).put("name", key.name());
              metadata.remove("finalizers");
              Json.child(metadata, "labels").remove(CLUSTER);
            });
    if (!key.groupKind().equals(EVENT)) {
      return renamed;
    }
    return renamed.with(
        json -> {
          if (json.path("involvedObject") instanceof ObjectNode about
              && Json.string(about, "kind", "").equals("Rollout")) {
            String full = Json.string(about, "name", "");
            int dot = full.indexOf('.');
            about.put("namespace", full.substring(0, Math.max(0, dot)));
            about.put("name", full.substring(dot + 1));
          }
        });
  }

  // Owners here and there

  /// With an owner reference in place of the annotation.
  private KubeObject owned(KubeObject object) {
    if (!object.key().groupKind().equals(RC)) {
      return object;
    }
    Optional<String> rollout = object.annotation(Owners.ROLLOUT);
    Optional<KubeObject> owner =
        rollout.flatMap(
            own -> home.get(atHome(ObjectKey.slipway("Rollout", object.namespace(), own))));
    if (owner.isEmpty()) {
      return object;
    }
    if (object.label(RemoteCluster.HASH).isEmpty()) {
      memory.plain.add(object.uid());
    }
    Owned known = memory.owned.get(object.key());
    if (known != null && known.there() == object && known.owner().equals(owner.get().uid())) {
      return known.here();
    }
    KubeObject owned =
        object.withMetadata(
            metadata -> {
              ArrayNode owners =
                  metadata.path("ownerReferences") instanceof ArrayNode there
                      ? there
                      : metadata.putArray("ownerReferences");
              owners.add(OwnerReference.controlledBy(here(owner.get())).toJson());
            });
    memory.owned.put(object.key(), new Owned(object, owner.get().uid(), owned));
    return owned;
  }

  /// With the annotation in place of an owner reference to a Rollout.
  private KubeObject annotated(KubeObject object) {
    if (!object.key().groupKind().equals(RC)) {
      return object;
    }
    Optional<OwnerReference> rollout =
        object.owners().stream().filter(owner -> owner.kind().equals("Rollout")).findFirst();
    if (rollout.isEmpty()) {
      return object;
    }
    Optional<String> application =
        home.get(atHome(ObjectKey.slipway("Rollout", object.namespace(), rollout.get().name())))
            .flatMap(known -> known.label(RemoteCluster.APPLICATION));
    return object.withMetadata(
        metadata -> {
          List<JsonNode> others =
              Json.items(metadata, "ownerReferences").stream()
                  .filter(owner -> !Json.string(owner, "kind", "").equals("Rollout"))
                  .toList();
          metadata.remove("ownerReferences");
          if (!others.isEmpty()) {
            others.forEach(metadata.putArray("ownerReferences")::add);
          }
          Json.child(metadata, "annotations").put(Owners.ROLLOUT, rollout.get().name());
          // Only what bears this label is watched.
          Json.child(metadata, "labels")
              .put(RemoteCluster.APPLICATION, application.orElse("rollout"));
        });
  }

  // Reading

  @Override
  public Optional<KubeObject> get(ObjectKey key) {
    if (isAtHome(key.groupKind())) {
      ObjectKey there = atHome(key);
      Optional<KubeObject> found = home.get(there);
      if (found.isEmpty()) {
        memory.translated.remove(there);
      }
      return found.map(this::here);
    }
    if (key.groupKind().equals(RC) && !mayExist(key)) {
      return Optional.empty();
    }
    return remote.get(key).map(this::owned);
  }

  /// Whether a replication controller may exist. One that somebody made before Slipway came is
  /// looked for once in a while, for the whole namespace at once.
  private boolean mayExist(ObjectKey key) {
    if (remote.watched(key).isPresent()) {
      return true;
    }
    Names known = memory.controllers.get(key.namespace());
    if (known == null || timeline.nanos() - known.nanos() > PLAIN_AGAIN.toNanos()) {
      known = new Names(timeline.nanos(), remote.names(RC, key.namespace()));
      memory.controllers.put(key.namespace(), known);
    }
    return known.names().contains(key.name());
  }

  @Override
  public Map<ObjectKey, KubeObject> getAll(Collection<ObjectKey> keys) {
    var found = new HashMap<ObjectKey, KubeObject>();
    var there = new ArrayList<ObjectKey>();
    for (ObjectKey key : keys) {
      if (isAtHome(key.groupKind())) {
        get(key).ifPresent(object -> found.put(key, object));
      } else if (!key.group().equals("slipway.dev")) {
        there.add(key);
      }
    }
    remote.getAll(there).forEach((key, object) -> found.put(key, owned(object)));
    return found;
  }

  @Override
  public Listing list(ObjectQuery query) {
    if (isAtHome(query.kind())) {
      Listing all = home.list(homeQuery(query));
      return new Listing(
          all.items().stream()
              .map(this::here)
              .filter(object -> Paths.selects(query, object))
              .toList(),
          all.resourceVersion());
    }
    if (query.kind().equals(POD) && query.ownerUid().filter(memory.plain::contains).isPresent()) {
      return remote.list(query);
    }
    Listing there = remote.list(narrowed(query));
    return query.kind().equals(RC)
        ? new Listing(there.items().stream().map(this::owned).toList(), there.resourceVersion())
        : there;
  }

  /// All that is about this cluster: what is asked of the object itself is looked at here.
  private ObjectQuery homeQuery(ObjectQuery query) {
    return ObjectQuery.in(query.kind(), namespace(name))
        .labelled(LabelSelector.parse(CLUSTER + "=" + name));
  }

  private ObjectQuery narrowed(ObjectQuery query) {
    if (query.kind().equals(RC)) {
      ObjectQuery labelled = query.labelled(and(query.labels(), RemoteCluster.APPLICATION));
      ObjectKey rollout = query.ownerUid().map(memory.rollouts::get).orElse(null);
      return rollout == null
          ? labelled
          : labelled.ownedBy(Owners.rollout(rollout.namespace(), rollout.name()));
    }
    if (query.kind().equals(POD)
        && query.labels().requirements().stream()
            .noneMatch(requirement -> requirement.label().equals(RemoteCluster.APPLICATION))) {
      return query.labelled(and(query.labels(), RemoteCluster.HASH));
    }
    return query;
  }

  private static LabelSelector and(LabelSelector selector, String label) {
    var all = new ArrayList<>(selector.requirements());
    all.add(new LabelSelector.Requirement.Exists(label));
    return new LabelSelector(all);
  }

  @Override
  public Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    if (isAtHome(query.kind())) {
      return home.watch(
          homeQuery(query),
          resourceVersion,
          event -> translated(event, true).filter(e -> isAbout(query, e)).ifPresent(listener::on));
    }
    return remote.watch(
        narrowed(query),
        resourceVersion,
        event -> translated(event, false).ifPresent(listener::on));
  }

  private static boolean isAbout(ObjectQuery query, WatchEvent event) {
    return switch (event) {
      case WatchEvent.Added(var object) -> Paths.selects(query, object);
      case WatchEvent.Modified(var object) -> Paths.selects(query, object);
      case WatchEvent.Deleted _, WatchEvent.Bookmark _, WatchEvent.Expired _ -> true;
    };
  }

  private Optional<WatchEvent> translated(WatchEvent event, boolean fromHome) {
    return Optional.of(
        switch (event) {
          case WatchEvent.Added(var object) -> new WatchEvent.Added(seen(object, fromHome));
          case WatchEvent.Modified(var object) -> new WatchEvent.Modified(seen(object, fromHome));
          case WatchEvent.Deleted(var object) -> {
            memory.translated.remove(object.key());
            KubeObject last = fromHome ? here(object, here(object.key())) : owned(object);
            memory.owned.remove(object.key());
            yield new WatchEvent.Deleted(last);
          }
          case WatchEvent.Bookmark bookmark -> bookmark;
          case WatchEvent.Expired expired -> expired;
        });
  }

  private KubeObject seen(KubeObject object, boolean fromHome) {
    return fromHome ? here(object) : owned(object);
  }

  // Writing

  @Override
  public KubeObject create(KubeObject object) {
    refuseOwnKinds(object.key().groupKind());
    return isAtHome(object.key().groupKind())
        ? here(home.create(atHome(object)))
        : owned(writer.create(annotated(object)));
  }

  @Override
  public KubeObject replace(KubeObject object) {
    refuseOwnKinds(object.key().groupKind());
    return isAtHome(object.key().groupKind())
        ? here(home.replace(atHome(object)))
        : owned(writer.replace(annotated(object)));
  }

  @Override
  public KubeObject replaceStatus(KubeObject object) {
    return isAtHome(object.key().groupKind())
        ? here(home.replaceStatus(atHome(object)))
        : owned(writer.replaceStatus(annotated(object)));
  }

  @Override
  public KubeObject apply(KubeObject intent, ApplyOptions options) {
    refuseOwnKinds(intent.key().groupKind());
    return isAtHome(intent.key().groupKind())
        ? here(home.apply(atHome(intent), options))
        : owned(writer.apply(annotated(intent), options));
  }

  @Override
  public Optional<KubeObject> delete(ObjectKey key, DeleteOptions options) {
    return isAtHome(key.groupKind())
        ? home.delete(atHome(key), options).map(this::here)
        : writer.delete(key, options).map(this::owned);
  }

  @Override
  public Cluster as(Author author) {
    return new WorkloadCluster(name, remote, writer.as(author), home.as(author), timeline, memory);
  }
}
