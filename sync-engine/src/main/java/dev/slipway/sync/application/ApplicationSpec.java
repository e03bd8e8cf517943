package dev.slipway.sync.application;

import dev.slipway.manifest.ReadOptions;
import dev.slipway.model.health.HealthRules;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.health.HealthCheck;
import dev.slipway.sync.plan.SyncOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/// The spec of an application with its defaults filled in.
record ApplicationSpec(
    String repository,
    String path,
    String revision,
    ReadOptions files,
    String namespace,
    boolean automated,
    boolean prune,
    boolean selfHeal,
    boolean allowEmpty,
    Duration timeout,
    Optional<Duration> waveTimeout,
    SyncOptions options,
    int retryLimit,
    Duration retryFirst,
    int retryFactor,
    Duration retryLast,
    int maxPruned,
    int maxPrunedPercent,
    int historyLimit,
    Optional<Duration> historyAge,
    List<HealthCheck> healthChecks,
    boolean suspended,
    Optional<Instant> suspendedUntil) {
  private static final Pattern PART = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)(ms|s|m|h|d)");

  static ApplicationSpec read(KubeObject application, Instant now) {
    JsonNode spec = application.spec();
    JsonNode source = spec.path("source");
    JsonNode directory = source.path("directory");
    JsonNode policy = spec.path("syncPolicy");
    JsonNode automated = policy.path("automated");
    JsonNode retry = policy.path("retry");
    JsonNode backoff = retry.path("backoff");
    JsonNode suspend = spec.path("suspend");
    boolean suspended = HealthRules.isSuspended(application, now);
    return new ApplicationSpec(
        Json.string(source, "repoURL", ""),
        Json.string(source, "path", "."),
        Json.string(source, "targetRevision", "HEAD"),
        new ReadOptions(
            Json.bool(directory, "recurse", true),
            Json.string(directory, "include").filter(text -> !text.isEmpty()),
            Json.string(directory, "exclude").filter(text -> !text.isEmpty())),
        Json.string(spec.path("destination"), "namespace", application.namespace()),
        automated.isObject() && Json.bool(automated, "enabled", true),
        Json.bool(automated, "prune", false),
        Json.bool(automated, "selfHeal", false),
        Json.bool(automated, "allowEmpty", false),
        duration(policy, "timeout", Duration.ofMinutes(10)),
        Json.string(policy, "waveTimeout")
            .map(_ -> duration(policy, "waveTimeout", Duration.ofMinutes(10))),
        SyncOptions.read(spec),
        Json.integer(retry, "limit", 5),
        duration(backoff, "duration", Duration.ofSeconds(5)),
        Math.max(1, Json.integer(backoff, "factor", 2)),
        duration(backoff, "maxDuration", Duration.ofMinutes(3)),
        Json.integer(policy.path("prune"), "maxObjects", 10),
        Json.integer(policy.path("prune"), "maxPercent", 30),
        Math.max(1, Json.integer(spec, "revisionHistoryLimit", 10)),
        Json.string(spec, "revisionHistoryAge")
            .map(_ -> duration(spec, "revisionHistoryAge", Duration.ofDays(90))),
        HealthCheck.read(spec),
        suspended,
        suspended ? KubeObject.instant(suspend, "until") : Optional.empty());
  }

  /// How long the n-th retry waits, from 1.
  Duration retryAfter(int attempt) {
    Duration delay = retryFirst;
    for (int i = 1; i < attempt && delay.compareTo(retryLast) < 0; i++) {
      delay = delay.multipliedBy(retryFactor);
    }
    return delay.compareTo(retryLast) > 0 ? retryLast : delay;
  }

  private static Duration duration(JsonNode node, String field, Duration otherwise) {
    String text = Json.string(node, field, "");
    Matcher parts = PART.matcher(text);
    Duration sum = Duration.ZERO;
    int end = 0;
    while (parts.find() && parts.start() == end) {
      double number = Double.parseDouble(parts.group(1));
      long unit =
          switch (parts.group(2)) {
            case "ms" -> 1L;
            case "s" -> 1_000L;
            case "m" -> 60_000L;
            case "h" -> 3_600_000L;
            default -> 86_400_000L;
          };
      sum = sum.plusMillis((long) (number * unit));
      end = parts.end();
    }
    return text.isEmpty() || end != text.length() ? otherwise : sum;
  }
}
