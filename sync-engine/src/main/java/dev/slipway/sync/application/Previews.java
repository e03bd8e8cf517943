package dev.slipway.sync.application;

import dev.slipway.manifest.SourceTree;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Timeline;
import dev.slipway.model.words.Count;
import dev.slipway.sync.destination.Destinations;
import dev.slipway.sync.git.SemverRange;
import dev.slipway.sync.health.HealthAssessor;
import dev.slipway.sync.order.SyncOrder;
import dev.slipway.sync.order.SyncOutline;
import dev.slipway.sync.plan.Compared;
import dev.slipway.sync.plan.PlannedSteps;
import dev.slipway.sync.plan.SyncPlan;
import dev.slipway.sync.plan.SyncPlanner;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.sync.source.BusyException;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What a sync would do: shown, or kept as an object.
final class Previews {
  private final Cluster cluster;
  private final Destinations destinations;
  private final Source source;
  private final Repositories repositories;
  private final Renders renders;
  private final SyncHistory history;
  private final HealthAssessor assessor;
  private final Function<ObjectKey, Compared> compared;
  private final Timeline timeline;

  Previews(
      Cluster cluster,
      Destinations destinations,
      Source source,
      Repositories repositories,
      Renders renders,
      SyncHistory history,
      HealthAssessor assessor,
      Function<ObjectKey, Compared> compared,
      Timeline timeline) {
    this.cluster = cluster;
    this.destinations = destinations;
    this.source = source;
    this.repositories = repositories;
    this.renders = renders;
    this.history = history;
    this.assessor = assessor;
    this.compared = compared;
    this.timeline = timeline;
  }

  private static final int PLANS_KEPT = 20;

  private Pass pass(KubeObject application) {
    return new Pass(
        cluster,
        destinations.of(application),
        repositories,
        application,
        timeline.instant(),
        compared.apply(application.key()),
        assessor);
  }

  /// What a sync to a revision would change.
  ///
  /// @param revision empty for the application's own
  /// @throws SourceException, [ManifestException] or a DestinationException
  ObjectNode diff(KubeObject application, String revision) {
    Pass pass = pass(application);
    try {
      var resolved =
          source.resolve(
              pass.remote, revision.isEmpty() ? pass.spec.revision() : revision, pass.spec.path());
      return diff(pass, compare(pass, renders.render(pass, resolved)), resolved.commit());
    } catch (BusyException e) {
      throw busy(e);
    }
  }

  /// What these files would change if they were the application's folder in Git.
  ///
  /// @throws ManifestException or a DestinationException
  ObjectNode diff(KubeObject application, SourceTree files) {
    Pass pass = pass(application);
    try {
      return diff(pass, compare(pass, renders.render(pass, files)), "local files");
    } catch (IOException e) {
      throw new SourceException("the files cannot be read: " + e.getMessage(), e);
    } catch (BusyException e) {
      throw busy(e);
    }
  }

  private static ClusterException busy(BusyException e) {
    return new ClusterException(
        ClusterException.Reason.UNAVAILABLE, e.getMessage() + "; try again in a moment");
  }

  /// What is wanted, in its order, and what is to be done for it.
  private record Ahead(SyncOrder order, SyncPlan plan) {
    PlannedSteps steps(Pass pass) {
      return PlannedSteps.of(plan, order.passing(), pass.spec.prune());
    }
  }

  private static Ahead compare(Pass pass, List<RenderedObject> rendered) {
    SyncOrder order = SyncOrder.of(rendered);
    List<RenderedObject> objects = order.objects();
    return new Ahead(order, Comparison.plan(pass, objects, Comparison.live(pass, objects)));
  }

