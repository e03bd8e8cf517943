package dev.slipway.sync.application;

import dev.slipway.model.health.Health;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.plan.Compared;
import dev.slipway.sync.plan.SyncPlanner.Owned;
import dev.slipway.sync.source.Source;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The status of an application while one pass reads and changes it. Used by one thread.
final class ApplicationStatus {
  private static final int MAX_REJECTED = 20;
  private static final int MAX_RESULTS = 100;

  private final ObjectNode json;
  private final Instant now;
  private final Compared compared;

  /// Conditions of which something was said.
  private final Set<String> told = new HashSet<>();

  /// @param compared of earlier passes
  ApplicationStatus(KubeObject application, Instant now, Compared compared) {
    this.compared = compared;
    this.json = application.status() instanceof ObjectNode known ? copy(known) : Json.object();
    this.now = now;
    json.put("observedGeneration", application.generation());
  }

  ObjectNode json() {
    return json;
  }

  /// For whoever keeps it while this one changes on.
  ObjectNode copy() {
    return copy(json);
  }

  /// The long lists are shared: they are only ever replaced as a whole.
  private static ObjectNode copy(ObjectNode status) {
    ObjectNode copy = Json.object();
    status.forEachEntry(
        (name, value) ->
            copy.set(
                name,
                name.equals("resources") || name.equals("inventory") ? value : value.deepCopy()));
    return copy;
  }

  // The source

  /// @param problem why the repository did not answer when it was last asked; empty when it did
  void source(Source.Resolved revision, Optional<String> problem) {
    ObjectNode source = Json.child(json, "source");
    if (problem.isPresent()) {
      source.put("revision", revision.commit()).put("tree", revision.tree());
      source.put("message", revision.message()).put("author", revision.author());
      sourceFailed(problem.get());
      return;
    }
    boolean news =
        !Json.string(source, "revision", "").equals(revision.commit())
            || !Json.string(source, "state", "").equals("Ready");
    if (news) {
      source
          .put("revision", revision.commit())
          .put("tree", revision.tree())
          .put("message", revision.message());
      source
          .put("author", revision.author())
          .put("state", "Ready")
          .put("since", Conditions.time(now));
      source.remove("problem");
    }
    Conditions.set(json, "SourceFailed", false, "Ready", "", now);
  }

  void sourceFailed(String problem) {
    ObjectNode source = Json.child(json, "source");
    if (!Json.string(source, "state", "").equals("Stale")) {
      source.put("since", Conditions.time(now));
    }
    source.put("state", "Stale").put("problem", problem);
    Conditions.set(json, "SourceFailed", true, "RepositoryUnavailable", problem, now);
  }

  void condition(String type, boolean value, String reason, String message) {
    told.add(type);
    if (value || Conditions.find(json, type).isPresent()) {
      Conditions.set(json, type, value, reason, message, now);
    }
  }

  /// What was not spoken of in this look is not so any more.
  void untold(Collection<String> types) {
    types.stream()
        .filter(type -> !told.contains(type))
        .forEach(type -> condition(type, false, "Over", ""));
  }

  // The operation

  boolean hasOperation() {
    return json.path("operation").isObject();
  }

  ObjectNode operation() {
    return Json.child(json, "operation");
  }

  String phase() {
    return Json.string(json.path("operation"), "phase", "");
  }

  boolean isRunning() {
    return phase().equals("Running");
  }

  /// Whether a sync is under way or waits for a person.
  boolean isOpen() {
    return isRunning() || phase().equals("WaitingForConfirmation");
  }

  long operationId() {
    return Json.number(json.path("operation"), "id", 0);
  }

  String operationRevision() {
    return Json.string(json.path("operation"), "revision", "");
  }

  String trigger() {
    return Json.string(json.path("operation"), "trigger", "");
  }

  Instant startedAt() {
    return KubeObject.instant(json.path("operation"), "startedAt").orElse(now);
  }

  /// How long the cluster was out of reach since the sync began: no time of the sync's own.
  Duration outage() {
    JsonNode operation = json.path("operation");
    Duration ongoing =
        KubeObject.instant(operation, "unreachableSince").map(this::since).orElse(Duration.ZERO);
    return ongoing.plusSeconds(Json.number(operation, "outageSeconds", 0));
  }

  private Duration since(Instant begun) {
    return Duration.between(begun, now);
  }

  void unreachable() {
    if (isRunning() && !operation().has("unreachableSince")) {
      operation().put("unreachableSince", now.toString());
    }
  }

  void reached() {
    Optional<Instant> since = KubeObject.instant(json.path("operation"), "unreachableSince");
    if (since.isEmpty()) {
      return;
    }
    ObjectNode operation = operation();
    operation.put("outageSeconds", outage().toSeconds()).remove("unreachableSince");
    Duration lost = since(since.get());
    KubeObject.instant(operation, "stageSince")
        .ifPresent(begun -> operation.put("stageSince", begun.plus(lost).toString()));
  }

  void begin(
      long id, String revision, String trigger, String by, boolean prune, boolean confirmed) {
    ObjectNode operation = json.putObject("operation");
    operation
        .put("id", id)
        .put("phase", "Running")
        .put("trigger", trigger)
        .put("by", by)
        .put("revision", revision);
    operation.put("step", "apply").put("prune", prune).put("pruneConfirmed", confirmed);
    operation.put("startedAt", now.toString()).put("attempt", 1).put("message", "");
  }

