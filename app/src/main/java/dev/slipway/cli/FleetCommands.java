package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import dev.slipway.sync.fleet.Fleet;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/// The commands that hold for all applications together.
final class FleetCommands {
  private static final ResourceType FLEET = Api.type("fleets");
  private static final String NAMESPACE = "kube-system";
  private static final String NAME = "fleet";

  private FleetCommands() {}

  private static void change(Context command, Consumer<ObjectNode> spec) {
    if (command.api().find(FLEET, NAMESPACE, NAME).isEmpty()) {
      command
          .api()
          .create(
              FLEET,
              KubeObject.make(
                  "slipway.dev/v1", "Fleet", NAMESPACE, NAME, json -> json.putObject("spec")));
    }
    command.api().merge(FLEET, NAMESPACE, NAME, patch -> spec.accept(patch.putObject("spec")));
  }

  /// Why nothing may change anywhere, and until when; empty too for who may not see that.
  static Optional<String> frozen(Context command) {
    try {
      return command
          .api()
          .find(FLEET, NAMESPACE, NAME)
          .map(found -> Fleet.of(found, command.console().clock().instant()))
          .flatMap(
              fleet ->
                  fleet
                      .freeze()
                      .map(
                          reason ->
                              Console.safe(reason)
                                  + fleet.frozenUntil().map(end -> ", until " + end).orElse("")));
    } catch (CommandFailed _) {
      return Optional.empty();
    }
  }

  private static Instant now(Context command) {
    return command.console().clock().instant().truncatedTo(ChronoUnit.SECONDS);
  }

  @Command(
      name = "fleet",
      description =
          "How many applications may change at once, and after how many failures all stop. Without an option it shows what holds.")
  static final class Limits extends Context {
    @Option(
        names = "--max-changing",
        paramLabel = "N",
        description = "At most N applications change on one cluster at once; 0 for any number.")
    @Nullable Integer maxChanging;

    @Option(
        names = "--max-per-project",
        paramLabel = "N",
        description = "The same for the applications of one project (spec.project).")
    @Nullable Integer maxPerProject;

    @Option(
        names = "--stop-after",
        paramLabel = "N",
        description = "After N failed syncs no more begin by themselves; 0 for never.")
    @Nullable Integer stopAfter;

    @Option(
        names = "--within",
        paramLabel = "DURATION",
        description = "The time in which these failures count (1h).")
    @Nullable String within;

    @Option(names = "--resume", description = "Go on after a stop: what failed is forgiven.")
    boolean resume;

    @Override
    public Integer call() {
      if (maxChanging != null
          || maxPerProject != null
          || stopAfter != null
          || within != null
          || resume) {
        change(
            this,
            spec -> {
              number(spec, "maxChanging", maxChanging);
              number(spec, "maxPerProject", maxPerProject);
              number(spec, "stopAfterFailures", stopAfter);
              if (within != null) {
                spec.put("within", within);
              }
              if (resume) {
                spec.put("resumedAt", console().clock().instant().toString());
              }
            });
      }
      Optional<KubeObject> fleet = api().find(FLEET, NAMESPACE, NAME);
      console()
          .table(
              List.of("CHANGING AT ONCE", "PER PROJECT", "STOPS AFTER", "WITHIN", "FROZEN"),
              List.of(
                  List.of(
                      shown(fleet, "maxChanging"),
                      shown(fleet, "maxPerProject"),
                      shown(fleet, "stopAfterFailures"),
                      fleet.map(one -> Json.string(one.spec(), "within", "1h")).orElse("1h"),
                      frozen(this).orElse("no"))));
      return 0;
    }

    private static void number(ObjectNode spec, String field, @Nullable Integer value) {
      if (value != null) {
        spec.put(field, value);
      }
    }

    private static String shown(Optional<KubeObject> fleet, String field) {
      int value = fleet.map(one -> Json.integer(one.spec(), field, 0)).orElse(0);
      return value == 0 ? "-" : Integer.toString(value);
    }
  }

  @Command(
      name = "freeze",
      description =
          "Let nothing change anywhere: no sync, no healing. Rollbacks and `sync --override-window` go on.")
  static final class Freeze extends Context {
    @Option(names = "--reason", paramLabel = "TEXT", required = true, description = "Shown to all.")
    String reason = "";

    @Option(
        names = "--for",
        paramLabel = "DURATION",
        description = "It ends by itself: 30m, 1h, 2d.")
    @Nullable Duration length;

    @Override
    public Integer call() {
      Duration wanted = length;
      change(
          this,
          spec -> {
            ObjectNode freeze = spec.putObject("freeze").put("reason", reason);
            if (wanted == null) {
              freeze.putNull("until");
            } else {
              freeze.put("until", now(this).plus(wanted).toString());
            }
          });
      console()
          .line("everything is frozen" + (wanted == null ? "" : " for " + Console.span(wanted)));
      return 0;
    }
  }

  @Command(name = "thaw", description = "End a freeze.")
  static final class Thaw extends Context {
    @Override
    public Integer call() {
      change(this, spec -> spec.putNull("freeze"));
      console().line("not frozen any more");
      return 0;
    }
  }
}
