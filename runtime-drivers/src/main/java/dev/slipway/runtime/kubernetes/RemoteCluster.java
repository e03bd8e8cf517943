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
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// A Kubernetes behind its API server, of any kind that it serves.
///
/// What bears Slipway's labels is watched, one watch a kind from its first use on, and read from
/// there without a request. Everything else is asked for each time, so that a big cluster costs no
/// more than what Slipway has in it.
public final class RemoteCluster implements Cluster, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RemoteCluster.class);

  /// Objects that an application declares.
  static final String APPLICATION = "slipway.dev/application";

  /// Pods and replication controllers of a revision.
  static final String HASH = "slipway.dev/template-hash";

  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final int PAGE = 500;
  private static final int FEW = 10;
  private static final int ATTEMPTS = 5;
  private static final GroupKind POD = GroupKind.core("Pod");

  private record Selection(GroupKind kind, String label) {
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Selection that && kind.equals(that.kind) && label.equals(that.label);
    }

    @Override
    public int hashCode() {
      return kind.hashCode() * 31 + label.hashCode();
    }
  }

  private static final class State {
    final Wire wire;
    final Discovery discovery;
    final Timeline timeline;
    final Chance chance;
    final Map<Selection, KindWatch> watches = new ConcurrentHashMap<>();
    volatile boolean closed;

    State(Endpoint endpoint, Duration deadline, Timeline timeline, Chance chance) {
      this.wire = new Wire(endpoint, deadline, timeline, chance);
      this.discovery = new Discovery(wire, timeline);
      this.timeline = timeline;
      this.chance = chance;
    }
  }

  private final State state;
  private final Author author;

  private RemoteCluster(State state, Author author) {
    this.state = state;
    this.author = author;
  }

  /// Nothing is sent before the first use.
  public static RemoteCluster open(Endpoint endpoint, Timeline timeline, Chance chance) {
    return open(endpoint, DEADLINE, timeline, chance);
  }

  /// @param deadline of each call
  public static RemoteCluster open(
      Endpoint endpoint, Duration deadline, Timeline timeline, Chance chance) {
    return new RemoteCluster(
        new State(endpoint, deadline, timeline, chance), Author.controller("slipway"));
  }

  /// What the server calls its version: also the question whether it answers.
  ///
  /// @throws ClusterException when it does not
  public String version() {
    Wire.Answer answer = state.wire.send(Wire.Call.get("/version"));
    if (answer.status() != 200) {
      throw Failures.of(answer);
    }
    return Json.string(Json.parse(answer.body()), "gitVersion", "unknown");
  }

  /// What the cluster knows of a kind.
  public Optional<ResourceType> type(GroupKind kind) {
    return state.discovery.find(kind);
  }

  /// Every kind that it serves.
  public List<ResourceType> types() {
    return state.discovery.all();
  }

  /// How many requests were sent since it was opened.
  public long requests() {
    return state.wire.requests();
  }

  /// How many requests may be under way at once, as found so far.
  public int concurrency() {
    return state.wire.limit();
  }

  /// How many watches are open, and how many objects they hold.
  public Map.Entry<Integer, Integer> watched() {
    return Map.entry(
        state.watches.size(), state.watches.values().stream().mapToInt(KindWatch::size).sum());
  }

  /// Why what is read from here may be old by more than the time given.
  public Optional<String> staleSince(Duration longer) {
    long now = state.timeline.nanos();
    return state.watches.values().stream()
        .flatMap(watch -> watch.trouble().stream())
        .filter(trouble -> now - trouble.getValue() > longer.toNanos())
        .map(Map.Entry::getKey)
        .findFirst();
  }

  private ResourceType require(GroupKind kind) {
    return state
        .discovery
        .find(kind)
        .orElseThrow(
            () ->
                new ClusterException(
                    Reason.INVALID, "the cluster serves no kind %s".formatted(kind)));
  }

  // Reading

  @Override
  public Optional<KubeObject> get(ObjectKey key) {
    Optional<KubeObject> watched = watched(key);
    return watched.isPresent() ? watched : ask(key);
  }

  /// What a watch that runs already knows of an object.
  Optional<KubeObject> watched(ObjectKey key) {
    for (String label : labels(key.groupKind())) {
      KindWatch watch = state.watches.get(new Selection(key.groupKind(), label));
      Optional<KubeObject> known = watch == null ? Optional.empty() : watch.get(key);
      if (known.isPresent()) {
        return known;
      }
    }
    return Optional.empty();
  }

  private Optional<KubeObject> ask(ObjectKey key) {
    Optional<ResourceType> type = state.discovery.find(key.groupKind());
    if (type.isEmpty()) {
      return Optional.empty();
    }
    Wire.Answer answer =
        state.wire.send(Wire.Call.get(Paths.object(type.get(), key.namespace(), key.name())));
    if (answer.status() == 404) {
      return Optional.empty();
    }
    return Optional.of(object(answer));
  }

  /// Those that are known by a watch cost nothing. When many are missing, their kind is listed once
  /// instead of asking for each.
  @Override
  public Map<ObjectKey, KubeObject> getAll(Collection<ObjectKey> keys) {
    var found = new HashMap<ObjectKey, KubeObject>();
    var missing = new HashMap<GroupKind, Map<String, List<ObjectKey>>>();
    for (ObjectKey key : keys) {
      Optional<ResourceType> type = state.discovery.find(key.groupKind());
      if (type.isEmpty()) {
        continue;
      }
      Optional<KubeObject> known = watch(type.get(), APPLICATION).get(key);
      if (known.isPresent()) {
        found.put(key, known.get());
      } else {
        missing
            .computeIfAbsent(key.groupKind(), _ -> new HashMap<>())
            .computeIfAbsent(key.namespace(), _ -> new ArrayList<>())
            .add(key);
      }
    }
    missing.forEach(
        (kind, byNamespace) ->
            byNamespace.forEach(
                (namespace, absent) -> {
                  Set<String> names =
                      absent.size() > FEW ? names(require(kind), namespace) : Set.of();
                  for (ObjectKey key : absent) {
                    if (absent.size() <= FEW || names.contains(key.name())) {
                      get(key).ifPresent(object -> found.put(key, object));
                    }
                  }
                }));
    return found;
  }

  /// The names of all objects of a kind in a namespace, labelled or not.
  Set<String> names(GroupKind kind, String namespace) {
    return names(require(kind), namespace);
  }

  private Set<String> names(ResourceType type, String namespace) {
    var names = new HashSet<String>();
    String next = "";
    do {
      var parts = new ArrayList<>(List.of("limit=" + PAGE));
      if (!next.isEmpty()) {
        parts.add("continue=" + Paths.value(next));
      }
      Wire.Answer answer =
          state.wire.send(
              new Wire.Call(
                  "GET",
                  Paths.query(Paths.list(type, Optional.of(namespace)), parts),
                  null,
                  Wire.Call.JSON,
                  "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"));
      if (answer.status() != 200) {
        throw Failures.of(answer);
      }
      JsonNode page = Json.parse(answer.body());
      for (JsonNode item : Json.items(page, "items")) {
        names.add(Json.string(item.path("metadata"), "name", ""));
      }
      next = Json.string(page.path("metadata"), "continue", "");
    } while (!next.isEmpty());
    return names;
  }

  @Override
  public Listing list(ObjectQuery query) {
    Optional<KindWatch> watch = covering(query);
    if (watch.isPresent()) {
      return watch.get().list(query);
    }
    ResourceType type = require(query.kind());
    var items = new ArrayList<KubeObject>();
    String version = "";
    String next = "";
    do {
      var parts = new ArrayList<>(Paths.selectors(query));
      parts.add("limit=" + PAGE);
      if (!next.isEmpty()) {
        parts.add("continue=" + Paths.value(next));
      }
      Wire.Answer answer =
          state.wire.send(Wire.Call.get(Paths.query(Paths.list(type, query.namespace()), parts)));
      if (answer.status() != 200) {
        throw Failures.of(answer);
      }
      JsonNode page = Json.parse(answer.body());
      for (JsonNode item : Json.items(page, "items")) {
        KubeObject object = KindWatch.item(type, item);
        if (Paths.selects(query, object)) {
          items.add(object);
        }
      }
      next = Json.string(page.path("metadata"), "continue", "");
      if (version.isEmpty()) {
        version = Json.string(page.path("metadata"), "resourceVersion", "");
      }
    } while (!next.isEmpty());
    items.sort(Comparator.comparing(KubeObject::key));
    return new Listing(items, version);
  }

  @Override
  public Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    Optional<KindWatch> watch = covering(query);
    if (watch.isPresent()) {
      return watch.get().watch(query, resourceVersion, listener);
    }
    ResourceType type = require(query.kind());
    var stream =
        new EventStream(
            state.wire,
            type,
            Paths.list(type, query.namespace()),
            Paths.selectors(query),
            state.timeline,
            state.chance);
    var single = new SingleWatch(query, resourceVersion, listener, stream);
    state.timeline.execute(single::run);
    return single;
  }

  /// The shared watch that holds all that a query may find.
  private Optional<KindWatch> covering(ObjectQuery query) {
    for (String label : labels(query.kind())) {
      boolean needed =
          query.labels().requirements().stream()
              .anyMatch(
                  requirement ->
                      requirement.label().equals(label)
                          && (requirement instanceof LabelSelector.Requirement.In
                              || requirement instanceof LabelSelector.Requirement.Exists));
      if (needed) {
        return Optional.of(watch(require(query.kind()), label));
      }
    }
    return Optional.empty();
  }

  private static List<String> labels(GroupKind kind) {
    return kind.equals(POD) ? List.of(HASH, APPLICATION) : List.of(APPLICATION);
  }

  private KindWatch watch(ResourceType type, String label) {
    KindWatch watch =
        state.watches.computeIfAbsent(
            new Selection(type.groupKind(), label),
            _ ->
                new KindWatch(
                    state.wire,
                    type,
                    LabelSelector.parse(label),
                    DEADLINE,
                    state.timeline,
                    state.chance));
    if (state.closed) {
      watch.close();
    }
    return watch;
  }

  // Writing

  @Override
  public KubeObject create(KubeObject object) {
    ResourceType type = require(object.key().groupKind());
    return written(
        send(
            "POST",
            Paths.query(
                Paths.list(served(type, object), Optional.of(object.namespace())), manager()),
            object.bytes(),
            Wire.Call.JSON));
  }

  @Override
  public KubeObject replace(KubeObject object) {
    ResourceType type = served(require(object.key().groupKind()), object);
    String path = Paths.object(type, object.namespace(), object.name());
    if (!object.resourceVersion().isEmpty()) {
      return written(send("PUT", Paths.query(path, manager()), object.bytes(), Wire.Call.JSON));
    }
    // Some kinds want to be told what is replaced, others take it as it comes.
    for (int attempt = 1; ; attempt++) {
      KubeObject live =
          ask(object.key())
              .orElseThrow(
                  () -> new ClusterException(Reason.NOT_FOUND, object.key() + " not found"));
      KubeObject based =
          object.withMetadata(metadata -> metadata.put("resourceVersion", live.resourceVersion()));
      try {
        return written(send("PUT", Paths.query(path, manager()), based.bytes(), Wire.Call.JSON));
      } catch (ClusterException e) {
        if (e.reason() != Reason.CONFLICT || attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  @Override
  public KubeObject replaceStatus(KubeObject object) {
    ResourceType type = served(require(object.key().groupKind()), object);
    String path = Paths.object(type, object.namespace(), object.name()) + "/status";
    return written(send("PUT", Paths.query(path, manager()), object.bytes(), Wire.Call.JSON));
  }

  @Override
  public KubeObject apply(KubeObject intent, ApplyOptions options) {
    ResourceType type = served(require(intent.key().groupKind()), intent);
    var parts = new ArrayList<>(manager());
    parts.add("force=" + options.force());
    if (options.dryRun()) {
      parts.add("dryRun=All");
    }
    Wire.Answer answer =
        send(
            "PATCH",
            Paths.query(Paths.object(type, intent.namespace(), intent.name()), parts),
            intent.bytes(),
            "application/apply-patch+yaml");
    return options.dryRun() ? object(answer) : written(answer);
  }

  @Override
  public Optional<KubeObject> delete(ObjectKey key, DeleteOptions options) {
    ResourceType type = require(key.groupKind());
    ObjectNode body = Json.object();
    body.put("apiVersion", "v1").put("kind", "DeleteOptions");
    body.put(
        "propagationPolicy",
        switch (options.propagation()) {
          case BACKGROUND -> "Background";
          case FOREGROUND -> "Foreground";
          case ORPHAN -> "Orphan";
        });
    options.grace().ifPresent(grace -> body.put("gracePeriodSeconds", grace.toSeconds()));
    options.uid().ifPresent(uid -> Json.child(body, "preconditions").put("uid", uid));
    options
        .resourceVersion()
        .ifPresent(version -> Json.child(body, "preconditions").put("resourceVersion", version));
    Wire.Answer answer =
        send(
            "DELETE",
            Paths.object(type, key.namespace(), key.name()),
            Json.write(body),
            Wire.Call.JSON);
    ObjectNode said = Json.parseObject(answer.body());
    if (Json.string(said, "kind", "").equals("Status")) {
      removed(key, Json.string(said.path("details"), "uid", options.uid().orElse("")));
      return Optional.empty();
    }
    KubeObject left = KubeObject.of(said);
    boolean stays =
        left.isTerminating()
            && (!left.finalizers().isEmpty()
                || Json.number(left.metadata(), "deletionGracePeriodSeconds", 0) > 0);
    if (stays) {
      remember(left);
      return Optional.of(left);
    }
    removed(key, left.uid());
    return Optional.empty();
  }

  @Override
  public Cluster as(Author other) {
    return new RemoteCluster(state, other);
  }

  /// The kind in the version that an object is written in.
  private static ResourceType served(ResourceType type, KubeObject object) {
    String apiVersion = object.apiVersion();
    String version = apiVersion.substring(apiVersion.indexOf('/') + 1);
    return version.equals(type.version())
        ? type
        : new ResourceType(
            type.group(),
            version,
            type.kind(),
            type.plural(),
            type.namespaced(),
            type.shortNames());
  }

  private List<String> manager() {
    return List.of("fieldManager=" + Paths.value(author.manager()), "fieldValidation=Strict");
  }

  private Wire.Answer send(String method, String path, byte[] body, String contentType) {
    Wire.Answer answer =
        state.wire.send(new Wire.Call(method, path, body, contentType, Wire.Call.JSON));
    if (answer.status() / 100 != 2) {
      throw Failures.of(answer);
    }
    return answer;
  }

  private static KubeObject object(Wire.Answer answer) {
    if (answer.status() / 100 != 2) {
      throw Failures.of(answer);
    }
    return KubeObject.parse(answer.body());
  }

  private KubeObject written(Wire.Answer answer) {
    KubeObject object = object(answer);
    remember(object);
    return object;
  }

  private void remember(KubeObject object) {
    for (String label : labels(object.key().groupKind())) {
      KindWatch watch = state.watches.get(new Selection(object.key().groupKind(), label));
      if (watch != null) {
        watch.wrote(object);
      }
    }
  }

  private void removed(ObjectKey key, String uid) {
    for (String label : labels(key.groupKind())) {
      KindWatch watch = state.watches.get(new Selection(key.groupKind(), label));
      if (watch != null) {
        watch.removed(key, uid);
      }
    }
  }

  @Override
  public void close() {
    state.closed = true;
    state.watches.values().forEach(KindWatch::close);
    state.wire.close();
  }

  /// A watch of its own, for a query that no shared one covers.
  private static final class SingleWatch implements Watch {
    private final ObjectQuery query;
    private final WatchListener listener;
    private final EventStream stream;
    private String version;
    private volatile boolean closed;

    SingleWatch(ObjectQuery query, String version, WatchListener listener, EventStream stream) {
      this.query = query;
      this.version = version;
      this.listener = listener;
      this.stream = stream;
    }

    void run() {
      while (!closed) {
        try {
          stream.read(
              version,
              new EventStream.Listener() {
                @Override
                public void changed(String type, KubeObject object) {
                  version = object.resourceVersion();
                  tell(type, object);
                }

                @Override
                public void reached(String resourceVersion) {
                  version = resourceVersion;
                }
              });
        } catch (ClusterException e) {
          if (!closed) {
            log.debug("watch ended cause={}", e.toString());
            listener.on(new WatchEvent.Expired(String.valueOf(e.getMessage())));
          }
          return;
        }
      }
    }

    private void tell(String type, KubeObject object) {
      if (closed || !Paths.selects(query, object) && !type.equals("DELETED")) {
        return;
      }
      listener.on(
          switch (type) {
            case "ADDED" -> new WatchEvent.Added(object);
            case "DELETED" -> new WatchEvent.Deleted(object);
            default -> new WatchEvent.Modified(object);
          });
    }

    @Override
    public void close() {
      closed = true;
      stream.close();
    }
  }
}