  void step(String step, String message) {
    operation().put("step", step).put("message", message);
  }

  /// Where in its order the sync is; the time of a new stage counts from now.
  void stage(String stage) {
    ObjectNode operation = operation();
    if (!Json.string(operation, "stage", "").equals(stage)) {
      operation.put("stage", stage).put("stageSince", now.toString());
    }
  }

  String stage() {
    return Json.string(json.path("operation"), "stage", "");
  }

  Instant stageSince() {
    JsonNode operation = json.path("operation");
    Instant begun = KubeObject.instant(operation, "stageSince").orElse(now);
    return KubeObject.instant(operation, "unreachableSince")
        .map(since -> begun.plus(since(since)))
        .orElse(begun);
  }

  /// What was done to an object; the first ones are kept for the history.
  void result(String kind, ObjectKey key, String action) {
    JsonNode known = operation().path("results");
    ArrayNode results = known instanceof ArrayNode array ? array : operation().putArray("results");
    if (results.size() < MAX_RESULTS) {
      results
          .addObject()
          .put("kind", kind)
          .put("namespace", key.namespace())
          .put("name", key.name())
          .put("action", action);
    }
  }

  void end(String phase, String message) {
    operation().put("phase", phase).put("finishedAt", now.toString()).put("message", message);
    json.remove("waiting");
  }

  // Requests

  boolean isHandled(String request, String id) {
    return Json.string(json.path("handledRequests"), request, "").equals(id);
  }

  void handled(String request, String id) {
    Json.child(json, "handledRequests").put(request, id);
  }

  // Hold and rejected revisions

  Optional<String> held() {
    return Json.string(json.path("hold"), "revision");
  }

  void hold(String revision, long historyId, String reason) {
    json.putObject("hold")
        .put("revision", revision)
        .put("historyId", historyId)
        .put("since", Conditions.time(now))
        .put("reason", reason);
  }

  void release() {
    json.remove("hold");
  }

  boolean isRejected(String revision) {
    return Json.items(json, "rejected").stream()
        .anyMatch(entry -> Json.string(entry, "revision", "").equals(revision));
  }

  void reject(String revision, String reason) {
    List<JsonNode> others =
        new ArrayList<>(
            Json.items(json, "rejected").stream()
                .filter(entry -> !Json.string(entry, "revision", "").equals(revision))
                .toList());
    ArrayNode list = json.putArray("rejected");
    list.addObject()
        .put("revision", revision)
        .put("reason", reason)
        .put("since", Conditions.time(now));
    others.stream().limit(MAX_REJECTED - 1).forEach(list::add);
  }

  void accept(String revision) {
    List<JsonNode> others =
        Json.items(json, "rejected").stream()
            .filter(entry -> !Json.string(entry, "revision", "").equals(revision))
            .toList();
    if (others.isEmpty()) {
      json.remove("rejected");
    } else {
      ArrayNode list = json.putArray("rejected");
      others.forEach(list::add);
    }
  }

  // How it stands

  void sync(String word, String revision) {
    ObjectNode sync = Json.child(json, "sync");
    if (!Json.string(sync, "status", "").equals(word)) {
      sync.put("since", Conditions.time(now));
    }
    sync.put("status", word).put("revision", revision);
  }

  void health(Health health) {
    ObjectNode node = Json.child(json, "health");
    if (!Json.string(node, "status", "").equals(health.word().toString())) {
      node.put("since", Conditions.time(now));
    }
    node.put("status", health.word().toString()).put("message", health.message());
  }

  void waiting(String what, @Nullable Instant until, String then) {
    ObjectNode waiting = Json.child(json, "waiting");
    if (!Json.string(waiting, "for", "").equals(what)) {
      waiting.put("since", Conditions.time(now));
    }
    waiting.put("for", what).put("then", then);
    if (until == null) {
      waiting.remove("until");
    } else {
      waiting.put("until", Conditions.time(until));
    }
  }

  void notWaiting() {
    json.remove("waiting");
  }

  List<Owned> inventory() {
    return compared.inventory(json.path("inventory"), ApplicationStatus::owned);
  }

  private static List<Owned> owned(JsonNode list) {
    var read = new ArrayList<Owned>();
    for (JsonNode entry : list) {
      read.add(
          new Owned(
              new ObjectKey(
                  Json.string(entry, "group", ""),
                  Json.string(entry, "kind", ""),
                  Json.string(entry, "namespace", ""),
                  Json.string(entry, "name", "")),
              Json.string(entry, "uid", "")));
    }
    return read;
  }

  void inventory(Collection<Owned> owned) {
    List<Owned> sorted = owned.stream().sorted(Comparator.comparing(Owned::key)).toList();
    if (json.has("inventory") && sorted.equals(inventory())) {
      return;
    }
    ArrayNode list = json.putArray("inventory");
    for (Owned entry : sorted) {
      list.addObject()
          .put("group", entry.key().group())
          .put("kind", entry.key().kind())
          .put("namespace", entry.key().namespace())
          .put("name", entry.key().name())
          .put("uid", entry.uid());
    }
  }
}
