package dev.slipway.sync.application;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.order.SyncOrder;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import dev.slipway.sync.window.WindowPlanner;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/// What people ask of an application: sync, rollback, terminate.
final class Requests {
  static final String TERMINATE = "terminate";

  private final Source source;
  private final Renders renders;
  private final SyncHistory history;
  private final Operations operations;
  private final Previews previews;
  private final EventRecorder events;
  private final Consumer<String> refresh;

  Requests(
      Source source,
      Renders renders,
      SyncHistory history,
      Operations operations,
      Previews previews,
      EventRecorder events,
      Consumer<String> refresh) {
    this.source = source;
    this.renders = renders;
    this.history = history;
    this.operations = operations;
    this.previews = previews;
    this.events = events;
    this.refresh = refresh;
  }

  /// What must not wait for anything, not even for Git.
  ///
  /// @param reached whether the cluster of the application may be asked
  boolean urgent(Pass pass, boolean reached) {
    Optional<JsonNode> terminate = request(pass, TERMINATE);
    if (terminate.isPresent()) {
      if (pass.status.isOpen()) {
        String revision = pass.status.operationRevision();
        String message = "terminated by " + Json.string(terminate.get(), "by", "somebody");
        if (reached) {
          operations.close(pass, "Terminated", message, false);
        } else {
          operations.closeUnreached(pass, "Terminated", message);
        }
        pass.status.reject(revision, message);
        events.normal(
            pass.application,
            "OperationTerminated",
            "sync %d was terminated".formatted(pass.status.operationId()));
      }
    }
    return terminate.isPresent();
  }

  boolean requests(Pass pass, Wanted wanted) {
    if (request(pass, "refresh").isPresent()) {
      renders.forget(pass.label());
      refresh.accept(pass.remote.url());
    }
    Optional<JsonNode> rollback = request(pass, "rollback");
    if (rollback.isPresent()) {
      return rollBack(pass, wanted, rollback.get());
    }
    Optional<JsonNode> sync = request(pass, "sync");
    return sync.isPresent() && syncNow(pass, wanted, sync.get());
  }

  static String annotation(String request) {
    return "slipway.dev/" + request + "-requested";
  }

  /// A request that was not answered yet. It counts as answered from now on.
  private Optional<JsonNode> request(Pass pass, String name) {
    Optional<String> text = pass.application.annotation(annotation(name));
    if (text.isEmpty()) {
      return Optional.empty();
    }
    JsonNode request;
    try {
      request = Json.parse(text.get());
    } catch (IllegalArgumentException e) {
      request = Json.object().put("id", text.get());
    }
    String id = Json.string(request, "id", text.get());
    if (pass.status.isHandled(name, id)) {
      return Optional.empty();
    }
    pass.status.handled(name, id);
    return Optional.of(request);
  }

  /// Why a revision would not stay that is not the one of the application.
  private static Optional<String> takenBack(Pass pass, Wanted wanted, Source.Resolved revision) {
    Source.Resolved followed = wanted.revision();
    return followed == null || followed.tree().equals(revision.tree())
        ? Optional.empty()
        : Previews.takenBack(pass);
  }

