package dev.slipway.runtime.agent;

import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/// The probes of all running containers, each on its own period. What they say is kept per
/// container id, and forgotten with it.
final class Probes implements AutoCloseable {
  /// Asks one container; empty when it is well.
  @FunctionalInterface
  interface Asker {
    Optional<String> ask(ProbeSpec probe, String containerId, String address);
  }

  private final Asker asker;
  private final Timeline timeline;

  /// Hears the container id and, if a probe failed, its word.
  private final BiConsumer<String, String> changed;

  private final Map<String, Watched> containers = new HashMap<>();
  private boolean closed;

  Probes(Asker asker, Timeline timeline, BiConsumer<String, String> changed) {
    this.asker = asker;
    this.timeline = timeline;
    this.changed = changed;
  }

  private static final class Watched {
    final String id;
    final String address;
    final List<ProbeSpec> specs;
    final List<Scheduled> timers = new ArrayList<>();
    final Map<ProbeSpec.Kind, Integer> successes = new HashMap<>();
    final Map<ProbeSpec.Kind, Integer> failures = new HashMap<>();

    /// When it was first asked whether it has started.
    long startAskedNanos = -1;

    boolean started;
    boolean ready;
    @Nullable String failed;
    boolean gone;

    Watched(String id, String address, List<ProbeSpec> specs) {
      this.id = id;
      this.address = address;
      this.specs = specs;
    }

    boolean has(ProbeSpec.Kind kind) {
      return specs.stream().anyMatch(spec -> spec.kind() == kind);
    }
  }

  /// Begins to probe a running container, once.
  ///
  /// @param wasStarted what its status said before this program began, so that a restart of ours
  ///   changes nothing
  synchronized void watch(
      String id, String address, List<ProbeSpec> specs, boolean wasStarted, boolean wasReady) {
    if (closed || containers.containsKey(id)) {
      return;
    }
    var watched = new Watched(id, address, specs);
    watched.started = wasStarted || !watched.has(ProbeSpec.Kind.STARTUP);
    watched.ready = wasReady || !watched.has(ProbeSpec.Kind.READINESS);
    containers.put(id, watched);
    for (ProbeSpec spec : specs) {
      Duration first = wasStarted ? Duration.ZERO : spec.initialDelay();
      watched.timers.add(timeline.schedule(first, () -> run(watched, spec)));
    }
  }

  /// Forgets every container but these.
  synchronized void retain(String podPrefix, Set<String> ids) {
    containers
        .values()
        .removeIf(
            watched -> {
              boolean over = watched.id.startsWith(podPrefix) && !ids.contains(watched.id);
              if (over) {
                watched.gone = true;
                watched.timers.forEach(Scheduled::cancel);
              }
              return over;
            });
  }

  /// What the probes of a container say; nothing when it has none.
  synchronized Optional<PodView.ProbeWord> word(String id) {
    Watched watched = containers.get(id);
    return watched == null
        ? Optional.empty()
        : Optional.of(
            new PodView.ProbeWord(
                watched.started, watched.ready, Optional.ofNullable(watched.failed)));
  }

  private void run(Watched watched, ProbeSpec spec) {
    synchronized (this) {
      if (watched.gone || closed) {
        return;
      }
      boolean waits = !watched.started && spec.kind() != ProbeSpec.Kind.STARTUP;
      boolean over = watched.started && spec.kind() == ProbeSpec.Kind.STARTUP;
      if (over) {
        return;
      }
      if (waits) {
        watched.timers.add(timeline.schedule(Duration.ofMillis(100), () -> run(watched, spec)));
        return;
      }
    }
    long asked = timeline.nanos();
    if (spec.kind() == ProbeSpec.Kind.STARTUP && watched.startAskedNanos < 0) {
      watched.startAskedNanos = asked;
    }
    Optional<String> failure = asker.ask(spec, watched.id, watched.address);
    boolean news;
    synchronized (this) {
      if (watched.gone || closed) {
        return;
      }
      news = record(watched, spec, failure, asked);
      watched.timers.clear();
      watched.timers.add(timeline.schedule(pause(watched, spec), () -> run(watched, spec)));
    }
    if (news) {
      changed.accept(watched.id, failure.map(word -> word(spec) + " failed: " + word).orElse(""));
    }
  }

  /// Until it is ready for the first time a container is asked more often, so that nobody waits for
  /// a period to end.
  private static Duration pause(Watched watched, ProbeSpec spec) {
    boolean eager =
        (spec.kind() == ProbeSpec.Kind.READINESS && !watched.ready)
            || (spec.kind() == ProbeSpec.Kind.STARTUP && !watched.started);
    Duration quick = Duration.ofMillis(100);
    int failures = watched.failures.getOrDefault(spec.kind(), 0);
    return eager && failures < 100 ? quick.multipliedBy(1 + failures / 10) : spec.period();
  }

  private static boolean record(
      Watched watched, ProbeSpec spec, Optional<String> failure, long asked) {
    ProbeSpec.Kind kind = spec.kind();
    if (failure.isEmpty()) {
      watched.failures.put(kind, 0);
      int successes = watched.successes.merge(kind, 1, Integer::sum);
      if (successes < spec.successThreshold()) {
        return false;
      }
      return switch (kind) {
        case STARTUP -> !watched.started && (watched.started = true);
        case READINESS -> !watched.ready && (watched.ready = true);
        case LIVENESS -> false;
      };
    }
    watched.successes.put(kind, 0);
    int failures = watched.failures.merge(kind, 1, Integer::sum);
    boolean eager =
        (kind == ProbeSpec.Kind.READINESS && !watched.ready) || kind == ProbeSpec.Kind.STARTUP;
    if (failures < spec.failureThreshold() && !eager) {
      return false;
    }
    return switch (kind) {
      case STARTUP -> {
        // It is asked more often than its period: so its time counts, not the number of failures.
        boolean tooLong =
            asked - watched.startAskedNanos
                >= spec.period().multipliedBy(spec.failureThreshold()).toNanos();
        if (tooLong && watched.failed == null) {
          watched.failed = word(spec) + " failed: " + failure.get();
          yield true;
        }
        yield false;
      }
      case READINESS -> {
        boolean was = watched.ready;
        watched.ready = false;
        yield was;
      }
      case LIVENESS -> {
        boolean first = watched.failed == null;
        watched.failed = word(spec) + " failed: " + failure.get();
        yield first;
      }
    };
  }

  private static String word(ProbeSpec spec) {
    return switch (spec.kind()) {
      case STARTUP -> "Startup probe";
      case READINESS -> "Readiness probe";
      case LIVENESS -> "Liveness probe";
    };
  }

  @Override
  public synchronized void close() {
    closed = true;
    containers.values().forEach(watched -> watched.timers.forEach(Scheduled::cancel));
    containers.clear();
  }
}
