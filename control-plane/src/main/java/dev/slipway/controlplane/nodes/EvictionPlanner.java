package dev.slipway.controlplane.nodes;

import dev.slipway.controlplane.scheduling.Taint;
import dev.slipway.controlplane.scheduling.Toleration;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// Which pods leave a node because of its `NoExecute` taints, and when.
final class EvictionPlanner {
  static final String UNREACHABLE = "node.kubernetes.io/unreachable";
  private static final String POLICY = "slipway.dev/evict-after";
  private static final Duration EVICT_AFTER = Duration.ofMinutes(5);

  /// @param leave those whose time is over
  /// @param next how long the next one has left
  record Plan(List<KubeObject> leave, Optional<Duration> next) {}

  private EvictionPlanner() {}

  static boolean evicts(JsonNode taint) {
    return Json.string(taint, "effect", "").equals("NoExecute");
  }

  /// @param silent whether the node is known not to answer: only then does that taint count
  static Plan plan(KubeObject node, List<KubeObject> pods, boolean silent, Instant now) {
    List<JsonNode> taints =
        Json.items(node.spec(), "taints").stream()
            .filter(EvictionPlanner::evicts)
            .filter(taint -> silent || !isUnreachable(taint))
            .toList();
    var leave = new ArrayList<KubeObject>();
    Optional<Duration> next = Optional.empty();
    for (KubeObject pod : pods) {
      Optional<Duration> left =
          pod.isTerminating()
              ? Optional.empty()
              : taints.stream()
                  .flatMap(taint -> left(pod, taint, node, now).stream())
                  .min(Comparator.naturalOrder());
      if (left.isPresent() && !left.get().isPositive()) {
        leave.add(pod);
      } else {
        next = Stream.concat(left.stream(), next.stream()).min(Comparator.naturalOrder());
      }
    }
    return new Plan(leave, next);
  }

  private static boolean isUnreachable(JsonNode taint) {
    return Json.string(taint, "key", "").equals(UNREACHABLE);
  }

  /// Empty when it may stay for ever.
  private static Optional<Duration> left(
      KubeObject pod, JsonNode taint, KubeObject node, Instant now) {
    return tolerated(pod, taint, node)
        .map(
            patience ->
                patience.isZero()
                    ? Duration.ZERO
                    : Duration.between(now, since(pod, taint, now).plus(patience)));
  }

  /// A pod that came after the taint has its whole time.
  private static Instant since(KubeObject pod, JsonNode taint, Instant now) {
    Instant tainted = KubeObject.instant(taint, "timeAdded").orElse(now);
    Instant came =
        Conditions.find(pod.status(), "PodScheduled")
            .flatMap(condition -> KubeObject.instant(condition, "lastTransitionTime"))
            .or(pod::creationTimestamp)
            .orElse(tainted);
    return came.isAfter(tainted) ? came : tainted;
  }

  /// What the pod itself says counts, then, of a node that does not answer, that one's
  /// `slipway.dev/evict-after`.
  private static Optional<Duration> tolerated(KubeObject pod, JsonNode taint, KubeObject node) {
    Taint read = Taint.read(taint);
    Optional<Toleration> own =
        Json.items(pod.spec(), "tolerations").stream()
            .map(Toleration::read)
            .filter(toleration -> toleration.covers(read))
            .findFirst();
    if (own.isPresent()) {
      return own.get().limit();
    }
    if (!isUnreachable(taint)) {
      return Optional.of(Duration.ZERO);
    }
    String policy = node.annotation(POLICY).orElse("");
    return policy.equals("never")
        ? Optional.empty()
        : Optional.of(duration(policy).orElse(EVICT_AFTER));
  }

  /// Reads `30s`, `5m`, `2h`, `1d`; empty for anything else.
  private static Optional<Duration> duration(String text) {
    if (!text.matches("[0-9]{1,9}[smhd]")) {
      return Optional.empty();
    }
    long number = Long.parseLong(text.substring(0, text.length() - 1));
    return Optional.of(
        switch (text.charAt(text.length() - 1)) {
          case 's' -> Duration.ofSeconds(number);
          case 'm' -> Duration.ofMinutes(number);
          case 'h' -> Duration.ofHours(number);
          default -> Duration.ofDays(number);
        });
  }
}
