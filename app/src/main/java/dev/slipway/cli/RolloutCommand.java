package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// `slipway rollout …`: one workload's way from revision to revision.
@Command(
    name = "rollout",
    description = "Show and steer the rollout of a workload.",
    subcommands = {
      RolloutCommand.Status.class,
      RolloutCommand.History.class,
      RolloutCommand.Undo.class,
      RolloutCommand.Pause.class,
      RolloutCommand.Resume.class,
      RolloutCommand.Restart.class,
      RolloutCommand.Abort.class,
      RolloutCommand.Retry.class
    })
final class RolloutCommand {
  private static final String HASH_LABEL = "slipway.dev/template-hash";

  /// A command on one rollout.
  abstract static class OnRollout extends Context {
    @Parameters(
        paramLabel = "NAME",
        completionCandidates = Names.Rollouts.class,
        description = "The workload; a kind before it (rc/web) is allowed.")
    String named = "";

    String name() {
      return named.substring(named.indexOf('/') + 1);
    }

    KubeObject rollout() {
      return api().get(Api.ROLLOUT, namespace, name());
    }

    void change(Consumer<ObjectNode> spec, String done) {
      api().merge(Api.ROLLOUT, namespace, name(), patch -> spec.accept(patch.putObject("spec")));
      console().line("rollout " + name() + " " + done);
    }

    List<KubeObject> controllers(KubeObject rollout) {
      return api().list(Api.type("rc"), namespace, Map.of()).stream()
          .filter(rc -> rc.isControlledBy(rollout))
          .sorted(Comparator.comparingLong(OnRollout::revision).reversed())
          .toList();
    }

    static long revision(KubeObject rc) {
      try {
        return rc.annotation("slipway.dev/revision").map(Long::valueOf).orElse(0L);
      } catch (NumberFormatException e) {
        return 0;
      }
    }
  }

  @Command(
      name = "status",
      description =
          "Follow a rollout until it ends; with --no-watch or -o json show how it stands. Exit code: 0 healthy or shown, 1 degraded, 3 not in time.")
  static final class Status extends OnRollout {
    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "10m",
        description = "How long (${DEFAULT-VALUE}).")
    Duration timeout = Duration.ofSeconds(600);

