package dev.slipway.runtime.agent;

import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The tokens of a node's pods: each is given again until three quarters of its life are over.
final class KeptTokens {
  /// However long a token lives, a pod has one of the last day.
  private static final Duration OLDEST = Duration.ofDays(1);

  private record Wanted(List<String> audiences, Duration life) {}

  private record Kept(PodTokens.Token token, Instant renewal) {}

  private final PodTokens tokens;
  private final InstantSource clock;
  private final Map<String, Map<Wanted, Kept>> byPod = new HashMap<>();

  KeptTokens(PodTokens tokens, InstantSource clock) {
    this.tokens = tokens;
    this.clock = clock;
  }

  /// @return empty when the pod's service account does not exist
  synchronized Optional<String> token(KubeObject pod, List<String> audiences, Duration life) {
    Instant now = clock.instant();
    var wanted = new Wanted(audiences, life);
    Map<Wanted, Kept> known = byPod.getOrDefault(pod.uid(), Map.of());
    Kept kept = known.get(wanted);
    if (kept != null && now.isBefore(kept.renewal())) {
      return Optional.of(kept.token().text());
    }
    Optional<PodTokens.Token> fresh = tokens.issue(pod, audiences, life);
    fresh.ifPresent(
        token ->
            byPod
                .computeIfAbsent(pod.uid(), _ -> new HashMap<>())
                .put(wanted, new Kept(token, renewal(token, now))));
    return fresh.map(PodTokens.Token::text);
  }

  private static Instant renewal(PodTokens.Token token, Instant now) {
    Duration most = Duration.between(now, token.expires()).multipliedBy(3).dividedBy(4);
    return now.plus(most.compareTo(OLDEST) > 0 ? OLDEST : most);
  }

  /// When one of the pod's tokens must be renewed; empty for a pod without any.
  synchronized Optional<Instant> renewal(String podUid) {
    return byPod.getOrDefault(podUid, Map.of()).values().stream()
        .map(Kept::renewal)
        .min(Instant::compareTo);
  }

  synchronized void forget(String podUid) {
    byPod.remove(podUid);
  }
}
