package dev.slipway.sync.application;

import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Schedules;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Asks each repository once a period, whatever the number of applications on it, and tells those
/// that something is new. A repository that fails is asked ever more rarely, and not at all while
/// it wants to be left alone.
final class Poller implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Poller.class);
  private static final Duration SLOWEST = Duration.ofSeconds(30);
  private static final Duration BETWEEN_HINTS = Duration.ofMillis(200);

  private final Schedules schedules;
  private final Source source;
  private final Repositories repositories;
  private final Timeline timeline;
  private final Consumer<ObjectKey> look;
  private final Map<Remote, Polled> polled = new HashMap<>();

  /// What each application, or set of applications, comes from.
  private final Map<ObjectKey, Set<Remote>> followed = new HashMap<>();

  Poller(
      Schedules schedules,
      Source source,
      Repositories repositories,
      Timeline timeline,
      Consumer<ObjectKey> look) {
    this.schedules = schedules;
    this.source = source;
    this.repositories = repositories;
    this.timeline = timeline;
    this.look = look;
  }

  /// One repository. Its fields are guarded by the poller.
  private static final class Polled {
    final Set<ObjectKey> applications = new HashSet<>();
    final Duration period;
    @Nullable Scheduled schedule;
    int failures;
    long notBefore = Long.MIN_VALUE;
    long asked = Long.MIN_VALUE;
    boolean hinted;

    Polled(Duration period) {
      this.period = period;
    }
  }

  /// What an application comes from now.
  ///
  /// @param urls none when the application is gone; those that are empty do not count
  synchronized void follow(ObjectKey application, Collection<String> urls) {
    var now = new LinkedHashSet<Remote>();
    urls.stream()
        .filter(url -> !url.isEmpty())
        .forEach(url -> now.add(repositories.remote(application.namespace(), url)));
    Set<Remote> before = followed.getOrDefault(application, Set.of());
    if (before.equals(now)) {
      return;
    }
    if (now.isEmpty()) {
      followed.remove(application);
    } else {
      followed.put(application, now);
    }
    before.stream()
        .filter(remote -> !now.contains(remote))
        .forEach(remote -> leave(application, remote));
    now.stream()
        .filter(remote -> !before.contains(remote))
        .forEach(remote -> enter(application, remote));
  }

  private void enter(ObjectKey application, Remote remote) {
    Polled poll = polled.get(remote);
    if (poll == null) {
      poll = new Polled(repositories.period(remote));
      polled.put(remote, poll);
      poll.schedule = schedules.every("poll", poll.period, () -> tick(remote));
    }
    poll.applications.add(application);
  }

  private void leave(ObjectKey application, Remote remote) {
    Polled poll = polled.get(remote);
    if (poll != null) {
      poll.applications.remove(application);
      if (poll.applications.isEmpty()) {
        polled.remove(remote);
        if (poll.schedule != null) {
          poll.schedule.cancel();
        }
      }
    }
  }

  /// Credentials or periods may have changed: everything is told to look.
  synchronized void repositoriesChanged() {
    for (var entry : new HashMap<>(followed).entrySet()) {
      ObjectKey application = entry.getKey();
      List<String> urls = entry.getValue().stream().map(Remote::url).toList();
      boolean otherPeriod =
          entry.getValue().stream()
              .anyMatch(
                  remote -> {
                    Polled poll = polled.get(remote);
                    return poll != null && !poll.period.equals(repositories.period(remote));
                  });
      if (otherPeriod) {
        follow(application, List.of());
      }
      follow(application, urls);
      for (Remote remote : followed.getOrDefault(application, Set.of())) {
        Polled now = polled.get(remote);
        if (now != null) {
          now.notBefore = Long.MIN_VALUE;
        }
      }
      look.accept(application);
    }
  }

  /// What comes from a repository.
  synchronized List<ObjectKey> applications(Remote remote) {
    Polled poll = polled.get(remote);
    return poll == null ? List.of() : List.copyOf(poll.applications);
  }

  private void tick(Remote remote) {
    synchronized (this) {
      Polled poll = polled.get(remote);
      if (poll == null || timeline.nanos() < poll.notBefore) {
        return;
      }
    }
    ask(remote);
  }

  /// Asks soon, also while it is being asked less often. Any number of hints in a row is one.
  void hint(String url) {
    for (Remote remote : remotes(url)) {
      Duration delay;
      synchronized (this) {
        Polled poll = polled.get(remote);
        if (poll == null || poll.hinted) {
          continue;
        }
        poll.hinted = true;
        long due =
            poll.asked == Long.MIN_VALUE
                ? 0
                : poll.asked + BETWEEN_HINTS.toNanos() - timeline.nanos();
        delay = Duration.ofNanos(Math.max(0, due));
      }
      timeline.schedule(
          delay,
          () -> {
            synchronized (this) {
              Polled poll = polled.get(remote);
              if (poll != null) {
                poll.hinted = false;
              }
            }
            ask(remote);
          });
    }
  }

  /// Asks now.
  void refresh(String url) {
    remotes(url).forEach(this::ask);
  }

  private synchronized List<Remote> remotes(String url) {
    return polled.keySet().stream().filter(remote -> remote.url().equals(url)).toList();
  }

  private void ask(Remote remote) {
    synchronized (this) {
      Polled poll = polled.get(remote);
      if (poll == null) {
        return;
      }
      poll.asked = timeline.nanos();
    }
    boolean news = false;
    @Nullable SourceException failure = null;
    try {
      news = source.refresh(remote);
    } catch (SourceException e) {
      failure = e;
    }
    List<ObjectKey> applications;
    synchronized (this) {
      Polled poll = polled.get(remote);
      if (poll == null) {
        return;
      }
      if (failure == null) {
        news |= poll.failures > 0;
        poll.failures = 0;
        poll.notBefore = Long.MIN_VALUE;
      } else {
        news = poll.failures == 0;
        poll.failures++;
        Duration delay = poll.period.multipliedBy(1L << Math.min(poll.failures, 8));
        delay = delay.compareTo(SLOWEST) > 0 ? max(SLOWEST, poll.period) : delay;
        delay = max(delay, failure.retryAfter().orElse(Duration.ZERO));
        // The last tick before counts: a delay of one period must not become two.
        poll.notBefore = timeline.nanos() + delay.toNanos() - poll.period.toNanos() / 2;
        log.warn(
            "repository does not answer failures={} next={} cause={}",
            poll.failures,
            delay,
            failure.getMessage());
      }
      applications = news ? new ArrayList<>(poll.applications) : List.of();
    }
    applications.forEach(look);
  }

  private static Duration max(Duration one, Duration other) {
    return one.compareTo(other) > 0 ? one : other;
  }

  @Override
  public synchronized void close() {
    polled
        .values()
        .forEach(
            poll -> {
              if (poll.schedule != null) {
                poll.schedule.cancel();
              }
            });
    polled.clear();
    followed.clear();
  }
}
