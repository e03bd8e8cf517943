package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.words.Count;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The commands that act on one application.
final class DeliveryCommands {
  private DeliveryCommands() {}

  /// A command that one application is asked by, however the line names it.
  abstract static class Asking extends Context {
    private static final Duration TAKEN = Duration.ofSeconds(10);

    /// Of the application.
    String name = "";

    /// Where the daemon answers about the application.
    String path(String what) {
      return "/slipway/v1/applications/"
          + ApiClient.encode(namespace)
          + "/"
          + ApiClient.encode(name)
          + "/"
          + what;
    }

    /// Leaves a request at the application, for the daemon to find.
    ///
    /// @return its id, by which the answer is known
    String ask(String request, Consumer<ObjectNode> content) {
      String id = UUID.randomUUID().toString();
      ObjectNode body = Json.object().put("id", id).put("by", user());
      content.accept(body);
      api()
          .merge(
              Api.APPLICATION,
              namespace,
              name,
              patch ->
                  patch
                      .putObject("metadata")
                      .putObject("annotations")
                      .put("slipway.dev/" + request + "-requested", Json.text(body)));
      return id;
    }

    /// Asks for something, and waits for it as the line says.
    int request(Patience patience, String request, Consumer<ObjectNode> content) {
      String id = ask(request, content);
      if (patience.async) {
        return taken(request, id);
      }
      Progress.End end =
          new Progress(this)
              .follow(
                  name,
                  patience.timeout,
                  application -> Progress.isUnderWay(application, request, id),
                  application -> Progress.answered(application, request, id));
      return end.said(console());
    }

    /// Whether the daemon takes the request; one that is busy may say so later, in the status.
    private int taken(String request, String id) {
      String done = request + " of " + name + " requested";
      Progress.End end =
          new Progress(this)
              .follow(
                  name, TAKEN, _ -> false, application -> Progress.taken(application, request, id));
      return (end.code() == 1 || end.code() == 4 ? end : new Progress.End(0, done)).said(console());
    }
  }

  /// A command on the application that it names.
  abstract static class OnApplication extends Asking {
    @Parameters(
        paramLabel = "APP",
        completionCandidates = Names.Applications.class,
        description = "The application.")
    void application(String given) {
      name = given;
    }
  }