  private static ObjectNode diff(Pass pass, Ahead ahead, String revision) {
    SyncPlan plan = ahead.plan();
    ObjectNode diff = Json.object();
    diff.put("application", pass.label())
        .put("revision", revision)
        .put("same", plan.isEmpty())
        .put("unchanged", plan.unchanged());
    ArrayNode list = diff.putArray("objects");
    for (SyncPlan.Action action : plan.actions()) {
      ObjectNode entry = list.addObject();
      RenderedObject wanted = action.wanted();
      entry
          .put("kind", wanted.declaredKind())
          .put("namespace", wanted.object().namespace())
          .put("name", wanted.object().name());
      entry.put("file", wanted.file()).put("line", wanted.line());
      switch (action) {
        case SyncPlan.Action.Create _ -> {
          entry.put("action", "create");
          if (!wanted.object().kind().equals("Secret")) {
            entry.set("desired", wanted.object().json());
          }
        }
        case SyncPlan.Action.Change change -> {
          entry.put("action", "change");
          ArrayNode changes = entry.putArray("changes");
          for (var field : change.changes()) {
            ObjectNode one = changes.addObject().put("path", field.path());
            if (!field.desired().isMissingNode()) {
              one.set("desired", field.desired());
            }
            if (!field.live().isMissingNode()) {
              one.set("live", field.live());
            }
          }
        }
        case SyncPlan.Action.Overwrite(_, _, var changes) ->
            entry
                .put("action", "replace")
                .put(
                    "why",
                    "Replace=true, %s"
                        .formatted(Count.of(changes.size(), "field differs", "fields differ")));
        case SyncPlan.Action.Replace(_, _, String why) ->
            entry.put("action", "replace").put("why", why);
      }
    }
    for (KubeObject gone : plan.prunes()) {
      list.addObject()
          .put("kind", gone.kind())
          .put("namespace", gone.namespace())
          .put("name", gone.name())
          .put("action", "prune");
    }
    diff.set("steps", SyncOutline.of(ahead.order(), plan).toJson());
    diff.set("prune", prune(pass, plan));
    return diff;
  }

  /// Whether the application deletes by itself, and what a person has to confirm first.
  private static ObjectNode prune(Pass pass, SyncPlan plan) {
    ObjectNode prune = Json.object();
    prune.put("count", plan.prunes().size()).put("automatic", pass.spec.prune());
    if (!plan.prunes().isEmpty()
        && SyncPlanner.mayPrune(
                plan,
                pass.status.inventory().size(),
                pass.spec.maxPruned(),
                pass.spec.maxPrunedPercent())
            instanceof SyncPlanner.PruneVerdict.NeedsConfirmation(String why)) {
      prune.put("confirmation", why);
    }
    return prune;
  }

  /// What a sync to a revision would do, kept as an object. The same plan twice is one object.
  ///
  /// @param revision empty for the application's own
  /// @throws SourceException, [ManifestException] or a DestinationException
  KubeObject plan(KubeObject application, String revision, String by) {
    Pass pass = pass(application);
    String target = revision.isEmpty() ? pass.spec.revision() : revision;
    Source.Resolved resolved;
    List<RenderedObject> wanted;
    try {
      resolved = source.resolve(pass.remote, target, pass.spec.path());
      wanted = renders.render(pass, resolved);
    } catch (BusyException e) {
      throw busy(e);
    }
    return keep(
        pass,
        wanted,
        resolved.commit(),
        by,
        spec ->
            spec.put("target", target)
                .put("message", resolved.message())
                .put("author", resolved.author()));
  }

  /// A plan to apply files that are in no commit. They are kept with it.
  ///
  /// @throws ClusterException `FORBIDDEN` where only commits may be applied, or where the next look
  ///   at Git would undo it
  KubeObject plan(KubeObject application, SourceTree files, String by) {
    Pass pass = pass(application);
    Optional<String> refusal = refusesLocal(pass);
    if (refusal.isPresent()) {
      throw new ClusterException(ClusterException.Reason.FORBIDDEN, refusal.get());
    }
    List<RenderedObject> rendered;
    try {
      rendered = renders.render(pass, files);
    } catch (IOException e) {
      throw new SourceException("the files cannot be read: " + e.getMessage(), e);
    } catch (BusyException e) {
      throw busy(e);
    }
    if (rendered.isEmpty()) {
      throw new SourceException("these files hold no manifest");
    }
    String content = rendered.stream().map(RenderedObject::hash).collect(Collectors.joining("\n"));
    return keep(
        pass,
        rendered,
        SyncHistory.LOCAL
            + Renderer.hash(content.getBytes(StandardCharsets.UTF_8)).substring(0, 12),
        by,
        spec -> {
          spec.put("message", "files of " + by).put("author", by);
          history.keep(application, rendered, spec.putArray("rendered"));
        });
  }

  /// Why files that are in no commit may not be applied; empty when they may.
  Optional<String> refusesLocal(Pass pass) {
    if (!repositories.signatureKeys(pass.remote).isEmpty()) {
      return Optional.of(
          "commits of %s must be signed, and local files are not"
              .formatted(pass.spec.repository().replaceFirst("//[^/@]*@", "//")));
    }
    return takenBack(pass);
  }

