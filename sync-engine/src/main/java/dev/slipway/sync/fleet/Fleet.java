package dev.slipway.sync.fleet;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// The limits that all applications share: the object `Fleet` of the name `fleet` in `kube-system`.
///
/// @param freeze why nothing may change; empty when it may
/// @param frozenUntil when the freeze ends by itself
/// @param maxChanging how many applications may be synced at once on one cluster; 0 for any number
/// @param maxPerProject the same for the applications of one project on one cluster
/// @param stopAfter after so many failed rollouts within `within` no more begin; 0 for never: what
///   was applied and did not become healthy
/// @param resumedAt failures before this do not count any more
public record Fleet(
    Optional<String> freeze,
    Optional<Instant> frozenUntil,
    int maxChanging,
    int maxPerProject,
    int stopAfter,
    Duration within,
    Optional<Instant> resumedAt) {
  public static final ObjectKey KEY = ObjectKey.slipway("Fleet", "kube-system", "fleet");
  private static final Fleet FREE =
      new Fleet(Optional.empty(), Optional.empty(), 0, 0, 0, Duration.ofHours(1), Optional.empty());

  public static Fleet read(Cluster home, Instant now) {
    return home.get(KEY).map(found -> of(found, now)).orElse(FREE);
  }

  public static Fleet of(KubeObject object, Instant now) {
    JsonNode spec = object.spec();
    JsonNode freeze = spec.path("freeze");
    Optional<Instant> until = KubeObject.instant(freeze, "until");
    boolean frozen = freeze.isObject() && until.filter(end -> !end.isAfter(now)).isEmpty();
    Duration within;
    try {
      within = Duration.parse("PT" + Json.string(spec, "within", "1h"));
    } catch (DateTimeParseException e) {
      within = FREE.within();
    }
    return new Fleet(
        frozen
            ? Optional.of(Json.string(freeze, "reason", "no reason was given"))
            : Optional.empty(),
        frozen ? until : Optional.empty(),
        Json.integer(spec, "maxChanging", 0),
        Json.integer(spec, "maxPerProject", 0),
        Json.integer(spec, "stopAfterFailures", 0),
        within,
        KubeObject.instant(spec, "resumedAt"));
  }
}
