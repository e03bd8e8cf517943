package dev.slipway.testing;

import static dev.slipway.model.cluster.ClusterException.Reason.ALREADY_EXISTS;
import static dev.slipway.model.cluster.ClusterException.Reason.CONFLICT;
import static dev.slipway.model.cluster.ClusterException.Reason.EXPIRED;
import static dev.slipway.model.cluster.ClusterException.Reason.FORBIDDEN;
import static dev.slipway.model.cluster.ClusterException.Reason.INVALID;
import static dev.slipway.model.cluster.ClusterException.Reason.NOT_FOUND;

import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.cluster.WatchListener;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A cluster in memory with the ways of Kubernetes: one revision counter, compare-and-swap,
/// generations, finalizers, grace periods of bound pods, terminating namespaces, watches in order.
/// It has no admission and no defaults: what a test writes is what it reads. Server-side apply
/// merges objects by member and replaces lists whole.
///
/// Namespace `default` is there from the start. Watch events are delivered by the timeline, never
/// within the write.
public final class FakeCluster implements Cluster {
  /// A write, as it was asked for.
  ///
  /// @param verb `create`, `replace`, `replaceStatus`, `apply` or `delete`
  public record Write(String verb, ObjectKey key, Author author) {}

  /// Hears every write just before and just after it takes effect. Throwing before prevents it;
  /// throwing after is a lost answer.
  public interface Interference {
    default void before(Write write) {}

    default void after(Write write) {}
  }

  private static final class State {
    final TreeMap<ObjectKey, KubeObject> objects = new TreeMap<>();
    final List<Change> history = new ArrayList<>();
    final List<FakeWatch> watches = new ArrayList<>();
    final List<Write> writes = new ArrayList<>();
    final Map<ObjectKey, Map<String, ObjectNode>> intents = new HashMap<>();
    long revision = 1;
    long compacted;
    Interference interference = new Interference() {};
  }

  private record Change(long revision, @Nullable KubeObject before, @Nullable KubeObject after) {}

  private static final class FakeWatch implements Watch {
    final ObjectQuery query;
    final WatchListener listener;
    final ArrayDeque<WatchEvent> pending = new ArrayDeque<>();
    boolean running;
    volatile boolean closed;

    FakeWatch(ObjectQuery query, WatchListener listener) {
      this.query = query;
      this.listener = listener;
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private final State state;
  private final Timeline timeline;
  private final Chance chance;
  private final Author author;

  public FakeCluster(Timeline timeline, Chance chance) {
    this(new State(), timeline, chance, Author.controller("test"));
    createNamespace("default");
    state.writes.clear();
  }

  private FakeCluster(State state, Timeline timeline, Chance chance, Author author) {
    this.state = state;
    this.timeline = timeline;
    this.chance = chance;
    this.author = author;
  }

  /// Makes a namespace that is at once ready for use.
  public KubeObject createNamespace(String name) {
    return create(KubeObject.make("v1", "Namespace", "", name, json -> {}));
  }

  /// From now on every write is heard by this one alone.
  public void interfere(Interference interference) {
    synchronized (state) {
      state.interference = interference;
    }
  }

  /// Every write that took effect, in order.
  public List<Write> writes() {
    synchronized (state) {
      return List.copyOf(state.writes);
    }
  }

  /// Every object, in the order of keys.
  public List<KubeObject> everything() {
    synchronized (state) {
      return List.copyOf(state.objects.values());
    }
  }

  /// Ends every watch; none can be resumed from before now.
  public void compact() {
    synchronized (state) {
      state.compacted = state.revision;
      state.history.clear();
      for (FakeWatch watch : state.watches) {
        send(watch, new WatchEvent.Expired("compacted"));
      }
      state.watches.clear();
    }
  }

  /// Closes every watch without a word, as the death of all clients does.
  public void forgetWatches() {
    synchronized (state) {
      state.watches.forEach(FakeWatch::close);
      state.watches.clear();
    }
  }

  @Override
  public Optional<KubeObject> get(ObjectKey key) {
    synchronized (state) {
      return Optional.ofNullable(state.objects.get(key));
    }
  }

  @Override
  public Listing list(ObjectQuery query) {
    synchronized (state) {
      var items = new ArrayList<KubeObject>();
      var from = new ObjectKey(query.kind().group(), query.kind().kind(), "", " ");
      for (KubeObject object : state.objects.tailMap(from).values()) {
        if (!object.key().groupKind().equals(query.kind())) {
          break;
        }
        if (selects(query, object)) {
          items.add(object);
        }
      }
      return new Listing(items, Long.toString(state.revision));
    }
  }

  @Override
  public Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    synchronized (state) {
      long from = Long.parseLong(resourceVersion);
      if (from < state.compacted) {
        throw new ClusterException(EXPIRED, "resourceVersion " + from + " is too old");
      }
      var watch = new FakeWatch(query, listener);
      state.watches.removeIf(other -> other.closed);
      state.watches.add(watch);
      for (Change change : state.history) {
        if (change.revision() > from) {
          tell(watch, change);
        }
      }
      return watch;
    }
  }

