package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.order.Hook;
import dev.slipway.sync.order.HookRun;
import dev.slipway.sync.order.SyncOrder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The hooks of one application: makes their objects, looks after them by UID, and takes them away.
/// What it knows is in `status.hooks`.
final class Hooks {
  /// On the object of a hook: whose it is and for which sync, so that a crash right after it was
  /// made runs it no second time.
  private static final String RUN = "slipway.dev/hook-run";

  private static final int MAX_KEPT = 100;

  private final Cluster reader;
  private final Cluster writer;
  private final KubeObject application;
  private final ObjectNode status;
  private final Instant now;
  private final List<HookRun> runs = new ArrayList<>();

  Hooks(Cluster reader, Cluster writer, KubeObject application, ObjectNode status, Instant now) {
    this.reader = reader;
    this.writer = writer;
    this.application = application;
    this.status = status;
    this.now = now;
    for (JsonNode entry : Json.items(status, "hooks")) {
      runs.add(
          new HookRun(
              new ObjectKey(
                  Json.string(entry, "group", ""),
                  Json.string(entry, "kind", ""),
                  Json.string(entry, "namespace", ""),
                  Json.string(entry, "name", "")),
              phase(Json.string(entry, "phase", "")),
              Json.string(entry, "uid", ""),
              Json.number(entry, "operation", 0),
              HookRun.State.of(Json.string(entry, "state", "")),
              Json.string(entry, "message", ""),
              KubeObject.instant(entry, "startedAt").orElse(now)));
    }
  }

  private static Hook.Phase phase(String word) {
    for (Hook.Phase phase : Hook.Phase.values()) {
      if (phase.word().equals(word)) {
        return phase;
      }
    }
    return Hook.Phase.SKIP;
  }

  /// The runs of one sync as they stand now; what has ended is taken away where its policy says so.
  List<HookRun> look(long operation, SyncOrder order) {
    for (int i = 0; i < runs.size(); i++) {
      HookRun run = runs.get(i);
      Optional<Hook> hook = order.hooks().stream().filter(run::isOf).findFirst();
      if (run.operation() != operation || run.state() != HookRun.State.RUNNING) {
        continue;
      }
      HookRun seen = run.look(reader.get(run.key()), hook.flatMap(Hook::timeout), now);
      runs.set(i, seen);
      boolean goes =
          hook.map(Hook::policies)
              .filter(
                  policies ->
                      seen.state() == HookRun.State.SUCCEEDED
                              && policies.contains(Hook.DeletePolicy.HOOK_SUCCEEDED)
                          || seen.state() == HookRun.State.FAILED
                              && policies.contains(Hook.DeletePolicy.HOOK_FAILED))
              .isPresent();
      if (goes) {
        delete(seen);
      }
    }
    write();
    return runs.stream().filter(run -> run.operation() == operation).toList();
  }

  /// Makes the object of a hook. What an older sync left under its name goes first.
  ///
  /// @return whether it is made; otherwise an older one is still on its way out
  boolean start(Hook hook, long operation) {
    KubeObject wanted = hook.object().object();
    String run = "%s/%d/%s".formatted(application.uid(), operation, hook.phase().word());
    Optional<KubeObject> before = reader.get(wanted.key());
    if (before.isPresent() && !before.get().annotation(RUN).equals(Optional.of(run))) {
      boolean own =
          before
                  .get()
                  .annotation(RUN)
                  .filter(text -> text.startsWith(application.uid() + "/"))
                  .isPresent()
              || runs.stream().anyMatch(old -> old.uid().equals(before.get().uid()));
      if (!own) {
        record(
            hook,
            operation,
            before.get().uid(),
            HookRun.State.FAILED,
            "an object of this name exists already and is no hook of this application");
        return true;
      }
      if (!before.get().isTerminating()) {
        delete(before.get());
      }
      return reader.get(wanted.key()).isEmpty() && start(hook, operation);
    }
    KubeObject live =
        before.isPresent()
            ? before.get()
            : writer.apply(
                wanted.withMetadata(metadata -> Json.child(metadata, "annotations").put(RUN, run)),
                ApplyOptions.FORCE);
    record(hook, operation, live.uid(), HookRun.State.RUNNING, "");
    return true;
  }

  private void record(Hook hook, long operation, String uid, HookRun.State state, String message) {
    runs.removeIf(old -> old.isOf(hook));
    runs.add(
        new HookRun(
            hook.object().object().key(), hook.phase(), uid, operation, state, message, now));
    write();
  }

  /// Ends whatever runs for a sync that is given up.
  void terminate(String why) {
    for (int i = 0; i < runs.size(); i++) {
      if (runs.get(i).state() == HookRun.State.RUNNING) {
        delete(runs.get(i));
        runs.set(i, runs.get(i).ended(HookRun.State.TERMINATED, why));
      }
    }
    write();
  }

  /// Takes away every object that a hook left; with the application goes all that it made.
  ///
  /// @return how many are still there
  int deleteAll() {
    int left = 0;
    for (HookRun run : runs) {
      Optional<KubeObject> own =
          reader.get(run.key()).filter(object -> object.uid().equals(run.uid()));
      if (own.isPresent() && !own.get().isTerminating()) {
        delete(own.get());
      }
      left +=
          reader.get(run.key()).filter(object -> object.uid().equals(run.uid())).isPresent()
              ? 1
              : 0;
    }
    return left;
  }

  private void delete(HookRun run) {
    reader
        .get(run.key())
        .filter(object -> object.uid().equals(run.uid()) && !object.isTerminating())
        .ifPresent(this::delete);
  }

  private void delete(KubeObject object) {
    writer.deleteIfThere(object.key(), DeleteOptions.ofUid(object.uid()));
  }

  private void write() {
    if (runs.isEmpty()) {
      status.remove("hooks");
      return;
    }
    while (runs.size() > MAX_KEPT && runs.getFirst().state() != HookRun.State.RUNNING) {
      runs.removeFirst();
    }
    ArrayNode list = status.putArray("hooks");
    for (HookRun run : runs) {
      ObjectNode entry = list.addObject();
      entry.put("group", run.key().group()).put("kind", run.key().kind());
      entry.put("namespace", run.key().namespace()).put("name", run.key().name());
      entry
          .put("phase", run.phase().word())
          .put("uid", run.uid())
          .put("operation", run.operation());
      entry.put("state", run.state().word()).put("startedAt", run.startedAt().toString());
      if (!run.message().isEmpty()) {
        entry.put("message", run.message());
      }
    }
  }

  /// The objects of a revision that are kept as Git says: all but the hooks.
  static List<RenderedObject> kept(List<RenderedObject> objects) {
    return SyncOrder.of(objects).objects();
  }
}
