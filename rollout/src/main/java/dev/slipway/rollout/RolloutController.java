package dev.slipway.rollout;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.model.words.Count;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Carries out rollouts: reads a Rollout and its replication controllers, takes one step, writes
/// how it stands.
///
/// It remembers nothing: stopped between any two writes, the next pass carries on.
public final class RolloutController implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RolloutController.class);
  private static final GroupKind ROLLOUT = GroupKind.slipway("Rollout");
  private static final GroupKind RC = GroupKind.core("ReplicationController");
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final String REVISION = "slipway.dev/revision";
  private static final String DEPLOYMENT = "slipway.dev/deployment-uid";
  private static final String POD_HASH = "pod-template-hash";

  /// Rollouts that are about another cluster are driven there.
  private static final LabelSelector HERE = LabelSelector.parse("!slipway.dev/cluster");

  private static final int PARALLEL = 4;
  private static final Duration REMOVAL = Duration.ofMinutes(1);

  private final Cluster cluster;
  private final EventRecorder events;
  private final EventRecorder deploymentEvents;
  private final Timeline timeline;
  private final ControlLoop<ObjectKey> loop;
  private final DeploymentMirror deployments;
  private final List<Follower> followers = new ArrayList<>();

  /// The versions that our own writes of a status made: no news for us.
  private final Map<ObjectKey, String> written = new ConcurrentHashMap<>();

  private RolloutController(
      Cluster cluster, EventRecorder events, int parallel, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("slipway-rollout"));
    this.events = events.speakingAs("rollout-controller");
    this.deploymentEvents = events.speakingAs("deployment-controller");
    this.timeline = timeline;
    this.loop = new ControlLoop<>("rollouts", parallel, this::reconcile, timeline, chance);
    this.deployments = new DeploymentMirror(this.cluster, deploymentEvents, timeline, chance);
  }

  public static RolloutController start(
      Cluster cluster, EventRecorder events, Timeline timeline, Chance chance) {
    var controller = new RolloutController(cluster, events, PARALLEL, timeline, chance);
    controller.follow();
    controller.deployments.follow();
    return controller;
  }

  /// Drives the rollouts of a cluster that has controllers of its own for everything else: its
  /// Deployments are left to them.
  ///
  /// @param parallel how many rollouts are looked at side by side
  public static RolloutController start(
      Cluster cluster, EventRecorder events, int parallel, Timeline timeline, Chance chance) {
    var controller = new RolloutController(cluster, events, parallel, timeline, chance);
    controller.follow();
    return controller;
  }

  private void follow() {
    followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(ROLLOUT).labelled(HERE),
            timeline,
            (before, after) -> {
              if (after == null) {
                written.remove(Objects.requireNonNull(before).key());
              } else if (!after.resourceVersion().equals(written.get(after.key()))) {
                loop.add(after.key());
              }
            }));
    followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(RC),
            timeline,
            Follower.Listener.ofAll(rc -> owner(rc, "Rollout").ifPresent(loop::add))));
    followers.add(Follower.start(cluster, ObjectQuery.all(POD), timeline, this::podMoved));
  }

  private void podMoved(@Nullable KubeObject before, @Nullable KubeObject after) {
    KubeObject any = after != null ? after : before;
    if (any == null || (before != null && after != null && !podMatters(before, after))) {
      return;
    }
    any.controller()
        .filter(owner -> owner.kind().equals(RC.kind()))
        .flatMap(owner -> cluster.get(ObjectKey.core(RC.kind(), any.namespace(), owner.name())))
        .flatMap(rc -> owner(rc, "Rollout"))
        .ifPresent(loop::add);
  }

  private static boolean podMatters(KubeObject before, KubeObject after) {
    return before.isTerminating() != after.isTerminating()
        || Conditions.isTrue(before.status(), "Ready") != Conditions.isTrue(after.status(), "Ready")
        || !Trouble.of(List.of(before), 1).equals(Trouble.of(List.of(after), 1))
        || !Json.string(before.status(), "phase", "")
            .equals(Json.string(after.status(), "phase", ""));
  }

  private static Optional<ObjectKey> owner(KubeObject object, String kind) {
    return object
        .controller()
        .filter(owner -> owner.kind().equals(kind))
        .map(owner -> ObjectKey.slipway(kind, object.namespace(), owner.name()));
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key).filter(rollout -> !rollout.isTerminating());
    if (found.isEmpty()) {
      return Outcome.SETTLED;
    }
    KubeObject rollout = found.get();
    Instant now = timeline.instant();
    RolloutSpec spec = RolloutSpec.read(rollout);
    List<KubeObject> controllers =
        controllers(rollout, spec).stream().map(rc -> assigned(rollout, rc)).toList();
    Set<String> hashes =
        controllers.stream().map(RolloutController::hash).collect(Collectors.toSet());
    RolloutStatus status = RolloutStatus.read(rollout, spec, hashes, now);
    var revisions = new ArrayList<RolloutView.Revision>();
    Optional<Duration> nextAvailable = Optional.empty();
    int ready = 0;
    for (KubeObject rc : controllers) {
      List<KubeObject> owned = pods(rc);
      if (deployment(rollout).isPresent()) {
        owned.stream()
            .filter(pod -> !isFindable(rc, pod.labels()))
            .forEach(pod -> cluster.replace(pod.withMetadata(own -> findable(rc, own))));
      }
      Pods pods = Pods.count(owned, spec.minReady(), now);
      ready += pods.ready();
      if (pods.nextAvailable().isPresent()
          && (nextAvailable.isEmpty()
              || pods.nextAvailable().get().compareTo(nextAvailable.get()) < 0)) {
        nextAvailable = pods.nextAvailable();
      }
      revisions.add(
          new RolloutView.Revision(
              rc.name(),
              hash(rc),
              number(rc),
              Json.integer(rc.spec(), "replicas", 1),
              pods.active(),
              pods.available(),
              pods.leaving(),
              pods.trouble()));
    }
    status.observe(spec, revisions, now);
    var view =
        new RolloutView(
            spec.replicas(),
            spec.maxSurge(),
            spec.maxUnavailable(),
            spec.recreate(),
            spec.paused(),
            status.scaledFor(),
            status.target(),
            revisions,
            status.progressedAt(),
            spec.progressDeadline(),
            spec.historyLimit(),
            !status.isAborted() && status.canGoBack());
    if (explain(rollout, controllers, status.target())) {
      return Outcome.recheckAfter(Duration.ZERO, "the next step");
    }
    RolloutStep step = possible(RollingUpdatePlanner.nextStep(view, now), rollout, spec);
    if (step instanceof RolloutStep.GiveUp && !status.isAborted() && !status.canGoBack()) {
      step = new RolloutStep.Wait(Duration.ofMinutes(10), ((RolloutStep.GiveUp) step).reason());
      status.stuck();
    }
    carryOut(rollout, spec, view, controllers, step, status, now);
    ObjectNode written = status.write(spec, view, step, ready, now);
    if (!written.equals(rollout.status())) {
      this.written.put(key, cluster.replaceStatus(rollout.withStatus(written)).resourceVersion());
    }
    return outcome(step, nextAvailable);
  }

  /// A revision that is being deleted comes again under its name, when that is free.
  private RolloutStep possible(RolloutStep step, KubeObject rollout, RolloutSpec spec) {
    if (!(step instanceof RolloutStep.Create)) {
      return step;
    }
    String name = rollout.name() + "-" + spec.hash();
    return cluster
        .get(ObjectKey.core(RC.kind(), rollout.namespace(), name))
        .filter(rc -> rc.isTerminating() && rc.isControlledBy(rollout))
        .<RolloutStep>map(_ -> new RolloutStep.Wait(REMOVAL, name + " is still being deleted"))
        .orElse(step);
  }

  private static Outcome outcome(RolloutStep step, Optional<Duration> nextAvailable) {
    return switch (step) {
      case RolloutStep.Wait(Duration recheck, String reason) ->
          Outcome.recheckAfter(
              nextAvailable.filter(next -> next.compareTo(recheck) < 0).orElse(recheck), reason);
      case RolloutStep.Create _, RolloutStep.Scale _, RolloutStep.GiveUp _ ->
          Outcome.recheckAfter(Duration.ZERO, "the next step");
      case RolloutStep.Complete _ -> Outcome.SETTLED;
    };
  }

  private void carryOut(
      KubeObject rollout,
      RolloutSpec spec,
      RolloutView view,
      List<KubeObject> controllers,
      RolloutStep step,
      RolloutStatus status,
      Instant now) {
    switch (step) {
      case RolloutStep.Create(int replicas) -> create(rollout, spec, view, replicas);
      case RolloutStep.Scale(Map<String, Integer> replicas, String why) ->
          controllers.stream()
              .filter(rc -> replicas.containsKey(rc.name()))
              .forEach(rc -> scale(rollout, rc, replicas.getOrDefault(rc.name(), 0), why));
      case RolloutStep.GiveUp(String reason) -> {
        status.abort(reason, now);
        events.warning(rollout, "RolloutAborted", "revision %s: %s".formatted(spec.hash(), reason));
        log.info(
            "rollout aborted rollout={} hash={} reason={}", rollout.key(), spec.hash(), reason);
      }
      case RolloutStep.Complete(List<String> forget) -> {
        for (KubeObject rc : controllers) {
          if (forget.contains(rc.name()) && !hash(rc).equals(status.stable())) {
            delete(rc);
          }
        }
        bumpRevision(view, controllers);
      }
      case RolloutStep.Wait _ -> {}
    }
  }

  private void create(KubeObject rollout, RolloutSpec spec, RolloutView view, int replicas) {
    String name = rollout.name() + "-" + spec.hash();
    long number =
        view.revisions().stream().mapToLong(RolloutView.Revision::number).max().orElse(0) + 1;
    KubeObject rc =
        KubeObject.make(
            "v1",
            "ReplicationController",
            rollout.namespace(),
            name,
            json -> {
              ObjectNode metadata = Json.child(json, "metadata");
              ObjectNode labels = metadata.putObject("labels");
              rollout.labels().forEach(labels::put);
              labels.put(RolloutSpec.HASH_LABEL, spec.hash());
              ObjectNode annotations = metadata.putObject("annotations");
              annotations.put(REVISION, Long.toString(number));
              deployment(rollout).ifPresent(owner -> annotations.put(DEPLOYMENT, owner.uid()));
              metadata
                  .putArray("ownerReferences")
                  .add(OwnerReference.controlledBy(rollout).toJson());
              ObjectNode body = json.putObject("spec").put("replicas", replicas);
              ObjectNode selector = body.putObject("selector");
              spec.selector().forEach(selector::put);
              selector.put(RolloutSpec.HASH_LABEL, spec.hash());
              if (spec.minReady().isPositive()) {
                body.put("minReadySeconds", spec.minReady().toSeconds());
              }
              ObjectNode template = spec.template().deepCopy();
              ObjectNode ofPods = Json.child(Json.child(template, "metadata"), "labels");
              ofPods.put(RolloutSpec.HASH_LABEL, spec.hash());
              if (deployment(rollout).isPresent()) {
                ofPods.put(POD_HASH, spec.hash());
              }
              body.set("template", template);
            });
    try {
      cluster.create(rc);
      events.normal(
          rollout,
          "NewRevision",
          "revision %d is %s with %s".formatted(number, name, Count.of(replicas, "pod")));
      scaled(rollout, name, 0, replicas);
      log.info(
          "rollout step rollout={} step=create rc={} replicas={}", rollout.key(), name, replicas);
    } catch (ClusterException e) {
      if (e.reason() == ClusterException.Reason.ALREADY_EXISTS) {
        throw new ClusterException(
            ClusterException.Reason.CONFLICT,
            "replication controller " + name + " exists and belongs to somebody else");
      }
      throw e;
    }
  }

  private static Optional<OwnerReference> deployment(KubeObject rollout) {
    return rollout.controller().filter(owner -> owner.kind().equals("Deployment"));
  }

  /// A revision says which Deployment it is for: the one that took it over, and none (an empty
  /// word) when it was left behind.
  private KubeObject assigned(KubeObject rollout, KubeObject rc) {
    String uid = deployment(rollout).map(OwnerReference::uid).orElse("");
    Optional<String> stated = rc.annotation(DEPLOYMENT);
    KubeObject assigned =
        stated.orElse("").equals(uid)
            ? rc
            : cluster.replace(
                rc.withMetadata(
                    metadata -> Json.child(metadata, "annotations").put(DEPLOYMENT, uid)));
    return uid.isEmpty() ? assigned : findable(assigned);
  }

  /// Clients find the pods of a Deployment's revision by their `pod-template-hash`. What earlier
  /// versions made gets one; that restarts nothing.
  private KubeObject findable(KubeObject rc) {
    JsonNode template = rc.spec().path("template");
    return isFindable(rc, Json.stringMap(template.path("metadata"), "labels"))
        ? rc
        : cluster.replace(
            rc.with(
                json ->
                    findable(
                        rc,
                        Json.child(Json.child(Json.child(json, "spec"), "template"), "metadata"))));
  }

  private static boolean isFindable(KubeObject rc, Map<String, String> labels) {
    Optional<String> hash = rc.label(RolloutSpec.HASH_LABEL);
    return hash.isEmpty() || hash.get().equals(labels.get(POD_HASH));
  }

  private static void findable(KubeObject rc, ObjectNode metadata) {
    Json.child(metadata, "labels").put(POD_HASH, hash(rc));
  }

  private void scale(KubeObject rollout, KubeObject rc, int replicas, String why) {
    int before = Json.integer(rc.spec(), "replicas", 1);
    if (before == replicas) {
      return;
    }
    cluster.replace(rc.with(json -> Json.child(json, "spec").put("replicas", replicas)));
    events.normal(
        rollout, "Scaled", "%s from %d to %d: %s".formatted(rc.name(), before, replicas, why));
    scaled(rollout, rc.name(), before, replicas);
    log.info(
        "rollout step rollout={} step=scale rc={} from={} to={} why={}",
        rollout.key(),
        rc.name(),
        before,
        replicas,
        why);
  }

  /// Tells those who look at the Deployment, as Kubernetes does.
  private void scaled(KubeObject rollout, String revision, int before, int after) {
    deployment(rollout)
        .map(
            owner ->
                KubeObject.make(
                    owner.apiVersion(),
                    owner.kind(),
                    rollout.namespace(),
                    owner.name(),
                    json -> Json.child(json, "metadata").put("uid", owner.uid())))
        .filter(_ -> before != after)
        .ifPresent(
            deployment ->
                deploymentEvents.normal(
                    deployment,
                    "ScalingReplicaSet",
                    "Scaled %s replica set %s from %d to %d"
                        .formatted(before < after ? "up" : "down", revision, before, after)));
  }

  /// The revision in force bears the reason that its workload states.
  ///
  /// @return whether that was news
  private boolean explain(KubeObject rollout, List<KubeObject> controllers, String target) {
    Optional<String> cause = rollout.annotation(DeploymentMirror.CAUSE);
    Optional<KubeObject> revision =
        controllers.stream()
            .filter(rc -> hash(rc).equals(target))
            .filter(rc -> !rc.annotation(DeploymentMirror.CAUSE).equals(cause))
            .findFirst();
    if (cause.isEmpty() || revision.isEmpty()) {
      return false;
    }
    cluster.replace(
        revision
            .get()
            .withMetadata(
                metadata ->
                    Json.child(metadata, "annotations").put(DeploymentMirror.CAUSE, cause.get())));
    return true;
  }

  /// A revision that is in force again is the newest again.
  private void bumpRevision(RolloutView view, List<KubeObject> controllers) {
    long newest = view.revisions().stream().mapToLong(RolloutView.Revision::number).max().orElse(0);
    view.targetRevision()
        .filter(target -> target.number() < newest)
        .flatMap(
            target ->
                controllers.stream().filter(rc -> rc.name().equals(target.name())).findFirst())
        .ifPresent(
            rc ->
                cluster.replace(
                    rc.withMetadata(
                        metadata ->
                            Json.child(metadata, "annotations")
                                .put(REVISION, Long.toString(newest + 1)))));
  }

  private void delete(KubeObject rc) {
    cluster.deleteIfThere(rc.key(), DeleteOptions.ofUid(rc.uid()));
  }

  /// The controllers of this rollout. One that bears the workload's plain name and belongs to
  /// nobody is adopted.
  private List<KubeObject> controllers(KubeObject rollout, RolloutSpec spec) {
    ObjectQuery inNamespace = ObjectQuery.in(RC, rollout.namespace());
    var controllers = new ArrayList<KubeObject>();
    for (KubeObject rc : cluster.list(inNamespace.ownedBy(rollout.uid())).items()) {
      if (!rc.isTerminating()) {
        controllers.add(rc);
      }
    }
    ObjectKey plain = ObjectKey.core(RC.kind(), rollout.namespace(), rollout.name());
    cluster
        .get(plain)
        .filter(rc -> rc.owners().isEmpty() && !rc.isTerminating())
        .filter(rc -> Json.stringMap(rc.spec(), "selector").equals(spec.selector()))
        .ifPresent(
            rc ->
                controllers.add(
                    cluster.replace(
                        rc.withMetadata(
                            metadata -> {
                              metadata
                                  .putArray("ownerReferences")
                                  .add(OwnerReference.controlledBy(rollout).toJson());
                              Json.child(metadata, "annotations").put(REVISION, "0");
                            }))));
    return controllers;
  }

  private List<KubeObject> pods(KubeObject rc) {
    return cluster.list(ObjectQuery.in(POD, rc.namespace()).ownedBy(rc.uid())).items();
  }

  static String hash(KubeObject rc) {
    return rc.label(RolloutSpec.HASH_LABEL)
        .orElseGet(() -> TemplateHash.of(rc.spec().path("template")));
  }

  static long number(KubeObject rc) {
    try {
      return rc.annotation(REVISION).map(Long::valueOf).orElse(0L);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /// The pods of one revision, counted.
  private record Pods(
      int active,
      int ready,
      int available,
      int leaving,
      Optional<Duration> nextAvailable,
      Trouble trouble) {
    static Pods count(List<KubeObject> pods, Duration minReady, Instant now) {
      int active = 0;
      int ready = 0;
      int available = 0;
      int leaving = 0;
      Optional<Duration> next = Optional.empty();
      var unready = new ArrayList<KubeObject>();
      for (KubeObject pod : pods) {
        String phase = Json.string(pod.status(), "phase", "");
        if (pod.isTerminating()) {
          leaving++;
        } else if (!phase.equals("Failed") && !phase.equals("Succeeded")) {
          active++;
          Optional<JsonNode> condition =
              Conditions.find(pod.status(), "Ready")
                  .filter(c -> Json.string(c, "status", "").equals("True"));
          if (condition.isPresent()) {
            ready++;
            Instant since = KubeObject.instant(condition.get(), "lastTransitionTime").orElse(now);
            Duration left = Duration.between(now, since.plus(minReady));
            if (!left.isPositive()) {
              available++;
            } else if (next.isEmpty() || left.compareTo(next.get()) < 0) {
              next = Optional.of(left);
            }
          } else {
            unready.add(pod);
          }
        }
      }
      return new Pods(active, ready, available, leaving, next, Trouble.of(unready, active));
    }
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    deployments.close();
    loop.close();
  }
}