  @Override
  public KubeObject create(KubeObject object) {
    synchronized (state) {
      KubeObject named = object;
      String prefix = Json.string(object.metadata(), "generateName", "");
      if (Json.string(object.metadata(), "name", "").isEmpty() && !prefix.isEmpty()) {
        named = object.withMetadata(metadata -> metadata.put("name", prefix + chance.suffix(5)));
      }
      KubeObject wanted = named;
      return write(
          "create",
          wanted.key(),
          () -> {
            ObjectKey key = wanted.key();
            checkNamespace(key);
            if (state.objects.containsKey(key)) {
              throw new ClusterException(ALREADY_EXISTS, key + " already exists");
            }
            return store(
                null,
                wanted.with(
                    json -> {
                      ObjectNode metadata = Json.child(json, "metadata");
                      metadata.remove("deletionTimestamp");
                      metadata
                          .put("uid", chance.uid())
                          .put("generation", 1)
                          .put("creationTimestamp", Conditions.time(timeline.instant()));
                      if (!key.kind().equals("Node")) {
                        json.remove("status");
                      }
                      if (key.kind().equals("Pod") && key.group().isEmpty()) {
                        Json.child(json, "status").put("phase", "Pending");
                      }
                      if (key.kind().equals("Namespace") && key.group().isEmpty()) {
                        Json.child(json, "status").put("phase", "Active");
                        Json.child(json, "spec").putArray("finalizers").add("kubernetes");
                      }
                    }));
          });
    }
  }

  @Override
  public KubeObject replace(KubeObject object) {
    synchronized (state) {
      return write(
          "replace",
          object.key(),
          () -> {
            KubeObject old = current(object);
            KubeObject changed =
                object.with(
                    json -> {
                      if (old.json().has("status")) {
                        json.set("status", old.status());
                      } else {
                        json.remove("status");
                      }
                      keepIdentity(Json.child(json, "metadata"), old);
                    });
            return update(old, changed);
          });
    }
  }

  @Override
  public KubeObject replaceStatus(KubeObject object) {
    synchronized (state) {
      return write(
          "replaceStatus",
          object.key(),
          () -> {
            KubeObject old = current(object);
            JsonNode status = object.status();
            return update(
                old,
                status.isMissingNode()
                    ? old.with(json -> json.remove("status"))
                    : old.with(json -> json.set("status", status)));
          });
    }
  }

