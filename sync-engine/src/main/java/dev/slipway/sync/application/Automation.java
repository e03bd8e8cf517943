package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.git.SemverRange;
import dev.slipway.sync.source.Source;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Syncs that begin by themselves, because of a new commit.
final class Automation {
  private final Source source;
  private final SyncHistory history;
  private final EventRecorder events;
  private final Operations operations;

  Automation(Source source, SyncHistory history, Operations operations, EventRecorder events) {
    this.source = source;
    this.events = events;
    this.history = history;
    this.operations = operations;
  }

  /// Why a commit is not taken up, as far as Git says.
  private static final List<String> DOUBTS =
      List.of("EmptyRender", "UnrelatedHistory", "DependencyCycle");

  /// Whether a new commit is to be synced by itself, and why it is not.
  boolean automatic(Pass pass, Wanted wanted) {
    boolean begins = begins(pass, wanted);
    if (wanted.revision() != null) {
      pass.status.untold(DOUBTS);
    }
    return begins;
  }

  private boolean begins(Pass pass, Wanted wanted) {
    Source.Resolved revision = wanted.revision();
    List<RenderedObject> objects = wanted.objects();
    if (!pass.spec.automated() || pass.spec.suspended() || revision == null || objects == null) {
      return false;
    }
    String commit = revision.commit();
    if (pass.status.isRejected(commit) || pass.status.held().filter(commit::equals).isPresent()) {
      return false;
    }
    Optional<KubeObject> current =
        pass.status.hasOperation()
            ? history.find(pass.application, pass.status.operationId())
            : Optional.empty();
    if (current.isPresent()
        && !SyncHistory.isPartial(current.get())
        && pass.status.held().isEmpty()
        && hashes(current.get()).equals(hashes(objects))) {
      if (!pass.status.operationRevision().equals(commit)) {
        pass.status.operation().put("revision", commit);
      }
      return false;
    }
    if (objects.isEmpty() && !pass.spec.allowEmpty()) {
      pass.status.condition(
          "EmptyRender",
          true,
          "NoManifests",
          "revision %s holds no manifest: nothing is changed (allowEmpty is off)"
              .formatted(Words.brief(commit)));
      return false;
    }
    Source.Ancestry ancestry = ancestry(pass, commit);
    if (isHeldBack(pass, commit, ancestry)) {
      return false;
    }
    if (Gates.mustWait(pass, commit)) {
      return false;
    }
    operations.supersede(pass, "superseded by " + Words.brief(commit));
    pass.status.release();
    operations.begin(
        pass,
        revision,
        objects,
        SyncHistory.Cause.of("automated", "git"),
        pass.spec.prune(),
        false);
    pass.status
        .operation()
        .put("repository", pass.spec.repository())
        .put("target", pass.spec.revision());
    if (ancestry == Source.Ancestry.REWRITTEN) {
      pass.status.operation().put("rewritten", true);
      events.warning(
          pass.application,
          "HistoryRewritten",
          "%s does not come after what was synced before: deleting anything needs a confirmation"
              .formatted(Words.brief(commit)));
    }
    return true;
  }

  /// How a commit stands to the one that was synced last from the same branch.
  private Source.Ancestry ancestry(Pass pass, String commit) {
    JsonNode before = pass.status.json().path("operation");
    String revision = pass.status.operationRevision();
    boolean same =
        Json.string(before, "repository", "").equals(pass.spec.repository())
            && Json.string(before, "target", "").equals(pass.spec.revision());
    return same && !revision.isEmpty() && SemverRange.parse(pass.spec.revision()).isEmpty()
        ? source.ancestry(pass.remote, revision, commit)
        : Source.Ancestry.UNKNOWN;
  }

  /// Another history under the same name is not followed: somebody has to say that it is meant.
  private boolean isHeldBack(Pass pass, String commit, Source.Ancestry ancestry) {
    boolean unrelated = ancestry == Source.Ancestry.UNRELATED;
    String message =
        "%s of %s is %s now, which has nothing in common with %s: `slipway sync` follows it"
            .formatted(
                pass.spec.revision(),
                pass.spec.repository().replaceFirst("//[^/@]*@", "//"),
                Words.brief(commit),
                Words.brief(pass.status.operationRevision()));
    if (unrelated) {
      pass.status.condition("UnrelatedHistory", true, "UnrelatedHistory", message);
      pass.blocked("a person: " + message, null, "follows it");
    }
    return unrelated;
  }

  private static List<String> hashes(KubeObject record) {
    return Json.items(record.spec(), "objects").stream()
        .map(entry -> Json.string(entry, "hash", ""))
        .toList();
  }

  private static List<String> hashes(List<RenderedObject> objects) {
    return objects.stream().map(RenderedObject::hash).toList();
  }
}
