package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.source.Source;
import java.util.List;
import java.util.Optional;

/// Syncs that begin by themselves, because of a new commit.
final class Automation {
  private final SyncHistory history;
  private final Operations operations;

  Automation(SyncHistory history, Operations operations) {
    this.history = history;
    this.operations = operations;
  }

  /// Whether a new commit is to be synced by itself.
  boolean automatic(Pass pass, Wanted wanted) {
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
    pass.status.condition("EmptyRender", false, "HasManifests", "");
    if (Gates.mustWait(pass, Words.brief(commit))) {
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
    return true;
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
