package dev.slipway.sync.application;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;

/// Notices that an object is healed again and again because somebody else wants it otherwise, says
/// who and where, and lets healing wait ever longer. It is told of each healing and never asks a
/// clock.
final class ThrashDetector {
  private static final int TOLERATED = 8;
  private static final Duration SPAN = Duration.ofMinutes(1);
  private static final Duration LONGEST = Duration.ofMinutes(5);
  private static final Duration CALM = LONGEST.multipliedBy(2);
  private static final int MAX_FIELDS = 5;

  private record Place(String application, ObjectKey key) {}

  /// What is known of one object.
  private static final class Trace {
    final Deque<Instant> healed = new ArrayDeque<>();
    final TreeSet<String> fields = new TreeSet<>();
    String writer = "";
    boolean thrashing;
    Duration pause = Duration.ZERO;
  }

  private final Map<Place, Trace> traces = new ConcurrentHashMap<>();

  /// An object was just healed.
  ///
  /// @param fields that were not as wanted
  /// @param live the object as it was found
  void healed(String application, Collection<String> fields, KubeObject live, Instant now) {
    traces.compute(
        new Place(application, live.key()),
        (place, before) -> {
          Trace trace = before == null ? new Trace() : before;
          if (!trace.thrashing) {
            trace.healed.removeIf(at -> at.plus(SPAN).isBefore(now));
          }
          trace.healed.add(now);
          fields.stream().limit(MAX_FIELDS).forEach(trace.fields::add);
          while (trace.fields.size() > MAX_FIELDS) {
            trace.fields.removeLast();
          }
          trace.writer = writer(live);
          if (trace.healed.size() > TOLERATED) {
            trace.thrashing = true;
            trace.pause =
                trace.pause.isZero() ? Duration.ofSeconds(2) : trace.pause.multipliedBy(2);
            trace.pause = trace.pause.compareTo(LONGEST) > 0 ? LONGEST : trace.pause;
            while (trace.healed.size() > 2 * TOLERATED) {
              trace.healed.removeFirst();
            }
          }
          return trace;
        });
  }

  /// How long the next healing of an object has to wait.
  Duration pause(String application, ObjectKey key, Instant now) {
    Trace trace = traces.get(new Place(application, key));
    if (trace == null || !trace.thrashing) {
      return Duration.ZERO;
    }
    Duration left = Duration.between(now, trace.healed.getLast().plus(trace.pause));
    return left.isPositive() ? left : Duration.ZERO;
  }

  /// What goes on, a sentence an object; empty when all is calm.
  List<String> report(String application, Instant now) {
    traces
        .values()
        .removeIf(
            trace -> trace.healed.getLast().plus(trace.thrashing ? CALM : SPAN).isBefore(now));
    return traces.entrySet().stream()
        .filter(
            entry -> entry.getKey().application().equals(application) && entry.getValue().thrashing)
        .sorted(Comparator.comparing(entry -> entry.getKey().key()))
        .map(entry -> sentence(entry.getKey().key(), entry.getValue()))
        .toList();
  }

  private static String sentence(ObjectKey key, Trace trace) {
    Duration span = Duration.between(trace.healed.getFirst(), trace.healed.getLast());
    return "%s: slipway and %s change %s in turn, %d times within %d s; healed every %d s from now on"
        .formatted(
            key,
            trace.writer,
            String.join(", ", trace.fields),
            trace.healed.size(),
            Math.max(1, span.toSeconds()),
            trace.pause.toSeconds());
  }

  /// Who wrote last beside Slipway.
  private static String writer(KubeObject live) {
    Optional<JsonNode> last =
        Json.items(live.metadata(), "managedFields").stream()
            .filter(entry -> !Json.string(entry, "manager", "").startsWith("slipway"))
            .max(
                Comparator.comparing(
                    entry -> KubeObject.instant(entry, "time").orElse(Instant.MIN)));
    return last.map(entry -> Json.string(entry, "manager", "somebody")).orElse("somebody else");
  }

  /// The condition that says so.
  static void tell(
      tools.jackson.databind.node.ObjectNode status, List<String> report, Instant now) {
    if (!report.isEmpty() || Conditions.find(status, "Thrashing").isPresent()) {
      Conditions.set(
          status,
          "Thrashing",
          !report.isEmpty(),
          report.isEmpty() ? "Calm" : "ChangedInTurn",
          String.join("\n", report),
          now);
    }
  }
}