  private boolean syncNow(Pass pass, Wanted wanted, JsonNode request) {
    Source.Resolved revision = wanted.revision();
    List<RenderedObject> objects = wanted.objects();
    String asked = Json.string(request, "revision", "");
    Optional<KubeObject> planned = Optional.empty();
    String planName = Json.string(request, "plan", "");
    if (!planName.isEmpty()) {
      planned =
          pass.home
              .get(ObjectKey.slipway("Plan", pass.application.namespace(), planName))
              .filter(plan -> plan.isControlledBy(pass.application));
      if (planned.isEmpty()) {
        operations.refuse(
            pass, "sync", "there is no plan %s of this application".formatted(planName));
        return true;
      }
      Optional<String> problem = Json.string(planned.get().spec(), "problem");
      if (problem.isPresent()) {
        operations.refuse(
            pass, "sync", "plan %s could not be made: %s".formatted(planName, problem.get()));
        return true;
      }
      asked = Json.string(planned.get().spec(), "target", "");
    }
    Optional<KubeObject> local =
        planned.filter(plan -> SyncHistory.isLocal(SyncHistory.revision(plan)));
    Optional<String> refusal = local.flatMap(_ -> previews.refusesLocal(pass));
    if (refusal.isPresent()) {
      operations.refuse(pass, "sync", refusal.get());
      return true;
    }
    try {
      if (local.isPresent()) {
        JsonNode spec = local.get().spec();
        revision =
            new Source.Resolved(
                SyncHistory.revision(local.get()),
                "",
                Json.string(spec, "author", ""),
                pass.now.toString(),
                Json.string(spec, "message", ""));
        objects = history.objects(local.get());
      } else if (!asked.isEmpty()) {
        revision = source.resolve(pass.remote, asked, pass.spec.path());
        objects = renders.render(pass, revision);
      }
    } catch (SourceException e) {
      operations.refuse(pass, "sync", String.valueOf(e.getMessage()));
      return true;
    } catch (ManifestException e) {
      operations.refuse(pass, "sync", Words.problems(e.problems()));
      return true;
    } catch (IllegalStateException e) {
      operations.refuse(pass, "sync", String.valueOf(e.getMessage()));
      return true;
    }
    if (revision == null || objects == null) {
      operations.refuse(
          pass,
          "sync",
          revision == null
              ? Json.string(
                  pass.status.json().path("source"), "problem", "the repository does not answer")
              : "the manifests have problems; see `slipway status`");
      return true;
    }
    Optional<String> back =
        asked.isEmpty() || !Json.strings(request, "resources").isEmpty()
            ? Optional.empty()
            : takenBack(pass, wanted, revision);
    if (back.isPresent()) {
      operations.refuse(pass, "sync", back.get());
      return true;
    }
    if (planned.isPresent()) {
      Optional<String> moved = previews.moved(pass, planned.get(), revision, objects);
      if (moved.isPresent()) {
        operations.refuse(pass, "sync", moved.get() + "; make a new plan");
        return true;
      }
    }
    List<String> selection = Json.strings(request, "resources");
    Optional<String> fault =
        selection.stream().map(Selection::fault).filter(text -> !text.isEmpty()).findFirst();
    if (fault.isPresent()) {
      operations.refuse(pass, "sync", fault.get());
      return true;
    }
    if (!selection.isEmpty()
        && SyncOrder.of(objects)
            .only(object -> Selection.matches(selection, object.object()))
            .objects()
            .isEmpty()) {
      operations.refuse(
          pass,
          "sync",
          "nothing in revision %s matches %s"
              .formatted(Words.brief(revision.commit()), String.join(", ", selection)));
      return true;
    }
    if (Gates.window(pass) instanceof WindowPlanner.Verdict.Closed(String why, _, boolean manual)
        && !manual
        && !Json.bool(request, "overrideWindow", false)) {
      operations.refuse(
          pass,
          "sync",
          why + "; `slipway sync --override-window` goes on nevertheless, and is recorded");
      return true;
    }
    boolean prune =
        Json.bool(request, "prune", pass.spec.prune()) || Json.bool(request, "confirmPrune", false);
    operations.supersede(pass, "superseded by a manual sync");
    String by = Json.string(request, "by", "somebody");
    if (selection.isEmpty()) {
      pass.status.release();
      pass.status.accept(revision.commit());
    }
    operations.begin(
        pass,
        revision,
        objects,
        new SyncHistory.Cause(
            "manual",
            by,
            planName.isEmpty() ? Json.string(request, "reason", "") : "plan " + planName,
            selection,
            Json.bool(request, "overrideWindow", false)),
        prune && selection.isEmpty(),
        planned.isPresent() || Json.bool(request, "confirmPrune", false));
    if (asked.isEmpty() && local.isEmpty()) {
      pass.status
          .operation()
          .put("repository", pass.spec.repository())
          .put("target", pass.spec.revision());
    }
    if (Json.bool(request, "force", false)) {
      pass.status.operation().put("force", true);
    }
    return true;
  }

  private boolean rollBack(Pass pass, Wanted wanted, JsonNode request) {
    long current = pass.status.operationId();
    long asked = Json.number(request, "historyId", 0);
    Optional<KubeObject> currentRecord = history.find(pass.application, current);
    Optional<KubeObject> target =
        asked > 0
            ? history.find(pass.application, asked)
            : history.of(pass.application).stream()
                .filter(
                    record ->
                        SyncHistory.id(record) < current
                            && SyncHistory.isHealthy(record)
                            && !SyncHistory.isPartial(record)
                            && !pass.status.isRejected(SyncHistory.revision(record)))
                .filter(
                    record -> currentRecord.isEmpty() || !sameObjects(record, currentRecord.get()))
                .findFirst();
    if (target.isEmpty()) {
      operations.refuse(
          pass,
          "rollback",
          asked > 0
              ? "history has no entry " + asked
              : "there is no earlier healthy sync to go back to");
      return true;
    }
    String by = Json.string(request, "by", "somebody");
    String from = currentRecord.map(SyncHistory::revision).orElse(pass.status.operationRevision());
    operations.supersede(pass, "superseded by a rollback");
    if (!from.isEmpty() && !from.equals(SyncHistory.revision(target.get()))) {
      pass.status.reject(from, "rolled back by " + by);
    }
    pass.status.hold(
        seen(pass, wanted, from), SyncHistory.id(target.get()), "rolled back by " + by);
    return operations.restore(pass, target.get(), "rollback", by);
  }

  /// The newest commit that the status showed to who asked. One that is found only now is newer
  /// than the request, and releases the hold.
  private static String seen(Pass pass, Wanted wanted, String otherwise) {
    return Json.string(pass.application.status().path("source"), "revision")
        .or(() -> Optional.ofNullable(wanted.revision()).map(Source.Resolved::commit))
        .orElse(otherwise);
  }

  private static boolean sameObjects(KubeObject one, KubeObject other) {
    return one.spec().path("objects").equals(other.spec().path("objects"));
  }
}