    @Option(
        names = {"-w", "--watch"},
        negatable = true,
        defaultValue = "true",
        fallbackValue = "true",
        description = "Follow it (default); --no-watch shows it once.")
    boolean watch = true;

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      if (!output.isTable()) {
        output.one(console(), rollout());
        return 0;
      }
      var live = new LiveLine(console());
      try {
        return follow(live);
      } finally {
        live.end();
      }
    }

    private int follow(LiveLine live) {
      Instant until = console().clock().instant().plus(timeout);
      while (true) {
        KubeObject rollout = rollout();
        JsonNode status = rollout.status();
        String phase = Json.string(status, "phase", "Progressing");
        boolean observed = rollout.observedGeneration() >= rollout.generation();
        String line =
            "%s: %d updated, %d available of %d; %s"
                .formatted(
                    console().word(phase),
                    Json.integer(status, "updatedReplicas", 0),
                    Json.integer(status, "availableReplicas", 0),
                    Json.integer(status, "desiredReplicas", 0),
                    Console.safe(Json.string(status, "message", "")));
        live.step(line);
        live.tick();
        if (observed && phase.equals("Healthy")) {
          return 0;
        }
        if (observed && phase.equals("Degraded")) {
          return 1;
        }
        if (!watch) {
          return 0;
        }
        if (!console().clock().instant().isBefore(until)) {
          live.end();
          console().error("not healthy within " + Console.span(timeout));
          return 3;
        }
        java.util.concurrent.locks.LockSupport.parkNanos(200_000_000);
      }
    }
  }

  @Command(name = "history", description = "The revisions of a workload, the newest first.")
  static final class History extends OnRollout {
    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      KubeObject rollout = rollout();
      if (!output.isTable()) {
        output.all(console(), controllers(rollout));
        return 0;
      }
      var rows = new ArrayList<List<String>>();
      for (KubeObject rc : controllers(rollout)) {
        String hash = rc.label(HASH_LABEL).orElse("");
        String state =
            hash.equals(Json.string(rollout.status().path("aborted"), "hash", "-"))
                ? "Rejected"
                : hash.equals(Json.string(rollout.status(), "stableHash", "-"))
                    ? "stable"
                    : hash.equals(Json.string(rollout.status(), "currentHash", "-"))
                        ? "current"
                        : "";
        rows.add(
            List.of(
                Long.toString(revision(rc)),
                rc.name(),
                Json.integer(rc.status(), "availableReplicas", 0)
                    + "/"
                    + Json.integer(rc.spec(), "replicas", 0),
                state,
                rc.creationTimestamp().map(console()::age).orElse("")));
      }
      console().table(List.of("REVISION", "NAME", "PODS", "STATE", "AGE"), rows);
      return 0;
    }
  }

  @Command(name = "undo", description = "Go back to an earlier revision of the pod template.")
  static final class Undo extends OnRollout {
    @Option(
        names = "--to-revision",
        paramLabel = "N",
        description = "From `rollout history`; the one before by default.")
    @Nullable Long to;

    @Override
    public Integer call() {
      KubeObject rollout = rollout();
      Optional<String> application = rollout.label("slipway.dev/application");
      if (application.isPresent()) {
        throw new CommandFailed(
            2,
            "rollout %s is kept as Git says by application %s: use `slipway rollback %s`, which takes back its configuration too"
                .formatted(
                    name(),
                    application.get(),
                    application.get().substring(application.get().indexOf('.') + 1)));
      }
      List<KubeObject> all = controllers(rollout);
      String current = Json.string(rollout.status(), "currentHash", "");
      KubeObject target =
          all.stream()
              .filter(
                  rc ->
                      to == null
                          ? !rc.label(HASH_LABEL).orElse("").equals(current)
                          : revision(rc) == to)
              .findFirst()
              .orElseThrow(
                  () ->
                      new CommandFailed(
                          4,
                          to == null
                              ? "there is no earlier revision"
                              : "there is no revision " + to));
      ObjectNode template = (ObjectNode) target.spec().path("template").deepCopy();
      if (template.path("metadata").path("labels") instanceof ObjectNode labels) {
        labels.remove(HASH_LABEL);
        labels.remove("pod-template-hash");
      }
      change(spec -> spec.set("template", template), "goes back to revision " + revision(target));
      return 0;
    }
  }

  @Command(name = "pause", description = "Stop where it is.")
  static final class Pause extends OnRollout {
    @Override
    public Integer call() {
      change(spec -> spec.put("paused", true), "paused");
      return 0;
    }
  }

  @Command(name = "resume", description = "Go on.")
  static final class Resume extends OnRollout {
    @Override
    public Integer call() {
      change(spec -> spec.put("paused", false), "resumed");
      return 0;
    }
  }

  @Command(name = "restart", description = "Replace every pod, a few at a time.")
  static final class Restart extends OnRollout {
    @Override
    public Integer call() {
      change(
          spec ->
              spec.put(
                  "restartAt",
                  console()
                      .clock()
                      .instant()
                      .truncatedTo(java.time.temporal.ChronoUnit.SECONDS)
                      .toString()),
          "restarts");
      return 0;
    }
  }

  @Command(name = "abort", description = "Give the new revision up and go back to the stable one.")
  static final class Abort extends OnRollout {
    @Override
    public Integer call() {
      KubeObject rollout = rollout();
      if (Json.string(rollout.status(), "phase", "").equals("Healthy")) {
        throw new CommandFailed(
            1,
            "nothing to abort: rollout %s is done and healthy; `slipway rollout undo` goes back"
                .formatted(name()));
      }
      change(spec -> spec.put("abort", true), "aborted");
      return 0;
    }
  }

  @Command(name = "retry", description = "Try a revision again that was given up.")
  static final class Retry extends OnRollout {
    @Override
    public Integer call() {
      if (!rollout().status().path("aborted").isObject()) {
        throw new CommandFailed(
            1, "nothing to try again: no revision of rollout %s was given up".formatted(name()));
      }
      change(spec -> spec.put("abort", false), "is tried again");
      ObjectNode patch = Json.object();
      patch
          .putObject("status")
          .putNull("aborted")
          .put("progressedAt", console().clock().instant().toString());
      api()
          .client()
          .patch(
              Api.path(Api.ROLLOUT, namespace, name()) + "/status",
              "application/merge-patch+json",
              Json.write(patch));
      return 0;
    }
  }
}