  @Override
  public KubeObject apply(KubeObject intent, ApplyOptions options) {
    synchronized (state) {
      ObjectKey key = intent.key();
      KubeObject old = state.objects.get(key);
      Map<String, ObjectNode> owners = state.intents.getOrDefault(key, Map.of());
      ObjectNode mine = intent.json().deepCopy();
      Json.child(mine, "metadata").remove("resourceVersion");
      if (old == null) {
        if (options.dryRun()) {
          return intent;
        }
        KubeObject created = create(intent);
        state.intents.computeIfAbsent(key, _ -> new TreeMap<>()).put(author.manager(), mine);
        return created;
      }
      if (!options.force()) {
        for (var owner : owners.entrySet()) {
          if (!owner.getKey().equals(author.manager())) {
            clash(mine, owner.getValue(), old.json(), "")
                .ifPresent(
                    field -> {
                      throw new ClusterException(
                          CONFLICT,
                          "Apply failed with 1 conflict: conflict with \"%s\": %s"
                              .formatted(owner.getKey(), field),
                          List.of(
                              new ClusterException.Cause(
                                  field, "FieldManagerConflict", owner.getKey())));
                    });
          }
        }
      }
      ObjectNode before = owners.get(author.manager());
      KubeObject merged =
          old.with(
              json -> {
                if (before != null) {
                  removeMissing(json, before, mine);
                }
                merge(json, mine);
                if (old.json().has("status")) {
                  json.set("status", old.status());
                }
                keepIdentity(Json.child(json, "metadata"), old);
              });
      if (options.dryRun()) {
        return merged;
      }
      return write(
          "apply",
          key,
          () -> {
            state.intents.computeIfAbsent(key, _ -> new TreeMap<>()).put(author.manager(), mine);
            return update(old, merged);
          });
    }
  }

  @Override
  public Optional<KubeObject> delete(ObjectKey key, DeleteOptions options) {
    synchronized (state) {
      KubeObject known = state.objects.get(key);
      if (known == null) {
        throw new ClusterException(NOT_FOUND, key + " not found");
      }
      if (options.uid().isPresent() && !options.uid().get().equals(known.uid())) {
        throw new ClusterException(CONFLICT, key + " has another uid");
      }
      if (options.resourceVersion().isPresent()
          && !options.resourceVersion().get().equals(known.resourceVersion())) {
        throw new ClusterException(CONFLICT, key + " has changed");
      }
      write(
          "delete",
          key,
          () -> {
            terminate(known, options);
            return known;
          });
      return get(key).filter(left -> left.uid().equals(known.uid()));
    }
  }

  @Override
  public FakeCluster as(Author other) {
    return new FakeCluster(state, timeline, chance, other);
  }

  private interface Effect {
    KubeObject take();
  }

  private KubeObject write(String verb, ObjectKey key, Effect effect) {
    var write = new Write(verb, key, author);
    state.interference.before(write);
    long before = state.revision;
    KubeObject result = effect.take();
    if (state.revision != before) {
      state.writes.add(write);
    }
    state.interference.after(write);
    return result;
  }

  private void terminate(KubeObject known, DeleteOptions options) {
    boolean isPod = known.key().group().isEmpty() && known.kind().equals("Pod");
    boolean isNamespace = known.key().group().isEmpty() && known.kind().equals("Namespace");
    String phase = Json.string(known.status(), "phase", "");
    Duration grace = Duration.ZERO;
    if (isPod
        && known.spec().path("nodeName").isString()
        && !phase.equals("Succeeded")
        && !phase.equals("Failed")) {
      grace =
          options
              .grace()
              .orElse(
                  Duration.ofSeconds(
                      Json.number(known.spec(), "terminationGracePeriodSeconds", 30)));
    }
    Duration period = grace;
    String finalizer =
        switch (options.propagation()) {
          case BACKGROUND -> "";
          case FOREGROUND -> "foregroundDeletion";
          case ORPHAN -> "orphan";
        };
    KubeObject marked =
        known.with(
            json -> {
              ObjectNode metadata = Json.child(json, "metadata");
              if (!finalizer.isEmpty()
                  && !known.isTerminating()
                  && !known.finalizers().contains(finalizer)) {
                ArrayNode finalizers =
                    metadata.path("finalizers") instanceof ArrayNode array
                        ? array
                        : metadata.putArray("finalizers");
                finalizers.add(finalizer);
              }
              if (!known.isTerminating()) {
                metadata.put("deletionTimestamp", Conditions.time(timeline.instant().plus(period)));
                if (isPod) {
                  metadata.put("deletionGracePeriodSeconds", period.toSeconds());
                }
                metadata.put("generation", known.generation() + 1);
              }
              if (isNamespace) {
                Json.child(json, "status").put("phase", "Terminating");
              }
            });
    boolean waits =
        !marked.finalizers().isEmpty()
            || !period.isZero()
            || isNamespace && !Json.strings(marked.spec(), "finalizers").isEmpty();
    if (waits) {
      if (!known.isTerminating()) {
        store(known, marked);
      }
      return;
    }
    remove(known);
  }