  /// Whether to wait for what was asked for, and how long.
  static final class Patience {
    @Option(names = "--async", description = "Do not wait for the end, only until it is taken.")
    boolean async;

    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "10m",
        description = "How long to wait (${DEFAULT-VALUE}).")
    Duration timeout = Duration.ofSeconds(600);
  }

  @Command(name = "status", description = "How applications stand, and what they wait for.")
  static final class Status extends Context {
    private static final Duration TURN = Duration.ofSeconds(1);

    @Parameters(arity = "0..1", paramLabel = "APP", completionCandidates = Names.Applications.class)
    @Nullable String name;

    @Option(
        names = {"-A", "--all-namespaces"},
        description = "Of all namespaces.")
    boolean all;

    @Option(
        names = {"-w", "--watch"},
        description = "Draw it anew whenever it changes, until Ctrl-C.")
    boolean watch;

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      if (!watch) {
        return shown();
      }
      Console console = console();
      if (!console.terminal() || !output.isTable()) {
        throw new CommandFailed(
            2, "status --watch draws on a terminal; `slipway get applications -w` writes lines");
      }
      var screen = new Screen(console);
      while (!Thread.currentThread().isInterrupted()) {
        var text = new ByteArrayOutputStream();
        use(console.into(text), api());
        try {
          shown();
          screen.draw(text.toString(StandardCharsets.UTF_8));
        } catch (CommandFailed e) {
          // A daemon that is started anew comes back.
          if (!screen.isDrawn()) {
            throw e;
          }
          screen.draw("slipway: " + e.getMessage() + "\n");
        }
        LockSupport.parkNanos(TURN.toNanos());
      }
      return 0;
    }

    private int shown() {
      String wanted = name;
      if (wanted == null) {
        int count =
            GetCommand.list(this, output, Api.APPLICATION, all ? "" : namespace, Map.of(), all);
        if (output.isTable()) {
          if (count == 0) {
            console()
                .line(
                    "no applications"
                        + (all ? "" : " in namespace " + namespace)
                        + "; make one with `slipway app create`");
          }
          FleetCommands.frozen(this)
              .ifPresent(frozen -> console().line("everything is frozen: " + frozen));
        }
        return 0;
      }
      KubeObject application = api().get(Api.APPLICATION, namespace, wanted);
      if (output.isTable()) {
        String label = application.namespace() + "." + application.name();
        List<KubeObject> rollouts =
            api()
                .list(Api.ROLLOUT, "", Map.of("labelSelector", "slipway.dev/application=" + label));
        new StatusView(console()).write(application, rollouts, FleetCommands.frozen(this));
        PodImages.write(console(), pods(rollouts));
      } else {
        output.one(console(), application);
      }
      return 0;
    }

    private List<KubeObject> pods(List<KubeObject> rollouts) {
      var pods = new ArrayList<KubeObject>();
      for (KubeObject rollout : rollouts) {
        JsonNode selector = rollout.spec().path("selector");
        LabelSelector labels =
            selector.has("matchLabels") || selector.has("matchExpressions")
                ? LabelSelector.read(selector)
                : LabelSelector.ofMap(Json.stringMap(rollout.spec(), "selector"));
        if (!labels.isEverything()) {
          api().list(Api.POD, rollout.namespace(), Map.of()).stream()
              .filter(pod -> labels.matches(pod.labels()))
              .forEach(pods::add);
        }
      }
      return pods;
    }
  }

  @Command(
      name = "diff",
      description = "What a sync would change. Exit code: 0 nothing, 1 something, 2 error.")
  static final class Diff extends OnApplication {
    @Option(
        names = "--revision",
        paramLabel = "REVISION",
        description = "Compare with this branch, tag or commit instead.")
    @Nullable String revision;

    @Option(
        names = "--local",
        paramLabel = "FOLDER",
        description =
            "Compare with the files of this folder, as if they were the application's folder in Git.")
    @Nullable Path local;

    @Mixin Output output = new Output();

    /// As `diff` of Unix: whatever goes wrong is 2, also what is 4 elsewhere.
    @Override
    public Integer call() {
      try {
        return compare();
      } catch (CommandFailed e) {
        throw new CommandFailed(2, String.valueOf(e.getMessage()));
      }
    }

    private int compare() {
      if (local != null && revision != null) {
        throw new CommandFailed(2, "--local and --revision exclude each other");
      }
      JsonNode diff =
          local == null
              ? of(this, revision)
              : api().client().post(path("diff"), LocalFiles.read(local));
      if (output.isTable()) {
        write(console(), diff);
      } else {
        output.tree(console(), diff);
      }
      return Json.bool(diff, "same", false) ? 0 : 1;
    }

    static JsonNode of(OnApplication command, @Nullable String revision) {
      return command
          .api()
          .client()
          .get(
              command.path("diff")
                  + (revision == null ? "" : "?revision=" + ApiClient.encode(revision)));
    }

    static void write(Console console, JsonNode diff) {
      objects(console, diff);
      int count = Json.items(diff, "objects").size();
      console.line(
          count == 0
              ? "no differences: %s as %s wants"
                  .formatted(
                      Count.of(Json.integer(diff, "unchanged", 0), "object is", "objects are"),
                      StatusView.brief(Json.string(diff, "revision", "")))
              : "%d of %s %s from %s"
                  .formatted(
                      count,
                      Count.of(count + Json.integer(diff, "unchanged", 0), "object"),
                      count == 1 ? "differs" : "differ",
                      StatusView.brief(Json.string(diff, "revision", ""))));
    }

    /// Each object that differs, field by field.
    static void objects(Console console, JsonNode diff) {
      for (JsonNode object : Json.items(diff, "objects")) {
        String action = Json.string(object, "action", "");
        String mark = action.equals("create") ? "+" : action.equals("prune") ? "-" : "~";
        Console.Tone tone =
            action.equals("create")
                ? Console.Tone.GOOD
                : action.equals("prune") ? Console.Tone.BAD : Console.Tone.BUSY;
        console.line(
            console.paint(
                tone,
                "%s %s %s/%s"
                    .formatted(
                        mark,
                        Json.string(object, "kind", ""),
                        Json.string(object, "namespace", ""),
                        Json.string(object, "name", ""))));
        for (JsonNode change : Json.items(object, "changes")) {
          console.line("    " + Json.string(change, "path", ""));
          if (change.has("live")) {
            console.line(console.paint(Console.Tone.BAD, "      - " + shown(change.path("live"))));
          }
          if (change.has("desired")) {
            console.line(
                console.paint(Console.Tone.GOOD, "      + " + shown(change.path("desired"))));
          }
        }
      }
    }

    private static String shown(JsonNode value) {
      String text = value.isString() ? value.stringValue() : Json.text(value);
      String[] lines = text.split("\n", -1);
      return lines.length == 1 ? text : lines[0] + " … (" + lines.length + " lines)";
    }
  }

  @Command(
      name = "sync",
      description =
          "Bring what Git says about now, and wait until it is healthy. Exit code: 0 it is, 1 refused or failed, 3 not in time.")
  static final class Sync extends OnApplication {
    @Mixin Patience patience = new Patience();

    @Option(
        names = "--revision",
        paramLabel = "REVISION",
        description = "A branch, tag or commit instead of the application's own.")
    @Nullable String revision;

    @Option(
        names = "--local",
        paramLabel = "FOLDER",
        description =
            "Apply the files of this folder instead of a commit; refused where commits must be signed, and while the application follows Git by itself.")
    @Nullable Path local;

    @Option(names = "--prune", negatable = true, description = "Delete what Git no longer has.")
    @Nullable Boolean prune;

    @Option(
        names = "--confirm-prune",
        description = "Delete even more than the limit of the application allows.")
    boolean confirmPrune;

    @Option(
        names = "--resource",
        paramLabel = "RESOURCE",
        description =
            "Only this: Kind/name, Kind/namespace/name, group:Kind:name or labels:SELECTOR. May be repeated.")
    List<String> resources = new ArrayList<>();

    @Option(
        names = "--override-window",
        description = "Sync although a window is closed; the history records it.")
    boolean overrideWindow;

    @Option(names = "--reason", paramLabel = "TEXT", description = "For the history.")
    @Nullable String reason;

    @Option(
        names = "--force",
        description = "Delete and make anew what cannot be changed in place.")
    boolean force;

    @Option(
        names = "--dry-run",
        description =
            "Only show what would be done, in which order. Exit code: 0 nothing, 1 something.")
    boolean dryRun;

    /// Sends the files; the daemon keeps what they say as a plan, which is then carried out.
    private String planned(Path folder) {
      ObjectNode request = LocalFiles.read(folder);
      request.put("by", user());
      JsonNode plan = api().client().post(path("plan"), request);
      return Json.string(plan.path("metadata"), "name", "");
    }

    /// What would change, and then the steps.
    private int shown(JsonNode diff) {
      if (!resources.isEmpty()) {
        throw new CommandFailed(2, "--dry-run shows the whole sync: leave --resource out");
      }
      Diff.write(console(), diff);
      JsonNode policy = diff.path("prune");
      boolean prunes =
          prune != null ? prune : confirmPrune || Json.bool(policy, "automatic", false);
      var rows = new ArrayList<List<String>>();
      for (JsonNode step : Json.items(diff, "steps")) {
        String action = Json.string(step, "action", "");
        if (prunes || !action.equals("prune")) {
          rows.add(
              List.of(
                  "" + (rows.size() + 1),
                  Json.string(step, "stage", ""),
                  action,
                  Json.string(step, "kind", ""),
                  Json.string(step, "namespace", ""),
                  Json.string(step, "name", "")));
        }
      }
      if (!rows.isEmpty()) {
        console().line("");
        console().table(List.of("STEP", "STAGE", "ACTION", "KIND", "NAMESPACE", "NAME"), rows);
      }
      int gone = Json.integer(policy, "count", 0);
      if (gone > 0 && !prunes) {
        console()
            .line(
                Count.of(gone, "object that Git", "objects that Git")
                    + " no longer has would stay: --prune deletes");
      } else if (gone > 0 && !confirmPrune && policy.has("confirmation")) {
        console()
            .line("it would wait before it deletes: " + Json.string(policy, "confirmation", ""));
      }
      return rows.isEmpty() ? 0 : 1;
    }

    @Override
    public Integer call() {
      if (local != null && revision != null) {
        throw new CommandFailed(2, "--local and --revision exclude each other");
      }
      if (dryRun) {
        return shown(
            local == null
                ? Diff.of(this, revision)
                : api().client().post(path("diff"), LocalFiles.read(local)));
      }
      String plan = local == null ? "" : planned(local);
      return request(
          patience,
          "sync",
          body -> {
            if (!plan.isEmpty()) {
              body.put("plan", plan);
            }
            if (revision != null) {
              body.put("revision", revision);
            }
            if (prune != null) {
              body.put("prune", prune);
            }
            if (confirmPrune) {
              body.put("confirmPrune", true);
            }
            if (!resources.isEmpty()) {
              resources.forEach(body.putArray("resources")::add);
            }
            if (overrideWindow) {
              body.put("overrideWindow", true);
            }
            if (force) {
              body.put("force", true);
            }
            if (reason != null) {
              body.put("reason", reason);
            }
          });
    }
  }

  @Command(
      name = "rollback",
      description =
          "Go back to an earlier sync, with pods, services and configuration; works while Git is down. Auto-sync stays on: the next new commit goes on from here.")
  static final class Rollback extends OnApplication {
    @Mixin Patience patience = new Patience();

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "ID",
        completionCandidates = Names.Syncs.class,
        description = "From `slipway history`; the last healthy one by default.")
    @Nullable Long id;

    @Option(
        names = "--push",
        description =
            "Then also push a commit that says so in Git, with the writeSecretRef of the Repository.")
    boolean push;

    @Option(
        names = "--push-branch",
        paramLabel = "BRANCH",
        description = "Push to this new branch instead, for a pull request.")
    @Nullable String branch;

    @Override
    public Integer call() {
      if (id != null && api().find(Api.SYNC_RECORD, namespace, name + "-" + id).isEmpty()) {
        api().get(Api.APPLICATION, namespace, name);
        throw new CommandFailed(4, "history of %s has no entry %d".formatted(name, id));
      }
      int code =
          request(
              patience,
              "rollback",
              body -> {
                if (id != null) {
                  body.put("historyId", id);
                }
              });
      if (code != 0 || !push && branch == null) {
        return code;
      }
      long gone =
          id != null
              ? id
              : Json.number(
                  api().get(Api.APPLICATION, namespace, name).status().path("hold"),
                  "historyId",
                  0);
      try {
        return pushed(gone);
      } catch (CommandFailed e) {
        throw new CommandFailed(
            e.exitCode(),
            "what runs is back at entry %d, but Git is not: %s\n`slipway rollback %s %d %s` tries again"
                .formatted(
                    gone,
                    e.getMessage(),
                    name,
                    gone,
                    branch == null ? "--push" : "--push-branch " + branch));
      }
    }

    private int pushed(long gone) {
      JsonNode answer =
          api()
              .client()
              .post(
                  path("revert"),
                  Json.object()
                      .put("historyId", gone)
                      .put("branch", branch == null ? "" : branch)
                      .put("by", user()));
      console()
          .line(
              "pushed %s%s"
                  .formatted(
                      StatusView.brief(Json.string(answer, "commit", "")),
                      branch == null ? "" : " to the new branch " + branch));
      return 0;
    }
  }

  @Command(
      name = "refresh",
      description = "Ask the repository now, and render anew whatever is known already.")
  static final class Refresh extends OnApplication {
    @Override
    public Integer call() {
      ask("refresh", _ -> {});
      console().line("refresh of " + name + " requested");
      return 0;
    }
  }

  @Command(name = "terminate", description = "End the sync that is under way.")
  static final class Terminate extends OnApplication {
    @Override
    public Integer call() {
      String phase =
          Json.string(
              api().get(Api.APPLICATION, namespace, name).status().path("operation"), "phase", "");
      if (!phase.equals("Running") && !phase.equals("WaitingForConfirmation")) {
        throw new CommandFailed(1, "no sync of " + name + " is under way");
      }
      ask("terminate", _ -> {});
      console().line("termination of the sync of " + name + " requested");
      return 0;
    }
  }

  @Command(name = "history", description = "The syncs of an application, the newest first.")
  static final class History extends OnApplication {
    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "ID",
        completionCandidates = Names.Syncs.class,
        description = "Only this one, with what was done to each object.")
    @Nullable Long id;

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      if (id != null) {
        KubeObject record = api().get(Api.SYNC_RECORD, namespace, name + "-" + id);
        if (output.isTable()) {
          results(record);
        } else {
          output.one(console(), record);
        }
        return 0;
      }
      KubeObject application = api().get(Api.APPLICATION, namespace, name);
      List<KubeObject> records =
          api().list(Api.SYNC_RECORD, namespace, Map.of()).stream()
              .filter(record -> record.isControlledBy(application))
              .sorted(
                  Comparator.comparingLong(
                          (KubeObject record) -> Json.number(record.spec(), "id", 0))
                      .reversed())
              .toList();
      if (!output.isTable()) {
        output.all(console(), records);
        return 0;
      }
      long current = Json.number(application.status().path("operation"), "id", 0);
      var rows = new ArrayList<List<String>>();
      for (KubeObject record : records) {
        JsonNode spec = record.spec();
        String revision = Json.string(spec, "revision", "");
        boolean rejected =
            Json.items(application.status(), "rejected").stream()
                .anyMatch(entry -> Json.string(entry, "revision", "").equals(revision));
        String phase = Json.string(record.status(), "phase", "Running");
        rows.add(
            List.of(
                (Json.number(spec, "id", 0) == current ? "*" : " ") + Json.number(spec, "id", 0),
                StatusView.brief(revision),
                rejected && phase.equals("Failed") ? "Rejected" : phase,
                Json.string(spec, "trigger", "")
                    + (Json.items(spec, "selection").isEmpty() ? "" : " of a part")
                    + " by "
                    + Json.string(spec, "by", ""),
                KubeObject.instant(record.status(), "startedAt")
                    .map(console()::age)
                    .orElse(record.creationTimestamp().map(console()::age).orElse("")),
                took(record),
                Json.string(spec, "author", ""),
                Json.string(spec, "message", "")));
      }
      console()
          .table(
              List.of("ID", "REVISION", "OUTCOME", "TRIGGER", "AGE", "TOOK", "AUTHOR", "MESSAGE"),
              rows);
      return 0;
    }

    private void results(KubeObject record) {
      JsonNode spec = record.spec();
      JsonNode status = record.status();
      console()
          .line(
              "%s, %s by %s, revision %s: %s"
                  .formatted(
                      Json.string(status, "phase", "Running"),
                      Json.string(spec, "trigger", ""),
                      Json.string(spec, "by", ""),
                      StatusView.brief(Json.string(spec, "revision", "")),
                      Json.string(status, "message", "")));
      if (!Json.items(spec, "selection").isEmpty()) {
        console().line("only " + String.join(", ", Json.strings(spec, "selection")));
      }
      if (Json.bool(spec, "overridesWindow", false)) {
        console().line("although its windows were closed");
      }
      Json.string(spec, "reason")
          .filter(reason -> !reason.isBlank())
          .ifPresent(reason -> console().line("reason: " + reason));
      var rows = new ArrayList<List<String>>();
      for (JsonNode result : Json.items(status, "results")) {
        rows.add(
            List.of(
                Json.string(result, "kind", ""),
                Json.string(result, "namespace", ""),
                Json.string(result, "name", ""),
                Json.string(result, "action", "")));
      }
      for (JsonNode hook : Json.items(status, "hooks")) {
        rows.add(
            List.of(
                Json.string(hook, "kind", ""),
                Json.string(hook, "namespace", ""),
                Json.string(hook, "name", ""),
                "hook %s: %s"
                    .formatted(Json.string(hook, "phase", ""), Json.string(hook, "state", ""))));
      }
      if (rows.isEmpty()) {
        console().line("no object was changed");
      } else {
        console().table(List.of("KIND", "NAMESPACE", "NAME", "ACTION"), rows);
      }
    }

    private static String took(KubeObject record) {
      return KubeObject.instant(record.status(), "finishedAt")
          .flatMap(
              end ->
                  KubeObject.instant(record.status(), "startedAt")
                      .map(start -> Duration.between(start, end)))
          .map(
              duration ->
                  duration.toMillis() < 10_000
                      ? "%.1fs".formatted(duration.toMillis() / 1000.0)
                      : Console.span(duration))
          .orElse("");
    }
  }

  @Command(
      name = "wait",
      description =
          "Wait until an application is synced and healthy. Exit code: 0 it is, 1 the commit is invalid or was rejected, or a person must confirm, 3 not in time.")
  static final class Wait extends OnApplication {
    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "10m",
        description = "How long (${DEFAULT-VALUE}).")
    Duration timeout = Duration.ofSeconds(600);

    @Option(names = "--revision", paramLabel = "COMMIT", description = "Wait for this commit.")
    @Nullable String revision;

    @Override
    public Integer call() {
      String wanted = revision;
      // Whoever is not there at all is told at once; one that goes away meanwhile may come back.
      api().get(Api.APPLICATION, namespace, name);
      Progress.End end =
          new Progress(this)
              .follow(
                  name,
                  timeout,
                  application -> {
                    if (wanted == null) {
                      return Progress.healthy(application);
                    }
                    return Progress.lost(application, wanted)
                        .or(
                            () ->
                                Json.string(application.status().path("sync"), "revision", "")
                                        .startsWith(wanted)
                                    ? Progress.healthy(application)
                                    : java.util.Optional.empty());
                  });
      return end.said(console());
    }
  }

  @Command(name = "suspend", description = "No sync by itself until `resume`, or until a time.")
  static final class Suspend extends OnApplication {
    @Option(
        names = "--reason",
        paramLabel = "TEXT",
        defaultValue = "",
        description = "Shown in the status.")
    String reason = "";

    @Option(
        names = "--for",
        paramLabel = "DURATION",
        description = "Resume by itself after this long: 30m, 1h, 2d.")
    @Nullable Duration length;

    @Override
    public Integer call() {
      if (length != null && !length.isPositive()) {
        throw new CommandFailed(2, "--for must be longer than nothing");
      }
      api()
          .merge(
              Api.APPLICATION,
              namespace,
              name,
              patch -> {
                ObjectNode suspend =
                    patch.putObject("spec").putObject("suspend").put("reason", reason);
                if (length == null) {
                  suspend.putNull("until");
                } else {
                  suspend.put(
                      "until",
                      console()
                          .clock()
                          .instant()
                          .plus(length)
                          .truncatedTo(java.time.temporal.ChronoUnit.SECONDS)
                          .toString());
                }
              });
      console().line(name + " suspended" + (length == null ? "" : " for " + Console.span(length)));
      return 0;
    }
  }

  @Command(name = "resume", description = "Sync by itself again.")
  static final class Resume extends OnApplication {
    @Override
    public Integer call() {
      api()
          .merge(
              Api.APPLICATION,
              namespace,
              name,
              patch -> patch.putObject("spec").putNull("suspend"));
      console().line(name + " resumed");
      return 0;
    }
  }
}
