package dev.slipway.controlplane.cluster;

import static dev.slipway.model.cluster.ClusterException.Reason.ALREADY_EXISTS;
import static dev.slipway.model.cluster.ClusterException.Reason.CONFLICT;
import static dev.slipway.model.cluster.ClusterException.Reason.FORBIDDEN;
import static dev.slipway.model.cluster.ClusterException.Reason.INVALID;
import static dev.slipway.model.cluster.ClusterException.Reason.NOT_FOUND;

import dev.slipway.controlplane.services.ServiceTypes;
import dev.slipway.controlplane.services.TakenPlaces;
import dev.slipway.controlplane.store.Following;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.Write;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchListener;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.ownership.ServerSideApply;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Kubernetes' rules for writing objects, over an [ObjectStore].
///
/// A write is decided from the last committed state and takes effect only if that has not moved;
/// when nobody stated a resourceVersion, it is decided again.
public final class EmbeddedCluster implements Cluster {
  private static final int ATTEMPTS = 1_000;

  /// Namespaces that stay.
  private static final Set<String> IMMORTAL = Set.of("default", "kube-system", "kube-public");

  private static final Set<String> WITHOUT_STATUS =
      Set.of(
          "Event", "Endpoints", "ConfigMap", "Secret", "ServiceAccount", "Lease", "EndpointSlice");

  /// Kinds whose status is there, with nothing in it, before their controllers have looked.
  private static final Set<String> BEGINS_EMPTY = Set.of("Deployment", "Job", "CronJob");

  /// Kinds whose content has no generations, as in Kubernetes.
  private static final Set<String> WITHOUT_GENERATION =
      Set.of(
          "Namespace",
          "Node",
          "Service",
          "Endpoints",
          "ConfigMap",
          "Secret",
          "ServiceAccount",
          "Event",
          "Lease",
          "Role",
          "RoleBinding",
          "ClusterRole",
          "ClusterRoleBinding");

  private static final List<String> IDENTITY =
      List.of(
          "uid",
          "generation",
          "creationTimestamp",
          "deletionTimestamp",
          "deletionGracePeriodSeconds",
          "resourceVersion");

  private final ObjectStore store;
  private final Admission admission;
  private final Timeline timeline;
  private final Chance chance;
  private final Author author;
  private final boolean rehearsal;

  /// What a write comes to: what was there, what is to be there (null removes).
  private record Decision(
      @Nullable KubeObject base, @Nullable KubeObject next, List<KubeObject> guards) {}

  public EmbeddedCluster(ObjectStore store, Admission admission, Timeline timeline, Chance chance) {
    this(store, admission, timeline, chance, Author.controller("cluster"), false);
  }

  private EmbeddedCluster(
      ObjectStore store,
      Admission admission,
      Timeline timeline,
      Chance chance,
      Author author,
      boolean rehearsal) {
    this.store = store;
    this.admission = admission;
    this.timeline = timeline;
    this.chance = chance;
    this.author = author;
    this.rehearsal = rehearsal;
  }

  /// Makes the namespaces that are always there.
  public EmbeddedCluster withNamespaces(String... names) {
    for (String name : names) {
      if (store.get(ObjectKey.core("Namespace", "", name)).isEmpty()) {
        create(KubeObject.make("v1", "Namespace", "", name, json -> {}));
      }
    }
    return this;
  }

  /// The version of the last write of all.
  public String resourceVersion() {
    return Long.toString(store.revision());
  }

  @Override
  public Optional<KubeObject> get(ObjectKey key) {
    return store.get(key);
  }

  @Override
  public Listing list(ObjectQuery query) {
    return store.list(query);
  }

  /// What there was at an earlier version, as long as that is kept.
  ///
  /// @throws ClusterException `EXPIRED` when it is kept no more
  public Listing listAt(ObjectQuery query, String resourceVersion) {
    return store.listAt(query, Long.parseLong(resourceVersion));
  }