  private KubeObject current(KubeObject object) {
    KubeObject old = state.objects.get(object.key());
    if (old == null) {
      throw new ClusterException(NOT_FOUND, object.key() + " not found");
    }
    if (!object.resourceVersion().isEmpty()
        && !object.resourceVersion().equals(old.resourceVersion())) {
      throw new ClusterException(CONFLICT, object.key() + " has changed: read it again");
    }
    if (!object.uid().isEmpty() && !object.uid().equals(old.uid())) {
      throw new ClusterException(CONFLICT, object.key() + " has another uid");
    }
    return old;
  }

  private static void keepIdentity(ObjectNode metadata, KubeObject old) {
    for (String field :
        List.of(
            "uid",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "resourceVersion")) {
      JsonNode value = old.metadata().path(field);
      if (value.isMissingNode()) {
        metadata.remove(field);
      } else {
        metadata.set(field, value);
      }
    }
  }

  private KubeObject update(KubeObject old, KubeObject changed) {
    if (!changed.key().equals(old.key())) {
      throw new ClusterException(INVALID, "identity cannot change");
    }
    KubeObject same =
        changed.withMetadata(metadata -> metadata.put("resourceVersion", old.resourceVersion()));
    if (same.json().equals(old.json())) {
      return old;
    }
    boolean specSame = withoutStatus(same).equals(withoutStatus(old));
    KubeObject stored =
        specSame
            ? same
            : same.withMetadata(metadata -> metadata.put("generation", old.generation() + 1));
    boolean namespaceHeld =
        stored.kind().equals("Namespace") && !Json.strings(stored.spec(), "finalizers").isEmpty();
    boolean podHeld =
        stored.kind().equals("Pod")
            && Json.number(stored.metadata(), "deletionGracePeriodSeconds", 0) > 0;
    if (stored.isTerminating() && stored.finalizers().isEmpty() && !namespaceHeld && !podHeld) {
      remove(old);
      return stored;
    }
    return store(old, stored);
  }

  private static ObjectNode withoutStatus(KubeObject object) {
    ObjectNode copy = object.json().deepCopy();
    copy.remove("status");
    copy.remove("metadata");
    return copy;
  }

  private KubeObject store(@Nullable KubeObject old, KubeObject next) {
    state.revision++;
    KubeObject stored =
        next.withMetadata(
            metadata -> metadata.put("resourceVersion", Long.toString(state.revision)));
    state.objects.put(stored.key(), stored);
    happened(new Change(state.revision, old, stored));
    return stored;
  }

  private void remove(KubeObject old) {
    state.revision++;
    state.objects.remove(old.key());
    state.intents.remove(old.key());
    happened(
        new Change(
            state.revision,
            old.withMetadata(
                metadata -> metadata.put("resourceVersion", Long.toString(state.revision))),
            null));
  }

  private void happened(Change change) {
    state.history.add(change);
    state.watches.removeIf(watch -> watch.closed);
    for (FakeWatch watch : state.watches) {
      tell(watch, change);
    }
  }

