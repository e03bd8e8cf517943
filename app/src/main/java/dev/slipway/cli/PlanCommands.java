package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.words.Count;
import dev.slipway.sync.figures.DeliveryFigures;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Plans that are kept, and what the history adds up to.
final class PlanCommands {
  private PlanCommands() {}

  @Command(
      name = "plan",
      description =
          "Let the server compute what a sync would do, and keep it for `slipway apply`. Exit code: 0 nothing to do, 1 something, 2 error.")
  static final class Make extends DeliveryCommands.OnApplication {
    @Option(
        names = "--revision",
        paramLabel = "REVISION",
        description = "A branch, tag or commit instead of the application's own.")
    String revision = "";

    @Option(
        names = "--wait",
        arity = "0..1",
        fallbackValue = "300",
        paramLabel = "SECONDS",
        description = "Try until the server has seen the revision; 300 when no number is given.")
    @Nullable Integer waitSeconds;

    @Mixin Output output = new Output();

    /// In a build the commit was pushed a moment ago: a server that does not have it yet is asked
    /// again.
    private JsonNode plan() {
      Instant until =
          console().clock().instant().plusSeconds(waitSeconds == null ? 0 : waitSeconds);
      while (true) {
        try {
          return asked();
        } catch (CommandFailed e) {
          if (!mayCome(e) || !console().clock().instant().isBefore(until)) {
            throw e;
          }
          java.util.concurrent.locks.LockSupport.parkNanos(1_000_000_000L);
        }
      }
    }

    /// Whether the server may say otherwise soon: manifests that are wrong stay so.
    private static boolean mayCome(CommandFailed failure) {
      return failure.exitCode() != 4
          && !Json.string(failure.answer(), "reason", "").equals("Invalid");
    }

    @Override
    public Integer call() {
      return shown(plan());
    }

    private JsonNode asked() {
      return api()
          .client()
          .post(path("plan"), Json.object().put("revision", revision).put("by", user()));
    }

    private int shown(JsonNode plan) {
      JsonNode spec = plan.path("spec");
      List<JsonNode> steps = Json.items(spec, "steps");
      if (!output.isTable()) {
        output.one(console(), KubeObject.of((ObjectNode) plan));
        return steps.isEmpty() ? 0 : 1;
      }
      DeliveryCommands.Diff.objects(console(), spec);
      for (JsonNode step : steps) {
        if (Json.string(step, "action", "").equals("hook")) {
          console()
              .line(
                  "! hook %s %s/%s runs"
                      .formatted(
                          Json.string(step, "kind", ""),
                          Json.string(step, "namespace", ""),
                          Json.string(step, "name", "")));
        }
      }
      String planName = Json.string(plan.path("metadata"), "name", "");
      console()
          .line(
              steps.isEmpty()
                  ? "nothing to do: everything is as %s wants it"
                      .formatted(StatusView.brief(Json.string(spec, "revision", "")))
                  : "plan %s: %s to %s; carry it out with `slipway apply %s`"
                      .formatted(
                          planName,
                          Count.of(steps.size(), "step"),
                          StatusView.brief(Json.string(spec, "revision", "")),
                          planName));
      return steps.isEmpty() ? 0 : 1;
    }
  }

  @Command(
      name = "apply",
      description = "Carry out a plan; refused when Git or a live object has moved since.")
  static final class Apply extends DeliveryCommands.Asking {
    @Parameters(
        paramLabel = "PLAN",
        completionCandidates = Names.Plans.class,
        description = "The plan, as `slipway plan` named it.")
    String plan = "";

    @Mixin DeliveryCommands.Patience patience = new DeliveryCommands.Patience();

    @Option(
        names = "--override-window",
        description = "Sync although a window is closed; the history records it.")
    boolean overrideWindow;

    @Override
    public Integer call() {
      // As `slipway plan -o name` writes it, too.
      String planName = plan.substring(plan.lastIndexOf('/') + 1);
      KubeObject kept = api().get(Api.PLAN, namespace, planName);
      name = Json.string(kept.spec(), "application", "");
      return request(
          patience,
          "sync",
          body -> {
            body.put("plan", planName);
            if (overrideWindow) {
              body.put("overrideWindow", true);
            }
          });
    }
  }

  @Command(
      name = "figures",
      description =
          "How delivery goes: deployments a day, lead time, change failure rate, time to restore (the figures of DORA), from the history that is kept.")
  static final class Figures extends Context {
    @Parameters(
        arity = "0..1",
        paramLabel = "APP",
        completionCandidates = Names.Applications.class,
        description = "All applications of the namespace by default.")
    @Nullable String name;

    @Option(
        names = "--days",
        paramLabel = "N",
        defaultValue = "30",
        description = "Of the last N days (${DEFAULT-VALUE}).")
    int days = 30;

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      String wanted = name;
      List<KubeObject> applications =
          wanted == null
              ? api().list(Api.APPLICATION, namespace, Map.of())
              : List.of(api().get(Api.APPLICATION, namespace, wanted));
      List<KubeObject> records = api().list(Api.SYNC_RECORD, namespace, Map.of());
      Instant now = console().clock().instant();
      var rows = new java.util.ArrayList<List<String>>();
      ObjectNode all = Json.object();
      for (KubeObject application : applications) {
        DeliveryFigures figures =
            DeliveryFigures.of(
                records.stream().filter(record -> record.isControlledBy(application)).toList(),
                now.minus(Duration.ofDays(days)),
                now);
        all.set(application.name(), figures.toJson());
        rows.add(
            List.of(
                application.name(),
                Integer.toString(figures.deployments()),
                "%.2f".formatted(figures.perDay()),
                figures.leadTime().map(Console::span).orElse("-"),
                "%.0f %%".formatted(figures.failureRate() * 100),
                figures.timeToRestore().map(Console::span).orElse("-"),
                Console.span(figures.covered())));
      }
      if (output.isTable()) {
        console()
            .table(
                List.of(
                    "APPLICATION",
                    "DEPLOYMENTS",
                    "A DAY",
                    "LEAD TIME",
                    "FAILED",
                    "RESTORED IN",
                    "COVERED"),
                rows);
      } else {
        output.tree(console(), all);
      }
      return 0;
    }
  }
}
