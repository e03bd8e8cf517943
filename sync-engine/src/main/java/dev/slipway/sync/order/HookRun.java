package dev.slipway.sync.order;

import dev.slipway.model.health.Health;
import dev.slipway.model.health.HealthRules;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/// One run of a hook: the very object that was made for it, and what became of it.
public record HookRun(
    ObjectKey key,
    Hook.Phase phase,
    String uid,
    long operation,
    State state,
    String message,
    Instant startedAt) {
  /// How far it is.
  public enum State {
    RUNNING("Running"),
    SUCCEEDED("Succeeded"),
    FAILED("Failed"),
    /// Ended by somebody before its time.
    TERMINATED("Terminated");

    private final String word;

    State(String word) {
      this.word = word;
    }

    public String word() {
      return word;
    }

    public static State of(String word) {
      return java.util.Arrays.stream(values())
          .filter(state -> state.word.equals(word))
          .findFirst()
          .orElse(FAILED);
    }
  }

  public HookRun ended(State end, String why) {
    return new HookRun(key, phase, uid, operation, end, why, startedAt);
  }

  public boolean isOf(Hook hook) {
    return phase == hook.phase() && key.equals(hook.object().object().key());
  }

  /// How the run stands now. Another object under the same name is not the hook: whoever took it
  /// away made the hook fail.
  ///
  /// @param live what has the hook's name now
  public HookRun look(Optional<KubeObject> live, Optional<Duration> timeout, Instant now) {
    if (state != State.RUNNING) {
      return this;
    }
    Optional<KubeObject> own = live.filter(object -> object.uid().equals(uid));
    if (own.isEmpty()) {
      return ended(State.FAILED, "the hook vanished before it was done");
    }
    HookRun seen = judge(own.get(), now);
    if (seen.state == State.RUNNING
        && timeout.filter(limit -> !startedAt.plus(limit).isAfter(now)).isPresent()) {
      return ended(
          State.FAILED,
          "not done within "
              + timeout.get().toString().substring(2).toLowerCase(java.util.Locale.ROOT));
    }
    return seen;
  }

  private HookRun judge(KubeObject object, Instant now) {
    if (object.isTerminating()) {
      return ended(State.FAILED, "the hook was deleted before it was done");
    }
    if (object.key().groupKind().toString().equals("Pod")) {
      return switch (Json.string(object.status(), "phase", "")) {
        case "Succeeded" -> ended(State.SUCCEEDED, "");
        case "Failed" ->
            ended(State.FAILED, Json.string(object.status(), "message", "the pod failed"));
        default -> this;
      };
    }
    Health health = HealthRules.assess(object, now);
    return switch (health.word()) {
      case HEALTHY -> ended(State.SUCCEEDED, "");
      case DEGRADED ->
          ended(State.FAILED, health.message().isEmpty() ? "failed" : health.message());
      default -> this;
    };
  }
}