  private void tell(FakeWatch watch, Change change) {
    KubeObject before = change.before();
    KubeObject after = change.after();
    boolean was = before != null && selects(watch.query, before);
    boolean is = after != null && selects(watch.query, after);
    if (is) {
      KubeObject now = Objects.requireNonNull(after);
      send(watch, was ? new WatchEvent.Modified(now) : new WatchEvent.Added(now));
    } else if (was) {
      send(watch, new WatchEvent.Deleted(after != null ? after : Objects.requireNonNull(before)));
    }
  }

  private void send(FakeWatch watch, WatchEvent event) {
    watch.pending.add(event);
    if (!watch.running) {
      watch.running = true;
      timeline.execute(() -> deliver(watch));
    }
  }

  private void deliver(FakeWatch watch) {
    while (true) {
      WatchEvent event;
      synchronized (state) {
        event = watch.pending.poll();
        if (event == null || watch.closed) {
          watch.running = false;
          return;
        }
      }
      watch.listener.on(event);
    }
  }

  private void checkNamespace(ObjectKey key) {
    boolean namespaced =
        ResourceTypes.KNOWN
            .find(key.groupKind())
            .map(ResourceType::namespaced)
            .orElse(!key.namespace().isEmpty());
    if (!namespaced) {
      return;
    }
    if (key.namespace().isEmpty()) {
      throw new ClusterException(INVALID, key + " needs a namespace");
    }
    KubeObject namespace = state.objects.get(ObjectKey.core("Namespace", "", key.namespace()));
    if (namespace == null) {
      throw new ClusterException(NOT_FOUND, "namespace " + key.namespace() + " not found");
    }
    if (namespace.isTerminating()) {
      throw new ClusterException(
          FORBIDDEN, "namespace " + key.namespace() + " is being terminated");
    }
  }

  private static boolean selects(ObjectQuery query, KubeObject object) {
    return object.key().groupKind().equals(query.kind())
        && query.namespace().map(object.namespace()::equals).orElse(true)
        && query.labels().matches(object.labels())
        && query.fields().matches(object)
        && query
            .ownerUid()
            .map(uid -> object.owners().stream().anyMatch(owner -> owner.uid().equals(uid)))
            .orElse(true)
        && query
            .nodeName()
            .map(node -> Json.string(object.spec(), "nodeName", "").equals(node))
            .orElse(true);
  }

  private static void merge(ObjectNode target, ObjectNode intent) {
    for (var entry : intent.properties()) {
      if (entry.getValue() instanceof ObjectNode object
          && target.path(entry.getKey()) instanceof ObjectNode child) {
        merge(child, object);
      } else {
        target.set(entry.getKey(), entry.getValue().deepCopy());
      }
    }
  }

  private static void removeMissing(ObjectNode target, ObjectNode before, ObjectNode intent) {
    for (var entry : before.properties()) {
      JsonNode now = intent.path(entry.getKey());
      if (now.isMissingNode()) {
        target.remove(entry.getKey());
      } else if (entry.getValue() instanceof ObjectNode old
          && now instanceof ObjectNode next
          && target.path(entry.getKey()) instanceof ObjectNode child) {
        removeMissing(child, old, next);
      }
    }
  }

  private static Optional<String> clash(
      ObjectNode mine, ObjectNode theirs, ObjectNode live, String path) {
    for (var entry : mine.properties()) {
      String name = entry.getKey();
      JsonNode owned = theirs.path(name);
      if (owned.isMissingNode() || path.isEmpty() && !name.equals("spec") && !name.equals("data")) {
        continue;
      }
      if (entry.getValue() instanceof ObjectNode a && owned instanceof ObjectNode b) {
        ObjectNode child = live.path(name) instanceof ObjectNode object ? object : Json.object();
        var found = clash(a, b, child, path + "." + name);
        if (found.isPresent()) {
          return found;
        }
      } else if (!entry.getValue().equals(live.path(name))) {
        return Optional.of(path + "." + name);
      }
    }
    return Optional.empty();
  }
}