  @Override
  public Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    return store.watch(query, resourceVersion, listener);
  }

  /// As [#watch], for an owner with a thread of its own that reads.
  public Following follow(List<Following.Source> sources, String resourceVersion) {
    return store.follow(sources, resourceVersion);
  }

  @Override
  public EmbeddedCluster as(Author other) {
    return new EmbeddedCluster(store, admission, timeline, chance, other, rehearsal);
  }

  /// The same cluster, whose writes are decided and answered as ever, and take no effect.
  public EmbeddedCluster rehearsal() {
    return new EmbeddedCluster(store, admission, timeline, chance, author, true);
  }

  @Override
  public KubeObject create(KubeObject object) {
    KubeObject wanted =
        filled(object.with(json -> Json.child(json, "metadata").remove("managedFields")));
    return stored(
        write(
            "create",
            wanted.key(),
            _ -> {
              if (store.get(wanted.key()).isPresent()) {
                throw new ClusterException(ALREADY_EXISTS, wanted.key() + " already exists");
              }
              return creation(wanted);
            }));
  }

  private KubeObject filled(KubeObject object) {
    return object.with(
        json -> {
          admission.fill(json);
          ObjectNode metadata = Json.child(json, "metadata");
          for (String field : IDENTITY) {
            metadata.remove(field);
          }
        });
  }

  private Decision creation(KubeObject wanted) {
    ObjectKey key = wanted.key();
    List<KubeObject> guards = openNamespace(key);
    KubeObject fresh =
        wanted.with(
            json -> {
              ObjectNode metadata = Json.child(json, "metadata");
              metadata.put("uid", chance.uid());
              if (!WITHOUT_GENERATION.contains(key.kind())) {
                metadata.put("generation", 1);
              }
              metadata.put("creationTimestamp", Conditions.time(timeline.instant()));
              if (!WITHOUT_STATUS.contains(key.kind())
                  && !key.kind().equals("Node")
                  && !key.kind().equals("SyncRecord")) {
                json.remove("status");
              }
              if (isCore(key, "Pod")) {
                pending(json);
                AccountVolume.give(json, name -> account(key.namespace(), name), chance);
              }
              if (isCore(key, "Namespace")) {
                Json.child(json, "status").put("phase", "Active");
                Json.child(json, "spec").putArray("finalizers").add("kubernetes");
              }
              if (BEGINS_EMPTY.contains(key.kind())) {
                Json.child(json, "status");
              }
              if (isCore(key, "Service")) {
                Json.child(json, "status").putObject("loadBalancer");
              }
              if (key.group().equals("batch") && key.kind().equals("Job")) {
                JobIdentity.fill(json);
              }
            });
    refuseFaults(Optional.empty(), fresh);
    Optional<String> refusal = admission.refusal(fresh, this);
    if (refusal.isPresent()) {
      throw new ClusterException(FORBIDDEN, refusal.get());
    }
    if (author.isController() || !fresh.metadata().path("managedFields").isMissingNode()) {
      return new Decision(null, fresh, guards);
    }
    JsonNode owners =
        ServerSideApply.recordCreation(wanted, author.manager(), timeline.instant())
            .metadata()
            .path("managedFields");
    return new Decision(
        null,
        owners.isMissingNode()
            ? fresh
            : fresh.withMetadata(metadata -> metadata.set("managedFields", owners)),
        guards);
  }

  /// Puts on record what somebody did with an object that the store does not see: a command in a
  /// pod, a token of an account.
  ///
  /// @throws ClusterException `UNAVAILABLE` when it could not be kept, `CONFLICT` when the object
  ///   never stood still
  public void record(String verb, ObjectKey key) {
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      Optional<KubeObject> object = store.get(key);
      if (object.isEmpty()
          || !(store.commit(new Write(key, object.get(), object.get(), List.of(), verb, author))
              instanceof Write.Result.Stale)) {
        return;
      }
    }
    throw movesTooFast(key);
  }

  private void pending(ObjectNode pod) {
    ObjectNode status = Json.child(pod, "status").put("phase", "Pending");
    if (!Json.items(pod.path("spec"), "schedulingGates").isEmpty()) {
      Conditions.set(
          status,
          "PodScheduled",
          false,
          "SchedulingGated",
          "Scheduling is blocked due to non-empty scheduling gates",
          timeline.instant());
    }
  }

  private Optional<KubeObject> account(String namespace, String name) {
    return store.get(ObjectKey.core("ServiceAccount", namespace, name));
  }

  @Override
  public KubeObject replace(KubeObject object) {
    return stored(
        write(
            "replace",
            object.key(),
            _ -> {
              KubeObject old = current(object);
              KubeObject changed =
                  object.with(
                      json -> {
                        admission.fill(json);
                        copyOrRemove(json, old.json(), "status");
                        ObjectNode metadata = Json.child(json, "metadata");
                        IDENTITY.forEach(field -> copyOrRemove(metadata, old.metadata(), field));
                        if (!metadata.path("managedFields").isArray()) {
                          copyOrRemove(metadata, old.metadata(), "managedFields");
                        }
                      });
              if (changed.json().equals(old.json())) {
                return new Decision(old, old, List.of());
              }
              return update(
                  old,
                  ServerSideApply.recordUpdate(
                      owned(old, changed), changed, author.manager(), timeline.instant()));
            }));
  }

  /// Who owns what may be stated by a client, to hand fields over (`kubectl apply --server-side` on
  /// what was applied otherwise) or to forget all owners (an empty list, or one of an empty entry).
  private static KubeObject owned(KubeObject old, KubeObject changed) {
    JsonNode stated = changed.metadata().path("managedFields");
    return stated.equals(old.metadata().path("managedFields"))
        ? old
        : old.withMetadata(metadata -> metadata.set("managedFields", stated));
  }

  @Override
  public KubeObject replaceStatus(KubeObject object) {
    return stored(
        write(
            "status",
            object.key(),
            _ -> {
              KubeObject old = current(object);
              return object.status().equals(old.status())
                  ? new Decision(old, old, List.of())
                  : update(old, old.with(json -> copyOrRemove(json, object.json(), "status")));
            }));
  }

  @Override
  public KubeObject apply(KubeObject intent, ApplyOptions options) {
    KubeObject stated = intent.with(json -> json.remove("status"));
    ObjectKey key = stated.key();
    EmbeddedCluster where = options.dryRun() ? rehearsal() : this;
    return stored(where.write("apply", key, _ -> application(stated, key, options)));
  }

  private Decision application(KubeObject stated, ObjectKey key, ApplyOptions options) {
    Optional<KubeObject> live = store.get(key);
    KubeObject merged =
        ServerSideApply.apply(live, stated, author.manager(), options.force(), timeline.instant());
    if (live.isEmpty()) {
      return creation(filled(merged));
    }
    KubeObject old = live.get();
    if (merged == old) {
      return new Decision(old, old, List.of());
    }
    KubeObject complete =
        merged.with(
            json -> {
              admission.fill(json);
              copyOrRemove(json, old.json(), "status");
              ObjectNode metadata = Json.child(json, "metadata");
              IDENTITY.forEach(field -> copyOrRemove(metadata, old.metadata(), field));
            });
    return update(old, complete);
  }

  @Override
  public Optional<KubeObject> delete(ObjectKey key, DeleteOptions options) {
    Write.@Nullable Result result =
        write(
            "delete",
            key,
            _ -> {
              KubeObject known =
                  store
                      .get(key)
                      .orElseThrow(() -> new ClusterException(NOT_FOUND, key + " not found"));
              if (options.uid().isPresent() && !options.uid().get().equals(known.uid())) {
                throw new ClusterException(CONFLICT, key + " has another uid");
              }
              if (options.resourceVersion().isPresent()
                  && !options.resourceVersion().get().equals(known.resourceVersion())) {
                throw new ClusterException(CONFLICT, key + " has changed");
              }
              if (isCore(key, "Namespace") && IMMORTAL.contains(key.name())) {
                throw new ClusterException(
                    FORBIDDEN,
                    "namespaces \"%s\" is forbidden: this namespace may not be deleted"
                        .formatted(key.name()));
              }
              return deletion(known, options);
            });
    return result instanceof Write.Result.Stored(KubeObject left)
        ? Optional.of(left)
        : Optional.empty();
  }

  private Decision deletion(KubeObject known, DeleteOptions options) {
    boolean isPod = isCore(known.key(), "Pod");
    boolean isNamespace = isCore(known.key(), "Namespace");
    Duration period = isPod ? gracePeriod(known, options) : Duration.ZERO;
    String finalizer =
        switch (options.propagation()) {
          case BACKGROUND -> "";
          case FOREGROUND -> "foregroundDeletion";
          case ORPHAN -> "orphan";
        };
    List<String> finalizers = new ArrayList<>(known.finalizers());
    if (!finalizer.isEmpty() && !known.isTerminating() && !finalizers.contains(finalizer)) {
      finalizers.add(finalizer);
    }
    boolean waits =
        !finalizers.isEmpty()
            || !period.isZero()
            || (isNamespace && !Json.strings(known.spec(), "finalizers").isEmpty());
    if (!waits) {
      return new Decision(known, null, List.of());
    }
    if (known.isTerminating()) {
      boolean sooner =
          isPod
              && period.toSeconds()
                  < Json.number(known.metadata(), "deletionGracePeriodSeconds", 0);
      return sooner
          ? new Decision(known, marked(known, finalizers, period, true), List.of())
          : new Decision(known, known, List.of());
    }
    KubeObject marked = marked(known, finalizers, period, isPod);
    return new Decision(
        known,
        isNamespace
            ? marked.with(json -> Json.child(json, "status").put("phase", "Terminating"))
            : marked,
        List.of());
  }

  private KubeObject marked(
      KubeObject known, List<String> finalizers, Duration period, boolean isPod) {
    return known.withMetadata(
        metadata -> {
          if (!finalizers.isEmpty()) {
            ArrayNode array = metadata.putArray("finalizers");
            finalizers.forEach(array::add);
          }
          metadata.put("deletionTimestamp", Conditions.time(timeline.instant().plus(period)));
          metadata.put("deletionGracePeriodSeconds", isPod ? period.toSeconds() : 0);
          if (!WITHOUT_GENERATION.contains(known.kind())) {
            metadata.put("generation", known.generation() + 1);
          }
        });
  }

  /// A pod that runs nowhere needs no grace.
  private static Duration gracePeriod(KubeObject pod, DeleteOptions options) {
    String phase = Json.string(pod.status(), "phase", "");
    if (Json.string(pod.spec(), "nodeName", "").isEmpty()
        || phase.equals("Succeeded")
        || phase.equals("Failed")) {
      return Duration.ZERO;
    }
    return options
        .grace()
        .orElse(Duration.ofSeconds(Json.number(pod.spec(), "terminationGracePeriodSeconds", 30)));
  }

  private KubeObject current(KubeObject object) {
    KubeObject old =
        store
            .get(object.key())
            .orElseThrow(() -> new ClusterException(NOT_FOUND, object.key() + " not found"));
    if (!object.resourceVersion().isEmpty()
        && !object.resourceVersion().equals(old.resourceVersion())) {
      throw new ClusterException(
          CONFLICT, object.key() + " has changed since it was read: read it again and repeat");
    }
    if (!object.uid().isEmpty() && !object.uid().equals(old.uid())) {
      throw new ClusterException(CONFLICT, object.key() + " has another uid");
    }
    return old;
  }

  private Decision update(KubeObject old, KubeObject stated) {
    KubeObject changed = isCore(old.key(), "Service") ? ServiceTypes.left(old, stated) : stated;
    if (changed.json().equals(old.json())) {
      return new Decision(old, old, List.of());
    }
    boolean sameContent = sameBut(changed.json(), old.json());
    KubeObject next =
        sameContent || WITHOUT_GENERATION.contains(old.kind())
            ? changed
            : changed.withMetadata(metadata -> metadata.put("generation", old.generation() + 1));
    if (!sameContent || !changed.metadata().equals(old.metadata())) {
      refuseFaults(Optional.of(old), next);
    }
    boolean namespaceHeld =
        isCore(next.key(), "Namespace") && !Json.strings(next.spec(), "finalizers").isEmpty();
    boolean podHeld =
        isCore(next.key(), "Pod")
            && Json.number(next.metadata(), "deletionGracePeriodSeconds", 0) > 0;
    if (next.isTerminating() && next.finalizers().isEmpty() && !namespaceHeld && !podHeld) {
      return new Decision(old, null, List.of());
    }
    return new Decision(old, next, List.of());
  }

  /// Whether everything but metadata and status is equal: then the generation stays.
  private static boolean sameBut(ObjectNode one, ObjectNode other) {
    return contained(one, other) && contained(other, one);
  }

  private static boolean contained(ObjectNode one, ObjectNode other) {
    for (var member : one.properties()) {
      String name = member.getKey();
      if (!name.equals("metadata")
          && !name.equals("status")
          && !member.getValue().equals(other.get(name))) {
        return false;
      }
    }
    return true;
  }

  private void refuseFaults(Optional<KubeObject> before, KubeObject after) {
    List<ClusterException.Cause> faults = admission.faults(before, after);
    if (faults.isEmpty()
        && isCore(after.key(), "Service")
        && before.filter(old -> old.spec().equals(after.spec())).isEmpty()) {
      faults =
          TakenPlaces.faults(before, after, list(ObjectQuery.all(after.key().groupKind())).items());
    }
    if (!faults.isEmpty()) {
      List<String> words =
          faults.stream().map(fault -> fault.field() + ": " + fault.message()).toList();
      throw new ClusterException(
          INVALID,
          "%s \"%s\" is invalid: %s"
              .formatted(
                  after.key().groupKind(),
                  after.name(),
                  faults.size() == 1 ? words.getFirst() : words.toString()),
          faults);
    }
  }

  private List<KubeObject> openNamespace(ObjectKey key) {
    Optional<ResourceType> type = ResourceTypes.KNOWN.find(key.groupKind());
    if (type.isEmpty()) {
      throw new ClusterException(NOT_FOUND, "this cluster has no kind " + key.groupKind());
    }
    if (!type.get().namespaced()) {
      if (!key.namespace().isEmpty()) {
        throw new ClusterException(INVALID, key.groupKind() + " has no namespace");
      }
      return List.of();
    }
    if (key.namespace().isEmpty()) {
      throw new ClusterException(INVALID, key + " needs a namespace");
    }
    KubeObject namespace =
        store
            .get(ObjectKey.core("Namespace", "", key.namespace()))
            .orElseThrow(
                () ->
                    new ClusterException(
                        NOT_FOUND, "namespaces \"" + key.namespace() + "\" not found"));
    if (namespace.isTerminating()) {
      throw new ClusterException(
          FORBIDDEN,
          "namespace " + key.namespace() + " is being terminated: nothing new goes into it");
    }
    return List.of(namespace);
  }

  private Write.@Nullable Result write(
      String verb, ObjectKey key, Function<Integer, Decision> decide) {
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      Decision decision = decide.apply(attempt);
      KubeObject base = decision.base();
      KubeObject next = decision.next();
      if (base != null && base == next) {
        return new Write.Result.Stored(base);
      }
      if (rehearsal) {
        return next == null && base != null
            ? new Write.Result.Removed(base)
            : new Write.Result.Stored(java.util.Objects.requireNonNull(next));
      }
      Write.Result result =
          store.commit(new Write(key, base, next, decision.guards(), verb, author));
      if (!(result instanceof Write.Result.Stale)) {
        return result;
      }
    }
    throw movesTooFast(key);
  }

  private static ClusterException movesTooFast(ObjectKey key) {
    return new ClusterException(CONFLICT, key + " changes too fast");
  }

  private static KubeObject stored(Write.@Nullable Result result) {
    return switch (result) {
      case Write.Result.Stored(KubeObject object) -> object;
      case Write.Result.Removed(KubeObject last) -> last;
      case Write.Result.Stale _ ->
          throw new IllegalStateException("a stale write was not repeated");
      case null -> throw new IllegalStateException("a write without a result");
    };
  }

  private static boolean isCore(ObjectKey key, String kind) {
    return key.group().isEmpty() && key.kind().equals(kind);
  }

  private static void copyOrRemove(ObjectNode target, JsonNode source, String field) {
    JsonNode value = source.path(field);
    if (value.isMissingNode()) {
      target.remove(field);
    } else {
      target.set(field, value);
    }
  }
}
