package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Follows an application until it is as somebody waits for it to be, and says each step once.
final class Progress {
  /// How a wait ended: an exit code and a word.
  record End(int code, String message) {
    /// Says the word where it belongs.
    ///
    /// @return the exit code
    int said(Console console) {
      if (code == 0) {
        console.line(message);
      } else {
        console.error(message);
      }
      return code;
    }
  }

  private static final Duration TICK = Duration.ofSeconds(1);

  private final Context command;
  private final LiveLine live;
  private volatile String last = "";

  Progress(Context command) {
    this.command = command;
    this.live = new LiveLine(command.console());
  }

  /// @param verdict asked after each change; empty goes on
  End follow(String name, Duration timeout, Function<KubeObject, Optional<End>> verdict) {
    return follow(name, timeout, _ -> true, verdict);
  }

  /// @param telling whether a state is of interest: others are not shown
  End follow(
      String name,
      Duration timeout,
      Predicate<KubeObject> telling,
      Function<KubeObject, Optional<End>> verdict) {
    var end = new AtomicReference<@Nullable End>();
    Instant until = command.console().clock().instant().plus(timeout);
    Thread watcher =
        Thread.ofVirtual()
            .start(
                () -> {
                  while (end.get() == null && !Thread.currentThread().isInterrupted()) {
                    try {
                      command
                          .api()
                          .watch(
                              Api.APPLICATION,
                              command.namespace,
                              name,
                              application -> {
                                if (application.isEmpty()) {
                                  end.compareAndSet(
                                      null, new End(4, "application " + name + " was deleted"));
                                } else {
                                  if (telling.test(application.get())) {
                                    tell(application.get());
                                  }
                                  verdict
                                      .apply(application.get())
                                      .ifPresent(found -> end.compareAndSet(null, found));
                                }
                                return end.get() == null;
                              });
                    } catch (CommandFailed e) {
                      pause();
                    }
                  }
                });
    try {
      Duration left = Duration.between(command.console().clock().instant(), until);
      do {
        live.tick();
        Duration turn = left.compareTo(TICK) < 0 ? left : TICK;
        if (watcher.join(turn.isPositive() ? turn : Duration.ofMillis(1))) {
          break;
        }
        left = Duration.between(command.console().clock().instant(), until);
      } while (left.isPositive());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    live.end();
    End found = end.get();
    if (found == null) {
      watcher.interrupt();
      return new End(
          3,
          "not there within " + Console.span(timeout) + (last.isEmpty() ? "" : "; last: " + last));
    }
    return found;
  }

  private static void pause() {
    java.util.concurrent.locks.LockSupport.parkNanos(200_000_000);
  }

  private void tell(KubeObject application) {
    JsonNode status = application.status();
    JsonNode operation = status.path("operation");
    String sync = Json.string(status.path("sync"), "status", "Unknown");
    String health = Json.string(status.path("health"), "status", "Unknown");
    String rest =
        Console.safe(
            operation.isObject()
                ? step(operation)
                : Json.string(status.path("source"), "problem", ""));
    last = "%s %s %s".formatted(sync, health, rest).strip();
    Console console = command.console();
    live.step("%s %s %s".formatted(console.word(sync), console.word(health), rest).strip());
  }

  private static String step(JsonNode operation) {
    String phase = Json.string(operation, "phase", "");
    String message = Json.string(operation, "message", "");
    String word = phase.equals("Running") ? Json.string(operation, "step", "") : phase;
    return message.isEmpty() ? word : word + ": " + message;
  }

  /// Healthy and synced, with nothing under way; or waiting for a person, who may not come.
  static Optional<End> healthy(KubeObject application) {
    JsonNode status = application.status();
    String phase = Json.string(status.path("operation"), "phase", "");
    if (phase.equals("WaitingForConfirmation")) {
      return Optional.of(
          new End(1, phase + ": " + Json.string(status.path("operation"), "message", "")));
    }
    boolean running = phase.equals("Running");
    boolean well =
        Json.string(status.path("sync"), "status", "").equals("Synced")
            && Json.string(status.path("health"), "status", "").equals("Healthy");
    return well && !running
        ? Optional.of(new End(0, application.name() + " is synced and healthy"))
        : Optional.empty();
  }

  /// A commit that will not be delivered any more, and why.
  static Optional<End> lost(KubeObject application, String commit) {
    JsonNode status = application.status();
    Optional<End> rejected =
        Json.items(status, "rejected").stream()
            .filter(entry -> Json.string(entry, "revision", "").startsWith(commit))
            .map(
                entry ->
                    new End(
                        1,
                        "commit %s was rejected: %s"
                            .formatted(commit, Json.string(entry, "reason", "given up"))))
            .findFirst();
    return rejected.isEmpty()
            && Json.string(status.path("source"), "revision", "").startsWith(commit)
        ? invalid(application)
        : rejected;
  }

  /// Git holds no manifests that could be applied.
  static Optional<End> invalid(KubeObject application) {
    return Conditions.isTrue(application.status(), "InvalidManifests")
        ? Conditions.find(application.status(), "InvalidManifests")
            .map(condition -> new End(1, Json.string(condition, "message", "")))
        : Optional.empty();
  }

  /// Whether what an application does answers a request.
  static boolean isUnderWay(KubeObject application, String request, String id) {
    return taken(application, request, id).filter(end -> end.code() == 0).isPresent();
  }

  /// What was said to a request: that it is taken, or why not.
  static Optional<End> taken(KubeObject application, String request, String id) {
    JsonNode status = application.status();
    if (!Json.string(status.path("handledRequests"), request, "").equals(id)) {
      return Optional.empty();
    }
    return Optional.of(
        status.path("refused").isObject()
            ? new End(1, Json.string(status.path("refused"), "reason", "refused"))
            : new End(0, ""));
  }

  /// The end of the sync that answers a request.
  static Optional<End> answered(KubeObject application, String request, String id) {
    Optional<End> taken = taken(application, request, id);
    if (taken.isEmpty() || taken.get().code() != 0) {
      return taken;
    }
    JsonNode status = application.status();
    JsonNode operation = status.path("operation");
    String message = Json.string(operation, "message", "");
    return switch (Json.string(operation, "phase", "")) {
      case "Succeeded" ->
          Json.string(operation, "trigger", "").equals("auto-rollback")
              ? Optional.of(new End(1, "the revision failed and was taken back: " + reason(status)))
              : Optional.of(new End(0, message));
      case "Failed", "Terminated", "Superseded", "WaitingForConfirmation" ->
          Optional.of(new End(1, Json.string(operation, "phase", "") + ": " + message));
      default -> Optional.empty();
    };
  }

  private static String reason(JsonNode status) {
    return Json.items(status, "rejected").stream()
        .findFirst()
        .map(entry -> Json.string(entry, "reason", ""))
        .orElse("");
  }
}
