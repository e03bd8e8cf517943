package dev.slipway.sync.plan;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// How objects are applied and removed, by the names that users of Argo CD know (`Prune=false`,
/// `Replace=true` …). An application states them for all of its objects, an object for itself.
///
/// @param prune whether an object goes when Git no longer has it
/// @param delete whether it goes with its application
/// @param pruneLast whether it goes only after everything else is healthy
/// @param replace writes the whole object instead of applying what Git states
/// @param force deletes and makes anew instead of changing in place; with `replace`
/// @param createNamespace makes a missing namespace
/// @param failOnSharedResource refuses an object that another application owns
/// @param unknown what was stated and cannot be done, a sentence each
public record SyncOptions(
    Guard prune,
    Guard delete,
    boolean pruneLast,
    boolean replace,
    boolean force,
    boolean createNamespace,
    boolean failOnSharedResource,
    List<String> unknown) {
  /// Whether something destructive may be done.
  public enum Guard {
    FREE,
    CONFIRM,
    NEVER
  }

  /// What holds when nobody says otherwise.
  public static final SyncOptions DEFAULT =
      new SyncOptions(Guard.FREE, Guard.FREE, false, false, false, true, true, List.of());

  private static final List<String> ANNOTATIONS =
      List.of("argocd.argoproj.io/sync-options", "slipway.dev/sync-options");

  public SyncOptions {
    unknown = List.copyOf(unknown);
  }

  /// The options of an application (`spec.syncPolicy.syncOptions`).
  public static SyncOptions read(JsonNode applicationSpec) {
    SyncOptions options = DEFAULT;
    for (String option : Json.strings(applicationSpec.path("syncPolicy"), "syncOptions")) {
      options = options.with(option.strip());
    }
    return options;
  }

  /// These options with what the object itself states.
  public SyncOptions of(KubeObject object) {
    SyncOptions options = this;
    for (String annotation : ANNOTATIONS) {
      for (String option : object.annotation(annotation).orElse("").split(",", -1)) {
        options = option.isBlank() ? options : options.with(option.strip());
      }
    }
    return object.annotation("slipway.dev/prune").filter("false"::equals).isPresent()
        ? options.with("Prune=false")
        : options;
  }

  private SyncOptions with(String option) {
    int equals = option.indexOf('=');
    String name = equals < 0 ? option : option.substring(0, equals);
    String value = equals < 0 ? "true" : option.substring(equals + 1);
    boolean on = value.equals("true");
    if (!on
        && !value.equals("false")
        && !(value.equals("confirm") && (name.equals("Prune") || name.equals("Delete")))) {
      return not(
          "%s: the value must be true or false%s"
              .formatted(
                  option, name.equals("Prune") || name.equals("Delete") ? " or confirm" : ""));
    }
    Guard guard = on ? Guard.FREE : value.equals("confirm") ? Guard.CONFIRM : Guard.NEVER;
    return switch (name) {
      case "Prune" ->
          new SyncOptions(
              guard,
              delete,
              pruneLast,
              replace,
              force,
              createNamespace,
              failOnSharedResource,
              unknown);
      case "Delete" ->
          new SyncOptions(
              prune,
              guard,
              pruneLast,
              replace,
              force,
              createNamespace,
              failOnSharedResource,
              unknown);
      case "PruneLast" ->
          new SyncOptions(
              prune, delete, on, replace, force, createNamespace, failOnSharedResource, unknown);
      case "Replace" ->
          new SyncOptions(
              prune, delete, pruneLast, on, force, createNamespace, failOnSharedResource, unknown);
      case "Force" ->
          new SyncOptions(
              prune,
              delete,
              pruneLast,
              replace,
              on,
              createNamespace,
              failOnSharedResource,
              unknown);
      case "CreateNamespace" ->
          new SyncOptions(
              prune, delete, pruneLast, replace, force, on, failOnSharedResource, unknown);
      case "FailOnSharedResource" ->
          new SyncOptions(prune, delete, pruneLast, replace, force, createNamespace, on, unknown);
      // Nothing is tried out beforehand, so nothing has to be skipped.
      case "SkipDryRunOnMissingResource" -> this;
      case "ServerSideApply", "ApplyOutOfSyncOnly", "RespectIgnoreDifferences" ->
          on ? this : not(option + ": cannot be switched off here");
      default -> not("\"" + option + "\" is no sync option");
    };
  }

  private SyncOptions not(String why) {
    var all = new ArrayList<>(unknown);
    all.add(why);
    return new SyncOptions(
        prune, delete, pruneLast, replace, force, createNamespace, failOnSharedResource, all);
  }
}
