package dev.slipway.sync.order;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// An object that is made anew at one point of each sync, and must come to a good end: mostly a
/// Job.
///
/// @param wave within its phase
/// @param policies when the object is deleted
/// @param timeout how long it may take; empty: as long as the sync
public record Hook(
    RenderedObject object,
    Phase phase,
    int wave,
    Set<DeletePolicy> policies,
    Optional<Duration> timeout) {
  /// When a hook runs.
  public enum Phase {
    PRE_SYNC("PreSync"),
    SYNC("Sync"),
    POST_SYNC("PostSync"),
    SYNC_FAIL("SyncFail"),
    PRE_DELETE("PreDelete"),
    POST_DELETE("PostDelete"),
    /// Never applied.
    SKIP("Skip");

    private final String word;

    Phase(String word) {
      this.word = word;
    }

    public String word() {
      return word;
    }

    static Optional<Phase> of(String word) {
      return java.util.Arrays.stream(values()).filter(phase -> phase.word.equals(word)).findFirst();
    }
  }

  /// When a hook's object is deleted. One that an older sync left is always deleted first.
  public enum DeletePolicy {
    BEFORE_HOOK_CREATION("BeforeHookCreation"),
    HOOK_SUCCEEDED("HookSucceeded"),
    HOOK_FAILED("HookFailed");

    private final String word;

    DeletePolicy(String word) {
      this.word = word;
    }
  }

  private static final Pattern PART = Pattern.compile("([0-9]{1,6})(s|m|h)");

  public Hook {
    policies = Set.copyOf(policies);
  }

  /// The hooks that an object declares itself to be, one for each phase; none for an object like
  /// any other.
  static List<Hook> of(RenderedObject rendered) {
    KubeObject object = rendered.object();
    if (annotation(object, "hook").isEmpty()) {
      return List.of();
    }
    var policies = EnumSet.noneOf(DeletePolicy.class);
    for (String word : words(object, "hook-delete-policy")) {
      for (DeletePolicy policy : DeletePolicy.values()) {
        if (policy.word.equals(word)) {
          policies.add(policy);
        }
      }
    }
    if (policies.isEmpty()) {
      policies.add(DeletePolicy.BEFORE_HOOK_CREATION);
    }
    var hooks = new ArrayList<Hook>();
    for (String word : words(object, "hook")) {
      Phase.of(word)
          .map(phase -> new Hook(rendered, phase, wave(object), policies, timeout(object)))
          .ifPresent(hooks::add);
    }
    return hooks;
  }

  /// What an object states about hooks and waves that means nothing, a sentence each.
  static List<String> faults(KubeObject object) {
    var faults = new ArrayList<String>();
    for (String word : words(object, "hook")) {
      if (Phase.of(word).isEmpty()) {
        faults.add(
            "%s: \"%s\" is no hook: PreSync, Sync, PostSync, SyncFail, PreDelete, PostDelete or Skip"
                .formatted(object.key(), word));
      }
    }
    for (String word : words(object, "hook-delete-policy")) {
      if (java.util.Arrays.stream(DeletePolicy.values())
          .noneMatch(policy -> policy.word.equals(word))) {
        faults.add(
            "%s: \"%s\" is no deletion policy: BeforeHookCreation, HookSucceeded or HookFailed"
                .formatted(object.key(), word));
      }
    }
    annotation(object, "sync-wave")
        .filter(text -> !text.matches("[+-]?[0-9]{1,9}"))
        .ifPresent(
            text ->
                faults.add(
                    "%s: the sync wave \"%s\" is no whole number".formatted(object.key(), text)));
    object
        .annotation("slipway.dev/hook-timeout")
        .filter(text -> !PART.matcher(text).matches())
        .ifPresent(
            text ->
                faults.add(
                    "%s: \"%s\" is no duration: write 30s, 5m or 1h"
                        .formatted(object.key(), text)));
    return faults;
  }

  /// The wave of an object, 0 when it states none.
  public static int wave(KubeObject object) {
    return annotation(object, "sync-wave")
        .filter(text -> text.matches("[+-]?[0-9]{1,9}"))
        .map(Integer::parseInt)
        .orElse(0);
  }

  private static Optional<Duration> timeout(KubeObject object) {
    return object
        .annotation("slipway.dev/hook-timeout")
        .map(PART::matcher)
        .filter(Matcher::matches)
        .map(
            parts -> {
              long number = Long.parseLong(parts.group(1));
              return switch (parts.group(2)) {
                case "s" -> Duration.ofSeconds(number);
                case "m" -> Duration.ofMinutes(number);
                default -> Duration.ofHours(number);
              };
            });
  }

  private static List<String> words(KubeObject object, String name) {
    return annotation(object, name)
        .map(
            text ->
                java.util.Arrays.stream(text.split(",", -1))
                    .map(String::strip)
                    .filter(word -> !word.isEmpty())
                    .toList())
        .orElse(List.of());
  }

  private static Optional<String> annotation(KubeObject object, String name) {
    return object
        .annotation("slipway.dev/" + name)
        .or(() -> object.annotation("argocd.argoproj.io/" + name));
  }
}
