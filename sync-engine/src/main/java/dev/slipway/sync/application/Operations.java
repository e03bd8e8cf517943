package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.order.SyncOrder;
import dev.slipway.sync.plan.SyncOptions;
import dev.slipway.sync.source.Source;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Begins and ends syncs, and writes both into the history.
final class Operations {
  private final SyncHistory history;
  private final Applier applier;
  private final EventRecorder events;

  Operations(SyncHistory history, Applier applier, EventRecorder events) {
    this.history = history;
    this.applier = applier;
    this.events = events;
  }

  private static final String UNSETTLED = "unsettled";
  private static final Logger log = LoggerFactory.getLogger(Operations.class);

  void begin(
      Pass pass,
      Source.Resolved revision,
      List<RenderedObject> objects,
      SyncHistory.Cause cause,
      boolean prune,
      boolean confirmed) {
    long id =
        Math.max(
                pass.status.operationId(),
                history.of(pass.application).stream().mapToLong(SyncHistory::id).max().orElse(0))
            + 1;
    String trigger = cause.trigger();
    history.add(pass.application, id, revision, cause, objects);
    pass.status.begin(id, revision.commit(), trigger, cause.by(), prune, confirmed);
    if (!cause.selection().isEmpty()) {
      cause.selection().forEach(pass.status.operation().putArray("selection")::add);
    }
    List<String> faults = new ArrayList<>(SyncOrder.faults(objects));
    objects.forEach(
        object ->
            SyncOptions.DEFAULT
                .of(object.object())
                .unknown()
                .forEach(fault -> faults.add(object.object().key() + ": " + fault)));
    pass.status.condition(
        "UnknownDirective",
        !faults.isEmpty(),
        "Ignored",
        faults.stream().limit(Words.MOST_PROBLEMS).collect(Collectors.joining("\n")));
    pass.status.json().remove("refused");
    events.normal(
        pass.application,
        "OperationStarted",
        "sync %d (%s) to %s by %s"
            .formatted(id, trigger, Words.brief(revision.commit()), cause.by()));
    log.info(
        "sync begins app={} id={} trigger={} revision={} objects={}",
        pass.application.key(),
        id,
        trigger,
        revision.commit(),
        objects.size());
  }

  boolean restore(Pass pass, KubeObject record, String trigger, String by) {
    List<RenderedObject> objects;
    try {
      objects = history.objects(record);
    } catch (IllegalStateException e) {
      refuse(pass, trigger, String.valueOf(e.getMessage()));
      return true;
    }
    var revision =
        new Source.Resolved(
            SyncHistory.revision(record),
            Json.string(record.spec(), "tree", ""),
            Json.string(record.spec(), "author", ""),
            Json.string(record.spec(), "authoredAt", ""),
            Json.string(record.spec(), "message", ""));
    begin(pass, revision, objects, SyncHistory.Cause.of(trigger, by), true, true);
    return true;
  }

  void supersede(Pass pass, String why) {
    if (pass.status.isOpen()) {
      close(pass, "Superseded", why, false);
    }
  }

  void close(Pass pass, String phase, String message, boolean healthy) {
    pass.status.condition("PruneBlocked", false, "Ended", "");
    applier.adopt(pass);
    pass.hooks().terminate(message);
    pass.status.end(phase, message);
    history
        .find(pass.application, pass.status.operationId())
        .ifPresent(record -> history.finish(record, recordStatus(pass, phase, message, healthy)));
    log.info(
        "sync ends app={} id={} phase={}",
        pass.application.key(),
        pass.status.operationId(),
        phase);
  }

  /// As [#close] while the cluster is out of reach: what is to be done there is done by [#settle].
  void closeUnreached(Pass pass, String phase, String message) {
    pass.status.condition("PruneBlocked", false, "Ended", "");
    pass.status.end(phase, message);
    pass.status.operation().put(UNSETTLED, true);
    history
        .find(pass.application, pass.status.operationId())
        .ifPresent(record -> history.finish(record, recordStatus(pass, phase, message, false)));
    log.info(
        "sync ends app={} id={} phase={} cluster=unreached",
        pass.application.key(),
        pass.status.operationId(),
        phase);
  }

  /// Takes over what a sync has made that ended while its cluster was out of reach, and ends its
  /// hooks.
  void settle(Pass pass) {
    if (pass.status.json().path("operation").has(UNSETTLED)) {
      applier.adopt(pass);
      pass.hooks().terminate(Json.string(pass.status.operation(), "message", ""));
      pass.status.operation().remove(UNSETTLED);
    }
  }

  static ObjectNode recordStatus(Pass pass, String phase, String message, boolean healthy) {
    ObjectNode status = Json.object();
    status.put("phase", phase).put("message", message).put("healthy", healthy);
    status
        .put("startedAt", pass.status.startedAt().toString())
        .put("finishedAt", pass.now.toString());
    if (phase.equals("Failed")) {
      status.put("failedStep", Json.string(pass.status.operation(), "step", ""));
    }
    JsonNode results = pass.status.operation().path("results");
    if (results.isArray()) {
      status.set("results", results.deepCopy());
    }
    List<JsonNode> hooks =
        Json.items(pass.status.json(), "hooks").stream()
            .filter(hook -> Json.number(hook, "operation", 0) == pass.status.operationId())
            .toList();
    if (!hooks.isEmpty()) {
      hooks.forEach(status.putArray("hooks")::add);
    }
    return status;
  }

  void refuse(Pass pass, String what, String why) {
    Json.child(pass.status.json(), "refused")
        .put("request", what)
        .put("reason", why)
        .put("at", pass.now.toString());
    events.warning(pass.application, "RequestRefused", what + ": " + why);
  }
}