  /// Why what is not the application's own revision would not stay; empty when it would.
  static Optional<String> takenBack(Pass pass) {
    return pass.spec.automated() && !pass.spec.suspended()
        ? Optional.of(
            "application %s follows Git by itself and would take it back at once: `slipway suspend %s --for 1h` first"
                .formatted(pass.application.name(), pass.application.name()))
        : Optional.empty();
  }

  private KubeObject keep(
      Pass pass,
      List<RenderedObject> rendered,
      String revision,
      String by,
      Consumer<ObjectNode> more) {
    KubeObject application = pass.application;
    Ahead ahead = compare(pass, rendered);
    ObjectNode diff = diff(pass, ahead, revision);
    PlannedSteps steps = ahead.steps(pass);
    String digest = steps.digest(revision);
    return keep(
        application,
        revision,
        by,
        digest,
        spec -> {
          spec.put("digest", digest);
          more.accept(spec);
          spec.set("steps", steps.toJson());
          spec.set("objects", diff.path("objects"));
          spec.put("unchanged", Json.integer(diff, "unchanged", 0));
        });
  }

  /// Keeps that a commit could not be planned, and why.
  KubeObject unplanned(KubeObject application, String revision, String by, String problem) {
    return keep(
        application,
        revision,
        by,
        Renderer.hash((revision + "\n" + problem).getBytes(StandardCharsets.UTF_8)),
        spec -> spec.put("problem", problem));
  }

  private KubeObject keep(
      KubeObject application,
      String revision,
      String by,
      String digest,
      Consumer<ObjectNode> content) {
    KubeObject plan =
        KubeObject.make(
            "slipway.dev/v1",
            "Plan",
            application.namespace(),
            application.name() + "-" + digest.substring(0, 10),
            json -> {
              Json.child(json, "metadata")
                  .putArray("ownerReferences")
                  .add(OwnerReference.controlledBy(application).toJson());
              ObjectNode spec = json.putObject("spec");
              spec.put("application", application.name()).put("revision", revision).put("by", by);
              content.accept(spec);
            });
    Cluster writer = cluster.as(Author.controller("slipway-sync"));
    try {
      KubeObject created = writer.create(plan);
      history.trimPlans(application, PLANS_KEPT);
      return created;
    } catch (ClusterException e) {
      if (e.reason() == ClusterException.Reason.ALREADY_EXISTS) {
        return cluster.get(plan.key()).orElseThrow(() -> e);
      }
      throw e;
    }
  }

  /// Makes Git say what an entry of the history says.
  ///
  /// @param id of the entry
  /// @param onto a new branch to push to; empty for the branch that the application follows
  /// @return the commit
  String revert(KubeObject application, long id, String onto, String by) {
    Pass pass = pass(application);
    KubeObject record =
        history
            .find(application, id)
            .orElseThrow(
                () ->
                    new ClusterException(
                        ClusterException.Reason.NOT_FOUND, "history has no entry " + id));
    String branch = pass.spec.revision();
    if (branch.equals("HEAD")
        || SemverRange.parse(branch).isPresent()
        || branch.matches("[0-9a-f]{40}")) {
      throw new SourceException(
          "%s follows %s, which is no branch by name: set targetRevision to a branch to push to"
              .formatted(application.name(), branch));
    }
    return source.revert(
        pass.remote,
        branch,
        onto.isEmpty() ? branch : onto,
        pass.spec.path(),
        SyncHistory.revision(record),
        "Take %s back to %s\n\nAsked for by %s, as entry %d of the history of %s.\n"
            .formatted(
                application.name(),
                Words.brief(SyncHistory.revision(record)),
                by,
                id,
                pass.label()));
  }

  /// Whether a plan still says what would happen.
  ///
  /// @return why not; empty when it does
  Optional<String> moved(
      Pass pass, KubeObject plan, Source.Resolved revision, List<RenderedObject> rendered) {
    String planned = Json.string(plan.spec(), "revision", "");
    if (!revision.commit().equals(planned)) {
      return Optional.of(
          "Git moved: %s is %s now, the plan is for %s"
              .formatted(
                  Json.string(plan.spec(), "target", ""),
                  Words.brief(revision.commit()),
                  Words.brief(planned)));
    }
    return compare(pass, rendered)
        .steps(pass)
        .movedSince(plan.spec().path("steps"))
        .map(what -> "live objects moved since the plan was made: " + what);
  }
}
